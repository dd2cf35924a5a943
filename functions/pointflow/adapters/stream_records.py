"""What a DynamoDB stream tells: changes of members' current views, among other things."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from pointflow.adapters.expiration_items import CURRENT, view_of_item
from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.expiration_view import ExpirationView, ViewChange


def read_change(record: Mapping[str, Any]) -> ViewChange | None:
    """Read a stream record; None when it is about something else than a current view.

    Raises
    ------
    MessageInvalidError
        A record that ExpirationsTable does not write.
    """
    try:
        told = record["dynamodb"]
        if told["Keys"]["sk"]["S"] != CURRENT:
            return None
        change = ViewChange(old=_image(told, "OldImage"), new=_image(told, "NewImage"))
    except (KeyError, TypeError, ValueError, AttributeError, zlib.error):
        # Without the cause: its text may quote the record, which is personal data.
        raise MessageInvalidError("a stream record is not a change of a view") from None
    if change.old is None and change.new is None:
        raise MessageInvalidError("a stream record holds no image: the view type is wrong")
    return change


def sequence_number(record: Mapping[str, Any]) -> str:
    """By which Lambda knows a record of a stream."""
    return str(record["dynamodb"]["SequenceNumber"])


def _image(told: Mapping[str, Any], name: str) -> ExpirationView | None:
    return view_of_item(told[name]) if name in told else None
