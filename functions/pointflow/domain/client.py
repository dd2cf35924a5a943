"""A client programme and its settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from pointflow.domain.expectation import Expectation

CLIENT_ID = re.compile(r"[A-Za-z0-9-]{1,32}", re.ASCII)


class Matching(StrEnum):
    """What an identifier that matches nobody means."""

    LENIENT = "lenient"  # fall through to the next identifier
    STRICT = "strict"  # stop there


class DuplicateContent(StrEnum):
    """What happens to a known content under a new name."""

    HOLD = "hold"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class Client:
    """A loyalty programme whose members are credited.

    `expects` is when its file is due; None: nobody waits for one.
    """

    client_id: str
    name: str = ""
    matching: Matching = Matching.LENIENT
    duplicate_content: DuplicateContent = DuplicateContent.HOLD
    expects: Expectation | None = None
