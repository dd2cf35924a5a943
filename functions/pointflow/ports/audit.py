"""Where manual actions are put on record. Adapters fulfil it; tests fake it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pointflow.domain.audit import AuditQuery, AuditRecord


class AuditLog(Protocol):
    """Records of what people did; there is no way to change or to remove one."""

    def record(self, record: AuditRecord) -> None:
        """Put a record down before its action takes effect.

        Raises
        ------
        ConflictError
            Another record is in its place; nothing was written.
        ContentionError
            The table was busy for too long. Do not act: nothing may be on record.
        """
        ...

    def records(self, query: AuditQuery) -> Iterator[AuditRecord]:
        """The records that a query asks for, newest first, read as they are needed."""
        ...
