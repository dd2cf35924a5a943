"""Structured logs and metrics: never an email, a username, a third-party id or a row in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics

if TYPE_CHECKING:
    from pointflow.domain.submission import SubmissionRef

logger = Logger()
metrics = Metrics()

_OF_A_FILE = ("client_id", "version")


def lines_are_about(ref: SubmissionRef) -> None:
    """Have every further line name client and object version, until `lines_are_about_nothing`.

    The version ties an upload to its credits and its report.
    """
    logger.append_keys(**dict(zip(_OF_A_FILE, (ref.client_id, ref.version), strict=True)))


def lines_are_about_nothing() -> None:
    """Take back what `lines_are_about` said: the message is done with."""
    logger.remove_keys(_OF_A_FILE)
