"""What listeners are told of batches, in memory."""

from __future__ import annotations

from pointflow.domain.notice import Notice


class FakeNotices:
    """Keeps every notice; refuses the next `failures` ones."""

    def __init__(self) -> None:
        self.told: list[Notice] = []
        self.failures = 0

    def tell(self, notice: Notice) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the bus is away")
        self.told.append(notice)
