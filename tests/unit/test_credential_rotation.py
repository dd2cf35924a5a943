"""A credential is replaced while requests come in, in many containers and under attack."""

from __future__ import annotations

import random
from itertools import count

import pytest

from pointflow.adapters.cached_credentials import REFRESH_SECONDS, TTL_SECONDS, CachedCredentials
from pointflow.domain.authorization import AuthMode
from pointflow.domain.credential import Credential
from pointflow.domain.errors import UnauthorizedError
from pointflow.services.authorize_request import authorize_request
from pointflow.services.manage_credentials import (
    Minting,
    add_credential,
    revoke_credential,
    rotate_credential,
)
from tests.fakes.credential_store import PUSH_AND_READ, FakeCredentialStore

CONTAINERS = 8
STEP = 0.25
"""Seconds between requests: each container gets several within every interval."""


class Fleet:
    """Containers of the authorizer that share the secrets and a clock, and are asked at random."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.store = FakeCredentialStore()
        self.random = random.Random(seed)  # noqa: S311 - which container is asked, no secret
        ids = count()
        self.minting = Minting(lambda: f"{next(ids):043d}", lambda: f"c{next(ids)}", 1_760_000_000)
        self.containers = [
            CachedCredentials(self.store, lambda name: name == "acme", monotonic=lambda: self.now)
            for _ in range(CONTAINERS)
        ]

    def lets_in(self, api_key: str | None) -> bool:
        """Whether any one container, chosen at random, lets a key in."""
        live = self.random.choice(self.containers)
        try:
            authorize_request({"x-api-key": [api_key or ""]}, live=live, mode=AuthMode.ANY)
        except UnauthorizedError:
            return False
        return True

    def serve(self, seconds: float, *senders: Credential) -> None:
        """Every sender is let in each time, whatever an attacker sends in between."""
        for _ in range(int(seconds / STEP)):
            self.now += STEP
            assert not self.lets_in(f"acme.{'x' * 43}")
            for each in senders:
                assert self.lets_in(each.api_key)


@pytest.mark.parametrize("seed", range(5))
def test_no_request_is_lost_from_adding_a_credential_to_revoking_the_old_one(seed: int) -> None:
    fleet = Fleet(seed)
    old = add_credential("acme", PUSH_AND_READ, None, store=fleet.store, minting=fleet.minting)
    fleet.serve(30, old)

    new = rotate_credential("acme", old.credential_id, store=fleet.store, minting=fleet.minting)
    fleet.serve(REFRESH_SECONDS, old)  # for so long the new one may not count everywhere
    fleet.serve(30, old, new)

    revoke_credential("acme", old.credential_id, store=fleet.store)
    fleet.serve(TTL_SECONDS, new)
    for _ in range(CONTAINERS * 10):
        assert not fleet.lets_in(old.api_key)


def test_an_attacker_costs_a_container_one_read_an_interval_for_each_client() -> None:
    fleet = Fleet(0)
    old = add_credential("acme", PUSH_AND_READ, None, store=fleet.store, minting=fleet.minting)
    fleet.store.reads.clear()
    seconds = 120.0
    fleet.serve(seconds, old)

    assert len(fleet.store.reads) <= CONTAINERS * (seconds / REFRESH_SECONDS + 1)
