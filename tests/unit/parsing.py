"""What the tests of lines, cells and rows share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hypothesis import strategies as st

from pointflow.domain.batch_row import RULINGS, RejectedRow, Row, RowFault, parse_row
from pointflow.domain.codes import RowCode
from pointflow.domain.content import (
    first_line_numbers,
    first_row_line,
    measure_cell,
    measure_span,
)
from pointflow.domain.lines import BOM
from pointflow.domain.packing import BlankLines, PackedRows, scan_cell, scan_span
from pointflow.domain.submission import CellMeasure, Plan

RECEIVED_AT = 1_704_067_200
GOOD = b"ann@example.com|||ann|7"


def parse(raw: bytes | str, *, is_first: bool = False) -> Row | RowFault | None:
    line = raw.encode() if isinstance(raw, str) else raw
    return parse_row(line, received_at=RECEIVED_AT, is_first=is_first)


def row_of(raw: bytes | str) -> Row:
    parsed = parse(raw)
    assert isinstance(parsed, Row), parsed
    return parsed


def fault_of(raw: bytes | str, *, is_first: bool = False) -> RowFault:
    parsed = parse(raw, is_first=is_first)
    assert isinstance(parsed, RowFault), parsed
    return parsed


def code_of(raw: bytes | str, *, is_first: bool = False) -> RowCode:
    return fault_of(raw, is_first=is_first).code


def plan_of(
    data: bytes, cell_bytes: int, chunk_rows: int = 500, chunk_bytes: int = 100_000
) -> Plan:
    return Plan(len(data), RECEIVED_AT, cell_bytes, chunk_rows, chunk_bytes, RULINGS)


def blocks_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def measures_of(data: bytes, plan: Plan, block: int = 1 << 20) -> list[CellMeasure]:
    spans = [measure_span(plan, cell) for cell in range(plan.cells)]
    return [
        measure_cell(blocks_of(data[start:end], block), plan=plan, cell=cell)
        for cell, (start, end) in enumerate(spans)
    ]


@dataclass
class Scan:
    """A whole file, scanned cell by cell."""

    rows: list[tuple[int, bytes]] = field(default_factory=list)
    rejects: list[RejectedRow] = field(default_factory=list)
    blank: int = 0
    nulls: int = 0
    groups: list[PackedRows] = field(default_factory=list)


def scan(
    data: bytes, cell_bytes: int = 1 << 26, block: int = 1 << 20, chunk_rows: int = 500
) -> Scan:
    plan = plan_of(data, cell_bytes, chunk_rows)
    measures = measures_of(data, plan, block)
    first_row = first_row_line(measures)
    found = Scan()
    for cell, first_line in enumerate(first_line_numbers(measures)):
        start, end = scan_span(plan, cell)
        for scanned in scan_cell(
            blocks_of(data[start:end], block),
            plan=plan,
            cell=cell,
            first_line=first_line,
            first_row_line=first_row,
        ):
            match scanned:
                case PackedRows():
                    found.groups.append(scanned)
                    found.nulls += scanned.nulls
                    found.rows += zip(
                        lines_of(scanned), scanned.rows.split(b"\n")[:-1], strict=True
                    )
                case RejectedRow():
                    found.rejects.append(scanned)
                case BlankLines(count):
                    found.blank += count
    return found


def segments_of(lines: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Fold ascending line numbers into (first, count) pairs."""
    segments: list[tuple[int, int]] = []
    for line in lines:
        if segments and sum(segments[-1]) == line:
            segments[-1] = (segments[-1][0], segments[-1][1] + 1)
        else:
            segments.append((line, 1))
    return tuple(segments)


def lines_of(packed: PackedRows) -> list[int]:
    return [first + i for first, count in packed.segments for i in range(count)]


def naive_scan(data: bytes) -> Scan:
    """The rulings on lines, spelt out over the whole file at once."""
    found = Scan()
    lines = data.removeprefix(BOM).split(b"\n")
    if not lines[-1]:
        lines.pop()
    # A file that is a byte order mark alone still has its one, blank line.
    if data == BOM:
        lines = [b""]
    first = True
    for number, raw in enumerate(lines, 1):
        parsed = parse_row(raw, received_at=RECEIVED_AT, is_first=first)
        if raw.removesuffix(b"\r").strip(b" "):
            first = False
        match parsed:
            case None:
                found.blank += 1
            case Row():
                found.rows.append((number, raw))
                found.nulls += parsed.nulls
            case RowFault(code, name, message):
                kept = None if code is RowCode.LINE_TOO_LONG else raw
                found.rejects.append(RejectedRow(number, kept, code, name, message))
    return found


_line = st.one_of(
    st.sampled_from(
        [
            b"",
            b" ",
            b"   ",
            b"\r",
            b"\r\r",
            b" \r ",
            GOOD,
            GOOD + b"|5",
            b"|8|||9||1551456336",
            b"null|8|||9",
            b"EMAIL|CT_USER_ID|THIRD_PARTY_ID|USERNAME|ACTIVITY_ID",
            b"a|b",
            "é@example.com||||3".encode(),
            b"\xe9@example.com||||3",
            BOM,
            BOM + GOOD,
            b"x" * 4_096,
            b"x" * 4_097,
            b" " * 4_097,
            b"y" * 9_000,
        ]
    ),
    st.binary(max_size=12),
)

files = st.builds(
    lambda bom, lines, last: bom + b"".join(line + end for line, end in lines) + last,
    st.sampled_from([b"", b"", BOM, BOM[:2]]),
    st.lists(st.tuples(_line, st.sampled_from([b"\n", b"\n", b"\r\n"])), max_size=8),
    _line,
)
"""Small files that are hostile in every way the rulings know."""
