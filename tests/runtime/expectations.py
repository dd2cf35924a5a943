"""What each event's function must answer. An event that is not in here fails the tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from pointflow_local.runtime_log import Invocation


class Given(Enum):
    """What must be there before the event makes sense."""

    NOTHING = auto()
    UPLOADED = auto()  # the objects that it names
    PLANNING = auto()  # a submission that waits to be measured
    PARSING = auto()  # one that is measured, and may be credited
    COMPLETE = auto()  # one that waits for its report
    UNDOING = auto()  # one whose credits are to be taken back
    PUSHED = auto()  # a member whose expirations were pushed


@dataclass(frozen=True)
class Failing:
    """A partial batch response; `records` are the positions of the messages that fail."""

    records: tuple[int, ...] = ()

    def check(self, invocation: Invocation, event: Any) -> None:
        """Compare with the answer."""
        wanted = [_identifier(event["Records"][position]) for position in self.records]
        failures = [{"itemIdentifier": each} for each in wanted]
        assert invocation.error_type is None
        assert invocation.answer == {"batchItemFailures": failures}


@dataclass(frozen=True)
class Raising:
    """The function fails, so that whoever invoked it hears of it."""

    error_type: str
    message: str

    def check(self, invocation: Invocation, event: Any) -> None:
        """Compare with the answer."""
        assert invocation.error_type == self.error_type
        assert invocation.answer["errorMessage"] == self.message


@dataclass(frozen=True)
class Returning:
    """Exactly this."""

    answer: Any

    def check(self, invocation: Invocation, event: Any) -> None:
        """Compare with the answer."""
        assert invocation.error_type is None
        assert invocation.answer == self.answer


@dataclass(frozen=True)
class Answering:
    """An answer to an HTTP request: its status, and these values in its JSON body."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)

    def check(self, invocation: Invocation, event: Any) -> None:
        """Compare with the answer."""
        assert invocation.error_type is None
        assert invocation.answer["statusCode"] == self.status
        told = json.loads(invocation.answer["body"])
        assert {name: told.get(name) for name in self.body} == self.body


@dataclass(frozen=True)
class Deciding:
    """An authorizer's decision about a request of the events' client."""

    effect: str

    def check(self, invocation: Invocation, event: Any) -> None:
        """Compare with the answer."""
        assert invocation.error_type is None
        (statement,) = invocation.answer["policyDocument"]["Statement"]
        assert (statement["Effect"], invocation.answer["principalId"]) == (self.effect, "acme")


Expectation = Failing | Raising | Returning | Answering | Deciding

UNAUTHORIZED = Raising("Exception", "Unauthorized")
NOT_JSON = Answering(400, {"code": "BODY_NOT_JSON"})
INVALID_PARAMETER = Answering(422, {"code": "PARAMETER_INVALID"})
INVALID_PUSH = Answering(422, {"code": "PUSH_INVALID"})

EXPECTED: Mapping[str, tuple[Given, Expectation]] = {
    "batch_intake/upload.json": (Given.UPLOADED, Failing()),
    "batch_intake/upload_plain.json": (Given.UPLOADED, Failing()),
    "batch_intake/upload_dry_run.json": (Given.UPLOADED, Failing()),
    "batch_intake/upload_copy.json": (Given.UPLOADED, Failing()),
    "batch_intake/upload_multipart.json": (Given.UPLOADED, Failing()),
    "batch_intake/upload_key_of_all_kinds.json": (Given.UPLOADED, Failing()),
    "batch_intake/test_event.json": (Given.NOTHING, Failing()),
    "batch_intake/folder_marker.json": (Given.NOTHING, Failing()),
    "batch_intake/zero_byte.json": (Given.NOTHING, Failing()),
    "batch_intake/no_client_folder.json": (Given.NOTHING, Failing()),
    "batch_intake/part_measure.json": (Given.PLANNING, Failing()),
    "batch_intake/part_parse.json": (Given.PARSING, Failing()),
    "batch_intake/mixed.json": (Given.UPLOADED, Failing((0,))),
    "batch_intake/poison_not_json.json": (Given.NOTHING, Failing((0,))),
    "batch_intake/poison_other_event.json": (Given.NOTHING, Failing((0,))),
    "batch_intake/poison_unversioned.json": (Given.NOTHING, Failing((0,))),
    "batch_intake/poison_part.json": (Given.PARSING, Failing((0,))),
    "activity_credit/chunk.json": (Given.PARSING, Failing()),
    "activity_credit/mixed.json": (Given.PARSING, Failing((0,))),
    "activity_credit/poison.json": (Given.PARSING, Failing((0,))),
    "batch_report/report.json": (Given.COMPLETE, Failing()),
    "batch_report/mixed.json": (Given.COMPLETE, Failing((0,))),
    "batch_report/poison.json": (Given.COMPLETE, Failing((0,))),
    "batch_undo/cells.json": (Given.UNDOING, Failing()),
    "batch_undo/chunk.json": (Given.UNDOING, Failing()),
    "batch_undo/mixed.json": (Given.UNDOING, Failing((0,))),
    "batch_undo/poison.json": (Given.UNDOING, Failing((0,))),
    "batch_watch/schedule.json": (Given.NOTHING, Returning(None)),
    "batch_watch/poison.json": (
        Given.NOTHING,
        Raising("MessageInvalidError", "batch_watch is invoked by its schedule only"),
    ),
    "ledger_verify/schedule.json": (Given.NOTHING, Returning(None)),
    "ledger_verify/poison.json": (
        Given.NOTHING,
        Raising("MessageInvalidError", "ledger_verify is invoked by its schedule only"),
    ),
    "credential_authorizer/push_api_key.json": (Given.NOTHING, Deciding("Allow")),
    "credential_authorizer/push_basic.json": (Given.NOTHING, Deciding("Allow")),
    "credential_authorizer/read_member.json": (Given.NOTHING, Deciding("Allow")),
    "credential_authorizer/poison_no_credential.json": (Given.NOTHING, UNAUTHORIZED),
    "credential_authorizer/poison_wrong_beside_right.json": (Given.NOTHING, UNAUTHORIZED),
    "credential_authorizer/poison_no_method.json": (
        Given.NOTHING,
        Raising("MessageInvalidError", "the event lacks httpMethod, resource or methodArn"),
    ),
    "credential_authorizer/poison_token_authorizer.json": (
        Given.NOTHING,
        Raising("MessageInvalidError", "credential_authorizer is a REQUEST authorizer"),
    ),
    # The same body again counts as one push, however it is wrapped.
    "expiration_push/push.json": (Given.PUSHED, Answering(200, {"status": "duplicate"})),
    "expiration_push/push_base64.json": (Given.PUSHED, Answering(200, {"status": "duplicate"})),
    "expiration_push/poison_bytes.json": (Given.NOTHING, NOT_JSON),
    "expiration_push/poison_no_body.json": (Given.NOTHING, NOT_JSON),
    "expiration_push/poison_not_json.json": (Given.NOTHING, NOT_JSON),
    "expiration_push/poison_content_type.json": (
        Given.NOTHING,
        Answering(415, {"code": "CONTENT_TYPE_UNSUPPORTED"}),
    ),
    "expiration_push/poison_faults_everywhere.json": (Given.NOTHING, INVALID_PUSH),
    "expiration_push/poison_names_nobody.json": (Given.NOTHING, INVALID_PUSH),
    "expiration_projection/first_view.json": (Given.NOTHING, Failing()),
    "expiration_projection/changed_view.json": (Given.NOTHING, Failing()),
    "expiration_projection/removed_view.json": (Given.NOTHING, Failing()),
    "expiration_projection/expired_index_entry.json": (Given.NOTHING, Failing()),
    "expiration_projection/mixed.json": (Given.NOTHING, Failing((1,))),
    "expiration_projection/poison.json": (Given.NOTHING, Failing((0,))),
    "expiration_projection/poison_keys_only.json": (Given.NOTHING, Failing((0,))),
    "http_api/current.json": (Given.PUSHED, Answering(200, {"third_party_id": "12322"})),
    "http_api/history.json": (Given.PUSHED, Answering(200, {"next_cursor": None})),
    "http_api/credits.json": (Given.NOTHING, Answering(200, {"next_cursor": None})),
    "http_api/upcoming.json": (Given.PUSHED, Answering(200, {"next_cursor": None})),
    "http_api/batches.json": (Given.NOTHING, Answering(200, {"items": [], "next_cursor": None})),
    "http_api/batch.json": (Given.NOTHING, Answering(404, {"code": "NOT_FOUND"})),
    "http_api/rejects.json": (Given.NOTHING, Answering(404, {"code": "NOT_FOUND"})),
    "http_api/upload.json": (Given.NOTHING, Answering(200, {"method": "PUT"})),
    "http_api/poison_upload.json": (Given.NOTHING, Answering(422, {"code": "UPLOAD_INVALID"})),
    "http_api/poison_upload_of_another_client.json": (
        Given.NOTHING,
        Answering(403, {"code": "CLIENT_MISMATCH"}),
    ),
    "http_api/poison_cursor.json": (Given.NOTHING, INVALID_PARAMETER),
    "http_api/poison_parameters.json": (Given.NOTHING, INVALID_PARAMETER),
    "http_api/poison_user_id.json": (Given.NOTHING, INVALID_PARAMETER),
    "http_api/poison_unknown_route.json": (Given.NOTHING, Answering(404, {"code": "NOT_FOUND"})),
    "http_api/poison_no_authorizer.json": (
        Given.NOTHING,
        Raising(
            "MessageInvalidError", "http_api is invoked by its API only, behind its authorizer"
        ),
    ),
}


def _identifier(record: Mapping[str, Any]) -> str:
    # A queue's message, or a stream's record.
    return str(record.get("messageId") or record["dynamodb"]["SequenceNumber"])
