"""What somebody would write or pick instead, kept as fast as they would reasonably make it."""

from __future__ import annotations

import csv
import re
from typing import Annotated

import polars as pl
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from pointflow.domain.batch_row import COLUMNS

_ID_LIMIT = 10**18 - 1
_CONTROL = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")
LATEST = 1_704_067_500
"""The last second an activity of the generated files may be dated."""


class _LaxRow(BaseModel):
    """What is quickly written: takes `+5`, `4_00`, quotes, control characters, `null` as a name."""

    model_config = ConfigDict(str_strip_whitespace=True)

    EMAIL: Annotated[str | None, Field(max_length=254)] = None
    CT_USER_ID: Annotated[int | None, Field(gt=0, le=_ID_LIMIT)] = None
    THIRD_PARTY_ID: Annotated[str | None, Field(max_length=254)] = None
    USERNAME: Annotated[str | None, Field(max_length=254)] = None
    ACTIVITY_ID: Annotated[int, Field(gt=0, le=_ID_LIMIT)]
    POINTS: Annotated[int | None, Field(ge=0, le=1_000_000_000)] = None
    ACTIVITY_DATE: Annotated[int | None, Field(ge=0, le=LATEST)] = None

    @model_validator(mode="after")
    def _names_somebody(self) -> _LaxRow:
        if not (self.EMAIL or self.CT_USER_ID or self.THIRD_PARTY_ID or self.USERNAME):
            raise ValueError("the row names no member")
        return self


def _text(value: str) -> str | None:
    value = value.strip(" ")
    if _CONTROL.search(value):
        raise ValueError("the field holds a control character")
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        raise ValueError("the field is enclosed")
    return None if value.lower() in {"", "null"} else value


def _digits(value: str) -> str | None:
    text = _text(value)
    if text is not None and not (text.isascii() and text.isdigit()):
        raise ValueError("not a number in digits 0-9")
    return text


def _identifier(value: str | None) -> str | None:
    if value is not None and len(value.encode()) > 254:
        raise ValueError("the field is too long")
    return value


_Identifier = Annotated[str | None, BeforeValidator(_text), AfterValidator(_identifier)]


class _StrictRow(_LaxRow):
    """The rulings, as a model says them."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)

    EMAIL: _Identifier = None
    CT_USER_ID: Annotated[int | None, Field(gt=0, le=_ID_LIMIT), BeforeValidator(_digits)] = None
    THIRD_PARTY_ID: _Identifier = None
    USERNAME: _Identifier = None
    ACTIVITY_ID: Annotated[int, Field(gt=0, le=_ID_LIMIT), BeforeValidator(_digits)]
    POINTS: Annotated[int | None, Field(le=1_000_000_000), BeforeValidator(_digits)] = None
    ACTIVITY_DATE: Annotated[int | None, Field(le=LATEST), BeforeValidator(_digits)] = None


def lax_model(path: str) -> tuple[int, int]:
    """Validate with `csv.DictReader` and a pydantic model a row; answers (valid, rejected)."""
    return _model_a_row(path, _LaxRow, errors="replace")


def strict_model(path: str) -> tuple[int, int]:
    """Do the same with a model that rejects what the rulings reject."""
    return _model_a_row(path, _StrictRow, errors="surrogateescape")


def _model_a_row(path: str, model: type[_LaxRow], errors: str) -> tuple[int, int]:
    valid, faults = 0, []
    with open(path, encoding="utf-8", errors=errors, newline="") as file:  # noqa: PTH123
        reader = csv.DictReader(file, COLUMNS, "more", delimiter="|", quoting=csv.QUOTE_NONE)
        for line, fields in enumerate(reader, 1):
            try:
                model.model_validate({name: value for name, value in fields.items() if value})
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                faults.append((line, first["loc"], first["msg"]))
            else:
                valid += 1
    return valid, len(faults)


def bare_split(path: str) -> tuple[int, int]:
    """Split every line, and look at nothing."""
    count = 0
    with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        for line in file:
            line.split("|")
            count += 1
    return count, 0


_LINE = (
    r"^[^|\x00-\x1f\x7f]{0,254}\|(?:[0-9]{1,18})?\|[^|\x00-\x1f\x7f]{0,254}"
    r"\|[^|\x00-\x1f\x7f]{0,254}\|[0-9]{1,18}(?:\|[0-9]{0,10}(?:\|[0-9]{0,10})?)?\r?$"
)


def polars_line_regex(path: str) -> tuple[int, int]:
    """Match every line of the file by a regular expression, in polars.

    Reads the file as one column of lines. Tells which lines do not match, not why, and neither
    compares dates nor finds rows that name nobody.
    """
    lines = pl.read_csv(
        path,
        has_header=False,
        separator="\x01",
        quote_char=None,
        new_columns=["line"],
        schema_overrides=[pl.String],
        encoding="utf8-lossy",
    )
    matched = lines.select(pl.col("line").str.contains(_LINE).fill_null(value=False))["line"]
    valid = int(matched.sum())
    return valid, lines.height - valid
