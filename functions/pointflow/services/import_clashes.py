"""Lines of one import file that claim the same thing, found before any of them is imported.

Which of two such lines is right only its author knows, so both are refused. Eight bytes are kept
for each claim: a file of millions of lines fits into memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from pointflow.domain.errors import ImportRowError

MOST_CLASHES = 10_000
_BUCKETS = 256


@dataclass(frozen=True, slots=True)
class Claim:
    """What a line wants to be the only one to have. `field` is the column that says so."""

    field: str
    value: Hashable


type Claims = tuple[int, tuple[Claim, ...]]
"""A line's number and what it claims."""


class Clashes:
    """Claims that several lines make, with the first two of these lines."""

    def __init__(self, lines: Mapping[Claim, list[int]]) -> None:
        self._lines = lines

    def fault(self, number: int, claims: Iterable[Claim]) -> ImportRowError | None:
        """Why a line cannot be imported, if another line makes one of its claims."""
        for claim in claims:
            lines = self._lines.get(claim)
            if lines is not None:
                other = lines[1] if lines[0] == number else lines[0]
                message = f"{claim.field} is the same as on line {other}; only one line may have it"
                return ImportRowError(number, message, claim.field)
        return None


def find_clashes(read_claims: Callable[[], Iterable[Claims]]) -> Clashes:
    """Find the claims that more than one line makes.

    Parameters
    ----------
    read_claims : callable
        Reads the file from its start; called a second time only if something clashes.

    Raises
    ------
    ImportRowError
        There are so many clashes that the file as a whole must be wrong.
    """
    suspects = _repeated_hashes(read_claims())
    if not suspects:
        return Clashes({})
    lines: dict[Claim, list[int]] = {}
    for number, claims in read_claims():
        for claim in claims:
            if hash(claim) in suspects and len(known := lines.setdefault(claim, [])) < 2:
                known.append(number)
    return Clashes({claim: known for claim, known in lines.items() if len(known) > 1})


def _repeated_hashes(lines: Iterable[Claims]) -> set[int]:
    buckets = [array("q") for _ in range(_BUCKETS)]
    for _, claims in lines:
        for claim in claims:
            value = hash(claim)
            buckets[value % _BUCKETS].append(value)
    repeated: set[int] = set()
    for bucket in buckets:
        repeated.update(one for one, other in pairwise(sorted(bucket)) if one == other)
        if len(repeated) > MOST_CLASHES:
            message = (
                f"more than {MOST_CLASHES:,} values stand on several lines; is the file whole?"
            )
            raise ImportRowError(1, message)
    return repeated
