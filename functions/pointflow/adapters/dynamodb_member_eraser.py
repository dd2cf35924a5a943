"""Takes what is personal out of MembersTable; the points stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.adapters.member_requests import (
    Guard,
    ProfileChange,
    Step,
    build_profile_steps,
    holders_of,
    identifier_key,
)
from pointflow.domain.member import IdentifierKey, Member, MemberStatus


class DynamoDBMemberEraser(DynamoDBMembers):
    """Fulfils `ports.erasure.MemberEraser`."""

    def bar(self, member: Member, at: int) -> None:
        """Make the account one that nothing is credited to. Identifiers and pointers stay."""

        def steps() -> list[Step]:
            known = self.member(member.client_id, member.user_id)
            if known is None or known.status is MemberStatus.FORGOTTEN:
                return []
            barred = replace(known, status=MemberStatus.FORGOTTEN)
            return build_profile_steps(self._members_table, [ProfileChange(known, barred)], at)

        self._write(steps)

    def erase_profile(self, client_id: str, user_id: int, at: int) -> bool:
        """Take the identifiers and the pointers to the account away, in one transaction."""

        def steps() -> list[Step]:
            known = self.member(client_id, user_id)
            if known is None:
                return []
            bare = replace(
                known,
                email=None,
                username=None,
                third_party_id=None,
                status=MemberStatus.FORGOTTEN,
            )
            change = ProfileChange(known, bare)
            if not change.needed:
                return []
            return [
                self._leave(step) if step.guard is Guard.SHARE else step
                for step in build_profile_steps(self._members_table, [change], at)
            ]

        return self._write(steps)

    def shares(self, client_id: str, key: IdentifierKey) -> bool:
        """Whether more than one member holds an identifier."""
        return len(self._pointed_at(identifier_key(client_id, key))) > 1

    def _leave(self, step: Step) -> Step:
        """Leave a shared pointer; whoever is the last one takes it along.

        An empty set would go, and leave the pointer, whose key is the identifier itself.
        """
        update: Any = step.action["Update"]
        key = update["Key"]["key"]["S"]
        mine = update["ExpressionAttributeValues"][":mine"]
        if self._pointed_at(key) - {step.user_id}:
            condition = "size(#user_ids) > :one"
            values = {":mine": mine, ":one": {"N": "1"}}
            left: Any = {
                "Update": {
                    **update,
                    "ConditionExpression": condition,
                    "ExpressionAttributeValues": values,
                }
            }
        else:
            left = {
                "Delete": {
                    "TableName": self._members_table,
                    "Key": update["Key"],
                    "ConditionExpression": "attribute_not_exists(#user_ids) OR #user_ids = :mine",
                    "ExpressionAttributeNames": {"#user_ids": "user_ids"},
                    "ExpressionAttributeValues": {":mine": mine},
                }
            }
        # Somebody who joined or left meanwhile means that all is to be read again.
        return Step(Guard.RELEASE, step.user_id, left, step.kind)

    def _pointed_at(self, key: str) -> frozenset[int]:
        answer = self._client.get_item(
            TableName=self._members_table, Key={"key": {"S": key}}, ConsistentRead=True
        )
        return holders_of(answer.get("Item", {}))
