"""Who owns a file name, and who holds a content.

A claim is read, decided, and written in one transaction whose conditions hold what was read: when
somebody was faster, the transaction is cancelled and the claim is decided anew. So of any number
of claims at once one wins, and the others see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pointflow.adapters.submission_items import read_holders, read_owner, read_submission, read_twin
from pointflow.adapters.submission_keys import (
    Attribute,
    Item,
    batch_key,
    cells_of,
    content_key,
    number,
    read_ref,
    ref_text,
    text,
    upload_key,
)
from pointflow.adapters.submission_requests import move
from pointflow.adapters.submission_table import SubmissionTable
from pointflow.adapters.write_requests import Request, update
from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.domain.submission import COMPLETE, Status, Submission, SubmissionRef
from pointflow.ports.submissions import Claim, ClaimResult

type Action = Mapping[str, Request]

MOST_BESIDE = 10
"""How many of those that credited a content for good are remembered as its holders."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a planned submission claims."""

    ref: SubmissionRef
    content: str
    first_row_line: int
    hold: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in its way, or stood.

    `owner` is the name's, `holders` are the content's, each with its submission; one whose record
    is gone counts as credited, since nobody can tell.
    """

    owner: SubmissionRef | None
    holders: frozenset[SubmissionRef]
    submissions: Mapping[SubmissionRef, Submission]

    @property
    def frees_name(self) -> bool:
        """Whether nobody owns the name, or whoever does lets go of it."""
        if self.owner is None:
            return True
        return self.owner in self.submissions and self.submissions[self.owner].frees_name

    @property
    def standing(self) -> list[SubmissionRef]:
        """The holders that credited the content, or still may."""
        return sorted(
            ref
            for ref in self.holders
            if ref not in self.submissions or not self.submissions[ref].frees_content
        )

    @property
    def beside(self) -> frozenset[SubmissionRef]:
        """The holders to keep where one more credits the content beside them.

        One that holds for good is enough to hold the next; some more are kept than that, in case
        one is undone: the last by name, so that the item stays small however often a content is
        sent. Where there is none, every one that may still credit is needed: a failed one may heal.
        """
        known = self.submissions
        for_good = [ref for ref in self.holders if ref not in known or known[ref].holds_for_good]
        if for_good:
            return frozenset(sorted(for_good)[-MOST_BESIDE:])
        ended = COMPLETE | {Status.UNDONE}
        return frozenset(ref for ref in self.holders if known[ref].status not in ended)


def claim(
    table: SubmissionTable,
    ref: SubmissionRef,
    content: str,
    first_row_line: int,
    *,
    hold: bool,
    at: int,
) -> Claim:
    """Claim name and content for a planned submission; see `SubmissionStore.claim`.

    Raises
    ------
    NotFoundError
        There is no such submission.
    ConflictError
        It is not planned, nor was its claim decided before.
    ContentionError
        Others were faster for too long.
    """
    wanted = Wanted(ref, content, first_row_line, hold)
    backoff = table.backoff()
    while True:
        item = table.get(upload_key(ref))
        if item is None:
            raise NotFoundError(f"no submission {ref.version} of {ref.batch}")
        found = _find(table, wanted)
        if read_submission(item).status is not Status.PLANNING:
            return earlier_claim(item, found.owner)
        answer, actions = decide(table.name, wanted, found, at)
        if ref.dry_run:
            actions = foresee(table.name, wanted, answer, at)
        if not actions or not table.transact(actions):
            return answer
        backoff.wait("another submission claims the same name or content")


def _find(table: SubmissionTable, wanted: Wanted) -> Found:
    client_id, file_name = wanted.ref.client_id, wanted.ref.file_name
    batch = table.get(batch_key(client_id, file_name))
    owner = read_owner(client_id, file_name, batch) if batch else None
    content = table.get(content_key(client_id, wanted.content))
    written = read_holders(content) if content else frozenset()
    holders = frozenset(read_ref(client_id, each) for each in written)
    refs = holders | {owner} if owner else holders
    items = {ref: table.get(upload_key(ref)) for ref in sorted(refs)}
    return Found(
        owner, holders, {ref: read_submission(item) for ref, item in items.items() if item}
    )


def earlier_claim(item: Item, owner: SubmissionRef | None) -> Claim:
    """Answer as the first call did, from what it left on record."""
    submission = read_submission(item)
    match submission.status:
        case Status.HELD | Status.DISCARDED:
            return Claim(ClaimResult.HELD, read_twin(item))
        case Status.DUPLICATE:
            return Claim(ClaimResult.DUPLICATE, read_twin(item))
        case Status.REFUSED:
            return Claim(ClaimResult.NAME_REUSED, owner)
        case Status.RECEIVED | Status.PLANNING:
            claimed = False
        case _:
            claimed = submission.content is not None
    if not claimed:
        raise ConflictError(f"{submission.ref.batch} is {submission.status}, not planned")
    return Claim(ClaimResult.ACCEPTED)


def decide(table: str, wanted: Wanted, found: Found, at: int) -> tuple[Claim, list[Action]]:
    """What becomes of a claim, and the transaction that makes it so."""
    owner = found.owner
    if owner and not found.frees_name:
        if owner not in found.submissions or found.submissions[owner].content != wanted.content:
            return Claim(ClaimResult.NAME_REUSED, owner), []
        return Claim(ClaimResult.DUPLICATE, owner), [
            _still_owner(table, owner),
            _move(table, wanted, Status.DUPLICATE, at, owner),
        ]
    name = _claim_name(table, wanted, owner)
    freed = {owner} if owner else set()
    standing = found.standing
    if standing and wanted.hold:
        twin = standing[0]
        return Claim(ClaimResult.HELD, twin), [
            _move(table, wanted, Status.HELD, at, twin),
            name,
            *_supersede(table, wanted, found, freed),
        ]
    # Without `hold` a failed twin may heal beside this one. With it, only one may credit.
    if wanted.hold:
        freed |= found.holders
    content = _claim_content(table, wanted, found, frozenset() if wanted.hold else found.beside)
    return Claim(ClaimResult.ACCEPTED), [
        _move(table, wanted, Status.PARSING, at),
        name,
        content,
        *_supersede(table, wanted, found, freed),
    ]


def foresee(table: str, wanted: Wanted, answer: Claim, at: int) -> list[Action]:
    """What a dry run writes of the answer that a claim would have got: nothing but its own record.

    Where the file would be held, the dry run goes on: it tells what a release would credit.
    """
    match answer.result:
        case ClaimResult.NAME_REUSED:
            return []
        case ClaimResult.DUPLICATE:
            return [_move(table, wanted, Status.DUPLICATE, at, answer.other)]
        case _:
            return [_move(table, wanted, Status.PARSING, at, answer.other)]


def release_actions(table: str, submission: Submission, at: int) -> list[Action]:
    """HELD -> PARSING, as one more holder of the content."""
    ref = submission.ref
    assert submission.content is not None, "a held submission has a content"  # noqa: S101 - for types
    holder = {"SS": [ref_text(ref)]}
    content = update(
        table, content_key(ref.client_id, submission.content), adds={"holders": holder}
    )
    moved = move(
        table, ref, Status.PARSING, at, sets={"released_at": number(at)}, since={Status.HELD}
    )
    return [{"Update": moved}, {"Update": content}]


def _move(
    table: str, wanted: Wanted, to: Status, at: int, twin: SubmissionRef | None = None
) -> Action:
    sets = {"content": text(wanted.content), "first_row_line": number(wanted.first_row_line)}
    if twin:
        sets["twin"] = text(ref_text(twin))
    return {"Update": move(table, wanted.ref, to, at, sets=sets, since={Status.PLANNING})}


def _claim_name(table: str, wanted: Wanted, owner: SubmissionRef | None) -> Action:
    ref = wanted.ref
    sets = {"owner": text(ref.version), "content": text(wanted.content)}
    key = batch_key(ref.client_id, ref.file_name)
    if owner is None:
        return {"Update": update(table, key, "attribute_not_exists(#owner)", sets=sets)}
    values = {":freed": text(owner.version)}
    return {"Update": update(table, key, "#owner = :freed", values, sets=sets)}


def _still_owner(table: str, owner: SubmissionRef) -> Action:
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": batch_key(owner.client_id, owner.file_name),
            "ConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":owner": text(owner.version)},
        }
    }


def _claim_content(
    table: str, wanted: Wanted, found: Found, kept: frozenset[SubmissionRef]
) -> Action:
    key = content_key(wanted.ref.client_id, wanted.content)
    sets = {"holders": _holders(kept | {wanted.ref})}
    if not found.holders:
        return {"Update": update(table, key, "attribute_not_exists(#holders)", sets=sets)}
    values = {":found": _holders(found.holders)}
    return {"Update": update(table, key, "#holders = :found", values, sets=sets)}


def _holders(refs: Iterable[SubmissionRef]) -> Attribute:
    return {"SS": sorted(ref_text(ref) for ref in refs)}


def _supersede(
    table: str, wanted: Wanted, found: Found, freed: Iterable[SubmissionRef]
) -> list[Action]:
    """Bar the failed ones from ever crediting.

    The others that let go have ended for good, so the transaction needs no condition on them: no
    status follows theirs, and what a complete one credited, nothing, changes no more. One that
    credited nothing cannot be undone either.
    """
    failed = (found.submissions[ref] for ref in sorted(freed))
    return [
        {
            "Update": update(
                table,
                upload_key(each.ref),
                "#status = :failed AND attribute_not_exists(#crediting_since)",
                {":failed": text(Status.FAILED)},
                sets={"superseded_by": text(cells_of(wanted.ref))},
            )
        }
        for each in failed
        if each.status is Status.FAILED and each.superseded_by is None
    ]
