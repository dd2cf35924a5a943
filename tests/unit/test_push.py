"""Whom a push is about, and which of two pushes is the newer."""

import pytest

from pointflow.domain.push import KeyKind, MemberKey, Push, Version, version_of

ANN = MemberKey("acme", KeyKind.USER_ID, "7")


def push(instant: int | None, digest: str = "d") -> Push:
    return Push(ANN, digest, "{}", None, instant, ())


@pytest.mark.parametrize(
    "key",
    [
        ANN,
        MemberKey("acme", KeyKind.EMAIL, "ann#1@example.com"),
        MemberKey("acme", KeyKind.THIRD_PARTY_ID, "#U#7"),
    ],
)
def test_a_member_key_is_read_as_it_was_written(key: MemberKey) -> None:
    assert MemberKey.parse(key.text) == key


@pytest.mark.parametrize("text", ["", "acme", "acme#U", "acme#X#7", "acme#2022-05#07"])
def test_other_keys_are_not_a_members(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        MemberKey.parse(text)


def test_the_message_date_decides_before_the_receipt() -> None:
    assert version_of(push(instant=5), 900) < version_of(push(instant=6), 100)


def test_of_equal_message_dates_the_one_received_later_is_newer() -> None:
    assert version_of(push(5, "b"), 100) < version_of(push(5, "a"), 101)


def test_of_equal_receipts_the_digest_decides() -> None:
    assert version_of(push(5, "a"), 100) < version_of(push(5, "b"), 100)


def test_an_undated_push_is_as_old_as_its_first_receipt() -> None:
    assert version_of(push(None), 100) == Version(100, 100, "d")
