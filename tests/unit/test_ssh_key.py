"""Public SSH keys as people hand them over: what is taken, and what is said of the rest."""

from __future__ import annotations

import base64
from pathlib import Path

import asyncssh
import pytest

from pointflow_cli.ssh_key import SshKeyError, fingerprint_of, key_given, read_key


def pair(kind: str = "ssh-ed25519", **options: int) -> asyncssh.SSHKey:
    return asyncssh.generate_private_key(kind, **options)  # type: ignore[arg-type]


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key("openssh").decode()


@pytest.mark.parametrize(
    "kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]
)
def test_a_key_is_read_from_its_line_and_named_as_ssh_keygen_names_it(kind: str) -> None:
    key = pair(kind)
    found = read_key(public(key).strip() + " ops@globex\r\n")

    assert found.body.split() == public(key).split()[:2]
    assert found.fingerprint == key.get_fingerprint()
    assert fingerprint_of(f"{found.body} comment") == key.get_fingerprint()


def test_an_rsa_key_is_taken_from_2048_bits_on() -> None:
    assert read_key(public(pair("ssh-rsa", key_size=2048))).body.startswith("ssh-rsa ")
    with pytest.raises(SshKeyError, match="1024 bits is too weak"):
        read_key(public(pair("ssh-rsa", key_size=1024)))


def test_a_key_is_given_as_text_or_as_a_file(tmp_path: Path) -> None:
    line = public(pair())
    file = tmp_path / "globex.pub"
    file.write_text(f"# of globex\n\n{line}")

    assert key_given(str(file)) == key_given(line)
    with pytest.raises(FileNotFoundError):
        key_given(str(tmp_path / "other.pub"))


@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem", "pkcs1-pem"])
def test_a_private_key_is_told_as_one_and_never_repeated(form: str, tmp_path: Path) -> None:
    text = pair("ssh-rsa", key_size=2048).export_private_key(form).decode()
    file = tmp_path / "id"
    file.write_text(text)

    for given in (text, str(file)):
        with pytest.raises(SshKeyError, match="this is a private key") as caught:
            key_given(given)
        said = f"{caught.value}{caught.value.next_step}"
        assert not any(line in said for line in text.splitlines())


def named(kind: str) -> str:
    """A line that says it is of that type; for types that are refused by name."""
    return f"{kind} {base64.b64encode(len(kind).to_bytes(4) + kind.encode()).decode()}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "this is a private key"),
        (named("ssh-dss"), "keys of type ssh-dss are not taken"),
        (named("sk-ssh-ed25519@openssh.com"), "type sk-ssh-ed25519@openssh.com are not taken"),
        (named("ssh-ed25519-cert-v01@openssh.com"), "are not taken"),
        (named("ssh-ed25519"), "damaged or cut off"),
        (public(pair())[:60], "damaged or cut off"),
        (public(pair()).replace("ssh-ed25519", "ssh-rsa", 1), "damaged or cut off"),
        ("ssh-ed25519", "damaged or cut off"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n", "not in OpenSSH's form"),
        (public(pair()) + public(pair()), "these are 2 lines"),
        (f'from="192.0.2.7" {public(pair())}', "no public SSH key"),
        ("", "no public SSH key"),
        ("# nothing but this\n", "no public SSH key"),
        ("ssh-ed25519 " + "A" * 20_000, "too long"),
    ],
)
def test_what_is_no_usable_key_is_refused_with_what_to_do(text: str, said: str) -> None:
    with pytest.raises(SshKeyError, match=said) as caught:
        read_key(text)
    assert caught.value.next_step
    assert "AAAAC3" not in f"{caught.value}{caught.value.next_step}"


def test_a_file_that_is_not_text_is_no_key(tmp_path: Path) -> None:
    file = tmp_path / "key.der"
    file.write_bytes(b"\x30\x82\xff")
    with pytest.raises(SshKeyError, match="it is not text"):
        key_given(str(file))
