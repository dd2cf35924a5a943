"""A key that Secrets Manager keeps: read once a process, and only when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

SHORTEST = 32
"""Characters. A key that is shorter was not made by the template."""


class SecretKey:
    """Call it for the key.

    Parameters
    ----------
    client : callable
        Answers a boto3 client of Secrets Manager.
    secret_id : str
        Name or ARN.
    """

    def __init__(self, client: Callable[[], Any], secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id

    def __call__(self) -> bytes:
        """The key."""
        return self._key

    @cached_property
    def _key(self) -> bytes:
        answer = self._client().get_secret_value(SecretId=self._secret_id)
        key: str = answer["SecretString"]
        if len(key) < SHORTEST:
            raise ValueError("the key of the tombstones is too short to be one")
        return key.encode()
