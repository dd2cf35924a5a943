"""Let a client upload one batch file: under one valid name of its own, of one exact size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pointflow.domain.file_name import parse_file_name, refuse_other_client
from pointflow.domain.problem import Fault, Problem, ProblemCode
from pointflow.domain.strict_json import JsonError, decode_text, parse_json
from pointflow.domain.submission import Refusal, SubmissionRef
from pointflow.ports.batch_api import UploadGrant, UploadGrants

MAX_BODY_BYTES = 4_096
MAX_UPLOAD_BYTES = 5 * 1024**3
"""S3's limit for one PUT."""

VALID_SECONDS = 900
"""How long an upload may wait for its beginning; once begun, it may take as long as it takes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client asks to upload."""

    file_name: str
    size: int


def grant_upload(
    client_id: str, body: bytes, *, grants: UploadGrants
) -> tuple[Wanted, UploadGrant] | Problem:
    """Sign an upload for a client.

    Parameters
    ----------
    client_id : str
        Whose credential asks. No upload ever goes to another's folder.
    body : bytes
        `{"file_name": "activities_….txt", "size": bytes}`.

    Returns
    -------
    tuple of Wanted and UploadGrant, or Problem
    """
    if len(body) > MAX_BODY_BYTES:
        return Problem(ProblemCode.BODY_TOO_LARGE, f"a body has at most {MAX_BODY_BYTES} bytes")
    try:
        wanted = _read(parse_json(decode_text(body)))
    except JsonError as error:
        return Problem(ProblemCode.BODY_NOT_JSON, str(error))
    if isinstance(wanted, Problem):
        return wanted
    name = parse_file_name(wanted.file_name)
    if isinstance(name, Refusal):
        return _invalid(Fault("/file_name", f"{name.code}: {name.message}"))
    if refused := refuse_other_client(name, client_id):
        return Problem(ProblemCode.CLIENT_MISMATCH, refused.message)
    ref = SubmissionRef(client_id, wanted.file_name, "")
    return wanted, grants.grant(ref, wanted.size, VALID_SECONDS)


def _read(document: Any) -> Wanted | Problem:
    if not isinstance(document, dict):
        return _invalid(Fault("", "must be an object"))
    file_name, size = document.get("file_name"), document.get("size")
    faults = []
    if not isinstance(file_name, str):
        faults.append(Fault("/file_name", "must be a text: the name of the file"))
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_UPLOAD_BYTES:
        faults.append(
            Fault("/size", f"must be the file's bytes, an integer from 1 to {MAX_UPLOAD_BYTES}")
        )
    # Whoever sends more believes that it does something.
    faults += [
        Fault(f"/{_pointer(name)}", "is not known here")
        for name in document
        if name not in {"file_name", "size"}
    ]
    return _invalid(*faults) if faults else Wanted(str(file_name), int(str(size)))


def _invalid(*faults: Fault) -> Problem:
    return Problem(ProblemCode.UPLOAD_INVALID, f"errors lists {len(faults)} fault(s)", faults)


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
