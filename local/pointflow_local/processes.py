"""Processes named so that they cannot be mistaken for others, and ended with their children."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process. A pid is used again sooner or later; pid and start time together are not.

    `started` is what the system says of its start, in the system's own form. `token` is a value
    that the process and all its children carry in their environment.
    """

    pid: int
    started: str
    token: str


def started(pid: int) -> str | None:
    """When a process started, in the system's own form; None when it does not run."""
    if not _PROC.joinpath("self").exists():  # no procfs: macOS
        listed = subprocess.run(  # noqa: S603 - a number alone is put in
            ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607 - wherever the system has it
            check=False,
            capture_output=True,
            text=True,
        )
        return listed.stdout.strip() or None
    fields = _stat(pid)
    # Field 3 is the state; a zombie has ended. Field 22 is the start, in ticks since the boot.
    return None if fields is None or fields[0] in "ZX" else fields[19]


def alive(process: ProcessId) -> bool:
    """Whether that very process runs."""
    return started(process.pid) == process.started


def end(process: ProcessId, *, patience: float) -> None:
    """End a process and whatever it started.

    Parameters
    ----------
    process : ProcessId
        It may have ended already; then only children it left behind are ended.
    patience : float
        Seconds it gets to end in its own time before it is killed.
    """
    if alive(process):
        _signal([process.pid], signal.SIGTERM)
        _wait_until_gone([process], patience)
        if alive(process):
            _signal([process.pid], signal.SIGKILL)
            _wait_until_gone([process], 5)
    orphans = carriers(process.token)
    _signal([orphan.pid for orphan in orphans], signal.SIGTERM)
    _wait_until_gone(orphans, 2)
    left = [orphan for orphan in orphans if alive(orphan)]
    _signal([orphan.pid for orphan in left], signal.SIGKILL)
    _wait_until_gone(left, 5)


def carriers(token: str) -> list[ProcessId]:
    """Processes that carry the token in their environment.

    Without procfs there is no way to see it, and the list is empty: the workers of the local AWS
    then end by themselves when the pipe they read from closes.
    """
    found = []
    needle = token.encode()
    for folder in _PROC.glob("[0-9]*"):
        try:
            environment = folder.joinpath("environ").read_bytes()
        except OSError:
            continue
        start = started(int(folder.name))
        if start is not None and needle in environment:
            found.append(ProcessId(int(folder.name), start, token))
    return found


def _stat(pid: int) -> list[str] | None:
    try:
        text = _PROC.joinpath(str(pid), "stat").read_text()
    except OSError:
        return None
    # The command's name stands in brackets and may itself hold spaces and brackets.
    return text.rpartition(")")[2].split()


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _wait_until_gone(processes: Iterable[ProcessId], patience: float) -> None:
    deadline = time.monotonic() + patience
    waiting = list(processes)
    while waiting and time.monotonic() < deadline:
        waiting = [process for process in waiting if alive(process)]
        if waiting:
            time.sleep(0.02)
