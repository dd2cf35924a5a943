"""JSON that every reader understands the same way (RFC 8259 within the bounds of RFC 7493).

Python's own reader takes NaN, lets the last of two equal names win, and fails in ways of its own on
deep nesting and long numbers. Here each of these is one clear error.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, NoReturn

from pointflow.domain.text import shown

MAX_DEPTH = 32
"""Arrays and objects within each other. The push has three; nobody has to follow more."""

MAX_INTEGER_DIGITS = 300
"""Longer integers are beyond every number format that JSON readers use (RFC 7493, 2.2)."""

_BYTE_ORDER_MARK = "\ufeff"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """Bytes that are not JSON. The message is for whoever sent them."""


def decode_text(raw: bytes) -> str:
    """The text of a body, without a byte order mark. Raises `JsonError` unless it is UTF-8."""
    try:
        return raw.decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise JsonError(f"byte {error.start} is not UTF-8") from None


def parse_json(text: str) -> Any:
    """Parse a JSON text, in time linear in its length.

    Raises
    ------
    JsonError
        Not JSON, or JSON that readers disagree about: a name twice in one object, NaN or Infinity,
        a number no double holds, half a surrogate pair, more than 32 levels.
    """
    if not text.strip():
        raise JsonError("the body is empty")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise JsonError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _too_deep() from None
    if isinstance(value, dict | list) and _is_deeper(value, MAX_DEPTH):
        raise _too_deep()
    if _SURROGATE.search(text):
        _refuse_lone_surrogates(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        ((twice, _),) = counted.most_common(1)
        raise JsonError(f"the name {shown(twice)} stands twice in one object")
    return members


def _integer(digits: str) -> int:
    if len(digits.removeprefix("-")) > MAX_INTEGER_DIGITS:
        raise JsonError(f"a number has more than {MAX_INTEGER_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise JsonError("a number is too large")
    return number


def _constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is not JSON")


def _too_deep() -> JsonError:
    return JsonError(f"more than {MAX_DEPTH} arrays and objects within each other")


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise JsonError("a text holds half a surrogate pair, which is no character") from None
