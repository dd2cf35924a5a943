"""The push endpoint as others would write it: a handler that checks nothing, and FastAPI."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from botocore.exceptions import ClientError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

type Days = dict[str, dict[str, int]]
type Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

Points = Annotated[int, Field(ge=0, le=10**12)]
_FREE = "attribute_not_exists(pk)"
_NEWER = f"{_FREE} OR instant < :instant"


def minimal(client: Any, table: str) -> Handler:
    """json, and the two conditional writes of a push; nothing is checked."""

    def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        text = event["body"]
        sent = json.loads(text)
        instant = str(_milliseconds(datetime.fromisoformat(sent["message_date"])))
        client_id = event["requestContext"]["authorizer"]["client_id"]
        return _written(client, table, f"{client_id}#U#{sent['user_id']}", text, instant=instant)

    return handler


class Redemption(BaseModel):
    """A bucket."""

    model_config = ConfigDict(extra="allow")
    expiration_date: datetime
    points_expiring: Points
    points_expired: Points | None = None
    points_redeemed: Points | None = None


class Inactivity(BaseModel):
    """An inactivity expiration."""

    model_config = ConfigDict(extra="allow")
    expiration_date: datetime
    points_expiring: Points
    last_qualified_date: datetime | None = None
    days_until_expiry: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class Body(BaseModel):
    """A push."""

    model_config = ConfigDict(extra="allow")
    user_id: Annotated[int, Field(gt=0, lt=10**18)] | None = None
    email_address: Annotated[str, Field(max_length=254)] | None = None
    third_party_id: str | int | None = None
    message_date: datetime | None = None
    redemption: Annotated[
        list[Redemption] | None,
        Field(
            validation_alias=AliasChoices(
                "redemption_period_points_expiration", "redemption_period_point_expired"
            )
        ),
    ] = None
    inactivity: Annotated[
        list[Inactivity] | None, Field(validation_alias="inactivity_points_expiration")
    ] = None

    @model_validator(mode="after")
    def _complete(self) -> Body:
        if self.user_id is None and not self.email_address and self.third_party_id is None:
            raise ValueError("names nobody")
        if self.redemption is None and self.inactivity is None:
            raise ValueError("has no expirations")
        return self


def fastapi(client: Any, table: str) -> Handler:
    """FastAPI behind Mangum: the body checked by a model, the same two writes."""
    app = FastAPI(openapi_url=None)

    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [{"path": str(each["loc"]), "message": each["msg"]} for each in error.errors()]
        return JSONResponse({"errors": faults}, 422, media_type="application/problem+json")

    async def push(body: Body, request: Request) -> dict[str, str]:
        raw = await request.body()
        event = request.scope["aws.event"]
        client_id = event["requestContext"]["authorizer"]["client_id"]
        key = f"{client_id}#U#{body.user_id}"
        at = body.message_date or datetime.now(UTC)
        days: Days = {"redemption": {}, "inactivity": {}}
        for each in body.redemption or ():
            day = each.expiration_date.date().isoformat()
            days["redemption"][day] = days["redemption"].get(day, 0) + each.points_expiring
        for other in body.inactivity or ():
            day = other.expiration_date.astimezone(UTC).date().isoformat()
            days["inactivity"][day] = days["inactivity"].get(day, 0) + other.points_expiring
        instant = str(_milliseconds(at))
        answer = _written(client, table, key, raw.decode(), instant=instant, days=days)
        told: dict[str, str] = json.loads(answer["body"])
        return told

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_api_route("/v1/points-expirations", push, methods=["POST"])
    handler: Handler = Mangum(app, lifespan="off")
    return handler


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _written(
    client: Any, table: str, key: str, text: str, *, instant: str, days: Days | None = None
) -> dict[str, Any]:
    """History, then the current view."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    told = {
        "pk": {"S": key},
        "instant": {"N": instant},
        "hash": {"S": digest},
        "received_at": {"N": str(time.time_ns() // 1_000_000)},
        "body": {"S": text},
    }
    maps = {
        name: {"M": {day: {"N": str(points)} for day, points in each.items() if points}}
        for name, each in (days or {}).items()
    }
    status = "stored"
    for item, condition, values in (
        ({**told, "sk": {"S": f"PUSH#{instant}#{digest}"}}, _FREE, {}),
        (
            {**told, **maps, "sk": {"S": "CURRENT"}},
            _NEWER,
            {"ExpressionAttributeValues": {":instant": {"N": instant}}},
        ),
    ):
        try:
            client.put_item(TableName=table, Item=item, ConditionExpression=condition, **values)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            status = "duplicate"
    headers = {"Content-Type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps({"status": status})}
