"""Putting other people's text into our own words safely."""

from __future__ import annotations

SHOWN_CHARACTERS = 40


def shown(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    r"""Quote a value for a message: bounded, on one line, nothing invisible.

    Whatever does not print (controls, text direction marks, bytes that were no text) is written
    as `\xNN` or `\uNNNN`. `limit` counts characters of the value.

    >>> shown("a\u202eb")
    "'a\\u202eb'"
    """
    kept = text if len(text) <= limit else text[: limit - 1] + "…"
    if kept.isprintable():
        return f"'{kept}'"
    return "'" + "".join(c if c.isprintable() else _escaped(c) for c in kept) + "'"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
