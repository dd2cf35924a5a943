"""Take a member out of the objects that quote what clients sent: rejects, results, quarantine.

Every version of an object counts. One that names the member is written anew without it where it is
the newest, and deleted either way. Results come before the rejects that they were made of: a
run that is cut off finds what it still has to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import batched

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.erasure import (
    Names,
    drop_rows,
    redact_dry_run,
    redact_errors,
    redacted,
    refused_body,
)
from pointflow.domain.file_name import result_stem
from pointflow.domain.reject_lines import decode_rejects, encode_reject
from pointflow.ports.erasure import ObjectVersions, StoredVersion

READERS = 8
AT_ONCE = 256

_ROWS = "text/plain; charset=utf-8"
_ERRORS = "text/csv; charset=utf-8"
_REPORT = "application/json"
_REJECTS_END = ".jsonl"
_REJECTS = "application/x-ndjson"


@dataclass(slots=True)
class Swept:
    """What was found and taken out: rejected rows, versions of objects, refused pushes."""

    rows: int = 0
    versions: int = 0
    quarantined: int = 0


@dataclass(slots=True)
class _Found:
    """Reject objects that name the member, and the lines that do, by the client's file."""

    stored: list[StoredVersion] = field(default_factory=list)
    lines: dict[str, set[int]] = field(default_factory=dict)


def sweep_objects(
    names: Names, bucket: ObjectVersions, looked_at: Callable[[int], None] = lambda _: None
) -> Swept:
    """Take a member out of the client's objects. May be repeated.

    Parameters
    ----------
    names : Names
    bucket : ObjectVersions
        Safe for threads.
    looked_at : callable
        Told how many versions are looked at so far.
    """
    with ThreadPoolExecutor(READERS, thread_name_prefix="sweep") as pool:
        sweep = _Sweep(names, bucket, pool, looked_at)
        swept = Swept(quarantined=sweep.quarantine())
        found = sweep.find_rejects()
        swept.rows = sum(len(lines) for lines in found.lines.values())
        swept.versions = sweep.results(found) + sweep.rejects(found)
    return swept


class _Sweep:
    def __init__(
        self,
        names: Names,
        bucket: ObjectVersions,
        pool: ThreadPoolExecutor,
        looked_at: Callable[[int], None],
    ) -> None:
        self._names = names
        self._bucket = bucket
        self._pool = pool
        self._looked_at = looked_at
        self._count = 0

    def quarantine(self) -> int:
        """Delete the refused pushes that name the member."""

        def names_it(stored: StoredVersion) -> bool:
            body = b"".join(self._bucket.read(stored))
            return self._names.in_push(refused_body(body))

        found = [each for each, yes in self._look("quarantine", names_it) if yes]
        for stored in found:
            self._bucket.delete(stored)
        return len(found)

    def find_rejects(self) -> _Found:
        """Find the rejected rows that name the member; change nothing yet."""

        def lines_of(stored: StoredVersion) -> set[int]:
            if not stored.key.endswith(_REJECTS_END):
                self._drop_draft(stored)
                return set()
            rows = decode_rejects(self._bucket.read(stored))
            return {row.line for row in rows if self._names.in_reject(row)}

        found = _Found()
        for stored, lines in self._look("rejects", lines_of):
            if lines:
                found.stored.append(stored)
                found.lines.setdefault(stored.key.split("/")[2], set()).update(lines)
        return found

    def _drop_draft(self, stored: StoredVersion) -> None:
        """Delete a report that was half written once; it may begin with a row of the member's.

        One that is being gone on with is somebody's work, and ends within minutes.
        """
        if not stored.is_latest:
            self._bucket.delete(stored)

    def results(self, found: _Found) -> int:
        """Take the member out of the result files; answers how many versions are gone."""
        by_stem = {result_stem(name): lines for name, lines in found.lines.items()}

        def redaction(stored: StoredVersion) -> _Redaction | None:
            return _redaction_of(stored.key, self._names, by_stem)

        def names_it(stored: StoredVersion) -> bool:
            how = redaction(stored)
            if how is None:
                return False
            original, changed = _lines(self._bucket.read(stored)), self._bucket.read(stored)
            return any(a != b for a, b in _pairs(original, how.redact(_lines(changed))))

        gone = [each for each, yes in self._look("outbound", names_it) if yes]
        for stored in gone:
            how = redaction(stored)
            if how is not None:
                self._replace(stored, how.redact, how.content_type)
        return len(gone)

    def rejects(self, found: _Found) -> int:
        """Take the member's rows out of the reject objects; answers how many versions are gone."""
        for stored in found.stored:
            self._replace(stored, self._redact_rejects, _REJECTS)
        return len(found.stored)

    def _redact_rejects(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        def kept(row: RejectedRow) -> RejectedRow:
            return redacted(row) if self._names.in_reject(row) else row

        return (encode_reject(kept(row)) for row in decode_rejects(lines))

    def _replace(
        self,
        stored: StoredVersion,
        redact: Callable[[Iterator[bytes]], Iterator[bytes]],
        content_type: str,
    ) -> None:
        if stored.is_latest:
            written = False
            with self._bucket.writer(stored.key, content_type) as writer:
                for line in redact(_lines(self._bucket.read(stored))):
                    writer.write(line)
                    written = True
            if not written:
                # Or an earlier version would be the newest one again.
                self._bucket.put(stored.key, b"", content_type)
        self._bucket.delete(stored)

    def _look[Seen](
        self, place: str, at: Callable[[StoredVersion], Seen]
    ) -> Iterator[tuple[StoredVersion, Seen]]:
        prefix = f"{place}/{self._names.client_id}/"
        for batch in batched(self._bucket.versions(prefix), AT_ONCE, strict=False):
            yield from zip(batch, self._pool.map(at, batch), strict=True)
            self._count += len(batch)
            self._looked_at(self._count)


@dataclass(frozen=True, slots=True)
class _Redaction:
    redact: Callable[[Iterator[bytes]], Iterator[bytes]]
    content_type: str


def _redaction_of(key: str, names: Names, by_stem: dict[str, set[int]]) -> _Redaction | None:
    """How a result file is rid of the member; None for one that quotes no row."""
    name = key.rpartition("/")[2]
    if name.endswith(".txt") and "_rejected" in name:
        return _Redaction(partial(drop_rows, names=names), _ROWS)
    if name.endswith(".csv") and "_errors" in name:
        numbers = by_stem.get(name.rpartition("_errors")[0], set())
        return _Redaction(partial(redact_errors, names=names, numbers=numbers), _ERRORS)
    if name.endswith(".json") and "_dryrun_" in name:
        numbers = by_stem.get(name.rpartition("_dryrun_")[0], set())
        return _Redaction(partial(redact_dry_run, names=names, numbers=numbers), _REPORT)
    return None


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their ends, from a stream that is cut anywhere."""
    begun = b""
    for block in blocks:
        *ended, begun = (begun + block).split(b"\n")
        yield from (line + b"\n" for line in ended)
    if begun:
        yield begun


def _pairs(
    first: Iterator[bytes], second: Iterator[bytes]
) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Side by side, to the end of the longer one."""
    while True:
        a, b = next(first, None), next(second, None)
        if a is None and b is None:
            return
        yield a, b
