"""What the commands that change something share: putting on record who does it, and why."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import typer

from pointflow.domain.audit import MAX_REASON, Action, AuditRecord
from pointflow.ports.audit import AuditLog
from pointflow_cli.output import fail
from pointflow_cli.stack import Stack

ReasonOption = Annotated[
    str | None,
    typer.Option(
        "--reason",
        metavar="TEXT",
        help="Why; kept for good in the audit records, so name no person.",
    ),
]
RequiredReasonOption = Annotated[
    str | None,
    typer.Option(
        "--reason",
        metavar="TEXT",
        help="Required. Why; kept for good in the audit records, so name no person.",
    ),
]
"""For what cannot be taken back. Checked by `checked_reason`, which says what to write."""


def _now() -> int:
    return time.time_ns() // 1_000_000


def _record_id() -> str:
    return secrets.token_hex(4)


@dataclass
class Auditor:
    """Puts actions on record under the identity of whoever runs the command.

    Attributes
    ----------
    log : AuditLog
    who : callable
        Looks the caller's ARN up; asked once, when the first action is put on record.
    now, record_id : callable
        Milliseconds since the epoch; a short random name.
    """

    log: AuditLog
    who: Callable[[], str]
    now: Callable[[], int] = field(default=_now)
    record_id: Callable[[], str] = field(default=_record_id)

    @cached_property
    def actor(self) -> str:
        """ARN of the caller."""
        return self.who()

    def record(
        self,
        action: Action,
        subject: str,
        *,
        client_id: str | None,
        reason: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        """Put an action on record; call it right before the action. Raises as `AuditLog.record`."""
        record = AuditRecord(
            at=self.now(),
            record_id=self.record_id(),
            actor=self.actor,
            action=action,
            client_id=client_id,
            subject=subject,
            reason=checked_reason(reason),
            details=details or {},
        )
        self.log.record(record)


def open_auditor(stack: Stack) -> Auditor:
    """The auditor of a stack."""
    # boto3 costs a tenth of a second that `--help` does not need.
    from pointflow.adapters.dynamodb_audit import DynamoDBAudit  # noqa: PLC0415

    log = DynamoDBAudit(stack.client("dynamodb"), stack.batches_table)
    return Auditor(log, lambda: stack.client("sts").get_caller_identity()["Arn"])


def checked_reason(reason: str | None, *, required: bool = False) -> str | None:
    """A reason as it is kept: trimmed, None where it says nothing.

    Raises
    ------
    CommandError
        It is too long or does not print; or it is required, and missing.
    """
    kept = (reason or "").strip()
    if required and not kept:
        fail("this needs a reason", "add --reason TEXT")
    if len(kept) > MAX_REASON or not kept.isprintable():
        fail("that is no reason to keep", f"use one line of at most {MAX_REASON} characters")
    return kept or None
