"""A request as the handlers see it, and the reading of its parameters, every fault collected."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from pointflow.domain.batch_row import MAX_ID_DIGITS
from pointflow.domain.errors import MessageInvalidError, PointflowError
from pointflow.domain.problem import Fault

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MAX_NUMBER_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Request:
    """What the authorizer and the caller said.

    `path` and `query` hold texts as API Gateway decoded them; a query parameter may have several.
    `body` is as sent, empty where there is none.
    """

    client_id: str
    method: str
    route: str
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: bytes = b""


class ParametersInvalidError(PointflowError):
    """The caller's parameters cannot be used.

    Attributes
    ----------
    faults : tuple of Fault
        One a parameter, with its name as the path.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(f"{len(faults)} parameters are invalid")
        self.faults = faults


def read_request(event: Mapping[str, Any]) -> Request:
    """Read the event of a REST API's proxy integration.

    Raises
    ------
    MessageInvalidError
        It is none, or it passed no authorizer.
    """
    context = event.get("requestContext")
    authorizer = context.get("authorizer") if isinstance(context, dict) else None
    client_id = authorizer.get("client_id") if isinstance(authorizer, dict) else None
    method, route = event.get("httpMethod"), event.get("resource")
    if not (client_id and isinstance(method, str) and isinstance(route, str)):
        raise MessageInvalidError("http_api is invoked by its API only, behind its authorizer")
    many = event.get("multiValueQueryStringParameters")
    single = event.get("queryStringParameters")
    return Request(
        client_id=str(client_id),
        method=method.upper(),
        route=route,
        path=event.get("pathParameters") or {},
        query=many or {name: [value] for name, value in (single or {}).items()},
        body=_body(event),
    )


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        with suppress(binascii.Error, ValueError):
            return base64.b64decode(body, validate=True)
    return str(body).encode("utf-8", "surrogatepass")  # what is no text is no JSON, and so answered


@dataclass(slots=True)
class Parameters:
    """Reads the parameters of a request one by one; `check` raises for all that were wrong.

    A parameter that is wrong reads as its default until then.
    """

    request: Request
    _faults: list[Fault] = field(default_factory=list)

    def user_id(self) -> int:
        """The CT user id in the path."""
        text = self.request.path.get("user_id", "")
        if not re.fullmatch(f"[0-9]{{1,{MAX_ID_DIGITS}}}", text) or int(text) == 0:
            self.fault("user_id", f"must be a positive integer of at most {MAX_ID_DIGITS} digits")
            return 0
        return int(text)

    def text(self, name: str) -> str | None:
        """A query parameter as it stands; None where it is absent or empty."""
        values = self.request.query.get(name) or [""]
        if len(values) > 1:
            self.fault(name, "must be given once")
        return values[0] or None

    def number(self, name: str, *, default: int, least: int, most: int) -> int:
        """A query parameter that is an integer in ASCII digits."""

        def parse(text: str) -> int:
            fits = re.fullmatch(f"[0-9]{{1,{MAX_NUMBER_DIGITS}}}", text)
            if not fits or not least <= int(text) <= most:
                raise ValueError(f"must be an integer from {least} to {most}")
            return int(text)

        return self._parsed(name, parse, default)

    def choice[Choice: StrEnum](self, name: str, choices: type[Choice]) -> Choice | None:
        """A query parameter that is one of several words; None where it is absent."""

        def parse(text: str) -> Choice | None:
            try:
                return choices(text)
            except ValueError:
                raise ValueError(f"must be one of {', '.join(choices)}") from None

        return self._parsed(name, parse, None)

    def day[Default: (date, None)](self, name: str, *, default: Default) -> date | Default:
        """A query parameter that is a day of the calendar."""

        def parse(text: str) -> date | Default:
            try:
                return date.fromisoformat(text if _DAY.fullmatch(text) else "")
            except ValueError:
                raise ValueError("must be a day of the calendar, such as 2026-03-31") from None

        return self._parsed(name, parse, default)

    def fault(self, name: str, message: str) -> None:
        """Note that a parameter is wrong."""
        self._faults.append(Fault(name, message))

    def check(self) -> None:
        """Raise `ParametersInvalidError` when anything was wrong."""
        if self._faults:
            raise ParametersInvalidError(tuple(self._faults))

    def _parsed[Value](self, name: str, parse: Callable[[str], Value], default: Value) -> Value:
        text = self.text(name)
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self.fault(name, str(error))
            return default


@contextmanager
def cursor_faults(parameters: Parameters, cursor: str | None) -> Iterator[None]:
    """Everything else was checked before: what is refused now is the cursor."""
    try:
        yield
    except ValueError as error:
        if cursor is None:
            raise
        parameters.fault("cursor", str(error))
    parameters.check()
