"""Many requests to one API over connections that are kept open, one a thread."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pointflow_cli.api_host import checked_host, is_this_machine
from pointflow_cli.http_post import MOST_ANSWER_BYTES, TIMEOUT_SECONDS, Reply

_HTTPS_PORT = 443


class NoAnswerError(Exception):
    """Nobody answered: the request may have arrived or not."""


class HttpSession:
    """Talks to the host of one URL and to no other; follows no redirect.

    Parameters
    ----------
    url : str
        Up to where paths begin. http is for this machine only.
    headers : mapping of str to str
        Sent with every request.
    timeout : float
        Seconds to wait for an answer.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], *, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self.host = checked_host(url)
        self._parts = urlsplit(url)
        self._headers = dict(headers)
        self._timeout = timeout
        self._mine = threading.local()
        self._all: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._all:
            connection.close()

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Reply:
        """Send a request and take the answer as it comes. Raises `NoAnswerError`."""
        connection = self._connection()
        # A connection that was kept may have been closed meanwhile, unread: that is no answer of
        # the API, and every request of ours may be sent twice.
        kept = connection.sock is not None
        for _ in range(2 if kept else 1):
            try:
                target = self._parts.path.rstrip("/") + path
                connection.request(method, target, body, {**self._headers, **headers})
                with connection.getresponse() as answer:
                    return Reply(answer.status, answer.read(MOST_ANSWER_BYTES))
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                failed = error
        raise NoAnswerError(str(failed) or type(failed).__name__) from failed

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = self._made()
            self._all.append(connection)
        return connection

    def _made(self) -> http.client.HTTPConnection:
        port = self._parts.port
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(self.host, port, timeout=self._timeout)
        proxy = None if is_this_machine(self.host) else getproxies().get("https")
        if proxy and not proxy_bypass(self.host):
            through = urlsplit(proxy if "//" in proxy else f"//{proxy}")
            connection = http.client.HTTPSConnection(
                through.hostname or "", through.port, timeout=self._timeout
            )
            connection.set_tunnel(self.host, port or _HTTPS_PORT)
            return connection
        return http.client.HTTPSConnection(self.host, port, timeout=self._timeout)
