"""A file that nobody stores, through the real planner and the real cell code, in two processes.

Each cell runs through `Intake` and `S3ObjectStore` as in the function, against a bucket that serves
ranges over HTTP. The store of submissions is in memory: one for the planner, and one for each cell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import boto3

from benchmarks.stubs import RECEIVED_AT, REF, SyntheticFile, stub_servers
from pointflow.adapters.clients import SETTINGS
from pointflow.adapters.s3_objects import S3ObjectStore
from pointflow.domain.client import Client
from pointflow.domain.messages import Chunk, MeasurePart, ParsePart, Part, Upload
from pointflow.domain.submission import CellClose, CellMeasure, Plan, Submission
from pointflow.services.intake import Intake
from pointflow.services.receive_upload import Limits
from tests.fakes.catalog import FakeCatalog
from tests.fakes.publishers import FakeParts, FakeReports
from tests.fakes.submission_store import FakeSubmissionStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PROCESSES = 2


@dataclass(frozen=True)
class CellRun:
    """What one run over a cell closed it with, and sent."""

    close: CellClose
    rows: int
    row_bytes: int
    first_line: int
    last_line: int
    digest: str  # over all chunks, in order


@dataclass(frozen=True)
class FileRun:
    """What became of the file."""

    submission: Submission
    cells: tuple[CellRun, ...]
    parts: tuple[ParsePart, ...]
    again: tuple[CellRun, ...]  # some of the cells once more


class _Counted:
    """CreditQueue: counts the chunks, and keeps none."""

    def __init__(self) -> None:
        self.chunks = 0
        self.rows = 0
        self.row_bytes = 0
        self.first_line = 0
        self.last_line = 0
        self.digest = hashlib.sha256()

    def send_chunks(self, chunks: Iterable[Chunk]) -> None:
        for chunk in chunks:
            assert chunk.first_line > self.last_line, "chunks overlap"
            assert chunk.row_count == chunk.rows.count(b"\n") <= 500
            self.first_line = self.first_line or chunk.first_line
            self.last_line = chunk.last_line
            self.chunks += 1
            self.rows += chunk.row_count
            self.row_bytes += len(chunk.rows)
            self.digest.update(chunk.digest.encode())


def run_file(file: SyntheticFile, cell_bytes: int) -> FileRun:
    """Bring a file from upload to its last cell; every seventh cell is parsed twice."""
    store, parts = FakeSubmissionStore(), FakeParts()
    with (
        stub_servers(file, cell_bytes) as endpoint,
        ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool,
    ):
        intake = _intake(endpoint, store, parts, _Counted(), cell_bytes)
        intake.upload(Upload(REF, file.size, RECEIVED_AT))
        *others, last = (part for part in _handed_out(intake, parts) if _is_measure(part))
        planning = _on_record(store)
        for measure in pool.map(partial(_measure, endpoint, planning), others):
            store.save_measure(REF, measure, RECEIVED_AT)
        intake.part(last, retry=False)
        planned = _on_record(store)
        parse_parts = [p for p in _handed_out(intake, parts) if isinstance(p, ParsePart)]
        parse = partial(_parse, endpoint, planned)
        cells = tuple(pool.map(parse, parse_parts))
        for cell in cells:
            store.close_cell(REF, cell.close, RECEIVED_AT)
        again = tuple(pool.map(parse, parse_parts[::7]))
    return FileRun(_on_record(store), cells, tuple(parse_parts), again)


def content_of(file: SyntheticFile, plan: Plan) -> str:
    """The identity of the content, worked out without the bucket and without the cell code."""
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        digests = pool.map(partial(_sha256, file, plan), range(plan.cells))
        return hashlib.sha256(b"".join(digests)).hexdigest()


def _sha256(file: SyntheticFile, plan: Plan, cell: int) -> bytes:
    digest = hashlib.sha256()
    for block in file.read(*plan.span(cell)):
        digest.update(block)
    return digest.digest()


def _measure(endpoint: str, planning: Submission, part: Part) -> CellMeasure:
    store = FakeSubmissionStore(planning)
    intake = _intake(endpoint, store, FakeParts(), _Counted(), planning.plan.cell_bytes)
    intake.part(part, retry=False)
    (measure,) = store.measures(REF)
    return measure


def _parse(endpoint: str, planned: Submission, part: ParsePart) -> CellRun:
    store, chunks = FakeSubmissionStore(planned), _Counted()
    intake = _intake(endpoint, store, FakeParts(), chunks, planned.plan.cell_bytes)
    intake.part(part, retry=False)
    (close,) = store.closes(REF)
    assert close.chunks == chunks.chunks
    return CellRun(
        close=close,
        rows=chunks.rows,
        row_bytes=chunks.row_bytes,
        first_line=chunks.first_line,
        last_line=chunks.last_line,
        digest=chunks.digest.hexdigest(),
    )


def _intake(
    endpoint: str,
    store: FakeSubmissionStore,
    parts: FakeParts,
    chunks: _Counted,
    cell_bytes: int,
) -> Intake:
    return Intake(
        store=store,
        objects=S3ObjectStore(_s3(endpoint), "stub"),
        catalog=FakeCatalog([Client("acme")]),
        parts=parts,
        chunks=chunks,
        reports=FakeReports(),
        limits=Limits(cell_bytes, 500, 100_000),
        clock=lambda: RECEIVED_AT,
    )


@cache
def _s3(endpoint: str) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="stub",
        aws_secret_access_key="stub",
        config=SETTINGS["s3"],
    )


def _handed_out(intake: Intake, parts: FakeParts) -> list[Part]:
    """The parts that were asked for, those of slices included."""
    found: list[Part] = []
    while asked := parts.take():
        for part in asked:
            if isinstance(part, MeasurePart | ParsePart):
                found.append(part)
            else:
                intake.part(part, retry=False)
    return found


def _is_measure(part: Part) -> bool:
    return isinstance(part, MeasurePart)


def _on_record(store: FakeSubmissionStore) -> Submission:
    submission = store.get(REF)
    assert submission is not None
    return submission


def reconcile(file: SyntheticFile, run: FileRun) -> None:
    """Hold what became of the file against what the file is made of."""
    submission, plan = run.submission, run.submission.plan
    tally = submission.tally
    assert submission.status == "CREDITING"
    assert (tally.rows, tally.rejected, tally.blank) == (file.rows, file.rejected, file.blank)
    assert sum(cell.rows for cell in run.cells) == file.rows - file.rejected
    assert sum(cell.row_bytes for cell in run.cells) == file.valid_bytes

    starts = [plan.span(cell)[0] for cell in range(plan.cells)]
    assert [part.first_line for part in run.parts] == [file.line_at(start) for start in starts]
    last_line = 0
    for cell in run.cells:
        assert cell.first_line > last_line, "cells overlap"
        last_line = cell.last_line
    assert last_line <= file.lines

    assert run.again == run.cells[::7]
    assert submission.content == content_of(file, plan)
