"""Members in MembersTable, and their opening balances in LedgerTable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from pointflow.adapters.batch_get import Patience, batch_get, patient
from pointflow.adapters.ledger_items import member_key
from pointflow.adapters.member_requests import (
    Guard,
    ProfileChange,
    Step,
    build_opening_actions,
    build_profile_steps,
    holders_of,
    identifier_key,
    member_of,
    storable,
)
from pointflow.adapters.retrying import CONTENTION_CODES, error_code, is_contention
from pointflow.domain.errors import (
    ConflictError,
    IdentifierHeldError,
    MemberForgottenError,
    NotFoundError,
)
from pointflow.domain.ledger import opening_identity
from pointflow.domain.member import IdentifierKey, Member, MemberStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_CANCELLED = "TransactionCanceledException"
_CONDITION_FAILED = "ConditionalCheckFailed"


class DynamoDBMembers:
    """Reads and changes members. Fulfils `MemberDirectory` and `MemberAdmin` of `ports.members`.

    Safe for threads.

    Parameters
    ----------
    client : DynamoDBClient
    members_table : str
    ledger_table : str
        Needed by `open_balance` alone. Empty for a stack that credits no points: no balance is
        opened then.
    patience : callable
        Makes the back-off of one call.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        members_table: str,
        ledger_table: str = "",
        *,
        patience: Patience = patient,
    ) -> None:
        self._client = client
        self._members_table = members_table
        self._ledger_table = ledger_table
        self._patience = patience

    def holders(
        self, client_id: str, keys: Collection[IdentifierKey]
    ) -> Mapping[IdentifierKey, frozenset[int]]:
        """Members by identifier; whoever nobody holds is left out."""
        asked = {identifier_key(client_id, key): key for key in keys}
        found: dict[IdentifierKey, frozenset[int]] = {}
        for item in self._read(asked, ("key", "user_id", "user_ids", "status")):
            users = holders_of(item)
            if users:
                found[asked[item["key"]["S"]]] = users
        return found

    def statuses(self, client_id: str, user_ids: Collection[int]) -> Mapping[int, MemberStatus]:
        """Status of the members that exist."""
        keys = {member_key(client_id, user_id) for user_id in user_ids}
        return {
            int(item["user_id"]["N"]): MemberStatus(item["status"]["S"])
            for item in self._read(keys, ("user_id", "status"))
        }

    def member(self, client_id: str, user_id: int) -> Member | None:
        """A member with balance and lifetime points; None if there is none."""
        response = self._client.get_item(
            TableName=self._members_table,
            Key={"key": {"S": member_key(client_id, user_id)}},
            ConsistentRead=True,
        )
        return member_of(client_id, response["Item"]) if "Item" in response else None

    def save_profile(self, member: Member, at: int, *, readmit: bool = False) -> bool:
        """Create a member or change its profile. See `ports.MemberAdmin.save_profile`."""

        def steps() -> list[Step]:
            change = ProfileChange(self.member(member.client_id, member.user_id), member)
            if not change.needed:
                return []
            if change.of_forgotten and not readmit:
                raise MemberForgottenError(f"member {member.user_id} was forgotten")
            return build_profile_steps(self._members_table, [change], at)

        return self._write(steps)

    def exchange_identifiers(self, members: Sequence[Member], at: int) -> None:
        """Change emails and usernames at once. See `ports.MemberAdmin.exchange_identifiers`."""

        def steps() -> list[Step]:
            changes = [self._exchange(member) for member in members]
            needed = [change for change in changes if change.needed]
            return build_profile_steps(self._members_table, needed, at)

        self._write(steps)

    def open_balance(self, client_id: str, user_id: int, points: int, at: int) -> bool:
        """Credit the opening balance, once. See `ports.MemberAdmin.open_balance`."""
        if not self._ledger_table:
            return False
        backoff = self._patience()
        actions = build_opening_actions(
            ledger_table=self._ledger_table,
            members_table=self._members_table,
            client_id=client_id,
            user_id=user_id,
            points=points,
            at=at,
        )
        while True:
            try:
                if self._is_opened(client_id, user_id):
                    return False
                self._client.transact_write_items(TransactItems=actions)
            except (ClientError, BotoCoreError) as error:
                entry, account = _reasons(error) or ({}, {})
                if _failed(entry):
                    return False
                if _failed(account):
                    message = f"client {client_id} has no member {user_id}"
                    raise NotFoundError(message) from error
                _raise_unless_contention(error)
            else:
                return True
            backoff.wait("an opening balance was throttled or in conflict")

    def _read(self, keys: Collection[str], attributes: Sequence[str]) -> Any:
        return batch_get(
            self._client,
            self._members_table,
            ({"key": {"S": key}} for key in keys if storable(key)),
            attributes,
            self._patience,
        )

    def _exchange(self, member: Member) -> ProfileChange:
        known = self.member(member.client_id, member.user_id)
        if known is None:
            raise NotFoundError(f"client {member.client_id} has no member {member.user_id}")
        return ProfileChange(known, replace(known, email=member.email, username=member.username))

    def _is_opened(self, client_id: str, user_id: int) -> bool:
        """Spare an import that runs again the price of a transaction that must fail.

        The read need not be consistent: the transaction's condition decides.
        """
        response = self._client.get_item(
            TableName=self._ledger_table,
            Key={"identity": {"S": opening_identity(client_id, user_id)}},
            ProjectionExpression="#identity",
            ExpressionAttributeNames={"#identity": "identity"},
        )
        return "Item" in response

    def _write(self, read_and_plan: Callable[[], list[Step]]) -> bool:
        """Read, plan and write until no other writer came between; False: nothing to write."""
        backoff = self._patience()
        while True:
            steps: list[Step] = []
            try:
                steps = read_and_plan()
                if not steps:
                    return False
                self._client.transact_write_items(TransactItems=[step.action for step in steps])
            except (ClientError, BotoCoreError) as error:
                _raise_unless_overtaken(error, steps)
            else:
                return True
            backoff.wait("a member's profile was throttled or in conflict")


def _raise_unless_overtaken(error: ClientError | BotoCoreError, steps: Sequence[Step]) -> None:
    """Return where reading and writing again is right; raise what stands in the way otherwise."""
    reasons = _reasons(error)
    if reasons is None or any(_code(reason) in CONTENTION_CODES for reason in reasons):
        _raise_unless_contention(error)
        return
    pairs = list(zip(steps, reasons, strict=True))
    if any(_failed(reason) for step, reason in pairs if step.guard is not Guard.CLAIM):
        return
    for step, reason in pairs:
        if _failed(reason) and step.kind is not None:
            holder = int(reason["Item"]["user_id"]["N"])
            raise IdentifierHeldError(step.kind, holder, step.user_id) from error
        if step.guard is Guard.SHARE and _code(reason) == "ValidationError":
            message = f"the third party id of member {step.user_id} is shared by too many members"
            raise ConflictError(message) from error
    raise error


def _raise_unless_contention(error: ClientError | BotoCoreError) -> None:
    reasons = _reasons(error) or []
    if not is_contention(error) and not any(_code(each) in CONTENTION_CODES for each in reasons):
        raise error


def _reasons(error: Exception) -> list[Any] | None:
    """Why a transaction was cancelled, action by action; None for any other error."""
    if isinstance(error, ClientError) and error_code(error) == _CANCELLED:
        reasons: Any = error.response.get("CancellationReasons")
        return list(reasons)
    return None


def _failed(reason: Mapping[str, Any]) -> bool:
    return _code(reason) == _CONDITION_FAILED


def _code(reason: Mapping[str, Any]) -> str:
    return str(reason.get("Code", ""))
