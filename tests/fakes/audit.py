"""The audit records in memory."""

from __future__ import annotations

from collections.abc import Iterator

from pointflow.domain.audit import AuditQuery, AuditRecord
from pointflow_cli.audit_desk import Auditor

OPERATOR = "arn:aws:iam::123456789012:user/operator"


class FakeAuditLog:
    """`AuditLog` in a list; `error` is raised instead of writing, where it is set."""

    def __init__(self) -> None:
        self.kept: list[AuditRecord] = []
        self.error: BaseException | None = None

    def record(self, record: AuditRecord) -> None:
        if self.error is not None:
            raise self.error
        self.kept.append(record)

    def records(self, query: AuditQuery) -> Iterator[AuditRecord]:
        return filter(query.wants, sorted(self.kept, key=lambda record: -record.at))

    @property
    def told(self) -> list[tuple[str, str | None, str, str | None]]:
        """Action, client, subject and reason of each record, in the order of writing."""
        return [(r.action.value, r.client_id, r.subject, r.reason) for r in self.kept]


def auditor(log: FakeAuditLog) -> Auditor:
    """An auditor for whom OPERATOR acts."""
    return Auditor(log, lambda: OPERATOR)
