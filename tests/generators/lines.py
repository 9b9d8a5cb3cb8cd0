# SPDX-License-Identifier: Apache-2.0
"""Invoices as lines of JSON, in every way that one may write them, and lines that are no JSON."""

import json
import re
from typing import Any

from tests.generators.draw import Draw
from tests.generators.faults import Expected, copy, places
from tests.generators.invoices import Json

BAD = "B2_BAD_JSON"
# Stands for a key that is to be written twice.
AGAIN = "\x01again"
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
PLAIN = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
SPACED = json.JSONEncoder(ensure_ascii=False).encode
ASCII = json.JSONEncoder(separators=(",", ":")).encode
WIDE = json.JSONEncoder(separators=(" \t,\r ", "\t :  "), ensure_ascii=False).encode


def line(d: Draw, invoice: Any) -> bytes:
    """Write an object on one line, without its end."""
    kind = d.below(8)
    if kind < 3:
        return PLAIN(invoice).encode()
    if kind == 3:
        return SPACED(invoice).encode()
    if kind == 4:
        return ASCII(invoice).encode()
    if kind == 5:
        return PLAIN(shuffled(d, invoice)).encode()
    if kind == 6:
        return b" \t" * d.below(2) + WIDE(shuffled(d, invoice)).encode() + d.pick((b"", b" ", b"\t"))
    return escaped(d, PLAIN(invoice)).encode()


def shuffled(d: Draw, item: Any) -> Any:
    """Put the keys of every object in another order."""
    if isinstance(item, dict):
        keys = list(item)
        for place in range(len(keys) - 1, 0, -1):
            other = d.below(place + 1)
            keys[place], keys[other] = keys[other], keys[place]
        return {key: shuffled(d, item[key]) for key in keys}
    return [shuffled(d, one) for one in item] if isinstance(item, list) else item


def escaped(d: Draw, text: str) -> str:
    """Write some characters as escapes that no writer would choose, keys included; and zero as minus zero."""
    one_in = d.pick((2, 5, 20))

    def other(found: re.Match[str]) -> str:
        string = found[0]
        if len(string) < 3 or "\\" in string or d.below(one_in):
            return string
        place = 1 + d.below(len(string) - 2)
        number = ord(string[place])
        if number > 0xFFFF:
            return string
        digits = d.pick(("{:04x}", "{:04X}")).format(number)
        return f"{string[:place]}\\u{digits}{string[place + 1 :]}"

    text = STRINGS.sub(other, text)
    return text.replace(":0,", ":-0,") if d.once_in(4) else text


def twice(d: Draw, sound: Json) -> tuple[bytes, Expected]:
    """Write an invoice in which one object, at any depth, has a key twice."""
    invoice = copy(sound)
    _, path, item = d.pick(places(d, invoice))
    if d.once_in(5):
        item["x"] = [{"y": {}}]
        path, item = f"{path}.x[0].y" if path else "x[0].y", item["x"][0]["y"]
        item["z"] = 1
    key = d.pick(list(item))
    value = item[key] if d.below(2) else d.pick((None, 1, "x", [], {}))
    if d.below(2):
        kept = dict(item)
        item.clear()
        item.update({AGAIN: value, **kept})
    else:
        item[AGAIN] = value
    text = PLAIN(invoice).replace(PLAIN(AGAIN), PLAIN(key))
    return text.encode(), [(BAD, f"{path}.{key}" if path else key)]


# What may be put before the last brace of an object, or after it, so that it is no JSON any more.
INSIDE = (
    b",", b',"x"', b',"x":', b',"x":01', b',"x":1.', b',"x":.5', b',"x":+1', b',"x":1e', b',"x":-', b',"x":0x1', b',"x":NaN',
    b',"x":-Infinity', b',"x":tru', b',"x":nulll', b',"x":True', b",'x':1", b",x:1", b',"x":[1,]', b',"x":[1 2]', b',"x":"a\tb"',
    b',"x":"\x00"', b',"x":"\xe9"', b',"x":"\xed\xa0\x80"', b',"x":"\xc0\xaf"', b',"x":"\xf4\x90\x80\x80"', b',"x":"\\ud800"',
    b',"x":"\\udc00\\ud800"', b',"\\ud800":1', b',"x":"\\u12g4"', b',"x":"\\x41"', b',"x":"\\"', b'"x":1',
    b',"x":' + b"[" * 50_000 + b"]" * 50_000,
)  # fmt: skip
AFTER = (b"}", b"{}", b" 1", b" // x", b"\x0c", b"\x00")
BEFORE = (b",", b"{", b"\xef\xbb\xbf", b"/**/", b"\x1f\x8b\x08\x00", b"\x0b")
ALONE = (b"[" * 50_000, b'{"x":' * 20_000, b"\x00", b"\xff\xfe", b"x", b"-", b'"', b"\x0b", b"{", b"}", b"nul", b"01")
NO_OBJECT = (b"[]", b"1", b'"x"', b"null", b"true", b"-0.5", b"[{}]", b'"' + b"A" * 200 + b'"')


def broken(d: Draw, written: bytes) -> tuple[bytes, Expected]:
    """Break the line of an object, so that it is no JSON or no object."""
    kind = d.below(8)
    if kind == 7:
        return d.pick(NO_OBJECT), [("B2_BAD_VALUE", "")]
    colon, wide = written.index(b":"), written.decode().encode("utf-16").replace(b"\n", b" ")
    line = (
        lambda: written[:-1] + d.pick(INSIDE) + b"}",
        lambda: written[:-1] + d.pick(INSIDE) + b"}",
        lambda: written[: 1 + d.below(len(written) - 1)],
        lambda: written + d.pick(AFTER),
        lambda: d.pick(BEFORE) + written,
        lambda: d.pick((written[1:], written[:colon] + b" " + written[colon + 1 :], wide)),
        lambda: d.pick(ALONE),
    )[kind]()
    return line, [(BAD, "")]


def joined(d: Draw, lines: list[bytes]) -> bytes:
    """Put lines together, with the ends that a file may have, and blank lines between them."""
    end = d.pick((b"\n", b"\r\n"))
    blanks = d.pick((b"", b"", b"", b"\n", b" \t\r\n"))
    data = b"".join(line + end + (blanks if d.once_in(8) else b"") for line in lines)
    return data.removesuffix(end) if d.once_in(3) else data
