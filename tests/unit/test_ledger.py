"""What an entry changes in its member's account."""

from dataclasses import replace

from pointflow.domain.codes import RowCode
from pointflow.domain.ledger import AccountChange, Decision, Entry, account_change

CREDIT = Entry("acme/f/1", "c", Decision.CREDITED, recorded_at=0, user_id=1, points=50)


def test_what_is_credited_is_added_to_balance_and_lifetime() -> None:
    entries = [CREDIT, replace(CREDIT, identity="acme/f/2", points=7)]

    assert account_change(entries) == AccountChange(balance=57, lifetime=57)


def test_a_rejection_changes_nothing_whatever_it_carries() -> None:
    rejected = replace(CREDIT.rejected(RowCode.ACTIVITY_UNKNOWN), points=9)

    assert account_change([rejected]) == AccountChange()
    assert account_change([]) == AccountChange()


def test_an_entry_below_zero_takes_back() -> None:
    back = replace(CREDIT, identity="acme/f/1/undo", points=-50)

    assert account_change([CREDIT, back]) == AccountChange()
    assert account_change([back]) == AccountChange(balance=-50, lifetime=-50)


def test_changes_add_up() -> None:
    assert AccountChange(1, 2) + AccountChange(10, 20) == AccountChange(11, 22)
