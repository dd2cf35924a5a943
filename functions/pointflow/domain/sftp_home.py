"""What a client reaches over SFTP: three folders, and nothing that only begins like them."""

from __future__ import annotations

import json
import re

FOLDERS = ("inbound", "dryrun", "outbound")
"""What a client sees of the bucket: its own folder of each, under the folder's plain name."""

USER_NAME = re.compile(r"\w[\w@.-]{2,99}", re.ASCII)
"""What AWS Transfer Family takes for a user's name."""

MAX_SESSION_POLICY = 2048
"""Characters that AWS takes."""

_UPLOADS = ("inbound", "dryrun")
_RESULTS = ("outbound",)


def home(client_id: str, bucket: str) -> list[dict[str, str]]:
    """A client's logical home directory, as `CreateUser` takes it.

    Parameters
    ----------
    client_id : str
    bucket : str
        The bucket's name.
    """
    return [
        {"Entry": f"/{folder}", "Target": f"/{bucket}/{folder}/{client_id}"} for folder in FOLDERS
    ]


def markers(client_id: str) -> list[str]:
    """Keys of the empty objects without which Transfer does not show a client's folders."""
    return [f"{folder}/{client_id}/" for folder in FOLDERS]


def session_policy(client_id: str, bucket_arn: str) -> str:
    """What is left to a client's user of what its role allows.

    Every prefix ends with a slash: `acme` reaches nothing of `acme2`.

    Parameters
    ----------
    client_id : str
        Letters, digits and hyphens: nothing that a policy reads as a pattern.
    bucket_arn : str

    Returns
    -------
    str
        An IAM policy as JSON, at most 2,048 characters.
    """

    def objects(folders: tuple[str, ...]) -> list[str]:
        return [f"{bucket_arn}/{folder}/{client_id}/*" for folder in folders]

    prefixes = [f"{marker}*" for marker in markers(client_id)]
    statements = [
        _allow(["s3:ListBucket"], bucket_arn)
        | {"Condition": {"StringLike": {"s3:prefix": prefixes}}},
        _allow(["s3:GetBucketLocation"], bucket_arn),
        _allow(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], objects(_UPLOADS)),
        _allow(["s3:GetObject"], objects(_RESULTS)),
        # Of the bucket's key, where it has one: the role names it, and S3 as the only way to it.
        _allow(["kms:Decrypt", "kms:GenerateDataKey"], "*"),
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _allow(actions: list[str], resource: str | list[str]) -> dict[str, object]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}
