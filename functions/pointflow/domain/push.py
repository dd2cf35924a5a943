"""A push: what the loyalty platform says will expire of one member's points, and when.

Two pushes of a member are put in order by their versions; see `docs/rulings-push.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

UNDATED_FOR = 7 * 24 * 3_600_000
"""Milliseconds for which an undated body counts as the same push as when it was first received."""


class KeyKind(StrEnum):
    """The identifier under which a member's view is kept; the first one that a push carries."""

    USER_ID = "U"
    EMAIL = "E"
    THIRD_PARTY_ID = "T"


@dataclass(frozen=True, slots=True)
class MemberKey:
    """Whom a view is about. `value` is the identifier as normalised: emails are lower-case."""

    client_id: str
    kind: KeyKind
    value: str

    @property
    def text(self) -> str:
        """The key as it is stored. Holds personal data: never log it."""
        return f"{self.client_id}#{self.kind}#{self.value}"

    @classmethod
    def parse(cls, text: str) -> MemberKey:
        """Read what `text` wrote. Raises `ValueError`."""
        client_id, kind, value = text.split("#", 2)
        return cls(client_id, KeyKind(kind), value)


@dataclass(frozen=True, slots=True)
class Expiration:
    """Points of a member that expire on a day, by the rule under which they do."""

    day: date
    redemption: int = 0
    inactivity: int = 0

    @property
    def points(self) -> int:
        """All points that expire on the day."""
        return self.redemption + self.inactivity


@dataclass(frozen=True, slots=True)
class Push:
    """A body that was found valid.

    Attributes
    ----------
    digest : str
        SHA-256 of the bytes as sent, 64 hexadecimal digits.
    body : str
        The JSON text as sent, without a byte order mark.
    message_date : str or None
        As sent.
    instant : int or None
        The message date in milliseconds since the epoch.
    expirations : tuple of Expiration
        Every day with points that expire, by day.
    """

    member: MemberKey
    digest: str
    body: str
    message_date: str | None
    instant: int | None
    expirations: tuple[Expiration, ...]


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Puts the views of a member in order: the greatest is the current one.

    `instant` is the message date, or the first receipt of an undated push; `received_at` the first
    receipt of that very body. Both in milliseconds since the epoch.
    """

    instant: int
    received_at: int
    digest: str


def version_of(push: Push, first_received_at: int) -> Version:
    """The version of a push whose body was first received at that time."""
    instant = first_received_at if push.instant is None else push.instant
    return Version(instant, first_received_at, push.digest)
