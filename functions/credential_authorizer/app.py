"""Tells API Gateway who a request comes from, and whether it may use the route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointflow.bootstrap import access
from pointflow.domain.authorization import policy, required_scope
from pointflow.domain.errors import (
    CredentialsUnavailableError,
    MessageInvalidError,
    UnauthorizedError,
)
from pointflow.observability import logger, metrics


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any],
    context: LambdaContext,  # noqa: ARG001
    authorize: access.Authorize | None = None,
) -> dict[str, Any]:
    """Handle the event of a REQUEST authorizer.

    Returns
    -------
    dict
        A policy that allows this very method, or denies it for want of a scope (403).

    Raises
    ------
    Exception
        With the text "Unauthorized", which API Gateway answers with 401.
    CredentialsUnavailableError
        Credentials cannot be checked. API Gateway answers an authorizer that fails with 500,
        which the template turns into 503.
    MessageInvalidError
        The event is not one of a REQUEST authorizer.
    """
    method, route, method_arn = _request_of(event)
    try:
        authorize = authorize or access.authorize()
        identity = authorize(_headers_of(event))
    except UnauthorizedError:
        _count("AuthorizationFailures")
        logger.info("unauthorized", method=method, route=route)
        # Exactly this text, of whatever type, is what API Gateway takes for a 401.
        raise Exception("Unauthorized") from None
    except CredentialsUnavailableError as error:
        _count("CredentialsUnavailable")
        logger.error("credentials unavailable", error_text=str(error))
        raise
    scope = required_scope(method, route)
    if scope not in identity.scopes:
        _count("AuthorizationFailures")
        logger.info(
            "forbidden",
            client_id=identity.client_id,
            credential_id=identity.credential_id,
            method=method,
            route=route,
        )
    return policy(identity, scope, method_arn, route)


def _request_of(event: Mapping[str, Any]) -> tuple[str, str, str]:
    if event.get("type") != "REQUEST":
        raise MessageInvalidError("credential_authorizer is a REQUEST authorizer")
    found = tuple(event.get(name) for name in ("httpMethod", "resource", "methodArn"))
    if not all(isinstance(value, str) for value in found):
        raise MessageInvalidError("the event lacks httpMethod, resource or methodArn")
    method, route, method_arn = found
    return str(method), str(route), str(method_arn)


def _headers_of(event: Mapping[str, Any]) -> dict[str, list[str]]:
    many = event.get("multiValueHeaders")
    if many:
        return {name: list(values or ()) for name, values in many.items()}
    return {name: [value] for name, value in (event.get("headers") or {}).items() if value}


def _count(name: str) -> None:
    metrics.add_metric(name, MetricUnit.Count, 1)
    metrics.flush_metrics()
