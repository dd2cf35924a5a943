"""`pointflow expirations`: which points of whom expire, and when."""

from __future__ import annotations

import csv as csv_format
import json
import re
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from pointflow.domain.batch_row import MAX_ID_DIGITS
from pointflow.domain.errors_csv import neutralise_formula
from pointflow.domain.expiration_view import ExpirationView
from pointflow.domain.iso_time import parse_moment, utc_text
from pointflow.domain.push_body import INACTIVITY, REDEMPTION
from pointflow.domain.text import shown
from pointflow.services.read_expirations import (
    MAX_PAGE,
    MAX_RANGE_DAYS,
    read_current,
    read_upcoming,
    upcoming_item,
)
from pointflow_cli import push_desk
from pointflow_cli.month_bars import month_bars
from pointflow_cli.output import console, fail, note, print_json
from pointflow_cli.stack import ClientOption, JsonOption, StackOption

app = typer.Typer(no_args_is_help=True, help="See which points expire, and when.")

UPCOMING_DAYS = 183
COLUMNS = (
    "expiration_date",
    "points_expiring",
    "redemption_points",
    "inactivity_points",
    "user_id",
    "email_address",
    "third_party_id",
)


@app.command()
def show(
    user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="The CT user id.")],
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Show what the newest push says of a member: the months as bars, and inactivity.

    Examples
    --------
        pointflow expirations show 1001

        pointflow expirations show 1001 --client acme --json
    """
    if not re.fullmatch(f"[0-9]{{1,{MAX_ID_DIGITS}}}", user_id) or int(user_id) == 0:
        fail(f"{shown(user_id)} is no CT user id", f"use at most {MAX_ID_DIGITS} digits")
    desk = push_desk.open_push_desk(stack, client)
    view = read_current(desk.client_id, int(user_id), views=desk.expirations, members=desk.members)
    if view is None:
        fail(
            f"no push has come for member {int(user_id)} of client {desk.client_id}",
            "check --client, or see: pointflow quarantine list",
        )
    if as_json:
        print_json(view.document())
    else:
        _show_view(view)


@app.command()
def upcoming(
    *,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="By default today, in UTC.")
    ] = None,
    last: Annotated[
        str | None,
        typer.Option("--to", metavar="DAY", help="This day included; by default half a year on."),
    ] = None,
    min_points: Annotated[
        int, typer.Option(metavar="N", min=1, help="Least points of a member on one day.")
    ] = 1,
    csv: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write a CSV file instead.")
    ] = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """List who has points expiring on which day, soonest first, however many there are.

    Examples
    --------
        pointflow expirations upcoming --to 2026-12-31 --min-points 500

        pointflow expirations upcoming --csv upcoming.csv
    """
    if csv and as_json:
        fail("--csv and --json exclude each other", "choose one")
    start = _day("--from", first) or datetime.now(UTC).date()
    end = _day("--to", last) or start + min(timedelta(UPCOMING_DAYS), date.max - start)
    if not 0 <= (end - start).days <= MAX_RANGE_DAYS:
        fail(
            f"--to {end} does not lie from 0 to {MAX_RANGE_DAYS} days after --from {start}",
            "choose other days",
        )
    desk = push_desk.open_push_desk(stack, client)
    items = _upcoming(desk, start, end, min_points)
    if csv:
        note(f"{_write_csv(items, csv):,} lines in {csv}")
    elif as_json:
        _print_json_items(items)
    elif not _print_items(items):
        note(f"nobody of client {desk.client_id} has points expiring from {start} to {end}")


def _upcoming(
    desk: push_desk.PushDesk, first: date, last: date, min_points: int
) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = read_upcoming(
            desk.client_id,
            first,
            last,
            min_points=min_points,
            cursor=cursor,
            limit=MAX_PAGE,
            now=time.time_ns() // 1_000_000,
            index=desk.expirations,
            views=desk.expirations,
        )
        yield from map(upcoming_item, page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text if re.fullmatch("[0-9-]{10}", text) else "")
    except ValueError:
        fail(f"{option} {shown(text)} is no day", "write it as 2026-03-31")


def _show_view(view: ExpirationView) -> None:
    document = view.document()
    push = f"push of {view.message_date}" if view.message_date else "undated push"
    received = utc_text(view.version.received_at)
    console.print(f"{push}, received {received}", style="dim", soft_wrap=True)
    redemption, inactivity = document.get(REDEMPTION) or [], document.get(INACTIVITY) or []
    if redemption:
        plain = not (console.encoding or "").lower().startswith("utf")
        console.print(month_bars(redemption, columns=console.width, plain=plain))
    for entry in inactivity:
        console.print(_inactivity(entry), soft_wrap=True)
    if not (redemption or inactivity):
        console.print("nothing expires")


def _inactivity(entry: dict[str, Any]) -> str:
    until = parse_moment(entry["expiration_date"]).utc_date
    line = f"inactivity: {entry['points_expiring']:,} points expire on {until} unless active again"
    if "last_qualified_date" in entry:
        line += f"; last active on {parse_moment(entry['last_qualified_date']).utc_date}"
    return line


def _write_csv(items: Iterable[dict[str, Any]], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv_format.writer(file)
        writer.writerow(COLUMNS)
        for item in items:
            cells = (item[name] for name in COLUMNS)
            writer.writerow(
                [neutralise_formula(cell) if isinstance(cell, str) else cell for cell in cells]
            )
            count += 1
    return count


def _cell(value: Any) -> Any:
    return neutralise_formula(value) if isinstance(value, str) else value


def _print_json_items(items: Iterable[dict[str, Any]]) -> None:
    # One array, an item at a time: there may be millions.
    separator = "["
    for item in items:
        sys.stdout.write(f"{separator}\n  {json.dumps(item)}")
        separator = ","
    sys.stdout.write("[]\n" if separator == "[" else "\n]\n")


def _print_items(items: Iterable[dict[str, Any]]) -> int:
    count = 0
    for item in items:
        console.print(
            f"{item['expiration_date']}  {item['points_expiring']:>12,}  {_member(item)}",
            soft_wrap=True,
        )
        count += 1
    return count


def _member(item: dict[str, Any]) -> str:
    if item["user_id"] is not None:
        return f"member {item['user_id']}"
    return str(item["email_address"] or f"third party id {item['third_party_id']}")
