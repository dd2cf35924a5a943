"""What a client id may look like, and how a client is treated unless told otherwise."""

import pytest

from pointflow.domain.client import CLIENT_ID, Client, DuplicateContent, Matching


def test_a_new_client_is_matched_leniently_and_known_content_is_held() -> None:
    client = Client("acme")
    assert client.matching is Matching.LENIENT
    assert client.duplicate_content is DuplicateContent.HOLD


@pytest.mark.parametrize("client_id", ["a", "Acme-2", "x" * 32, "-"])
def test_client_ids_that_are_fine(client_id: str) -> None:
    assert CLIENT_ID.fullmatch(client_id)


@pytest.mark.parametrize(
    "client_id", ["", "x" * 33, "a_b", "a/b", "a#b", "a b", "é", "٣", "acme\n", "\u212a"]
)
def test_client_ids_that_are_refused(client_id: str) -> None:
    assert not CLIENT_ID.fullmatch(client_id)
