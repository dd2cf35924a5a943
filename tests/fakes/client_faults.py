"""What AWS does to a client's call: each goes wrong in one way where a test says so.

Made for `Faults(position, instead=...)` around low-level DynamoDB and SQS clients. Calls of
anything else, and calls that cannot go wrong in that way, are let through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from tests.fakes.faults import Instead

TRANSACTION = "transact_write_items"
SINGLE_WRITES = frozenset({"put_item", "update_item", "delete_item"})
DYNAMODB = SINGLE_WRITES | {TRANSACTION, "get_item", "batch_get_item", "query", "scan"}
SQS = frozenset({"send_message_batch"})
ENDPOINT = "https://aws.example"

type Send = Callable[[], Any]
type Request = Mapping[str, Any]


def throttled(name: str, request: Request, send: Send) -> Any:
    """Refused for its rate; a transaction names the item that was throttled."""
    if name == TRANSACTION:
        raise cancelled(name, request, "ThrottlingError")
    if name in DYNAMODB:
        raise refused(name, "ProvisionedThroughputExceededException")
    if name in SQS:
        raise refused(name, "RequestThrottled")
    return send()


def in_conflict(name: str, request: Request, send: Send) -> Any:
    """Another writer's transaction holds an item that this one writes."""
    if name == TRANSACTION:
        raise cancelled(name, request, "TransactionConflict")
    if name in SINGLE_WRITES:
        raise refused(name, "TransactionConflictException")
    return send()


def in_progress(name: str, _request: Request, send: Send) -> Any:
    """The same transaction is still under way."""
    if name == TRANSACTION:
        raise refused(name, "TransactionInProgressException")
    return send()


def never_sent(name: str, _request: Request, send: Send) -> Any:
    """No connection could be made."""
    if name in DYNAMODB | SQS:
        raise ConnectTimeoutError(endpoint_url=ENDPOINT)
    return send()


def answer_lost(name: str, _request: Request, send: Send) -> Any:
    """It was done, and nobody heard so."""
    answer = send()
    if name in DYNAMODB | SQS:
        raise ReadTimeoutError(endpoint_url=ENDPOINT)
    return answer


def failed_inside(name: str, _request: Request, send: Send) -> Any:
    """AWS itself failed, and did nothing."""
    if name in DYNAMODB | SQS:
        raise refused(name, "InternalServerError" if name in DYNAMODB else "InternalError")
    return send()


def failed_inside_when_done(name: str, _request: Request, send: Send) -> Any:
    """AWS itself failed after it had done everything."""
    answer = send()
    if name in DYNAMODB | SQS:
        raise refused(name, "InternalServerError" if name in DYNAMODB else "InternalError")
    return answer


def not_allowed(name: str, _request: Request, send: Send) -> Any:
    """A right is missing for a moment, as while a policy is replaced: no retry of ours."""
    if name in DYNAMODB | SQS:
        raise refused(name, "AccessDeniedException")
    return send()


def half_done(name: str, request: Request, send: Send) -> Any:
    """Of a batch, only some is answered or accepted; the rest is named, or not even that."""
    if name == "batch_get_item":
        return _half_read(request, send())
    if name == "send_message_batch":
        return _half_sent(request, send)
    return send()


KINDS: Mapping[str, Instead] = {
    fault.__name__: fault
    for fault in (
        throttled,
        in_conflict,
        in_progress,
        never_sent,
        answer_lost,
        failed_inside,
        failed_inside_when_done,
        not_allowed,
        half_done,
    )
}


def refused(operation: str, code: str) -> ClientError:
    """An error answer as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def cancelled(operation: str, request: Request, code: str) -> ClientError:
    """A transaction that was cancelled for its last action."""
    reasons = [{"Code": "None"} for _ in request["TransactItems"]]
    reasons[-1] = {"Code": code}
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": code},
        "CancellationReasons": reasons,
    }
    return ClientError(response, operation)


def _half_read(request: Request, answer: dict[str, Any]) -> dict[str, Any]:
    ((table, wanted),) = request["RequestItems"].items()
    kept = answer["Responses"][table][: len(wanted["Keys"]) // 2]
    left = [key for key in wanted["Keys"] if not any(key.items() <= item.items() for item in kept)]
    return {
        "Responses": {table: kept},
        "UnprocessedKeys": {table: {**wanted, "Keys": left}},
    }


def _half_sent(request: Request, send: Send) -> dict[str, Any]:
    # The call takes the request itself: what is cut off here is not sent.
    entries = request["Entries"]
    kept = len(entries) // 2
    failed = [
        {"Id": each["Id"], "Code": "InternalError", "SenderFault": False}
        for each in entries[kept + 1 :]
    ]
    if not kept:
        return {"Successful": [], "Failed": failed}
    sent, entries[:] = list(entries), entries[:kept]
    try:
        accepted = send()["Successful"]
    finally:
        entries[:] = sent
    return {"Successful": accepted, "Failed": failed}
