"""Unit tests talk to nobody: sockets are off, and hypothesis draws the same cases every time."""

import pytest
from hypothesis import settings
from pytest_socket import disable_socket

settings.register_profile("unit", derandomize=True, deadline=None)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    disable_socket(allow_unix_socket=True)
