"""Tombstones, and a bucket that keeps every version, in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock

from pointflow.domain.push import MemberKey
from pointflow.ports.erasure import StoredVersion


class FakeTombstones:
    """`Tombstones`, unhashed."""

    def __init__(self) -> None:
        self.graves: dict[MemberKey, set[MemberKey]] = {}

    def among(self, keys: Collection[MemberKey]) -> frozenset[MemberKey]:
        return frozenset(key for key in keys if key in self.graves)

    def bury(self, keys: Sequence[MemberKey], at: int) -> None:
        for key in keys:
            self.graves.setdefault(key, set()).update(keys)

    def lift(self, key: MemberKey) -> bool:
        siblings = self.graves.get(key)
        if siblings is None:
            return False
        for each in [*siblings - {key}, key]:
            self.graves.pop(each, None)
        return True


class _Writer:
    def __init__(self) -> None:
        self.data: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.data.append(data)


class FakeVersions:
    """`ObjectVersions`: by key, the versions from the oldest to the newest."""

    def __init__(self) -> None:
        self.kept: dict[str, list[tuple[str, bytes]]] = {}
        self._count = 0
        self._lock = RLock()

    def put(self, key: str, body: bytes, content_type: str = "") -> None:
        with self._lock:
            self._count += 1
            self.kept.setdefault(key, []).append((f"v{self._count}", body))

    def newest(self, key: str) -> bytes:
        return self.kept[key][-1][1]

    def bodies(self) -> list[bytes]:
        """Every version of everything."""
        return [body for versions in self.kept.values() for _, body in versions]

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        for key, versions in sorted(self.kept.items()):
            if key.startswith(prefix):
                for at, (version, _) in enumerate(reversed(versions)):
                    yield StoredVersion(key, version, at == 0)

    def read(self, stored: StoredVersion) -> Iterator[bytes]:
        body = dict(self.kept.get(stored.key, [])).get(stored.version, b"")
        for at in range(0, len(body), 7):
            yield body[at : at + 7]

    @contextmanager
    def writer(self, key: str, content_type: str) -> Iterator[_Writer]:
        writer = _Writer()
        yield writer
        if writer.data:
            self.put(key, b"".join(writer.data))

    def delete(self, stored: StoredVersion) -> None:
        with self._lock:
            left = [each for each in self.kept.get(stored.key, []) if each[0] != stored.version]
            if left:
                self.kept[stored.key] = left
            else:
                self.kept.pop(stored.key, None)
