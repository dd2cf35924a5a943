"""Use case: say what the stack would say about a file, without the stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.codes import WarningCode
from pointflow.domain.content import (
    FILE_EMPTY,
    HEAD_BYTES,
    first_line_numbers,
    first_row_line,
    measure_cell,
    measure_span,
    refuse_not_text,
)
from pointflow.domain.file_name import parse_file_name, refuse_other_client
from pointflow.domain.packing import BlankLines, Scanned, scan_cell, scan_span
from pointflow.domain.submission import CellMeasure, Plan, Refusal, Tally


class FileReader(Protocol):
    """A file that can be read anywhere, more than once."""

    def __call__(self, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) in blocks."""
        ...


class Verdict(StrEnum):
    """What would become of the file."""

    VALID = "VALID"
    REJECTS = "REJECTS"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """What validation found.

    `rows` leaves blank lines out and equals `accepted + rejected`; `errors` holds the first
    rejected rows only, `counts` all of them by code.
    """

    file: str
    rows: int = 0
    rejected: int = 0
    blank: int = 0
    warnings: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[RejectedRow, ...] = ()
    refusal: Refusal | None = None

    @property
    def accepted(self) -> int:
        """Rows that may be credited, as far as the file alone can tell."""
        return self.rows - self.rejected

    @property
    def errors_truncated(self) -> bool:
        """Whether there are more rejected rows than `errors` holds."""
        return len(self.errors) < self.rejected

    @property
    def status(self) -> Verdict:
        """The file's fate in one word."""
        if self.refusal is not None:
            return Verdict.REFUSED
        return Verdict.REJECTS if self.rejected else Verdict.VALID


def validate(
    read: FileReader,
    *,
    name: str,
    plan: Plan,
    client_id: str | None = None,
    max_errors: int = 1_000,
    on_reject: Callable[[RejectedRow], None] = lambda _: None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> ValidationReport:
    """Check a file as intake would, in constant memory.

    Parameters
    ----------
    read : FileReader
        The file's content.
    name : str
        The file's name, no folder.
    plan : Plan
        Size, receipt time and limits, as the stack would plan them.
    client_id : str, optional
        Whose folder the file is meant for; None leaves that ruling out.
    max_errors : int
        How many rejected rows the report holds.
    on_reject : callable
        Told of every rejected row, in the order of the file.
    on_progress : callable
        Told how many bytes of the file are parsed.

    Raises
    ------
    TransientError
        The file became shorter while it was read.
    """
    refusal = _refuse_unread(name, client_id) or _refuse_head(read)
    if refusal:
        return ValidationReport(name, refusal=refusal)
    measures = [
        measure_cell(read(*measure_span(plan, cell)), plan=plan, cell=cell)
        for cell in range(plan.cells)
    ]
    if first_row_line(measures) is None:
        return ValidationReport(name, refusal=FILE_EMPTY)
    blank = 0
    packed = Tally()
    duplicates = 0
    counts: Counter[str] = Counter()
    errors: list[RejectedRow] = []
    for scanned in _scan(read, plan, measures, on_progress):
        if isinstance(scanned, BlankLines):
            blank += scanned.count
        elif isinstance(scanned, RejectedRow):
            counts[scanned.code.value] += 1
            if len(errors) < max_errors:
                errors.append(scanned)
            on_reject(scanned)
        else:
            packed += scanned.tally
            duplicates += scanned.duplicates
    rejected = counts.total()
    return ValidationReport(
        file=name,
        rows=packed.rows + rejected,
        rejected=rejected,
        blank=blank,
        warnings=_with_duplicates(packed.warnings, duplicates),
        counts=dict(counts),
        errors=tuple(errors),
    )


def _with_duplicates(warnings: Mapping[str, int], duplicates: int) -> Mapping[str, int]:
    return {**warnings, WarningCode.DUPLICATE_ROW.value: duplicates} if duplicates else warnings


def _scan(
    read: FileReader,
    plan: Plan,
    measures: Sequence[CellMeasure],
    on_progress: Callable[[int], None],
) -> Iterator[Scanned]:
    first_row = first_row_line(measures)
    for cell, first_line in enumerate(first_line_numbers(measures)):
        start, end = scan_span(plan, cell)
        yield from scan_cell(
            _watched(read(start, end), start, on_progress),
            plan=plan,
            cell=cell,
            first_line=first_line,
            first_row_line=first_row,
        )


def _refuse_unread(name: str, client_id: str | None) -> Refusal | None:
    parsed = parse_file_name(name)
    if isinstance(parsed, Refusal):
        return parsed
    return None if client_id is None else refuse_other_client(parsed, client_id)


def _refuse_head(read: FileReader) -> Refusal | None:
    return refuse_not_text(b"".join(read(0, HEAD_BYTES)))


def _watched(
    blocks: Iterator[bytes], position: int, on_progress: Callable[[int], None]
) -> Iterator[bytes]:
    for block in blocks:
        yield block
        position += len(block)
        on_progress(position)
