"""What `make deploy` tells sam beside samconfig.toml: the parameters, and a hash of the release.

    python -m pointflow_local.release ENVIRONMENT [NAME=VALUE ...]

prints `NAME=VALUE` pairs for `sam deploy --parameter-overrides`, which takes the place of what
samconfig.toml says rather than adding to it.
"""

from __future__ import annotations

import hashlib
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
RELEASED = ("functions", "layers", "template.yaml")


class ReleaseError(Exception):
    """The release was asked for in a way that cannot be meant; its text is one line."""


def main(arguments: Sequence[str], root: Path = ROOT) -> str:
    """The overrides of an environment, those of the command line last.

    Raises
    ------
    ReleaseError
        No such environment, or an argument that is no `NAME=VALUE`.
    """
    if not arguments:
        raise ReleaseError("name the environment: make deploy ENV=dev")
    environment, *given = arguments
    wanted = {**configured(environment, root), **dict(map(_pair, given))}
    wanted["ContentSha256"] = content_hash(root, wanted)
    return " ".join(f"{name}={value}" for name, value in wanted.items())


def configured(environment: str, root: Path = ROOT) -> dict[str, str]:
    """The overrides that samconfig.toml has for an environment.

    Raises
    ------
    ReleaseError
        It has no such environment.
    """
    config = tomllib.loads((root / "samconfig.toml").read_text(encoding="utf-8"))
    known = [name for name, commands in config.items() if "deploy" in _mapping(commands)]
    if environment not in known:
        raise ReleaseError(f"there is no environment {environment!r}: {', '.join(known)}")
    text: str = config[environment]["deploy"]["parameters"]["parameter_overrides"]
    return dict(map(_pair, text.split()))


def content_hash(root: Path, parameters: Mapping[str, str]) -> str:
    """SHA-256 of all that makes a new version of the functions, in hexadecimal.

    Code, packages, the template and the parameters: whatever changes one of them publishes a new
    version, and whatever changes none publishes none.
    """
    digest = hashlib.sha256()
    for path in sorted(_files(root)):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for name, value in sorted(parameters.items()):
        digest.update(f"{name}={value}\0".encode())
    return digest.hexdigest()


def _files(root: Path) -> Iterable[Path]:
    for name in RELEASED:
        start = root / name
        for path in start.rglob("*") if start.is_dir() else [start]:
            if path.is_file() and path.suffix != ".pyc":
                yield path


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ReleaseError(f"{text!r} is no NAME=VALUE")
    return name, value


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1:]) + "\n")
    except ReleaseError as error:
        sys.exit(f"Error: {error}")
