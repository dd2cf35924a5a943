"""The routes about batch files."""

from __future__ import annotations

from http_api.batches import PAGE, REJECTS_PAGE
from openapi.operation import Example, Json, Operation, listed, page, query, record
from pointflow.domain.codes import FailureCode, FileCode, RowCode
from pointflow.domain.problem import ProblemCode
from pointflow.domain.submission import Status
from pointflow.services.grant_upload import MAX_UPLOAD_BYTES, VALID_SECONDS
from pointflow.services.read_batches import MAX_BATCHES_PAGE, MAX_REJECTS_PAGE

FILE = "activities_acme_20260901120000.txt"

_COUNT: Json = {"type": "integer", "minimum": 0}
_TIME: Json = {"type": ["string", "null"], "format": "date-time"}
_TEXT_OR_NULL: Json = {"type": ["string", "null"]}
_COUNTS: Json = {"type": "object", "additionalProperties": _COUNT}


def _reason(codes: type[FileCode] | type[FailureCode]) -> Json:
    told = record({"code": {"enum": [*codes]}, "message": {"type": "string"}})
    return {"oneOf": [told, {"type": "null"}]}


_SUBMISSION: dict[str, Json] = {
    "file": {"type": "string"},
    "version": {"type": "string", "description": "The object version that was uploaded."},
    "client_id": {"type": "string"},
    "status": {"enum": [*Status]},
    "revision": _COUNT | {"description": "Of the result; 0 while there is none."},
    "received_at": _TIME,
    "finished_at": _TIME,
    "rows": _COUNT,
    "blank": _COUNT,
    "credited": _COUNT,
    "rejected": _COUNT,
    "points": _COUNT,
    "counts": _COUNTS | {"description": "Rejected rows by code."},
    "warnings": _COUNTS,
    "refusal": _reason(FileCode),
    "failure": _reason(FailureCode),
    "held_for": _TEXT_OR_NULL | {"description": "HELD: the batch that has this content."},
    "duplicate_of": _TEXT_OR_NULL | {"description": "DUPLICATE: the version sent before."},
    "undone": {
        "oneOf": [record({"rows": _COUNT, "points": {"type": "integer"}}), {"type": "null"}]
    },
}
SUBMISSION: Json = record(_SUBMISSION)
BATCH: Json = record(
    {
        **_SUBMISSION,
        "result_key": _TEXT_OR_NULL | {"description": "Where the result lies in the bucket."},
        "others": {"type": "array", "items": SUBMISSION},
    }
)
_REJECT: Json = record(
    {
        "line": {"type": "integer", "minimum": 1},
        "code": {"enum": [*RowCode]},
        "field": _TEXT_OR_NULL,
        "message": {"type": "string"},
    }
)
_NAME: Json = {
    "name": "file_name",
    "in": "path",
    "required": True,
    "description": "The file's name.",
    "schema": {"type": "string"},
    "example": FILE,
}
_EXAMPLE = {
    "file": FILE,
    "version": "3HL4kqtJvjVBH40Nrjfkd",
    "client_id": "acme",
    "status": Status.COMPLETED_WITH_REJECTS.value,
    "revision": 1,
    "received_at": "2026-09-01T12:00:03Z",
    "finished_at": "2026-09-01T12:00:05Z",
    "rows": 3,
    "blank": 0,
    "credited": 2,
    "rejected": 1,
    "points": 150,
    "counts": {RowCode.MEMBER_NOT_FOUND.value: 1},
    "warnings": {},
    "refusal": None,
    "failure": None,
    "held_for": None,
    "duplicate_of": None,
    "undone": None,
}
_NO_SUCH_BATCH = {ProblemCode.NOT_FOUND: "The credential's client has no batch of that name."}
_PARAMETERS = {
    ProblemCode.PARAMETER_INVALID: "`errors` names every parameter that is wrong, and why."
}

LIST = Operation(
    operation_id="listBatches",
    subject="Batches",
    summary="What was uploaded, newest first",
    description=(
        "Every upload, refused and repeated ones too. The counts of one under way are those of "
        "the parts of it that are finished. A page may be short, even empty, although more "
        "follow: go on until `next_cursor` is null. What was received within the last seconds "
        "may be missing."
    ),
    parameters=(
        query("status", "Only those of this status.", {"enum": [*Status]}),
        query("day", "Only those received on this day, in UTC.", {"type": "string"}),
        *page(PAGE, MAX_BATCHES_PAGE),
    ),
    answer=listed(SUBMISSION),
    answers={"uploads": Example("The last page", {"items": [_EXAMPLE], "next_cursor": None})},
    problems=_PARAMETERS,
)
SHOW = Operation(
    operation_id="showBatch",
    subject="Batches",
    summary="What became of a file",
    description=(
        "The upload that has the name, and in `others` what else was uploaded under it. While work "
        "goes on, the counts are those of the moment."
    ),
    parameters=(_NAME,),
    answer=BATCH,
    answers={
        "a batch": Example(
            "A finished batch",
            {
                **_EXAMPLE,
                "result_key": "outbound/acme/activities_acme_20260901120000_result.json",
                "others": [],
            },
        )
    },
    problems=_NO_SUCH_BATCH,
)
REJECTS = Operation(
    operation_id="listRejects",
    subject="Batches",
    summary="The rejected rows of a file, in line order",
    description=(
        "Those that were rejected at sight and those that were rejected while crediting, in one "
        "list. A page may be short, even empty, although more follow: go on until `next_cursor` is "
        "null."
    ),
    parameters=(_NAME, *page(REJECTS_PAGE, MAX_REJECTS_PAGE)),
    answer=listed(_REJECT),
    answers={
        "rejects": Example(
            "The last page",
            {
                "items": [
                    {
                        "line": 2,
                        "code": RowCode.MEMBER_NOT_FOUND.value,
                        "field": None,
                        "message": "no member has any of the identifiers",
                    }
                ],
                "next_cursor": None,
            },
        )
    },
    problems={
        **_PARAMETERS,
        **_NO_SUCH_BATCH,
        ProblemCode.CONFLICT: "Not every row is decided: ask again when the batch is finished.",
    },
)
_SIZE: Json = {"type": "integer", "minimum": 1, "maximum": MAX_UPLOAD_BYTES}
_UPLOAD: Json = record({"file_name": {"type": "string"}, "size": _SIZE})
GRANT = Operation(
    operation_id="grantUpload",
    subject="Batches",
    summary="A signed PUT for one file",
    description=(
        "Send the file's bytes with `method` to `url`, with exactly `headers`, and begin before "
        f"`expires_at`, {VALID_SECONDS // 60} minutes at most; a credential of the stack's that "
        "runs out earlier ends it earlier: then ask anew. S3 itself refuses another size, name or "
        "client. Its answer has the version in `x-amz-version-id`. The name must be valid and of "
        "the credential's own client."
    ),
    body=_UPLOAD,
    bodies={"a file": Example("A file of 120 bytes", {"file_name": FILE, "size": 120})},
    answer=record(
        {
            "file_name": {"type": "string"},
            "size": _SIZE,
            "method": {"const": "PUT"},
            "url": {"type": "string", "format": "uri"},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "expires_at": {"type": "string", "format": "date-time"},
        }
    ),
    answers={
        "a signed request": Example(
            "Good for one file",
            {
                "file_name": FILE,
                "size": 120,
                "method": "PUT",
                "url": f"https://bucket.s3.eu-central-1.amazonaws.com/inbound/acme/{FILE}?X-Amz-…",
                "headers": {"Content-Length": "120"},
                "expires_at": "2026-09-01T12:15:00.000Z",
            },
        )
    },
    problems={
        ProblemCode.BODY_NOT_JSON: "The body is no JSON in UTF-8 that all readers read the same.",
        ProblemCode.CLIENT_MISMATCH: "The name is that of another client's file.",
        ProblemCode.UPLOAD_INVALID: "`errors` lists every fault with its JSON pointer.",
    },
)
