"""An import file as values: every line parsed, its client known, none at odds with another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pointflow.domain.errors import ImportRowError
from pointflow.services.import_clashes import Claim, Claims, find_clashes
from pointflow.services.import_csv import Layout, Line, read_lines

MAX_ERRORS = 1_000
"""How many errors a report holds; the others are counted."""

type Progress = Callable[[int, int], None]
"""Told now and then how many of how many lines are done."""


def silent(_done: int, _lines: int) -> None:
    """Tell nobody about the progress."""


@dataclass(frozen=True, slots=True)
class Record[T]:
    """A line that can be imported, and what it says."""

    number: int
    value: T


@dataclass(slots=True)
class ImportReport:
    """What became of an import file's lines.

    Every line counts as one of `imported` (something was written), `unchanged` and `refused`.
    `errors` holds up to 1,000 of the refusals, by line.
    """

    imported: int = 0
    unchanged: int = 0
    refused: int = 0
    errors: list[ImportRowError] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """How many lines are done."""
        return self.imported + self.unchanged + self.refused

    def refuse(self, error: ImportRowError) -> None:
        """Count a refused line."""
        self.refused += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(error)


class ImportSource[T]:
    """Reads an import file.

    Parameters
    ----------
    path : Path
        A regular file; it is read twice, or three times if lines clash.
    layout : Layout
    parse : callable
        Turns a line of a client that exists into a value. Raises `ImportRowError`.
    claims : callable
        What no other line of the file may say.
    client_exists : callable
    default_client : callable or None
        Names the client of lines whose `client_id` is absent or empty; asked only for such.

    Attributes
    ----------
    total : int
        How many lines there are; known as soon as there is a first record.
    """

    def __init__(
        self,
        path: Path,
        *,
        layout: Layout,
        parse: Callable[[Line, str], T],
        claims: Callable[[T], tuple[Claim, ...]],
        client_exists: Callable[[str], bool],
        default_client: Callable[[], str] | None,
    ) -> None:
        self._path = path
        self._layout = layout
        self._parse = parse
        self._claims = claims
        self._client_exists = client_exists
        self._default_client = default_client
        self._clients: dict[str, bool] = {}
        self.total = 0

    def records(self) -> Iterator[Record[T] | ImportRowError]:
        """Read the file's lines in order; those that cannot be imported are errors.

        Raises
        ------
        ImportRowError
            The header row, or the file as a whole, cannot be used.
        """
        clashes = find_clashes(self._all_claims)
        for record in self._read():
            if isinstance(record, ImportRowError):
                yield record
            else:
                yield clashes.fault(record.number, self._claims(record.value)) or record

    def _all_claims(self) -> Iterator[Claims]:
        self.total = 0
        for record in self._read():
            self.total += 1
            if isinstance(record, Record):
                yield record.number, self._claims(record.value)

    def _read(self) -> Iterator[Record[T] | ImportRowError]:
        for line in read_lines(self._path, self._layout, self._default_client):
            if isinstance(line, ImportRowError):
                yield line
                continue
            try:
                yield Record(line.number, self._parse(line, self._known_client(line)))
            except ImportRowError as error:
                yield error

    def _known_client(self, line: Line) -> str:
        client_id = line.client_id()
        if client_id not in self._clients:
            self._clients[client_id] = self._client_exists(client_id)
        if not self._clients[client_id]:
            raise line.fault("client_id", f"there is no client {client_id}; add it first")
        return client_id
