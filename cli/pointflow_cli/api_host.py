"""Where credentials may be sent: over https, or to this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from pointflow.domain.text import shown
from pointflow_cli.output import fail


def checked_host(url: str) -> str:
    """The host of a URL to which credentials may be sent. A `CommandError` for any other."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        fail(f"{shown(url)} is no http or https URL", "see the output ApiUrl of the stack")
    if parts.scheme == "http" and not is_this_machine(host):
        fail(f"{host} would get the credential in plain text", "use https")
    return host


def is_this_machine(host: str) -> bool:
    """Whether a host is this very machine by its name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
