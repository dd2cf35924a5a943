"""The bucket, as the use cases see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from pointflow.domain.submission import SubmissionRef


class ObjectStore(Protocol):
    """The bucket. Raises `ObjectUnreadableError` when a pinned version is gone for good; being
    denied it is no such thing, and may pass."""

    def read(self, ref: SubmissionRef, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) of the pinned version in blocks of about 1 MiB.

        `end` may lie past the object's end. A read that is cut short raises: it must never look
        like the end of the file.
        """
        ...

    def read_object(self, key: str) -> Iterator[bytes]:
        """An object that pointflow itself wrote, in blocks."""
        ...

    def put(self, key: str, body: bytes, content_type: str) -> None: ...

    def writer(self, key: str, content_type: str) -> AbstractContextManager[ObjectWriter]:
        """Stream an object of any size in constant memory; nothing appears when the block raises,
        and nothing when nothing was written."""
        ...


class ResultStore(ObjectStore, Protocol):
    """The bucket, for whoever replaces results: nobody else looks at them again or removes any."""

    def find(self, key: str) -> bytes | None:
        """A small object that pointflow itself wrote; None where there is none."""
        ...

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        ...


class ObjectWriter(Protocol):
    """Where a streamed object is written to."""

    def write(self, data: bytes) -> None: ...
