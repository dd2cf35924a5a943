"""Chunks that no queue holds any more are made again from the stored file, the very same ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointflow.domain.batch_row import RULINGS
from pointflow.domain.codes import FailureCode
from pointflow.domain.errors import (
    ChunkMismatchError,
    ConflictError,
    ContentionError,
    NotFoundError,
    ObjectUnreadableError,
)
from pointflow.domain.messages import Chunk, ParsePart
from pointflow.domain.submission import ChunkOutcome, Failure, Status, Tally
from pointflow.services.receive_upload import Limits
from pointflow.services.resend_chunks import Resent, resend_chunks
from tests.fakes.batch_desk import Desk
from tests.fakes.batch_stage import NAME as STAGE_NAME
from tests.fakes.batch_stage import ref_of as stage_ref
from tests.unit.intake_world import NOW, World, ref_of, rows

REF = ref_of()


@pytest.fixture
def world() -> World:
    """A file of several cells and chunks, all sent, none credited; the queue lost them."""
    world = World(limits=Limits(64, 3, 1_000))
    world.run(world.uploaded(rows(20)))
    return world


def lost(world: World) -> list[Chunk]:
    sent, world.chunks.sent = world.chunks.sent, []
    assert len(sent) > 4
    return sent


def outcome(world: World, chunk: Chunk, digest: str | None = None) -> None:
    world.store.begin_crediting(REF, NOW)
    world.store.save_outcome(
        REF,
        ChunkOutcome(
            cell=chunk.cell,
            first_line=chunk.first_line,
            last_line=chunk.last_line,
            digest=digest or chunk.digest,
            tally=Tally(credited=chunk.row_count),
            rejects_key=None,
        ),
        NOW,
    )


def resend(world: World) -> Resent:
    return resend_chunks(
        REF,
        store=world.store,
        objects=world.objects,
        chunks=world.chunks,
        parts=world.parts,
    )


def test_the_very_chunks_are_sent_again_that_were_sent_before(world: World) -> None:
    before = lost(world)

    assert resend(world) == Resent(chunks=len(before), cells=0)

    assert world.chunks.sent == before
    assert world.parts.sent == []


def test_a_chunk_that_is_decided_is_not_sent_again(world: World) -> None:
    first, *others = lost(world)
    outcome(world, first)

    assert resend(world).chunks == len(others)

    assert world.chunks.sent == others


def test_a_failed_batch_is_sent_again_all_the_same(world: World) -> None:
    before = lost(world)
    world.store.begin_crediting(REF, NOW)
    world.store.fail(REF, Failure(FailureCode.CHUNK_DEAD_LETTERED, "dead"), NOW)

    resend(world)

    assert world.chunks.sent == before


def test_a_file_planned_under_other_rulings_is_not_read_by_those_of_today(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(world)
    monkeypatch.setattr("pointflow.services.resend_chunks.RULINGS", RULINGS + 1)

    with pytest.raises(ConflictError, match=f"planned under rulings {RULINGS}"):
        resend(world)

    assert (world.chunks.sent, world.parts.sent) == ([], [])


def test_a_cell_that_was_never_parsed_is_asked_for() -> None:
    world = World()
    world.intake().upload(world.uploaded(rows(20)))
    for part in world.parts.take():
        world.intake().part(part, retry=False)
    while not any(isinstance(part, ParsePart) for part in world.parts.sent):
        for part in world.parts.take():
            world.intake().part(part, retry=False)
    asked = world.parts.take()

    assert resend(world) == Resent(chunks=0, cells=len(asked))

    assert world.parts.sent == asked


def test_a_queue_that_throttles_is_told_and_the_next_run_sends_the_rest(world: World) -> None:
    before = lost(world)
    world.chunks.refuse_after = 2
    with pytest.raises(ContentionError):
        resend(world)
    world.chunks.refuse_after = None

    resend(world)

    assert set(world.chunks.sent) == set(before)


def test_a_file_that_is_gone_cannot_be_sent_again(world: World) -> None:
    lost(world)
    world.objects.make_unreadable(REF)

    with pytest.raises(ObjectUnreadableError):
        resend(world)

    assert world.chunks.sent == []


def test_a_cell_that_makes_another_chunk_is_not_sent_on(world: World) -> None:
    first, *_ = lost(world)
    outcome(world, first, digest="another")

    with pytest.raises(ChunkMismatchError, match=f"line {first.first_line}"):
        resend(world)


def test_a_cell_that_makes_another_number_of_chunks_is_told(world: World) -> None:
    lost(world)
    body = rows(20)
    last = len(rows(1, first=20))
    world.objects.upload(REF, body[:-last] + b" " * (last - 1) + b"\n")

    with pytest.raises(ChunkMismatchError, match="chunks"):
        resend(world)


def test_an_unknown_submission_and_one_that_is_not_credited_are_refused(world: World) -> None:
    with pytest.raises(NotFoundError):
        resend_chunks(
            replace(REF, version="v9"),
            store=world.store,
            objects=world.objects,
            chunks=world.chunks,
            parts=world.parts,
        )
    for chunk in lost(world):
        outcome(world, chunk)
        progress = world.store.cell_progress(REF, chunk.cell)
        if progress.settled:
            world.store.complete_cell(REF, chunk.cell, progress.tally, NOW)
    assert world.store.complete(REF, NOW).status is Status.COMPLETED

    with pytest.raises(ConflictError, match="every row is decided"):
        resend(world)


def test_a_held_file_is_refused_and_leaves_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    desk.stage.held(stage_ref(), twin=stage_ref("v9", name="activities_acme_20251231000000.txt"))

    with pytest.raises(ConflictError, match="HELD"):
        desk.run("batch", "resend", STAGE_NAME)

    assert desk.audit.kept == []


def test_the_command_says_what_was_sent_and_leaves_a_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch)
    desk.stage.planned(stage_ref(), newlines=(1, 1))

    answer = desk.run("batch", "resend", STAGE_NAME, "--reason", "expired", "--json").document

    assert answer == {"file": STAGE_NAME, "version": "v1", "chunks": 0, "cells": 2}
    assert desk.audit.told == [("batch.resend", "acme", STAGE_NAME, "expired")]


def test_the_command_says_that_the_file_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    desk.stage.planned(stage_ref())
    desk.stage.closed(stage_ref(), 0, chunks=1, rows=1)

    ran = desk.run("batch", "resend", STAGE_NAME)

    assert ran.code == 2
    assert "is gone" in ran.error
