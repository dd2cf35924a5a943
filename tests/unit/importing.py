"""Writing a members file and importing it into fakes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pointflow.domain.client import Client
from pointflow.domain.member import Identifier, Member
from pointflow.services.import_members import MembersReport, import_members
from tests.fakes.catalog import FakeCatalog
from tests.fakes.member_directory import FakeMembers

HEADER = "client_id,user_id,email,username,third_party_id,status,opening_balance"
CATALOG = FakeCatalog([Client("acme"), Client("globex")])


def run(
    path: Path, members: FakeMembers, *lines: str | bytes, header: str = HEADER
) -> MembersReport:
    raw = [line if isinstance(line, bytes) else line.encode() for line in (header, *lines)]
    path.write_bytes(b"\n".join(raw) + b"\n")
    return import_members(path, members=members, catalog=CATALOG, at=100)


def counts(report: MembersReport) -> tuple[int, int, int, int]:
    return (report.imported, report.unchanged, report.refused, report.opened)


def told(report: MembersReport) -> list[tuple[int, str | None]]:
    return [(error.line, error.field) for error in report.errors]


def lines_of(wanted: Iterable[Member]) -> list[str]:
    return [
        ",".join(("acme", *(each.identifier(kind) or "" for kind in Identifier), "", ""))
        for each in wanted
    ]
