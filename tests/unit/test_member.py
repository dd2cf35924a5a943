"""How a row finds its member, checked against a second telling of the rules."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.batch_row import Row
from pointflow.domain.client import Matching
from pointflow.domain.codes import RowCode
from pointflow.domain.member import (
    Identifier,
    IdentifierKey,
    Match,
    Member,
    identifier_keys,
    match_member,
)

ORDER = ("CT_USER_ID", "EMAIL", "USERNAME", "THIRD_PARTY_ID")
VALUES = {
    "CT_USER_ID": "5",
    "EMAIL": "ann@example.com",
    "USERNAME": "ann",
    "THIRD_PARTY_ID": "T-1",
}

type Holders = dict[str, set[int]]


def row(*present: str) -> Row:
    return Row(
        email=VALUES["EMAIL"] if "EMAIL" in present else None,
        ct_user_id=5 if "CT_USER_ID" in present else None,
        third_party_id=VALUES["THIRD_PARTY_ID"] if "THIRD_PARTY_ID" in present else None,
        username=VALUES["USERNAME"] if "USERNAME" in present else None,
        activity_id=7,
        points=None,
        activity_date=None,
        nulls=0,
    )


def match(holders: Holders, matching: Matching = Matching.LENIENT) -> Match | RowCode:
    """Match a row that carries just the identifiers named in `holders`."""
    keyed = {
        IdentifierKey(Identifier(kind), VALUES[kind]): frozenset(users)
        for kind, users in holders.items()
        if users
    }
    return match_member(row(*holders), keyed, matching)


def as_ruled(holders: Holders, *, strict: bool) -> tuple[int, str, bool] | str:
    """The rulings once more, one sentence after the other."""
    present = [kind for kind in ORDER if kind in holders]
    if strict and not holders[present[0]]:
        return "MEMBER_NOT_FOUND"
    matching = [kind for kind in present if holders[kind]]
    if not matching:
        return "MEMBER_NOT_FOUND"
    winner = min(holders[matching[0]])
    disagreeing = [kind for kind in matching if winner not in holders[kind]]
    if strict and disagreeing:
        return "MEMBER_AMBIGUOUS"
    return (winner, matching[0], bool(disagreeing))


def told(found: Match | RowCode) -> tuple[int, str, bool] | str:
    return (
        found if isinstance(found, RowCode) else (found.user_id, found.matched_by, found.conflict)
    )


def every_case() -> list[Holders]:
    """Every set of identifiers, each naming nobody or any of three members, the last also two."""
    single: list[set[int] | None] = [None, set(), {5}, {6}, {7}]
    shared: list[set[int] | None] = [*single, {5, 6}, {6, 7}, {5, 7}, {5, 6, 7}]
    cases = itertools.product(single, single, single, shared)
    return [
        {kind: users for kind, users in zip(ORDER, case, strict=True) if users is not None}
        for case in cases
        if any(users is not None for users in case)
    ]


def test_every_combination_of_identifiers_is_decided_as_ruled() -> None:
    for holders in every_case():
        for matching in Matching:
            expected = as_ruled(holders, strict=matching is Matching.STRICT)
            assert told(match(holders, matching)) == expected, (holders, matching)


@given(
    st.dictionaries(st.sampled_from(ORDER), st.sets(st.integers(1, 9), max_size=4), min_size=1),
    st.sampled_from(Matching),
)
def test_any_row_is_decided_as_ruled(holders: Holders, matching: Matching) -> None:
    assert told(match(holders, matching)) == as_ruled(holders, strict=matching is Matching.STRICT)


@pytest.mark.parametrize(
    ("holders", "expected"),
    [
        ({"CT_USER_ID": {5}}, Match(5, Identifier.CT_USER_ID)),
        ({"CT_USER_ID": set(), "EMAIL": {6}}, Match(6, Identifier.EMAIL)),
        ({"EMAIL": {6}, "USERNAME": {7}}, Match(6, Identifier.EMAIL, conflict=True)),
        ({"EMAIL": {6}, "THIRD_PARTY_ID": {5, 6}}, Match(6, Identifier.EMAIL)),
        ({"THIRD_PARTY_ID": {30, 7, 12}}, Match(7, Identifier.THIRD_PARTY_ID)),
        ({"EMAIL": set(), "USERNAME": set()}, RowCode.MEMBER_NOT_FOUND),
    ],
    ids=["alone", "falls through", "conflict", "among the sharers", "lowest sharer", "nobody"],
)
def test_lenient_matching(holders: Holders, expected: Match | RowCode) -> None:
    assert match(holders) == expected


@pytest.mark.parametrize(
    ("holders", "expected"),
    [
        ({"EMAIL": set(), "USERNAME": {7}}, RowCode.MEMBER_NOT_FOUND),
        ({"EMAIL": {6}, "USERNAME": {7}}, RowCode.MEMBER_AMBIGUOUS),
        ({"EMAIL": {6}, "USERNAME": set()}, Match(6, Identifier.EMAIL)),
        ({"THIRD_PARTY_ID": {7, 12}}, Match(7, Identifier.THIRD_PARTY_ID)),
    ],
    ids=["no fall-through", "ambiguous", "others may be unknown", "sharing is not ambiguous"],
)
def test_strict_matching(holders: Holders, expected: Match | RowCode) -> None:
    assert match(holders, Matching.STRICT) == expected


def test_identifiers_are_tried_in_the_documented_order() -> None:
    assert [key.kind for key in identifier_keys(row(*reversed(ORDER)))] == list(ORDER)


def test_a_member_tells_its_identifiers_by_kind() -> None:
    member = Member("acme", 5, VALUES["EMAIL"], VALUES["USERNAME"], VALUES["THIRD_PARTY_ID"])
    assert {kind.value: member.identifier(kind) for kind in Identifier} == VALUES
    assert Member("acme", 5).identifier(Identifier.EMAIL) is None
