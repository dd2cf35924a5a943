"""Proves, a slice at a time, that balances and counters equal their entries."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointflow.bootstrap import verification
from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.verification import Drift, Subject
from pointflow.observability import logger, metrics
from pointflow.services.verify_slice import Run

SECONDS_TO_FINISH = 100.0
"""Kept of the invocation's time: the page under way, and a quarter of a minute for its suspects."""

DRIFTS_LOGGED = 100


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any],
    context: LambdaContext,
    verify: Callable[[float], Run] | None = None,
) -> None:
    """Handle the schedule's event.

    Raises
    ------
    MessageInvalidError
        The event is not a schedule's.
    ExceptionGroup
        Something could not be read; everything else was compared.
    """
    if event.get("source") != "aws.events" or event.get("detail-type") != "Scheduled Event":
        raise MessageInvalidError("ledger_verify is invoked by its schedule only")
    verify = verify or verification.verify
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SECONDS_TO_FINISH
    run = verify(deadline)
    # Told before the round is kept: whoever dies in between finds the same again.
    _tell(run)
    kept = run.keep()
    logger.info(
        "verified",
        round=run.round_.number,
        finished=run.round_.finished_at is not None,
        members=run.round_.members,
        batches=run.round_.batches,
        drifts=run.round_.drifts,
        moving=run.round_.moving,
        kept=kept,
    )
    if run.errors:
        raise ExceptionGroup("something could not be compared", list(run.errors))


def _tell(run: Run) -> None:
    # Also when it is zero: an alarm must see the run that ends it.
    metrics.add_metric("LedgerDrift", MetricUnit.Count, run.round_.standing_drifts)
    metrics.flush_metrics()
    for drift in run.drifts[:DRIFTS_LOGGED]:
        _log(drift)


def _log(drift: Drift) -> None:
    # A CT user id, or the version that tells the upload: neither is personal data.
    logger.error(
        "drift",
        client_id=drift.client_id,
        member=drift.name if drift.subject is Subject.MEMBER else "",
        version=drift.version,
        place=drift.place,
        counter=drift.counter,
        recorded=drift.recorded,
        found=drift.found,
    )
