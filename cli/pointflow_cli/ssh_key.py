"""A client's public SSH key, as a person hands it over: read, judged, named by its fingerprint."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from pointflow_cli.errors import CommandError

MIN_RSA_BITS = 2048
MAX_CHARACTERS = 16_384
TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
"""What AWS Transfer Family takes."""

_PRIVATE = ("PRIVATE KEY", "PuTTY-User-Key-File")
_LOOKS_LIKE_TEXT = ("ssh-", "ecdsa-", "sk-", "-----", "PuTTY-")
_ASK_FOR = "ask for the line in the client's .pub file: ssh-ed25519 AAAA…"


class SshKeyError(CommandError):
    """What was given is no key that can be used. Says why, never what was given."""


@dataclass(frozen=True, slots=True)
class SshKey:
    """A public key.

    Attributes
    ----------
    body : str
        Type and key as OpenSSH writes them, without a comment.
    fingerprint : str
        `SHA256:…`, as `ssh-keygen -l` shows it.
    """

    body: str
    fingerprint: str


def key_given(given: str) -> SshKey:
    """The key that an option names: its text, or the file it is in.

    Raises
    ------
    SshKeyError
        See `read_key`.
    OSError
        There is no such file, or it cannot be read.
    """
    if given.startswith(_LOOKS_LIKE_TEXT) or "\n" in given:
        return read_key(given)
    with Path(given).open("rb") as file:
        start = file.read(MAX_CHARACTERS + 1)
    try:
        return read_key(start.decode())
    except UnicodeDecodeError:
        raise SshKeyError("this is no public SSH key: it is not text", _ASK_FOR) from None


def read_key(text: str) -> SshKey:
    """Read one public key in OpenSSH's form; a comment behind it is left out.

    Raises
    ------
    SshKeyError
        A private key, no key, more than one, a type that AWS Transfer Family does not take, or an
        RSA key of fewer than 2,048 bits.
    """
    # Half a key is no key, and the rest of a long file may be one that is private.
    if any(mark in text for mark in _PRIVATE):
        raise SshKeyError(
            "this is a private key, which nobody but its owner may have",
            "have the client make a new pair, and send its .pub file",
        )
    if len(text) > MAX_CHARACTERS:
        raise SshKeyError("this is no public SSH key: it is too long", _ASK_FOR)
    lines = [line for each in text.splitlines() if (line := each.strip()) and line[0] != "#"]
    if lines and lines[0].startswith("---- BEGIN SSH2 PUBLIC KEY"):
        raise SshKeyError(
            "this public key is not in OpenSSH's form", "convert it: ssh-keygen -i -f FILE"
        )
    if len(lines) > 1:
        raise SshKeyError(f"these are {len(lines)} lines, not one key", "give each its --ssh-key")
    kind, _, rest = lines[0].partition(" ") if lines else ("", "", "")
    if kind not in TYPES:
        if kind.startswith(("ssh-", "ecdsa-", "sk-")) and kind.isascii() and len(kind) < 64:
            raise SshKeyError(f"keys of type {kind} are not taken", f"use {TYPES[0]}")
        raise SshKeyError("this is no public SSH key", _ASK_FOR)
    return _judged(kind, (rest.split() or [""])[0])


def fingerprint_of(body: str) -> str:
    """`SHA256:…` of a key that was taken before: type, key, and perhaps a comment."""
    return _fingerprint(base64.b64decode(body.split()[1]))


def _fingerprint(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _judged(kind: str, encoded: str) -> SshKey:
    # Other commands of the group need not load it.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_ssh_public_key,
    )

    try:
        key = load_ssh_public_key(f"{kind} {encoded}".encode())
        blob = base64.b64decode(encoded, validate=True)
    except (ValueError, UnsupportedAlgorithm):
        raise SshKeyError("this is no public SSH key: it is damaged or cut off", _ASK_FOR) from None
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise SshKeyError(
            f"an RSA key of {key.key_size} bits is too weak", f"use {TYPES[0]}, or RSA of 4096 bits"
        )
    return SshKey(f"{kind} {encoded}", _fingerprint(blob))
