"""What template.yaml points at on disk, packed for deployment."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pointflow_local.errors import LocalStackError

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold; the same files, the same bytes
_LEFT_OUT = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A zip to upload. Its name says its content, so that equal content is deployed once."""

    body: bytes

    @property
    def key(self) -> str:
        """Name of the object."""
        return f"{hashlib.sha256(self.body).hexdigest()[:32]}.zip"


def host_architecture() -> str:
    """Architecture of the machine, as Lambda calls it."""
    machine = platform.machine().lower()
    return "arm64" if machine in {"arm64", "aarch64"} else "x86_64"


def pack_folder(folder: Path) -> Artifact:
    """Zip a function's folder, without caches; the same files always give the same bytes."""
    return Artifact(_zip(folder, _files(folder)))


def build_layer(folder: Path, logical_id: str, cache: Path) -> Artifact:
    """Build a layer with its own makefile, or take what the same makefile built before.

    Parameters
    ----------
    folder : Path
        Holds the Makefile with a target `build-<logical_id>`.
    logical_id : str
        The layer's name in the template.
    cache : Path
        Folder of finished layers, named by the content of what they were built from.

    Raises
    ------
    LocalStackError
        `make` is missing or the build failed.
    """
    finished = cache / f"{logical_id}-{_fingerprint(folder)}.zip"
    if finished.exists():
        return Artifact(finished.read_bytes())
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        _make_layer(folder, logical_id, Path(scratch) / "layer")
        built = Path(scratch) / "layer"
        # Whole: unlike a function's, a layer's bytecode is built on purpose.
        body = _zip(built, sorted(path for path in built.rglob("*") if path.is_file()))
        draft = Path(scratch) / "layer.zip"
        draft.write_bytes(body)
        draft.replace(finished)
    return Artifact(body)


def _make_layer(folder: Path, logical_id: str, target: Path) -> None:
    make = shutil.which("make")
    if make is None:
        raise LocalStackError("`make` is not installed, and the layer needs it", "install make")
    target.mkdir()
    built = subprocess.run(  # noqa: S603 - the template's own build step
        [
            make,
            "--no-print-directory",
            "-C",
            str(folder),
            f"build-{logical_id}",
            f"ARTIFACTS_DIR={target}",
            f"ARCHITECTURE={host_architecture()}",
            f"PYTHON={sys.executable}",
        ],
        check=False,
        capture_output=True,
        text=True,
        # Called from a makefile or not, the layer's own makefile sees the same.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    )
    if built.returncode != 0:
        said = " | ".join((built.stdout + built.stderr).strip().splitlines()[-6:])
        raise LocalStackError(
            f"the layer {logical_id} did not build: {said}",
            "check that package downloads work from here",
        )


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256(f"{host_architecture()} {sys.version_info[:2]}".encode())
    for path in _files(folder):
        digest.update(f"\0{path.relative_to(folder)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and path.suffix != ".pyc" and not _LEFT_OUT.intersection(parts):
            yield path


def _zip(folder: Path, paths: Iterable[Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, path.read_bytes(), compresslevel=1)
    return buffer.getvalue()
