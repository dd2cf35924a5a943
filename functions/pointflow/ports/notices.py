"""Telling that a batch was decided. Adapters fulfil it; tests bring a fake."""

from __future__ import annotations

from typing import Protocol

from pointflow.domain.notice import Notice


class Notices(Protocol):
    """The way to whoever listens. They may get a notice twice, and know it by its id."""

    def tell(self, notice: Notice) -> None:
        """Return when it is accepted everywhere; raises when it is not."""
        ...
