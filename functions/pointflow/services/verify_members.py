"""Prove that every member's balance and lifetime points equal the sum of the member's entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pointflow.domain.verification import Account, Findings, account_drifts
from pointflow.ports.books import Books
from pointflow.services.confirm_drifts import Look, Suspect, confirm_drifts


def verify_members(
    accounts: Iterable[Account], *, books: Books, pause: Callable[[float], None]
) -> Findings:
    """Compare some accounts with their entries; in memory that does not grow with the entries."""
    suspects: list[Suspect] = []
    seen = 0
    for account in accounts:
        seen += 1
        change = books.change(account.client_id, account.user_id)
        if any(account_drifts(account, change)):
            suspects.append(_suspect(account, books))
    confirmed = confirm_drifts(suspects, pause)
    return Findings(members=seen, drifts=confirmed.drifts, moving=confirmed.moving)


def _suspect(scanned: Account, books: Books) -> Suspect:
    client_id, user_id = scanned.client_id, scanned.user_id

    def look() -> Look:
        before = books.account(client_id, user_id)
        change = books.change(client_id, user_id)
        after = books.account(client_id, user_id)
        if after is None:  # removed meanwhile: there is nothing left to prove
            return Look(None, ())
        return Look(after if after == before else None, tuple(account_drifts(after, change)))

    return look
