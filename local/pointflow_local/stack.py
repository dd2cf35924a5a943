"""The local stack, up and down."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pointflow_local import launcher
from pointflow_local.deployer import Deployment, deploy
from pointflow_local.errors import LocalStackError
from pointflow_local.sftp_users import provide_users
from pointflow_local.state import LocalStack, home, project_root, running, write_state


@dataclass(frozen=True, slots=True)
class BroughtUp:
    """The running stack, and whether it had to be started."""

    stack: LocalStack
    started: bool


def bring_up(
    *,
    keep: bool = False,
    auth: bool = False,
    template: Path | None = None,
    parameters: Mapping[str, str] | None = None,
    prepare: Callable[[LocalStack], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> BroughtUp:
    """Start the local AWS and deploy template.yaml to it.

    When it is up already, only clients that are new get their SFTP users.

    Parameters
    ----------
    keep : bool
        Start from the state that was kept, and keep it at the next stop.
    auth : bool
        Enforce IAM policies.
    template : Path, optional
        Another template than the project's own.
    parameters : mapping of str to str, optional
        Template parameters that differ from their defaults.
    prepare : callable, optional
        Called with the deployed stack before anybody else hears of it, for example to fill it.
    say : callable
        Told what is going on, a short line at a time.

    Raises
    ------
    LocalStackError
        Something is missing or fails. Nothing is left running then.
    """
    with _alone():
        if (up := running()) is not None:
            provide_users(up)
            return BroughtUp(up, started=False)
        say("starting the local AWS")
        stack = launcher.start(keep=keep, auth=auth)
        try:
            say("deploying template.yaml")
            outputs = deploy(
                stack,
                Deployment(
                    template=template or project_root() / "template.yaml",
                    cache=project_root() / ".cache" / "layers",
                    parameters=parameters or {},
                ),
            )
            stack = replace(stack, outputs=outputs)
            if prepare is not None:
                prepare(stack)
            say("making SFTP users")
            provide_users(stack)
        except BaseException:
            launcher.stop()
            raise
        write_state(stack)
        return BroughtUp(stack, started=True)


def bring_down() -> bool:
    """Stop the local stack, its children and its temporary files.

    Returns
    -------
    bool
        Whether it was running.
    """
    with _alone():
        return launcher.stop()


@contextmanager
def _alone() -> Iterator[None]:
    home().mkdir(parents=True, exist_ok=True)
    with (home() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalStackError(
                "the local stack is being started or stopped right now", "wait for that to end"
            ) from error
        yield
