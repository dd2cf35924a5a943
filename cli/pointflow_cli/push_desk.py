"""What the commands around pushes share: the way to the stack's expirations and quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pointflow.ports.pushes import (
    MemberLookup,
    MonthIndex,
    PushStore,
    QuarantineAdmin,
    ViewReader,
)
from pointflow_cli.audit_desk import Auditor, open_auditor
from pointflow_cli.stack import default_client, open_stack


class Expirations(PushStore, ViewReader, MonthIndex, Protocol):
    """Everything that ExpirationsTable does."""


@dataclass(frozen=True, slots=True)
class PushDesk:
    """One client's expirations on one stack."""

    client_id: str
    expirations: Expirations
    members: MemberLookup
    quarantine: QuarantineAdmin
    auditor: Auditor


def open_push_desk(stack_name: str | None, client: str | None) -> PushDesk:
    """Find the stack and the client, and wire what the commands need.

    They read and write the tables with the person's own AWS rights, as every other command does:
    whoever looks after a stack needs no credential of a client for it.
    """
    # boto3 costs a tenth of a second that `--help` does not need.
    from pointflow.adapters.dynamodb_expirations import DynamoDBExpirations  # noqa: PLC0415
    from pointflow.adapters.dynamodb_members import DynamoDBMembers  # noqa: PLC0415
    from pointflow.adapters.s3_quarantine import S3Quarantine  # noqa: PLC0415

    stack = open_stack(stack_name)
    client_id = default_client(stack, client)
    dynamodb = stack.client("dynamodb")
    return PushDesk(
        client_id=client_id,
        expirations=DynamoDBExpirations(dynamodb, stack.expirations_table),
        members=DynamoDBMembers(dynamodb, stack.members_table),
        quarantine=S3Quarantine(lambda: stack.client("s3"), stack.bucket),
        auditor=open_auditor(stack),
    )
