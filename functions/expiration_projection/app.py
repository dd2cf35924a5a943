"""Follows the members' current views: keeps the month index in step, and tells of changes."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointflow.adapters.stream_records import read_change, sequence_number
from pointflow.bootstrap import projections
from pointflow.described_error import described
from pointflow.domain.errors import EventsNotPublishedError
from pointflow.domain.expiration_view import ViewChange
from pointflow.observability import logger, metrics


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any],
    context: LambdaContext,  # noqa: ARG001
    project: projections.Project | None = None,
    announce: projections.Announce | None = None,
) -> dict[str, Any]:
    """Handle a batch of the table's stream, in its order, up to the first record that fails.

    What was projected is announced, ten changes a call; of a forgotten member nothing is. The
    stream is taken up again at the first record that failed in either: what follows it waits for
    it, and may be announced twice.
    """
    project = project or projections.projection()
    entries = 0
    projected: list[tuple[str, ViewChange]] = []
    failed: str | None = None
    for record in event["Records"]:
        number = sequence_number(record)
        try:
            change = read_change(record)
            written = None if change is None else project(change)
            if change is not None and written is not None:
                entries += written
                projected.append((number, change))
        except Exception as error:  # noqa: BLE001 - reported, so that Lambda goes on from here
            logger.error("change not projected", sequence_number=number, **described(error))
            failed = number
            break
    announced, untold = _announce(projected, announce)
    failed = untold or failed
    metrics.add_metric("ViewsProjected", MetricUnit.Count, len(projected))
    metrics.add_metric("ProjectionsFailed", MetricUnit.Count, int(failed is not None))
    metrics.add_metric("ChangesAnnounced", MetricUnit.Count, announced)
    logger.info("projected", changes=len(projected), entries=entries, announced=announced)
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


def _announce(
    projected: list[tuple[str, ViewChange]], announce: projections.Announce | None
) -> tuple[int, str | None]:
    """How many were told, and the sequence number of the first that could not be."""
    if not projected:
        return 0, None
    try:
        announce = announce or projections.announcement()
        return announce([change for _, change in projected]), None
    except EventsNotPublishedError as error:
        number = projected[min(error.positions)][0]
        logger.error("changes not announced", sequence_number=number, **described(error))
    except Exception as error:  # noqa: BLE001 - nothing is known to be told: from the start
        number = projected[0][0]
        logger.error("changes not announced", sequence_number=number, **described(error))
    return 0, number
