"""Follows the members' current views and keeps the month index in step with them."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointflow.adapters.stream_records import read_change, sequence_number
from pointflow.bootstrap import pushes
from pointflow.described_error import described
from pointflow.observability import logger, metrics


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any],
    context: LambdaContext,  # noqa: ARG001
    project: pushes.Project | None = None,
) -> dict[str, Any]:
    """Handle a batch of the table's stream, in its order, up to the first record that fails."""
    project = project or pushes.projection()
    changes = entries = 0
    failures: list[dict[str, str]] = []
    for record in event["Records"]:
        number = sequence_number(record)
        try:
            change = read_change(record)
            if change is not None:
                entries += project(change)
                changes += 1
        except Exception as error:  # noqa: BLE001 - reported, so that Lambda goes on from here
            logger.error("change not projected", sequence_number=number, **described(error))
            # The stream is taken up again at this record: what follows it waits for it.
            failures.append({"itemIdentifier": number})
            break
    metrics.add_metric("ViewsProjected", MetricUnit.Count, changes)
    metrics.add_metric("ProjectionsFailed", MetricUnit.Count, len(failures))
    logger.info("projected", changes=changes, entries=entries)
    return {"batchItemFailures": failures}
