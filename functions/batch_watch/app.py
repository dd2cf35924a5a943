"""Wakes submissions that stand still, and fails those that cannot go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointflow.bootstrap import watching
from pointflow.domain.errors import MessageInvalidError
from pointflow.observability import logger, metrics
from pointflow.services.look_out import Sights
from pointflow.services.watch_submissions import WatchSummary

SECONDS_TO_FINISH = 30.0
"""Kept of the invocation's time for the submission that is being looked after when time is up."""


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any],
    context: LambdaContext,
    watch: Callable[[float], WatchSummary] | None = None,
    look_out: Callable[[], Sights] | None = None,
) -> None:
    """Handle the schedule's event.

    Raises
    ------
    MessageInvalidError
        The event is not a schedule's.
    ExceptionGroup
        Some submissions could not be looked after; all others were.
    """
    if event.get("source") != "aws.events" or event.get("detail-type") != "Scheduled Event":
        raise MessageInvalidError("batch_watch is invoked by its schedule only")
    watch = watch or watching.watch
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SECONDS_TO_FINISH
    summary = watch(deadline)
    metrics.add_metric("SubmissionsStandingStill", MetricUnit.Count, summary.seen)
    metrics.add_metric("SubmissionsFailedByWatch", MetricUnit.Count, summary.failed)
    metrics.flush_metrics()
    logger.info(
        "watched",
        seen=summary.seen,
        asked_again=summary.asked_again,
        failed=summary.failed,
        in_time=summary.in_time,
        errors=len(summary.errors),
    )
    for error in summary.errors:
        logger.error("submission not looked after", exc_info=error)
    _tell(look_out or watching.sights)
    if summary.errors:
        raise ExceptionGroup("some submissions could not be looked after", summary.errors)


def _tell(look_out: Callable[[], Sights]) -> None:
    sights = look_out()
    # Also when they are zero: an alarm must see the run that ends it.
    metrics.add_metric("FilesMissing", MetricUnit.Count, len(sights.files_missing))
    metrics.add_metric("PushesInQuarantine", MetricUnit.Count, sights.pushes_in_quarantine)
    metrics.flush_metrics()
    if sights.files_missing:
        logger.warning("files missing", client_ids=sights.files_missing)
