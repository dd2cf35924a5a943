"""The bucket, as the use cases see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
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

    def read_objects(self, keys: Iterable[str]) -> Iterator[bytes]:
        """Small objects that pointflow itself wrote, whole, in the order of their keys.

        Some are read ahead, so that hundreds of thousands of them do not wait one for the other.
        """
        ...

    def writer(
        self, key: str, content_type: str, draft: Draft | None = None
    ) -> AbstractContextManager[ObjectWriter]:
        """Stream an object of any size in constant memory; nothing appears when the block raises,
        and nothing when nothing was written, or when the writer was suspended.

        With a `draft`, go on where that one was suspended. Raises `DraftLostError`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """A streamed object that is half written: enough to go on with it in another process.

    `tail` are the bytes that were too few to be sent, less than `upload_id`'s next part.
    """

    upload_id: str | None = None
    etags: tuple[str, ...] = ()
    tail: bytes = b""


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

    def suspend(self) -> Draft:
        """Leave the object half written, to be gone on with. Nothing may be written after it."""
        ...
