"""DynamoDB's condition, update and projection expressions, each compiled once.

Only what pointflow writes is understood; anything else is refused as DynamoDB refuses what it
cannot read. `tests/integration/test_transaction_server.py` compares it with DynamoDB Local.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from botocore.exceptions import ClientError

type Attribute = dict[str, Any]
type Item = dict[str, Attribute]
type Names = Mapping[str, str]
type Values = Mapping[str, Attribute]
type Condition = Callable[[Item, Names, Values], bool]
type Change = Callable[[Item, Names, Values], None]
type Step = Callable[[Item, Item, Names, Values], None]  # the item, and the item as it was
type Operand = Callable[[Item, Names, Values], Attribute | None]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),+-]|[#:]?\w+)")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": eq,
    "<>": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
_VERBS = ("SET", "REMOVE", "ADD", "DELETE")
PLACEHOLDER = re.compile(r"[#:]\w+")


class _Tokens:
    def __init__(self, text: str) -> None:
        found: list[str] = _TOKEN.findall(text)
        if "".join(found) != re.sub(r"\s", "", text):
            raise validation_error(f"cannot read {text!r}")
        self._left = deque(found)

    @property
    def next(self) -> str:
        return self._left[0] if self._left else ""

    def take(self, expected: str | None = None) -> str:
        if not self._left or expected not in {None, self._left[0]}:
            raise validation_error(f"expected {expected or 'more'}, found {self.next!r}")
        return self._left.popleft()

    def skip(self, token: str) -> bool:
        if self.next != token:
            return False
        self._left.popleft()
        return True


@cache
def condition(text: str) -> Condition:
    """Compile a condition, filter or key condition expression."""
    tokens = _Tokens(text)
    compiled = _any(tokens)
    if tokens.next:
        raise validation_error(f"{text!r} goes on where it should end")
    return compiled


@cache
def change(text: str) -> Change:
    """Compile an update expression: what it does to an item's copy."""
    tokens = _Tokens(text)
    steps: list[Step] = []
    while verb := tokens.next:
        if verb not in _VERBS:
            raise validation_error(f"{text!r} has no verb at {verb!r}")
        tokens.take()
        steps.append(_step(verb, tokens))
        while tokens.skip(","):
            steps.append(_step(verb, tokens))

    def apply(item: Item, names: Names, values: Values) -> None:
        before = dict(item)
        for step in steps:
            step(item, before, names, values)

    return apply


@cache
def projection(text: str) -> tuple[str, ...]:
    """The attributes, or their placeholders, that an expression asks for."""
    return tuple(part.strip() for part in text.split(","))


def _any(tokens: _Tokens) -> Condition:
    parts = [_all(tokens)]
    while tokens.skip("OR"):
        parts.append(_all(tokens))
    return parts[0] if len(parts) == 1 else lambda *on: any(part(*on) for part in parts)


def _all(tokens: _Tokens) -> Condition:
    parts = [_term(tokens)]
    while tokens.skip("AND"):
        parts.append(_term(tokens))
    return parts[0] if len(parts) == 1 else lambda *on: all(part(*on) for part in parts)


def _term(tokens: _Tokens) -> Condition:
    if tokens.skip("("):
        inner = _any(tokens)
        tokens.take(")")
        return inner
    if tokens.skip("NOT"):
        negated = _term(tokens)
        return lambda *on: not negated(*on)
    if tokens.next in {"attribute_exists", "attribute_not_exists", "begins_with"}:
        return _function(tokens)
    left = _operand(tokens)
    operator = tokens.take()
    if operator == "IN":
        tokens.take("(")
        choices = [_operand(tokens)]
        while tokens.skip(","):
            choices.append(_operand(tokens))
        tokens.take(")")
        return lambda *on: left(*on) in [choice(*on) for choice in choices]
    if operator == "BETWEEN":
        low = _operand(tokens)
        tokens.take("AND")
        high = _operand(tokens)
        return lambda *on: compare(low(*on), le, left(*on)) and compare(left(*on), le, high(*on))
    if operator not in _COMPARE:
        raise validation_error(f"no operator: {operator!r}")
    right, holds = _operand(tokens), _COMPARE[operator]
    return lambda *on: compare(left(*on), holds, right(*on))


def _function(tokens: _Tokens) -> Condition:
    name = tokens.take()
    tokens.take("(")
    path = _operand(tokens)
    if name == "begins_with":
        tokens.take(",")
        prefix = _operand(tokens)
        tokens.take(")")

        def begins(*on: Any) -> bool:
            found, wanted = path(*on), prefix(*on)
            return bool(found and wanted and found.get("S", "").startswith(wanted["S"]))

        return begins
    tokens.take(")")
    exists = name == "attribute_exists"
    return lambda *on: (path(*on) is not None) is exists


def compare(left: Attribute | None, holds: Callable[[Any, Any], bool], right: Any) -> bool:
    """Compare as DynamoDB does: what is absent, or of another type, differs and is in no order."""
    if left is None or right is None or left.keys() != right.keys():
        return holds is ne
    ((kind, one),) = left.items()
    other = right[kind]
    if kind == "N":
        return holds(int(one), int(other))
    return holds(sorted(one), sorted(other)) if kind in {"SS", "NS"} else holds(one, other)


def _operand(tokens: _Tokens) -> Operand:
    token = tokens.take()
    if token.startswith(":"):
        return lambda _item, _names, values: values[token]
    if token.startswith("#"):
        return lambda item, names, _values: item.get(names[token])
    return lambda item, _names, _values: item.get(token)


def _step(verb: str, tokens: _Tokens) -> Step:
    path = tokens.take()
    if verb == "REMOVE":

        def remove(item: Item, _before: Item, names: Names, _values: Values) -> None:
            item.pop(names.get(path, path), None)

        return remove
    if verb == "SET":
        tokens.take("=")
        value = _sum(tokens)

        def assign(item: Item, before: Item, names: Names, values: Values) -> None:
            found = value(before, names, values)
            if found is None:
                raise validation_error("The provided expression refers to an absent attribute")
            item[names.get(path, path)] = found

        return assign
    amount = tokens.take()
    combine = _added if verb == "ADD" else _taken

    def combined(item: Item, before: Item, names: Names, values: Values) -> None:
        name = names.get(path, path)
        found = combine(before.get(name), values[amount])
        if found is None:
            item.pop(name, None)
        else:
            item[name] = found

    return combined


def _sum(tokens: _Tokens) -> Operand:
    value = _value(tokens)
    if tokens.next not in {"+", "-"}:
        return value
    sign = 1 if tokens.take() == "+" else -1
    other = _value(tokens)

    def total(*on: Any) -> Attribute | None:
        one, two = value(*on), other(*on)
        if one is None or two is None:
            return None
        return {"N": str(int(one["N"]) + sign * int(two["N"]))}

    return total


def _value(tokens: _Tokens) -> Operand:
    if not tokens.skip("if_not_exists"):
        return _operand(tokens)
    tokens.take("(")
    path = _operand(tokens)
    tokens.take(",")
    default = _operand(tokens)
    tokens.take(")")

    def chosen(*on: Any) -> Attribute | None:
        found = path(*on)
        return default(*on) if found is None else found

    return chosen


def _added(found: Attribute | None, more: Attribute) -> Attribute:
    ((kind, amount),) = more.items()
    if found is None:
        return more
    if kind == "N":
        return {"N": str(int(found["N"]) + int(amount))}
    return {kind: sorted({*found[kind], *amount})}


def _taken(found: Attribute | None, less: Attribute) -> Attribute | None:
    ((kind, amount),) = less.items()
    left = sorted(set(found[kind] if found else ()) - set(amount))
    return {kind: left} if left else None


def validation_error(message: str) -> ClientError:
    """What DynamoDB answers to a request it cannot read."""
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "Request")
