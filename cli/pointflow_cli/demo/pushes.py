"""The push job: pushes of expirations on their way to views, lists and quarantine."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pointflow.domain.push_body import INACTIVITY, REDEMPTION
from pointflow_cli.commands import expirations, quarantine
from pointflow_cli.demo.api import Answer, Api
from pointflow_cli.demo.checks import Checks, heading
from pointflow_cli.output import console
from pointflow_cli.push_api import ROUTE
from pointflow_cli.push_desk import open_push_desk
from pointflow_local.samples import SAMPLE_CLIENT
from pointflow_local.state import LOCAL_STACK, project_root

MEMBER = 1001
"""Whom the sample push is about."""

PATIENCE = 20.0  # seconds for the list of upcoming expirations to follow the views

Push = Mapping[str, Any]


def older(push: Push) -> dict[str, Any]:
    """The same push, as sent a day earlier."""
    sent = datetime.fromisoformat(push["message_date"]) - timedelta(days=1)
    return {**push, "message_date": sent.isoformat()}


def upcoming_pushes(now: datetime) -> list[dict[str, Any]]:
    """Pushes about next month: one by CT user id, and one that knows no more than an email.

    Parameters
    ----------
    now : datetime
        When they are sent.
    """
    this, following = _month_end(now.date()), _month_end(_next_month(now.date()))
    bucket = {"points_expired": 0, "points_redeemed": 0}
    return [
        {
            "user_id": 1002,
            "message_date": now.isoformat(),
            REDEMPTION: [
                {**bucket, "expiration_date": f"{this}T00:00:00Z", "points_expiring": 500},
                {**bucket, "expiration_date": f"{following}T00:00:00Z", "points_expiring": 1200},
            ],
        },
        {
            "email_address": "Dana@Example.com",
            "message_date": now.isoformat(),
            INACTIVITY: [
                {"expiration_date": f"{following.replace(day=15)}T09:30:00Z", "points_expiring": 90}
            ],
        },
    ]


def upcoming_path(now: datetime) -> str:
    """The request for whose points expire next month."""
    first = _next_month(now.date())
    return f"{ROUTE}?from={first}&to={_month_end(first)}"


def expected_upcoming(now: datetime) -> list[tuple[str, int, int | None, str | None]]:
    """Day, points, CT user id and email of everybody whom that list must name, in its order."""
    last = _month_end(_next_month(now.date()))
    return [
        (f"{last.replace(day=15)}", 90, None, "dana@example.com"),
        (f"{last}", 1200, 1002, None),
    ]


class PushShow:
    """Sends pushes to a running stack, and reads what became of them."""

    def __init__(self, api: Api, checks: Checks, now: datetime) -> None:
        self._api = api
        self._checks = checks
        self._now = now

    def run(self) -> None:
        """Show the whole job."""
        self.send()
        self._show_member()
        self._show_upcoming()
        self._show_quarantine()

    def send(self) -> None:
        """Send pushes of every kind, and check each answer."""
        heading(f"Pushes of expirations: POST {ROUTE}")
        api, member = self._api, _sample("member_1001.json")
        printed = _sample("as_printed.json")
        self._post("422 PUSH_INVALID", "as printed in the source document", printed, api.api_key)
        self._post("200 stored", "the same with a member, Basic", member, api.basic)
        self._post("200 duplicate", "the same again, x-api-key", member, api.api_key)
        self._post(
            "200 stale", "one of the day before", _body(older(json.loads(member))), api.basic
        )
        self._post("401 CREDENTIAL_INVALID", "without a credential", member, {})
        for push in upcoming_pushes(self._now):
            self._post("200 stored", "one about next month", _body(push), api.api_key)

    def _post(self, expected: str, what: str, body: bytes, credential: Mapping[str, str]) -> None:
        answer = self._api.post(ROUTE, body, credential)
        console.print(f"{what}: {answer.told}", soft_wrap=True)
        for fault in answer.document.get("errors", ()):
            console.print(f"    {fault['path'] or 'the body'} {fault['message']}", soft_wrap=True)
        self._checks.expect(f"push {what}", expected, answer.told)

    def _show_member(self) -> None:
        heading(f"A member's expirations: pointflow expirations show {MEMBER}")
        expirations.show(str(MEMBER), stack=LOCAL_STACK, client=SAMPLE_CLIENT)
        answer = self._api.get(f"/v1/members/{MEMBER}/points-expiration")
        sample = json.loads(_sample("member_1001.json"))
        self._checks.expect("the view of the member", Answer(200, sample), answer)

    def _show_upcoming(self) -> None:
        path = upcoming_path(self._now)
        heading(f"Whose points expire next month: GET {ROUTE}")
        console.print(f'curl -H "x-api-key: $KEY" "$API{path}"', style="dim", soft_wrap=True)
        expected = expected_upcoming(self._now)
        # The list follows the views within seconds.
        deadline = time.monotonic() + PATIENCE
        while (answer := self._api.get(path)).status == 200 and time.monotonic() < deadline:
            if len(answer.document["items"]) >= len(expected):
                break
            time.sleep(0.2)
        items = answer.document.get("items", [])
        for item in items:
            console.print(json.dumps(item), soft_wrap=True)
        names = ("expiration_date", "points_expiring", "user_id", "email_address")
        found = [tuple(item[name] for name in names) for item in items]
        self._checks.expect("points that expire next month", expected, found)

    def _show_quarantine(self) -> None:
        heading("Refused pushes, kept for a replay: pointflow quarantine list")
        quarantine.list_refused(stack=LOCAL_STACK, client=SAMPLE_CLIENT)
        desk = open_push_desk(LOCAL_STACK, SAMPLE_CLIENT)
        kept = [desk.quarantine.read(key) for key in desk.quarantine.keys(SAMPLE_CLIENT)]
        bodies = [refused.delivery.body for refused in kept]
        self._checks.expect("bodies in quarantine", [_sample("as_printed.json")], bodies)


def _sample(name: str) -> bytes:
    path: Path = project_root() / "samples" / "pushes" / name
    return path.read_bytes()


def _body(push: Push) -> bytes:
    return json.dumps(push).encode()


def _next_month(day: date) -> date:
    """The first day of the month after a day's."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _month_end(day: date) -> date:
    return _next_month(day) - timedelta(days=1)
