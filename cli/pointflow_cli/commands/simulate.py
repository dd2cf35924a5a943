"""`pointflow push simulate`: the loyalty platform in small, to try an endpoint with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

from pointflow_cli.api_host import is_this_machine
from pointflow_cli.dlq_desk import confirm
from pointflow_cli.http_session import HttpSession, NoAnswerError
from pointflow_cli.output import console, fail, note, notes, print_json
from pointflow_cli.push_api import (
    ApiKeyOption,
    PasswordOption,
    UsernameOption,
    credential_headers,
)
from pointflow_cli.simulation.api import Endpoint, Outage, told
from pointflow_cli.simulation.plan import FIRST_USER_ID, Plan, SimulatedPush, cleared, deliveries
from pointflow_cli.simulation.platform import STORED, Outcome, Platform
from pointflow_cli.simulation.report import Report
from pointflow_cli.stack import JsonOption, StackOption, open_stack
from pointflow_local.state import LOCAL_STACK, running

PUSHES_A_MEMBER = 5
SPEED = 720.0  # twelve minutes in a second, eight hours in forty
OUTAGE_AFTER = 1 / 3  # of the time in which pushes are made
CLEARING_TRIES = 3


def simulate(
    *,
    members: Annotated[int, typer.Option(metavar="N", min=1, max=1_000_000)] = 50,
    rate: Annotated[
        float, typer.Option(metavar="R", min=0.1, max=5_000, help="New pushes a second.")
    ] = 20.0,
    pushes: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="New pushes in all; by default 5 a member."),
    ] = None,
    duplicates: Annotated[
        float, typer.Option(metavar="SHARE", min=0, max=1, help="Of the pushes, sent twice.")
    ] = 0.1,
    reorder: Annotated[
        float,
        typer.Option(metavar="SHARE", min=0, max=1, help="Of the pushes, overtaken by the next."),
    ] = 0.1,
    outage: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="Time in which nothing gets through."),
    ] = 0.0,
    speed: Annotated[
        float,
        typer.Option(
            metavar="FACTOR", min=1, max=1_000_000, help="Of the platform's clock, for its retries."
        ),
    ] = SPEED,
    seed: Annotated[int, typer.Option(metavar="N", help="Of chance: the same plan again.")] = 1,
    clients: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="Requests on their way at once.")
    ] = 16,
    first_user_id: Annotated[
        int,
        typer.Option(metavar="ID", min=1, max=10**15, help="CT user id of the first member."),
    ] = FIRST_USER_ID,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the API answers; by default that of the stack."),
    ] = None,
    api_key: ApiKeyOption = None,
    username: UsernameOption = None,
    password: PasswordOption = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the members' views; else they are emptied.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before pushing elsewhere.")
    ] = False,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Play the platform: push for made-up members, repeat what fails, and check the outcome.

    What is not answered with 200 is tried again five times an hour for eight hours, on a clock
    that runs --speed times as fast (720: eight hours in 40 seconds), then given up. In the end
    every member's view is read over the API and compared with its newest push; then the views are
    emptied. The credential needs the scopes push and read; on the local stack that of the sample
    client is taken where none is given.

    Exit code 0: all is well. 1: a view is wrong, or a push was lost. 2: it could not be tried.

    Examples
    --------
        pointflow push simulate --stack local --members 50 --rate 20 --outage 3

        POINTFLOW_API_KEY=acme.… pointflow push simulate --url https://… --members 10 --rate 2 --yes
    """
    plan = Plan(
        members=members,
        pushes=pushes or PUSHES_A_MEMBER * members,
        rate=rate,
        duplicates=duplicates,
        reorder=reorder,
        seed=seed,
        first_user_id=first_user_id,
    )
    where = url.rstrip("/") if url else open_stack(stack).api_url
    if api_key is None and username is None and password is None:
        api_key = _local_key(where)
    headers = credential_headers(api_key, username, password)
    with HttpSession(where, headers) as session:
        if not is_this_machine(session.host):
            question = f"Push for {members:,} made-up members to {session.host}?"
            confirm(question, yes=yes, as_json=as_json)
        endpoint = Endpoint(session)
        _check(endpoint, session.host)
        report = _simulated(plan, endpoint, outage=outage, speed=speed, clients=clients, keep=keep)
    if as_json:
        print_json(report.document())
    else:
        for line in report.lines():
            console.print(line, soft_wrap=True)
    if not report.is_well:
        raise typer.Exit(1)


def _local_key(url: str) -> str | None:
    """The sample client's key, where the URL is that of the running local stack."""
    local = running()
    if local is None or local.credentials is None or not url.startswith(f"{local.endpoint_url}/"):
        return None
    note(f"credential: that of the sample client of stack {LOCAL_STACK}")
    return local.credentials["api_key"]


def _check(endpoint: Endpoint, host: str) -> None:
    """Whether there is anything to simulate against, before thousands of requests fail."""
    try:
        reply = endpoint.listed()
    except NoAnswerError as error:
        fail(f"no answer from {host}: {error}", "check the URL; locally: pointflow up")
    if reply.status in {401, 403}:
        fail(f"{host} answers {told(reply)}", "use a credential with the scopes push and read")
    if reply.status != STORED:
        fail(f"{host} answers {told(reply)} to a GET", "check the URL: the output ApiUrl")


def _simulated(
    plan: Plan,
    endpoint: Endpoint,
    *,
    outage: float,
    speed: float,
    clients: int,
    keep: bool,
) -> Report:
    started_at = time.time_ns() // 1_000_000
    newest: dict[int, SimulatedPush] = {}
    total = 0
    for made in deliveries(plan, started_at):
        newest[made[0].push.user_id] = made[0].push
        total += len(made)
    begun = time.monotonic()
    line = Outage(endpoint.push, begun + plan.seconds * OUTAGE_AFTER, outage)
    with ThreadPoolExecutor(clients, thread_name_prefix="platform") as pool:
        try:
            with _progress(total) as show:
                platform = Platform(line.push, pool, at_once=clients, speed=speed, show=show)
                outcome = platform.run(
                    deliveries(plan, started_at), lambda number: number / plan.rate
                )
            seconds = time.monotonic() - begun
            wrong = [each for each in pool.map(endpoint.compare, newest.values()) if each]
            if not keep:
                _clear(newest.values(), endpoint, pool)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return Report(plan, outcome, wrong, seconds)


def _clear(newest: Collection[SimulatedPush], endpoint: Endpoint, pool: Executor) -> None:
    """Empty the views of the made-up members, so that nobody's list goes on naming them."""

    def clear(push: SimulatedPush) -> bool:
        instant = max(time.time_ns() // 1_000_000, push.instant + 1)
        body = json.dumps(cleared(push.user_id, instant)).encode()
        return any(endpoint.push(body).status == STORED for _ in range(CLEARING_TRIES))

    left = [*pool.map(clear, newest)].count(False)
    if left:
        note(f"{left:,} made-up members could not be emptied: they stay in the list for now")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Outcome], None]]:
    """A live line on stderr, where somebody is there to see it."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("pushes"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,}/{task.total:,}"),
        TextColumn("{task.fields[counts]}", table_column=Column(no_wrap=True)),
        TimeElapsedColumn(),
        console=notes,
        transient=True,
        disable=not notes.is_terminal,
    )
    task = bar.add_task("pushes", total=total, counts="")

    def show(outcome: Outcome) -> None:
        answers = "  ".join(f"{name}: {number:,}" for name, number in outcome.answers.items())
        counts = f"{answers}  waiting: {outcome.waiting:,}  given up: {len(outcome.given_up):,}"
        bar.update(task, completed=outcome.done, counts=counts)

    with bar:
        yield show
