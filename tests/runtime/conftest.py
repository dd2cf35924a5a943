"""One local AWS for all events, with IAM policies enforced: each function has its own role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pointflow_local.samples import load_samples
from pointflow_local.stack import bring_down, bring_up
from pointflow_local.state import HOME_VARIABLE
from tests.runtime.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The deployed stack, filled, with a function on the runtime for each folder of events."""
    home = tmp_path_factory.mktemp("pointflow")
    with pytest.MonkeyPatch.context() as environment, ExitStack() as cleanup:
        environment.setenv(HOME_VARIABLE, str(home))
        up = bring_up(auth=True, prepare=load_samples)
        cleanup.callback(bring_down)
        world = World(up.stack, cleanup)
        world.stop_polling()
        world.fill(home)
        yield world
