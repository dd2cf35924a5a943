"""What people did to a stack by hand: one record an action, which is never changed nor taken back.

A record is written before its action takes effect. So there is no action without its record; a
record without an effect tells of an attempt that was refused or cut off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MAX_REASON = 500
"""Characters of a reason."""


class Action(StrEnum):
    """What a person can do by hand. Never rename one; add instead."""

    BATCH_RELEASE = "batch.release"
    BATCH_DISCARD = "batch.discard"
    BATCH_RESEND = "batch.resend"
    BATCH_UNDO = "batch.undo"
    CLIENT_ADD = "client.add"
    CLIENT_SET = "client.set"
    CREDENTIAL_ADD = "credential.add"
    CREDENTIAL_ROTATE = "credential.rotate"
    CREDENTIAL_REVOKE = "credential.revoke"
    DEAD_LETTERS_REDRIVE = "dlq.redrive"
    DEAD_LETTER_PURGE = "dlq.purge"
    MEMBER_FORGET = "member.forget"
    MEMBER_READMIT = "member.readmit"
    SFTP_KEY_ADD = "sftp-key.add"
    SFTP_KEY_REVOKE = "sftp-key.revoke"
    QUARANTINE_REPLAY = "quarantine.replay"


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Who did what to what, when, and why. Holds no personal data: a CT user id at most.

    Attributes
    ----------
    at : int
        Milliseconds since the epoch.
    record_id : str
        Random; tells records of one millisecond apart.
    actor : str
        ARN of the AWS identity that called.
    action : Action
    client_id : str or None
        None for what belongs to no client, such as a whole queue.
    subject : str
        What was acted on: a file name, a credential's id, a CT user id, a queue.
    reason : str or None
        As the person gave it.
    details : mapping of str to str
        What else tells the action from others, such as the settings that change.
    """

    at: int
    record_id: str
    actor: str
    action: Action
    client_id: str | None
    subject: str
    reason: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which records are asked for.

    Attributes
    ----------
    since : int
        Milliseconds since the epoch.
    action : str or None
        An action, or what comes before its dot: `batch`.
    client_id : str or None
    subject : str or None
        A part of the subject.
    """

    since: int = 0
    action: str | None = None
    client_id: str | None = None
    subject: str | None = None

    def wants(self, record: AuditRecord) -> bool:
        """Whether a record is among those asked for."""
        kinds = {record.action.value, record.action.value.partition(".")[0], None}
        return (
            record.at >= self.since
            and self.action in kinds
            and self.client_id in {record.client_id, None}
            and (self.subject is None or self.subject in record.subject)
        )
