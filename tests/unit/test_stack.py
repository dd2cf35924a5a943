"""Which stack and which client a command talks to: named, or the only one, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pointflow_cli.errors import CommandError
from pointflow_cli.stack import Selection, Stack, default_client, known_client, open_stack, select


@pytest.fixture(autouse=True)
def _nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("POINTFLOW_HOME", str(tmp_path))
    select(Selection())
    yield
    select(Selection())


class CatalogOf:
    """A DynamoDB client whose catalog holds these clients."""

    def __init__(self, *client_ids: str) -> None:
        self._client_ids = client_ids

    def get_item(self, *, TableName: str, Key: Any, **_: Any) -> Any:  # noqa: N803 - AWS's names
        assert TableName == "catalog"
        assert Key["item"] == {"S": "CLIENT"}
        known = Key["client_id"]["S"] in self._client_ids
        return {"Item": {"client_id": Key["client_id"]}} if known else {}

    def get_paginator(self, operation: str) -> CatalogOf:
        assert operation == "scan"
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        # A page of a filtered scan may well be empty.
        yield {"Items": []}
        yield {"Items": [{"client_id": {"S": client_id}} for client_id in self._client_ids]}


def stack_with(monkeypatch: pytest.MonkeyPatch, *client_ids: str) -> Stack:
    monkeypatch.setattr(Stack, "client", lambda *_: CatalogOf(*client_ids))
    return Stack(name="staging", region="eu-west-1", outputs={"CatalogTableName": "catalog"})


def test_no_stack_is_guessed() -> None:
    with pytest.raises(CommandError, match="which stack") as told:
        open_stack()
    assert "--stack local" in told.value.next_step


def test_a_local_stack_that_is_not_up_is_told_with_the_way_to_start_it() -> None:
    with pytest.raises(CommandError, match="the local stack is not running") as told:
        open_stack("local")
    assert told.value.next_step == "start it: pointflow up"


def test_a_stack_may_be_named_before_the_command_or_by_the_environment() -> None:
    select(Selection(stack="local", stack_from_env=True))
    with pytest.raises(CommandError, match="the local stack is not running"):
        open_stack()


def test_two_different_stacks_on_one_line_are_an_error() -> None:
    select(Selection(stack="production"))
    with pytest.raises(CommandError, match="given twice: production and local"):
        open_stack("local")


def test_a_stack_after_the_command_overrules_the_environment() -> None:
    select(Selection(stack="production", stack_from_env=True))
    with pytest.raises(CommandError, match="the local stack is not running"):
        open_stack("local")


@pytest.mark.parametrize("before_the_command", [True, False])
def test_an_empty_stack_never_stands_for_another(before_the_command: bool) -> None:
    """As `--stack "$STACK"` gives it where STACK is not set."""
    select(Selection(stack="" if before_the_command else "production", stack_from_env=False))
    with pytest.raises(CommandError, match="--stack is empty"):
        open_stack(None if before_the_command else "")


def test_an_empty_variable_of_the_environment_names_no_stack() -> None:
    select(Selection(stack="", stack_from_env=True))
    with pytest.raises(CommandError, match="which stack"):
        open_stack()


def test_an_empty_client_never_stands_for_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="--client is empty"):
        default_client(stack_with(monkeypatch, "acme"), "")


def test_a_stack_on_aws_needs_a_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(CommandError, match="no AWS region is set"):
        open_stack("production")


def test_the_only_client_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_client(stack_with(monkeypatch, "acme")) == "acme"


def test_of_several_clients_none_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match=r"which client, of acme, globex\?"):
        default_client(stack_with(monkeypatch, "globex", "acme"))


def test_a_client_that_is_named_must_be_one_of_the_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = stack_with(monkeypatch, "acme", "globex")

    assert known_client(stack, "globex") == "globex"
    with pytest.raises(CommandError, match="there is no client 'acne'") as told:
        known_client(stack, "acne")
    assert told.value.next_step == "see: pointflow clients list"


def test_a_stack_without_clients_says_how_to_add_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError) as told:
        default_client(stack_with(monkeypatch))
    assert "clients add" in told.value.next_step


def test_a_named_client_is_taken_without_asking_the_stack() -> None:
    unreachable = Stack(name="staging", region="eu-west-1", outputs={})
    assert default_client(unreachable, "globex") == "globex"
    select(Selection(client="acme"))
    assert default_client(unreachable) == "acme"


def test_an_output_that_the_deployed_stack_lacks_is_named() -> None:
    with pytest.raises(CommandError, match="stack staging has no output BucketName"):
        _ = Stack(name="staging", region="eu-west-1", outputs={}).bucket
