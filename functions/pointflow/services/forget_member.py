"""Forget a member: take what is personal out of what is stored, and keep it from coming back.

The account keeps its points and its number, and so do the ledger's entries: that is the accounting,
and names nobody. The tombstones come first, the account's own identifiers go last: a run that is
cut off is run again, and finds by them what is still to be done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from pointflow.domain.erasure import Names
from pointflow.domain.member import Identifier, IdentifierKey
from pointflow.domain.push import MemberKey
from pointflow.ports.erasure import MemberEraser, ObjectVersions, PushEraser, Tombstones
from pointflow.services.sweep_objects import Swept, sweep_objects


@dataclass(slots=True)
class Forgetting:
    """What was touched.

    Attributes
    ----------
    account : bool
        Whether identifiers were taken out of an account; False also where that was done before.
    pushes, index_days : int
        Views and pushes that were deleted, and days of the month index.
    swept : Swept
        Objects of the bucket.
    shares_third_party_id : bool
        Whether others hold the third party id: what it alone names was left.
    """

    account: bool = False
    pushes: int = 0
    index_days: int = 0
    swept: Swept = field(default_factory=Swept)
    shares_third_party_id: bool = False


def forget_member(
    client_id: str,
    user_id: int,
    *,
    members: MemberEraser,
    tombstones: Tombstones,
    pushes: PushEraser,
    bucket: ObjectVersions,
    at: int,
    looked_at: Callable[[int], None] = lambda _: None,
) -> Forgetting:
    """Forget a member. May be repeated; repeating finishes what was cut off.

    Parameters
    ----------
    client_id : str
    user_id : int
        There need be no such member: pushes may name it all the same.
    members, tombstones, pushes, bucket
        Ports.
    at : int
        Seconds since the epoch.
    looked_at : callable
        Told how many versions of objects are looked at so far.

    Raises
    ------
    ContentionError
        A table was busy for too long. Run it again.
    """
    done = Forgetting()
    member = members.member(client_id, user_id)
    names = Names(client_id, user_id)
    if member is not None:
        if member.third_party_id is not None:
            third = IdentifierKey(Identifier.THIRD_PARTY_ID, member.third_party_id)
            done.shares_third_party_id = members.shares(client_id, third)
        names = Names.of(member, shares_third_party_id=done.shares_third_party_id)
    tombstones.bury(names.keys, at)
    if member is not None:
        members.bar(member, at)
    days: dict[MemberKey, frozenset[date]] = {}
    for key in names.keys:
        erased = pushes.erase(key)
        days[key] = erased.days
        done.pushes += erased.pushes
        done.index_days += len(erased.days)
    done.swept = sweep_objects(names, bucket, looked_at)
    # What came in while the tombstones were new to those that look for them.
    for key in names.keys:
        done.pushes += pushes.erase(key, days[key]).pushes
    done.account = members.erase_profile(client_id, user_id, at)
    return done
