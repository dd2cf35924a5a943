"""What can go wrong with the local AWS."""

from __future__ import annotations

from pointflow.domain.errors import PointflowError


class LocalStackError(PointflowError):
    """The local AWS cannot be started, deployed to or stopped.

    Attributes
    ----------
    next_step : str
        What the person can do about it.
    """

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.next_step = next_step
