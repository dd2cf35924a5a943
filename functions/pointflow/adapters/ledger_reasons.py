"""What a cancelled transaction's reasons say about each row, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointflow.adapters.ledger_items import entry_of
from pointflow.adapters.ledger_requests import Group
from pointflow.adapters.retrying import CONTENTION_CODES
from pointflow.domain.codes import RowCode
from pointflow.domain.errors import EntryMismatchError, EntryRefusedError
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import MemberStatus

_FINE = "None"
_CONDITION_FAILED = "ConditionalCheckFailed"
_OF_STATUS = {
    MemberStatus.INACTIVE.value: RowCode.MEMBER_INACTIVE,
    MemberStatus.FORGOTTEN.value: RowCode.MEMBER_NOT_FOUND,
}
_KNOWN_CODES = CONTENTION_CODES | {_FINE, _CONDITION_FAILED}


@dataclass(slots=True)
class Reading:
    """What became of a transaction's groups.

    `standing` entries are decided; `rejections` are to be recorded instead of what was tried, and
    change no account; `clear` groups may be tried again at once and `contended` ones after a wait;
    `faults` belong to rows that cannot be recorded at all.
    """

    standing: list[Entry] = field(default_factory=list)
    rejections: list[Group] = field(default_factory=list)
    clear: list[Group] = field(default_factory=list)
    contended: list[Group] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)


def read_reasons(groups: Sequence[Group], reasons: Sequence[Mapping[str, Any]]) -> Reading:
    """Read CancellationReasons, which stand in the order of the request's actions."""
    reading = Reading()
    start = 0
    for group in groups:
        _read_group(group, reasons[start : start + group.actions], reading)
        start += group.actions
    if not reading.contended and not (reading.standing or reading.rejections or reading.faults):
        # Cancelled, and no reason says why: never spin on it.
        reading.clear, reading.contended = [], reading.clear
    return reading


def _read_group(group: Group, reasons: Sequence[Mapping[str, Any]], reading: Reading) -> None:
    refused = [_code(reason) for reason in reasons if _code(reason) not in _KNOWN_CODES]
    if refused:
        identity = group.entries[0].identity
        reading.faults.append(EntryRefusedError(f"{refused[0]} at or near {identity!r}"))
        return
    undecided = [
        (entry, reason)
        for entry, reason in zip(group.entries, reasons, strict=False)
        if not _decided(entry, reason, reading)
    ]
    if not undecided:
        return
    entries = tuple(entry for entry, _ in undecided)
    account = reasons[-1] if group.user_id is not None else {}
    if group.takes_back and _is_gone(account):
        # Of an account that is gone only the entries are left to set right.
        reading.rejections += [Group(None, (entry,)) for entry in entries]
        return
    code = None if group.takes_back else _rejection(account)
    if code is not None:
        reading.rejections += [Group(None, (entry.rejected(code),)) for entry in entries]
        return
    # A condition that failed, but would hold for what was found, was overtaken: try again.
    contended = any(
        _code(reason) != _FINE for reason in (account, *(reason for _, reason in undecided))
    )
    rest = Group(group.user_id, entries)
    (reading.contended if contended else reading.clear).append(rest)


def _decided(entry: Entry, reason: Mapping[str, Any], reading: Reading) -> bool:
    """Whether nothing is left to do for the entry: it stands already, or it never can."""
    found = _entry_found(reason)
    if found is None:
        return False
    if found.content == entry.content:
        reading.standing.append(found)
        return True
    if found.decision is Decision.CREDITED:
        message = f"{entry.identity!r} is a credit of other content: this row was not credited"
        reading.faults.append(EntryMismatchError(message))
        return True
    return False


def _entry_found(reason: Mapping[str, Any]) -> Entry | None:
    if _code(reason) != _CONDITION_FAILED or not reason.get("Item"):
        return None
    return entry_of(reason["Item"])


def _is_gone(account: Mapping[str, Any]) -> bool:
    return _code(account) == _CONDITION_FAILED and not account.get("Item")


def _rejection(account: Mapping[str, Any]) -> RowCode | None:
    if _code(account) != _CONDITION_FAILED:
        return None
    item = account.get("Item")
    if not item:
        return RowCode.MEMBER_NOT_FOUND
    return _OF_STATUS.get(item.get("status", {}).get("S", ""))


def _code(reason: Mapping[str, Any]) -> str:
    return reason.get("Code") or _FINE
