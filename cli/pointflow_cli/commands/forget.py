"""`pointflow member forget`: take what is personal of a member out of everything that is stored."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import typer

from pointflow.domain.audit import Action
from pointflow.domain.batch_row import MAX_ID_DIGITS
from pointflow.domain.push import MemberKey
from pointflow.domain.text import shown
from pointflow.ports.erasure import Erasure, MemberEraser, ObjectVersions, PushEraser, Tombstones
from pointflow.services.forget_member import Forgetting, forget_member
from pointflow_cli.audit_desk import Auditor, ReasonOption, checked_reason, open_auditor
from pointflow_cli.dlq_desk import confirm
from pointflow_cli.output import console, fail, notes, print_json
from pointflow_cli.programme import open_tombstones
from pointflow_cli.stack import (
    ClientOption,
    JsonOption,
    StackOption,
    default_client,
    open_stack,
)

REMAINS = (
    "files that were uploaded (inbound/, dryrun/), until their retention ends",
    "backups of the tables (point-in-time recovery), up to 35 days",
    "messages that wait in queues, up to 14 days; the tables' stream, 1 day",
    "files that the client has fetched",
)
"""What no run can take out. Logs, metrics and audit records never held any of it."""

SHARED = "what the third party id alone names, since other members share it"


@dataclass(frozen=True, slots=True)
class EraserDesk:
    """What forgetting needs of one stack, for one client."""

    client_id: str
    members: MemberEraser
    tombstones: Tombstones
    pushes: PushEraser
    bucket: ObjectVersions
    auditor: Auditor


class _NoPushes:
    """Fulfils `PushEraser` for a stack that takes no pushes in."""

    def erase(self, _member: MemberKey, _days: Collection[date] = ()) -> Erasure:
        return Erasure(0, frozenset())


def open_eraser(stack_name: str | None, client: str | None) -> EraserDesk:
    """Find the stack and the client, and wire what the command needs."""
    # boto3 costs a tenth of a second that `--help` does not need.
    from pointflow.adapters.dynamodb_member_eraser import (  # noqa: PLC0415
        DynamoDBMemberEraser,
    )
    from pointflow.adapters.expiration_eraser import ExpirationEraser  # noqa: PLC0415
    from pointflow.adapters.s3_versions import S3Versions  # noqa: PLC0415

    stack = open_stack(stack_name)
    dynamodb = stack.client("dynamodb")
    return EraserDesk(
        client_id=default_client(stack, client),
        members=DynamoDBMemberEraser(dynamodb, stack.members_table),
        tombstones=open_tombstones(stack),
        pushes=(
            ExpirationEraser(dynamodb, stack.expirations_table)
            if stack.has_expirations
            else _NoPushes()
        ),
        bucket=S3Versions(stack.client("s3"), stack.bucket),
        auditor=open_auditor(stack),
    )


def user_id_of(text: str) -> int:
    """A CT user id as a command takes it. Raises `CommandError`."""
    if not re.fullmatch(f"[0-9]{{1,{MAX_ID_DIGITS}}}", text):
        fail(f"{shown(text)} is no CT user id", f"use at most {MAX_ID_DIGITS} digits")
    return int(text)


def forget(
    user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="The CT user id.")],
    *,
    reason: ReasonOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Forget a member: erase what is personal wherever it is stored, and keep the accounting.

    Profile and identifiers, pushed expirations, refused pushes and rejected rows go; the points
    and the ledger's entries stay under the CT user id. Later imports skip the member, later
    pushes about it are not kept, and rows that name it are rejected as MEMBER_NOT_FOUND, until
    `members import --readmit`. Cannot be taken back. Run it again if it was cut off.

    Example:

        pointflow member forget 1001 --reason "request of 12 May"
    """
    wanted = user_id_of(user_id)
    checked_reason(reason)
    desk = open_eraser(stack, client)
    confirm(
        f"Erase what is personal of member {wanted} of {desk.client_id}, for good?",
        yes=yes,
        as_json=as_json,
    )
    desk.auditor.record(Action.MEMBER_FORGET, str(wanted), client_id=desk.client_id, reason=reason)
    with notes.status("erasing") as status:
        done = forget_member(
            desk.client_id,
            wanted,
            members=desk.members,
            tombstones=desk.tombstones,
            pushes=desk.pushes,
            bucket=desk.bucket,
            at=int(time.time()),
            looked_at=lambda count: status.update(f"erasing: {count:,} objects looked at"),
        )
    document = _document(desk.client_id, wanted, done)
    if as_json:
        print_json(document)
        return
    console.print(f"forgot member {wanted} of {desk.client_id}", soft_wrap=True)
    for what, count in document["erased"].items():
        console.print(f"  {what.replace('_', ' ')}: {int(count):,}", soft_wrap=True)
    console.print("not within reach, and gone by itself:", soft_wrap=True)
    for remains in document["remains"]:
        console.print(f"  {remains}", soft_wrap=True)


def _document(client_id: str, user_id: int, done: Forgetting) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "user_id": user_id,
        "erased": {
            "profile": done.account,
            "pushes": done.pushes,
            "days_of_the_month_index": done.index_days,
            "refused_pushes": done.swept.quarantined,
            "rejected_rows": done.swept.rows,
            "object_versions": done.swept.versions,
        },
        "remains": [*REMAINS, *([SHARED] if done.shares_third_party_id else [])],
    }
