"""A bucket in memory: versions, range reads, versions that cannot be read, streamed objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pointflow.domain.errors import DraftLostError, ObjectUnreadableError
from pointflow.domain.submission import SubmissionRef
from pointflow.ports.objects import Draft


class FakeObjectStore:
    """Holds uploads by pinned version, and by key what pointflow itself wrote.

    Attributes
    ----------
    written : dict of str to bytes
        The objects that were put or streamed: the newest body of each key.
    content_types : dict of str to str
        By key, of the same objects.
    reads : list of (SubmissionRef, int, int)
        Every range that was asked for.
    half_written : dict of str to dict of str to bytes
        Parts that were sent of objects whose writers were suspended, by upload and tag.
    """

    def __init__(self, block_bytes: int = 1 << 20) -> None:
        self.written: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}
        self.reads: list[tuple[SubmissionRef, int, int]] = []
        self.half_written: dict[str, dict[str, bytes]] = {}
        self._writers = 0
        self._block_bytes = block_bytes
        self._uploads: dict[SubmissionRef, bytes] = {}
        self._unreadable: set[SubmissionRef] = set()
        self._denied: set[SubmissionRef] = set()

    def upload(self, ref: SubmissionRef, body: bytes) -> None:
        """Put a version in place, as a client would."""
        self._uploads[ref] = body

    def make_unreadable(self, ref: SubmissionRef) -> None:
        """Delete a version."""
        self._unreadable.add(ref)

    def deny(self, ref: SubmissionRef) -> None:
        """Deny a version to its readers, as while a policy is being replaced."""
        self._denied.add(ref)

    def allow(self, ref: SubmissionRef) -> None:
        """Let a version be read again."""
        self._denied.discard(ref)

    def read(self, ref: SubmissionRef, start: int, end: int) -> Iterator[bytes]:
        self.reads.append((ref, start, end))
        end = min(end, len(self._find(ref)))
        for at in range(start, end, self._block_bytes):
            yield self._find(ref)[at : min(at + self._block_bytes, end)]

    def read_object(self, key: str) -> Iterator[bytes]:
        if key not in self.written:
            raise ObjectUnreadableError(f"there is no object {key}")
        body = self.written[key]
        for at in range(0, len(body), self._block_bytes):
            yield body[at : at + self._block_bytes]

    def put(self, key: str, body: bytes, content_type: str) -> None:
        self.written[key] = body
        self.content_types[key] = content_type

    def find(self, key: str) -> bytes | None:
        return self.written.get(key)

    def remove(self, key: str) -> None:
        self.written.pop(key, None)
        self.content_types.pop(key, None)

    def read_objects(self, keys: Iterable[str]) -> Iterator[bytes]:
        return (b"".join(self.read_object(key)) for key in keys)

    @contextmanager
    def writer(
        self, key: str, content_type: str, draft: Draft | None = None
    ) -> Iterator[_Collector]:
        begun = draft or Draft()
        if begun.upload_id is not None and begun.upload_id not in self.half_written:
            raise DraftLostError(f"what was written of {key} is gone")
        self._writers += 1
        collector = _Collector(self, begun.upload_id or f"upload {self._writers}", begun)
        yield collector
        if collector.suspended:
            return
        if begun.upload_id is not None:
            del self.half_written[begun.upload_id]
        if collector.data:
            self.put(key, collector.data, content_type)

    def _find(self, ref: SubmissionRef) -> bytes:
        if ref in self._denied:
            raise PermissionError(f"version {ref.version} of {ref.key} is denied")
        if ref in self._unreadable or ref not in self._uploads:
            raise ObjectUnreadableError(f"version {ref.version} of {ref.key} cannot be read")
        return self._uploads[ref]


class _Collector:
    """Keeps the last byte as a draft's tail, and those before it as a part that was sent."""

    def __init__(self, store: FakeObjectStore, upload_id: str, draft: Draft) -> None:
        self.suspended = False
        self._parts = store.half_written.setdefault(upload_id, {}) if draft.etags else {}
        self._store = store
        self._upload_id = upload_id
        self._etags = draft.etags
        self._written = bytearray(draft.tail)

    @property
    def data(self) -> bytes:
        return b"".join(self._parts[etag] for etag in self._etags) + self._written

    def write(self, data: bytes) -> None:
        self._written += data

    def suspend(self) -> Draft:
        self.suspended = True
        if not self.data:
            return Draft()
        etags = (*self._etags, f"part {len(self._etags) + 1}")
        self._parts[etags[-1]] = bytes(self._written[:-1])
        self._store.half_written[self._upload_id] = self._parts
        return Draft(self._upload_id, etags, bytes(self._written[-1:]))
