"""What a batch file may be called.

activities_<client_id>_<yyyymmddhhmiss>.txt
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from pointflow.domain.client import CLIENT_ID
from pointflow.domain.codes import FileCode
from pointflow.domain.submission import Refusal
from pointflow.domain.text import shown

MAX_STEM_BYTES = 512
"""Room is left for prefix, client, suffix and object version within S3's 1,024 bytes a key."""

_NAME = re.compile(rf"activities_({CLIENT_ID.pattern})_([0-9]{{14}})\.txt")
_PARTNER = re.compile(r"partner_[^_]+_activities_.*", re.DOTALL)
_TEMPORARY = re.compile(
    r"\..*|~.*|#.*#|.*~"
    r"|.*\.(?:filepart|tmp|temp|part|partial|crdownload|download|upload|uploading|writing|swp|lock)",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class BatchFileName:
    """What a valid name says. `moment` is the UTC time in it, in seconds since the epoch."""

    client_id: str
    moment: int


def parse_file_name(name: str) -> BatchFileName | Refusal:
    """Read a file's name.

    Parameters
    ----------
    name : str
        The bare name, no folder.

    Returns
    -------
    BatchFileName or Refusal
        `FILE_NAME_INVALID`, with what to change.
    """
    if is_temporary_name(name):
        return _invalid(
            name, "is the name of an unfinished upload; rename the file once it is whole"
        )
    found = _NAME.fullmatch(name)
    if found is None:
        return _invalid(name, _hint(name))
    moment = _moment(found[2])
    if moment is None:
        return _invalid(name, f"holds {found[2]}, which is no UTC date and time (yyyymmddhhmiss)")
    return BatchFileName(found[1], moment)


def refuse_other_client(name: BatchFileName, client_id: str) -> Refusal | None:
    """Refuse a file that names another client than the one whose folder it lies in."""
    if name.client_id == client_id:
        return None
    return Refusal(
        FileCode.CLIENT_MISMATCH,
        f"the file's name says client {shown(name.client_id)}, but it was sent for client"
        f" {shown(client_id)}; send it to its own client's folder, or correct the name"
        " (client ids are case-sensitive)",
    )


def is_temporary_name(name: str) -> bool:
    """Whether upload tools and editors give such names to files they have not finished.

    Intake ignores them until they are renamed; `validate` refuses them.
    """
    return _TEMPORARY.fullmatch(name) is not None


def result_stem(file_name: str) -> str:
    """What the names of a file's result files start with.

    The name without `.txt`. A refused file can have any name: one without `.txt` gets a hash of
    the name, lest it share results with its namesake that has it, and so does one that is too
    long for an object key, which is cut.
    """
    stem = file_name.removesuffix(".txt")
    encoded = stem.encode("utf-8", "surrogatepass")
    if stem != file_name and len(encoded) <= MAX_STEM_BYTES:
        return stem
    digest = hashlib.sha256(file_name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    kept = encoded[: MAX_STEM_BYTES - len(digest) - 1].decode("utf-8", "ignore")
    return f"{kept}-{digest}"


def _invalid(name: str, problem: str) -> Refusal:
    return Refusal(FileCode.FILE_NAME_INVALID, f"the file name {shown(name, 80)} {problem}")


def _hint(name: str) -> str:
    wanted = "activities_<client_id>_<yyyymmddhhmiss>.txt"
    if _PARTNER.fullmatch(name):
        return f"is of the partner form, which is not taken here; send the file as {wanted}"
    if _NAME.fullmatch(name.lower()):
        return f"must be written in lower case around the client id: {wanted}"
    return (
        f"is not of the form {wanted}, where the client id is 1 to 32 of A-Z a-z 0-9 and - and the"
        " time is UTC; rename the file"
    )


def _moment(digits: str) -> int | None:
    try:
        parsed = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(parsed.timestamp())
