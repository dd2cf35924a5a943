"""A submission: one uploaded object version, and what became of it.

The first accepted submission of a file name owns the batch of that name. Whoever comes later
has a record of its own and never touches the owner's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pointflow.domain.codes import FailureCode, FileCode
from pointflow.domain.forecast import Forecast


class Status(StrEnum):
    """Where a submission stands."""

    RECEIVED = "RECEIVED"
    PLANNING = "PLANNING"
    PARSING = "PARSING"
    CREDITING = "CREDITING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_REJECTS = "COMPLETED_WITH_REJECTS"
    REFUSED = "REFUSED"
    DUPLICATE = "DUPLICATE"
    HELD = "HELD"
    DISCARDED = "DISCARDED"
    FAILED = "FAILED"
    UNDOING = "UNDOING"
    UNDONE = "UNDONE"


OPEN = frozenset(
    {Status.RECEIVED, Status.PLANNING, Status.PARSING, Status.CREDITING, Status.UNDOING}
)
"""Work goes on: `batch_watch` looks after these."""

COMPLETE = frozenset({Status.COMPLETED, Status.COMPLETED_WITH_REJECTS})

CLAIMED = frozenset({Status.PARSING, Status.CREDITING, Status.FAILED}) | COMPLETE
"""Only these may have rows that are still sent to the ledger."""

DECIDED = COMPLETE | {Status.UNDOING, Status.UNDONE}
"""Every line has its decision, and no line will ever get another credit."""

RELEASED_NAME = frozenset({Status.REFUSED, Status.DISCARDED})
"""These never keep a name or a content; `FAILED` neither, until a chunk begins to be credited."""

NEXT: Mapping[Status, frozenset[Status]] = {
    Status.RECEIVED: frozenset({Status.PLANNING, Status.REFUSED, Status.FAILED}),
    Status.PLANNING: frozenset(
        {Status.PARSING, Status.HELD, Status.DUPLICATE, Status.REFUSED, Status.FAILED}
    ),
    Status.HELD: frozenset({Status.PARSING, Status.DISCARDED}),
    Status.PARSING: frozenset({Status.CREDITING, Status.FAILED}),
    Status.CREDITING: COMPLETE | {Status.FAILED},
    Status.FAILED: COMPLETE | {Status.UNDOING},  # a redriven chunk heals the batch
    Status.COMPLETED: frozenset({Status.UNDOING}),
    Status.COMPLETED_WITH_REJECTS: frozenset({Status.UNDOING}),
    Status.UNDOING: frozenset({Status.UNDONE}),
}
"""Which status may follow which; whatever is not here is final."""


def sources(target: Status) -> frozenset[Status]:
    """Statuses that `target` may follow."""
    return frozenset(status for status, following in NEXT.items() if target in following)


MOST_CELLS = 10**6
"""A cell's number has six digits: S3's largest object, in cells of 16 MiB, has fewer cells."""


DRY_RUN = "/dryrun/"
"""What the names of dry runs begin with. No client's do: a client's folder has no empty name."""


@dataclass(frozen=True, slots=True, order=True)
class SubmissionRef:
    """Names one submission: the folder's client, the object's name in it, the object version.

    A dry run comes out of another folder and has names of its own throughout, so that none of its
    records can be taken for one of the batch that it rehearses.
    """

    client_id: str
    file_name: str
    version: str
    dry_run: bool = False

    @property
    def batch(self) -> str:
        """`<client>/<file name>`: the batch this submission is, or wants to be."""
        return f"{self.listed_under}/{self.file_name}"

    @property
    def listed_under(self) -> str:
        """The client, or its dry runs: `/dryrun/<client>`."""
        return dry_runs_of(self.client_id) if self.dry_run else self.client_id

    @property
    def key(self) -> str:
        """Where the object lies in the bucket."""
        folder = "dryrun" if self.dry_run else "inbound"
        return f"{folder}/{self.client_id}/{self.file_name}"

    @property
    def in_earnest(self) -> SubmissionRef:
        """The submission that a dry run rehearses; any other is its own."""
        return replace(self, dry_run=False)


def dry_runs_of(client_id: str) -> str:
    """What a client's dry runs are listed under, where others are listed under the client."""
    return f"{DRY_RUN}{client_id}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing of the file was credited, in words a person can act on."""

    code: FileCode
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the batch could not be finished."""

    code: FailureCode
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fixed for a file when it is planned, so that every later run cuts it alike.

    `cell_bytes` and `chunk_bytes` are bytes, `received_at` seconds since the epoch.
    """

    size: int
    received_at: int
    cell_bytes: int
    chunk_rows: int
    chunk_bytes: int
    rulings: int

    @property
    def cells(self) -> int:
        """How many cells the object is cut into; at least one."""
        return max(1, -(-self.size // self.cell_bytes))

    def span(self, cell: int) -> tuple[int, int]:
        """Byte offsets [start, end) of a cell."""
        start = cell * self.cell_bytes
        return start, min(start + self.cell_bytes, self.size)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts that add up, of a chunk, a cell or a whole batch.

    `rows` are the rows seen (blank lines apart) and equal `credited + rejected` once everything
    is decided; `points` is what was granted.
    """

    rows: int = 0
    blank: int = 0
    credited: int = 0
    rejected: int = 0
    points: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)
    warnings: Mapping[str, int] = field(default_factory=dict)

    @property
    def reconciles(self) -> bool:
        """Whether every row seen was decided, and none twice."""
        return self.rows == self.credited + self.rejected

    @property
    def final_status(self) -> Status:
        """How a batch with this tally ends."""
        return Status.COMPLETED_WITH_REJECTS if self.rejected else Status.COMPLETED

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            rows=self.rows + other.rows,
            blank=self.blank + other.blank,
            credited=self.credited + other.credited,
            rejected=self.rejected + other.rejected,
            points=self.points + other.points,
            codes=dict(Counter(self.codes) + Counter(other.codes)),
            warnings=dict(Counter(self.warnings) + Counter(other.warnings)),
        )


@dataclass(frozen=True, slots=True)
class Undone:
    """How many credited rows were taken back, and the points that they had granted."""

    rows: int = 0
    points: int = 0

    def __add__(self, other: Undone) -> Undone:
        return Undone(self.rows + other.rows, self.points + other.points)


def unreconciled(tally: Tally) -> Failure:
    """Say of a batch that is decided to the last row why it cannot be called complete."""
    return Failure(
        FailureCode.COUNTERS_DO_NOT_RECONCILE,
        f"{tally.rows} rows were read, but {tally.credited} credited and {tally.rejected} rejected",
    )


@dataclass(frozen=True, slots=True)
class Submission:
    """One uploaded object version. Times are seconds since the epoch."""

    ref: SubmissionRef
    status: Status
    plan: Plan
    updated_at: int
    content: str | None = None  # digest over the cells' digests
    first_row_line: int | None = None
    twin: str | None = None  # HELD: the batch that has this content; DUPLICATE: the owner's version
    refusal: Refusal | None = None
    failure: Failure | None = None
    cells_measured: int = 0
    cells_closed: int = 0
    cells_complete: int = 0
    tally: Tally = field(default_factory=Tally)
    finished_at: int | None = None
    revision: int = 0  # 0: nothing to report yet
    reported_revision: int = 0
    looks: int = 0  # of batch_watch, each of which found it where the one before did
    crediting_since: int | None = None  # a chunk went to the ledger: credits may exist
    superseded_by: str | None = None  # another took its name or content: it never credits any more
    undoing_since: int | None = None
    cells_undone: int = 0
    undone: Undone = field(default_factory=Undone)  # of whole cells

    @property
    def outstanding(self) -> bool:
        """Whether work goes on, or the newest revision's report is not written."""
        return self.status in OPEN or self.revision > self.reported_revision

    @property
    def frees_name(self) -> bool:
        """Whether its name is free for another submission.

        A failed one whose chunks may still lie in a queue lets go as well: none of them has
        reached the ledger, and none may once another has taken its place.
        """
        return self.status in RELEASED_NAME or (
            self.status is Status.FAILED and self.crediting_since is None
        )

    @property
    def frees_content(self) -> bool:
        """Whether its content is free for another submission.

        It is where nothing was credited, nor ever may be, and where every credit was taken back.
        The batch keeps its name even so: its rows' decisions stand under it.
        """
        if self.status is Status.UNDONE:
            return True
        return self.frees_name or (self.status in COMPLETE and not self.tally.credited)

    @property
    def holds_for_good(self) -> bool:
        """Whether it credited its content, which only an undo takes back."""
        return self.status in COMPLETE and self.tally.credited > 0

    @property
    def may_complete(self) -> bool:
        """Whether every row of the file is decided, and nothing forbids to say so."""
        return (
            self.status in sources(Status.COMPLETED)
            and self.cells_complete == self.plan.cells
            and self.superseded_by is None
        )

    @property
    def all_decided(self) -> bool:
        """Whether every line has its decision, and no other upload took the place of this one."""
        return (
            self.status in COMPLETE | {Status.FAILED}
            and self.cells_complete == self.plan.cells
            and self.superseded_by is None
        )


@dataclass(frozen=True, slots=True)
class CellMeasure:
    """What pass 1 learns of a cell: enough to number lines and to name the content.

    `first_row` counts the newlines before the cell's first row byte; None: nothing but blanks.
    """

    cell: int
    newlines: int
    sha256: str
    first_row: int | None


@dataclass(frozen=True, slots=True)
class CellClose:
    """What pass 2 made of a cell."""

    cell: int
    chunks: int
    tally: Tally  # rows, blank and what intake rejected
    rejects_key: str | None


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """What crediting made of a chunk; written once."""

    cell: int
    first_line: int
    last_line: int
    digest: str
    tally: Tally  # credited, rejected, points; its rows were counted by the cell
    rejects_key: str | None
    forecast: Forecast | None = None  # of a dry run


@dataclass(frozen=True, slots=True)
class CellProgress:
    """A cell as consistent reads show it. `chunks` is None until the cell is closed."""

    chunks: int | None
    outcomes: int
    tally: Tally  # of the outcomes

    @property
    def settled(self) -> bool:
        """Whether every chunk of the closed cell has its outcome."""
        return self.chunks is not None and self.outcomes >= self.chunks
