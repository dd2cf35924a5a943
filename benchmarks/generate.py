"""Batch files in the forms of the source document, the same for the same seed on every machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

SEED = 20_240_101
RECEIVED_AT = 1_704_067_200
SECONDS_BACK = 30 * 86_400

_DOMAINS = ("crowdtwist.com", "emailaddress.com", "example.com", "mail.example.org")
_NAMES = ("testing", "ann", "robert.miller", "maria", "jo", "christopher", "nils", "zoe.b")


def rows(count: int, bad: float, seed: int = SEED) -> Iterator[bytes]:
    """Make rows with their LF.

    The six forms of the source document come equally often; a bad row is a good one with one
    fault, each fault equally often.

    Parameters
    ----------
    count : int
        How many rows.
    bad : float
        Share of bad rows, from 0 to 1.
    seed : int
        The same seed makes the same rows.
    """
    chance = random.Random(seed)  # noqa: S311 - rows, not secrets
    for _ in range(count):
        row = chance.choice(_FORMS)(chance)
        if chance.random() < bad:
            row = chance.choice(_FAULTS)(row.split("|"))
        yield row.encode("utf-8", "surrogateescape") + b"\n"


def _user(chance: random.Random) -> str:
    return f"{chance.choice(_NAMES)}{chance.randrange(1_000_000)}"


def _email(chance: random.Random) -> str:
    return f"{_user(chance)}@{chance.choice(_DOMAINS)}"


def _activity(chance: random.Random) -> str:
    return str(chance.randrange(100_000_000, 500_000_000))


def _standard(chance: random.Random) -> str:
    return f"{_email(chance)}|||{_user(chance)}|{_activity(chance)}"


def _with_points(chance: random.Random) -> str:
    return f"{_standard(chance)}|{chance.randrange(1_000)}"


def _email_only(chance: random.Random) -> str:
    return f"{_email(chance)}||||{_activity(chance)}"


def _user_id_only(chance: random.Random) -> str:
    return f"|{chance.randrange(1, 100_000_000)}|||{_activity(chance)}"


def _dated(chance: random.Random) -> str:
    return f"{_user_id_only(chance)}||{RECEIVED_AT - chance.randrange(SECONDS_BACK)}"


def _all_columns(chance: random.Random) -> str:
    name, points = _user(chance), chance.randrange(1_000)
    date = RECEIVED_AT - chance.randrange(SECONDS_BACK)
    user_id, activity = chance.randrange(1, 100_000_000), _activity(chance)
    return f"{name}@example.com|{user_id}|T-{points:06}|{name}|{activity}|{points}|{date}"


_FORMS: tuple[Callable[[random.Random], str], ...] = (
    _standard,
    _with_points,
    _email_only,
    _user_id_only,
    _dated,
    _all_columns,
)

_FAULTS: tuple[Callable[[list[str]], str], ...] = (
    lambda fields: "|".join(fields[:4]),
    ",".join,
    lambda fields: "|".join(["", "", "", "", *fields[4:]]),
    lambda fields: "|".join([*fields[:4], "", *fields[5:]]),
    lambda fields: "|".join([*fields[:4], f"{fields[4]}.0", *fields[5:]]),
    lambda fields: "|".join([*fields[:5], "1,000", *fields[6:]]),
    lambda fields: "|".join([*fields[:5], "", "1704067200000"]),
    lambda fields: "|".join([f'"{fields[0]}"', *fields[1:]]),
    lambda fields: "|".join([fields[0], "+5", *fields[2:]]),
    lambda fields: "|".join([*fields[:3], "caf\udce9", *fields[4:]]),
    lambda fields: "|".join([*fields[:3], "tab\tbed", *fields[4:]]),
)
