"""Keys of the local SFTP server and of its clients: files under `.pointflow/sftp`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pointflow_local.state import home

PRIVATE = 0o600


def sftp_folder() -> Path:
    """Where everything about SFTP lies; a client's key lies in a folder of its name."""
    return home() / "sftp"


def key_file(client_id: str) -> Path:
    """A client's private key, in the form `sftp -i` wants. There only once it has been made."""
    return sftp_folder() / client_id / "id_ed25519"


def known_hosts_file() -> Path:
    """By what a client knows the server: `sftp -o UserKnownHostsFile=`."""
    return sftp_folder() / "known_hosts"


def host_key_file() -> Path:
    """The server's private key."""
    return sftp_folder() / "host_key"


def client_public_key(client_id: str) -> str:
    """A client's public key, as OpenSSH writes it; its pair is made when there is none yet."""
    return _public_key(key_file(client_id))


def introduce_server(host: str, port: int) -> None:
    """Make the server's key when there is none yet, and write down by what clients know it."""
    known = f"[{host}]:{port} {_public_key(host_key_file())}\n"
    known_hosts_file().write_text(known)


def remove_keys() -> None:
    """Remove all keys."""
    shutil.rmtree(sftp_folder(), ignore_errors=True)


def _public_key(private_key_file: Path) -> str:
    # Every command imports this module; only `up` needs what these load.
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
        load_ssh_private_key,
    )

    try:
        text = private_key_file.read_bytes()
    except FileNotFoundError:
        text = _make_pair(private_key_file)
    public = load_ssh_private_key(text, password=None).public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _make_pair(private_key_file: Path) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    private_key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    draft = private_key_file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    # Private from its first moment on, not after the fact.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as file:
        file.write(text)
    draft.replace(private_key_file)
    return text
