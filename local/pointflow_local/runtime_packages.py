"""What Lambda's own Python runtime brings: the interface client and boto3, and nothing else.

They come out of the environment of the SAM command line, which holds them beside a hundred other
packages. A function that runs here must not find any of those: one that misses a package in its
layer then misses it here as it would on Lambda.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from pointflow_local.artifacts import host_architecture
from pointflow_local.errors import LocalStackError
from pointflow_local.state import project_root

BROUGHT_BY_LAMBDA = ("awslambdaric", "boto3")
_MAKE_IT = "run: make sam-environment"


@dataclass(frozen=True, slots=True)
class Tools:
    """What runs a function: Lambda's emulator, an interpreter, and the runtime's packages."""

    emulator: Path
    python: Path
    packages: Path


def find_tools(environment: Path | None = None, cache: Path | None = None) -> Tools:
    """Find the emulator of this machine's processor, and lay the runtime's packages out.

    Parameters
    ----------
    environment : Path, optional
        A virtual environment with aws-sam-cli and awslambdaric; the clone's own by default.
    cache : Path, optional
        Folder for the packages, which are laid out once for each set of versions.

    Raises
    ------
    LocalStackError
        Something is missing, or the emulator does not run on this system.
    """
    if platform.system() != "Linux":
        raise LocalStackError(
            f"Lambda's emulator runs on Linux only, not on {platform.system()}",
            "use sam local invoke, with a container engine: see docs/invoke.md",
        )
    environment = environment or project_root() / ".venv-sam"
    python = environment / "bin" / "python"
    site = next(environment.glob("lib/python3*/site-packages"), None)
    if site is None or not python.exists():
        raise LocalStackError(f"the environment {environment.name} is missing", _MAKE_IT)
    emulator = site / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{host_architecture()}"
    if not emulator.exists():
        raise LocalStackError(f"{emulator.name} is not in {environment.name}", _MAKE_IT)
    cache = cache or project_root() / ".cache" / "runtime"
    return Tools(emulator, python, _packages(site, python, cache))


def needed(site: Path, names: Iterable[str]) -> list[Distribution]:
    """The distributions with these names and all they require, in the order of their names.

    Raises
    ------
    LocalStackError
        One of them is not installed.
    """
    installed = {_canonical(found.name): found for found in distributions(path=[str(site)])}
    wanted = {_canonical(name) for name in names}
    taken: dict[str, Distribution] = {}
    while wanted:
        name = wanted.pop()
        if name not in installed:
            raise LocalStackError(f"{name} is not installed in {site.parents[2].name}", _MAKE_IT)
        taken[name] = installed[name]
        wanted |= set(_requirements(installed[name])) - set(taken)
    return [taken[name] for name in sorted(taken)]


def _packages(site: Path, python: Path, cache: Path) -> Path:
    found = needed(site, BROUGHT_BY_LAMBDA)
    versions = " ".join(f"{each.name}=={each.version}" for each in found)
    key = hashlib.sha256(f"{host_architecture()} {site.parent.name} {versions}".encode())
    finished = cache / key.hexdigest()[:32]
    if finished.is_dir():
        return finished
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        draft = Path(scratch) / "packages"
        for each in found:
            _copy(each, site, draft)
        # Lambda's own packages come with their bytecode, too.
        subprocess.run(  # noqa: S603 - pip, and pinned names
            [str(python), "-m", "compileall", "-q", "-j", "0", str(draft)],
            check=True,
            capture_output=True,
        )
        try:
            draft.rename(finished)
        except OSError:
            if not finished.is_dir():  # else somebody laid out the same meanwhile
                raise
    return finished


def _copy(distribution: Distribution, site: Path, target: Path) -> None:
    for file in distribution.files or ():
        # Commands lie outside of the packages, and bytecode is made anew.
        if ".." in file.parts or file.suffix == ".pyc":
            continue
        copied = target / file
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(site / file, copied)


def _requirements(distribution: Distribution) -> Iterator[str]:
    for line in distribution.requires or ():
        name = re.match(r"[A-Za-z0-9._-]+", line)
        if name and "extra ==" not in line:
            yield _canonical(name[0])


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
