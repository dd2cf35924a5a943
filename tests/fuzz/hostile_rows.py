"""Rows at and beyond every limit of the rulings, and files made of them, from one seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from pointflow.domain.lines import BOM

RECEIVED_AT = 1_704_067_200
LATEST = RECEIVED_AT + 300

_HEADER = "EMAIL|CT_USER_ID|THIRD_PARTY_ID|USERNAME|ACTIVITY_ID|POINTS|ACTIVITY_DATE"
_NULLS = ("null", "NULL", "Null", "nUlL", "nul", "nulll", "null null", "nnull", "n", "N")
# Each of these is longer, shorter or of other bytes once it is lower-cased.
_LOWERED = ("\u0130", "\u023a", "\u1e9e", "\u212a", "\u2126", "\u03a3", "\u00c4", "\U00010400")
_BYTES = (
    b"\x00", b"\t", b"\r", b"\x0b", b"\x0c", b"\x1a", b"\x1c", b"\x1f", b"\x7f", b"\x80",
    b"\x85", b"\xa0", b"\xc0\xaf", b"\xc2\x85", b"\xc2\xa0", b"\xe2\x80\xa8", b"\xe2\x80\xa9",
    b"\xe3\x80\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xef\xbf\xbd", b"\xef\xbf\xbe",
    b"\xef\xbf\xbf", b"\xf0\x9f\x98\x80", b"\xf4\x90\x80\x80", b"\xfe", b"\xff", b"\xc3", b"|",
    b'"', b"'", b" ", b"  ", b"\n", b"\r\n", b"\n\n", b";", b",", b"0", b"9", b"null", b"-", b"+",
)  # fmt: skip
_NUMBERS = (
    "", "0", "1", "7", "00", "007", "-1", "+5", "4_00", " 12", "12 ", "1.0", "1e3", "1,000",
    "null", "9" * 9, "1" + "0" * 9, "1" + "0" * 8 + "1", "2" + "0" * 9, "9" * 17, "9" * 18,
    "9" * 19, "0" * 18, "0" * 17 + "1", "0" * 18 + "1", "0" * 30 + "1", "\u0661\u0662", "\uff17",
    "\u00b2", "\u0967", "\U0001d7d8", '"5"', '5"', "0x10", "1704067200000",
)  # fmt: skip


def hostile_file(chance: random.Random, rows: int) -> bytes:
    """Join rows, most of them good, by line ends of either kind; some bytes are then damaged."""
    endings = chance.choice(((b"\n",), (b"\r\n",), (b"\n", b"\r\n"), (b"\n", b"\n", b"\r\r\n")))
    share = chance.choice((0.0, 0.02, 0.2, 0.9))
    lines = []
    for _ in range(rows):
        line = hostile_line(chance) if chance.random() < share else _good_line(chance)
        lines.append(line + chance.choice(endings))
    if len(lines) > 3 and chance.random() < 0.3:
        lines += lines[: chance.randrange(len(lines))]
    text = chance.choice((b"", b"", BOM, BOM + BOM, BOM[:2])) + b"".join(lines)
    for _ in range(chance.choice((0, 0, 1, 5))):
        text = _damaged(chance, text)
    return text[: -chance.choice((1, 2, 3, 30))] if chance.random() < 0.4 else text


def hostile_line(chance: random.Random) -> bytes:
    """Make one row at or beyond a limit."""
    return chance.choice(_LINES)(chance)


def _good_line(chance: random.Random) -> bytes:
    name = chance.choice(("ann", "nina", "Nulla", "zoë", "O'Hara", "田中", 'b"c'))
    email = chance.choice(("", f"{name}{chance.randrange(99)}@example.com"))
    user_id = str(chance.randrange(1, 10**18)) if chance.random() < 0.5 or not email else ""
    third, username = chance.choice(("", "T-1")), chance.choice(("", name))
    tail = chance.choice(("", "|", "|5", "|0", "||", "|5|", f"||{_date(chance)}"))
    return f"{email}|{user_id}|{third}|{username}|{chance.randrange(1, 10**9)}{tail}".encode()


def _date(chance: random.Random) -> str:
    return str(LATEST - chance.randrange(10 ** chance.randrange(1, 10)))


def _any_date(chance: random.Random) -> str:
    near = LATEST + chance.randrange(-3, 4)
    far = LATEST + chance.choice((-1, 1)) * 10 ** chance.randrange(10)
    return chance.choice(
        (str(near), str(far), f"0{near}", f"00{far}", f"{near}0", str(near)[:-1], _number(chance))
    )


def _number(chance: random.Random) -> str:
    return chance.choice(_NUMBERS)


def _filled(chance: random.Random, size: int) -> str:
    """Text of about that many bytes, before or after it is lower-cased."""
    character = chance.choice(("x", "N", " ", "é", "€", "\U0001f600", *_LOWERED))
    count = size // len(chance.choice((character, character.lower())).encode())
    return character * count + "x" * chance.randrange(3)


def _text(chance: random.Random) -> str:
    return chance.choice(
        (
            "", "", "ann@example.com", " ann ", "   ", "'", '"', '""', '"ann"', '"ann', 'ann"',
            '" ann "', ' "ann" ', "a b", "\u00a0", "\u3000ann", "a\u2028b", "\ufeffann", "\ufffe",
            "a\uffffb", chance.choice(_NULLS),
            f"{chance.choice(_NULLS)} ", f" {chance.choice(_NULLS)} ",
            _filled(chance, chance.choice((168, 169, 170, 253, 254, 255, 256))),
            _filled(chance, 254) + " " * chance.randrange(4), *_LOWERED,
        )
    )  # fmt: skip


def _fields(chance: random.Random) -> bytes:
    fields = [
        _text(chance),
        chance.choice((_number(chance), "54064211")),
        _text(chance),
        _text(chance),
        chance.choice((_number(chance), "410061376", "410061376")),
        chance.choice((_number(chance), "400", "")),
        chance.choice((_any_date(chance), "")),
    ]
    pad = chance.choice(("", "", "", " ", "  ", "\u00a0"))
    count = chance.choice((5, 5, 6, 7, 7, chance.randrange(1, 10)))
    columns = [pad + field + pad for field in (fields * 2)[:count]]
    return "|".join(columns).encode()


def _nearly_good(chance: random.Random) -> bytes:
    fields = _good_line(chance).decode().split("|")
    change: Sequence[Callable[[random.Random], str]] = (_text, _number, _any_date)
    fields[chance.randrange(len(fields))] = chance.choice(change)(chance)
    more = chance.choice(("", "", "", "|", "|x|y", "|||"))
    return ("|".join(fields) + more).encode()


def _damaged_line(chance: random.Random) -> bytes:
    return _damaged(chance, _good_line(chance))


def _long_line(chance: random.Random) -> bytes:
    size = chance.choice((4_095, 4_096, 4_097, 4_098, 4_099, 4_100, 9_000))
    good = _good_line(chance)
    padding = chance.choice((b" ", b"x", b"|", "é".encode()))
    line = chance.choice((padding * size + good, good + padding * size))
    return line[:size] if padding != b" " else line[-size:]


def _blank_line(chance: random.Random) -> bytes:
    return chance.choice((b"", b" ", b"   ", b"\r", b" \r", b"\t", b" " * 4_097, b"||||", b" | "))


def _header(chance: random.Random) -> bytes:
    columns = _HEADER.split("|")[: chance.randrange(4, 8)]
    style = chance.choice((str, str.lower, str.title))
    return style("|".join(columns)).replace("_", chance.choice("_ ")).encode()


def _damaged(chance: random.Random, text: bytes) -> bytes:
    at = chance.randrange(len(text) + 1)
    cut = chance.choice((0, 0, 1, 2))
    return text[:at] + chance.choice(_BYTES) + text[at + cut :]


_LINES: tuple[Callable[[random.Random], bytes], ...] = (
    _fields,
    _fields,
    _nearly_good,
    _nearly_good,
    _nearly_good,
    _damaged_line,
    _long_line,
    _blank_line,
    _header,
)
