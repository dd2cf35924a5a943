"""What may be logged of an error."""

from __future__ import annotations

import traceback
from typing import Any

from botocore.exceptions import ClientError

from pointflow.domain.errors import PointflowError


def error_name(error: Exception) -> str:
    """An error's class, and the service's own name of it: `ClientError AccessDeniedException`."""
    code = _code(error)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def described(error: Exception) -> dict[str, Any]:
    """An error as log fields: text of our own making, and where it was raised.

    Another's text, and the traceback that ends in it, may quote what was being worked on.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "error_code": _code(error),
        "error_text": str(error) if isinstance(error, PointflowError) else None,
        "raised_at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _code(error: Exception) -> str | None:
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
