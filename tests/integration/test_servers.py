"""The servers that integration tests start keep to this machine."""

from pathlib import Path

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from tests.integration import private_network
from tests.integration.dynamodb_local import dynamodb_local
from tests.integration.servers import ServerError

LISTENING = "0A"
LOOPBACK = "0100007F"


def listening_addresses(port: int) -> set[str]:
    """Addresses, in the kernel's hexadecimal, that somebody listens on at a port."""
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, hexadecimal = local.partition(":")
            if state == LISTENING and int(hexadecimal, 16) == port:
                found.add(address)
    return found


def test_a_server_is_reached_on_the_loopback_address_alone(dynamodb: DynamoDBClient) -> None:
    port = int(dynamodb.meta.endpoint_url.rpartition(":")[2])
    assert listening_addresses(port) == {LOOPBACK}


def test_a_machine_that_refuses_a_network_of_ones_own_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "refusing.py"
    refusing.write_text(f"raise SystemExit({private_network.REFUSED})")
    monkeypatch.setattr(private_network, "__file__", str(refusing))
    with pytest.raises(ServerError, match="network of its own, which this machine refuses"):
        dynamodb_local().__enter__()
