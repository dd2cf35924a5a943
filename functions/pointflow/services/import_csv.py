"""Import files: CSV in UTF-8 with a header row, read line by line in constant memory."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from pointflow.domain.batch_row import MAX_ID_DIGITS, MAX_IDENTIFIER_BYTES
from pointflow.domain.client import CLIENT_ID
from pointflow.domain.errors import ImportRowError
from pointflow.domain.text import shown

_DIGITS = re.compile(r"[0-9]+")
# What no batch row may carry either, so that a member named so could never be found.
_UNUSABLE = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")
_NOT_UTF8 = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns a file must and may have, in any order."""

    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All that are known."""
        return (*self.required, *self.optional)


@dataclass(frozen=True, slots=True)
class Line:
    """One record. `number` is the physical line it starts on, the header being line 1.

    Fields are trimmed of U+0020, as those of batch rows are.
    """

    number: int
    fields: Mapping[str, str]

    def fault(self, field: str | None, message: str) -> ImportRowError:
        """The error that refuses this line."""
        return ImportRowError(self.number, message, field)

    def client_id(self) -> str:
        """The client whose record this is."""
        value = self.fields.get("client_id", "")
        if not CLIENT_ID.fullmatch(value):
            raise self.fault(
                "client_id",
                f"client_id is {shown(value)}; it must be 1 to 32 letters, digits or hyphens",
            )
        return value

    def text(self, field: str, *, lower: bool = False) -> str | None:
        """A text of at most 254 bytes; None where it is empty or reads `null`, as in batch rows.

        Errors never repeat it: it may name a person.
        """
        value = self.fields.get(field, "")
        if lower:
            value = value.lower()
        if not value or value.lower() == "null":
            return None
        if _UNUSABLE.search(value):
            raise self.fault(field, f"{field} holds a control character; remove it")
        size = len(value.encode("utf-8"))
        if size > MAX_IDENTIFIER_BYTES:
            raise self.fault(
                field, f"{field} is {size:,} bytes long; at most {MAX_IDENTIFIER_BYTES} are allowed"
            )
        return value

    def record_id(self, field: str) -> int:
        """A whole number above 0 in at most 18 digits."""
        value = self.fields.get(field, "")
        if _DIGITS.fullmatch(value) and len(value) <= MAX_ID_DIGITS and int(value) > 0:
            return int(value)
        raise self.fault(
            field,
            f"{field} is {shown(value)}; it must be a whole number above 0, in at most"
            f" {MAX_ID_DIGITS} digits 0-9 and nothing else",
        )

    def points(self, field: str, most: int, default: int | None = None) -> int:
        """Points from 0 to `most`; `default` where the field is empty, if there is one."""
        value = self.fields.get(field, "")
        if not value and default is not None:
            return default
        # Longer ones are refused before int() sees them: it takes 4,300 digits at most.
        if _DIGITS.fullmatch(value) and len(value) <= MAX_ID_DIGITS and int(value) <= most:
            return int(value)
        raise self.fault(
            field,
            f"{field} is {shown(value)}; it must be a whole number from 0 to {most} in digits 0-9"
            " and nothing else",
        )

    def moment(self, field: str) -> int | None:
        """An ISO-8601 time as seconds since the epoch; UTC where it names no offset."""
        value = self.fields.get(field, "")
        if not value:
            return None
        try:
            if not value.isascii():
                raise ValueError("not ASCII")
            time = datetime.fromisoformat(value)
        except ValueError as error:
            raise self.fault(
                field,
                f"{field} is {shown(value)}; write it as 2024-01-31T09:30:00Z or with another"
                " offset",
            ) from error
        if time.microsecond:
            raise self.fault(field, f"{field} is {shown(value)}; leave out fractions of a second")
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def read_lines(
    path: Path, layout: Layout, default_client: Callable[[], str] | None = None
) -> Iterator[Line | ImportRowError]:
    """Read an import file.

    Parameters
    ----------
    path : Path
    layout : Layout
    default_client : callable or None
        Names the client of lines whose `client_id` is absent or empty; asked only for such.

    Yields
    ------
    Line or ImportRowError
        Records with a field for each column of the header; errors for what is no record. Lines
        without any value are passed over.

    Raises
    ------
    ImportRowError
        The header row cannot be used, so nothing can.
    """
    # Bytes that are no UTF-8 spoil their own line only, so decoding must let them through.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        header = _header(reader, layout, default_client)
        while True:
            number = reader.line_num + 1
            try:
                values = next(reader, None)
            except csv.Error as error:
                yield ImportRowError(number, f"no readable CSV: {error}")
                continue
            if values is None:
                return
            if any(value.strip(" ") for value in values):
                yield _line(number, header, values, default_client)


def _header(
    reader: Iterator[list[str]], layout: Layout, default_client: Callable[[], str] | None
) -> list[str]:
    try:
        names = [name.strip(" ").lower() for name in next(reader, [])]
    except csv.Error as error:
        raise ImportRowError(1, f"the header row is no readable CSV: {error}") from error
    if not any(names):
        raise ImportRowError(1, f"the header row is missing; write {','.join(layout.columns)}")
    if _NOT_UTF8.search(names[0]) or "\x00" in names[0]:
        raise ImportRowError(1, "the file is not UTF-8 text; save it as CSV in UTF-8")
    for name in names:
        if name not in layout.columns:
            raise ImportRowError(1, f"unknown column {shown(name)}; {_hint(name, layout)}", name)
        if names.count(name) > 1:
            raise ImportRowError(1, f"column {name} stands twice in the header row", name)
    for name in layout.required:
        if name not in names and not (name == "client_id" and default_client):
            message = f"column {name} is missing in the header row; its fields may be empty"
            raise ImportRowError(1, message, name)
    return names


def _hint(name: str, layout: Layout) -> str:
    close = get_close_matches(name, layout.columns, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(layout.columns)}"


def _line(
    number: int, header: list[str], values: list[str], default_client: Callable[[], str] | None
) -> Line | ImportRowError:
    if len(values) != len(header):
        message = f"the line has {len(values)} fields, the header row {len(header)}"
        return ImportRowError(number, message)
    if any(_NOT_UTF8.search(value) for value in values):
        return ImportRowError(number, "the line is not valid UTF-8; save the file as UTF-8")
    fields = {name: value.strip(" ") for name, value in zip(header, values, strict=True)}
    if default_client and not fields.get("client_id"):
        fields["client_id"] = default_client()
    return Line(number, fields)
