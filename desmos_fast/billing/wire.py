# SPDX-License-Identifier: Apache-2.0
"""One invoice as it comes, read the general way: whatever JSON allows, and a fault by code and key for what is no invoice."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.billing.model import Invoice
from desmos_fast.exchange.faults import Fault

T = TypeVar("T")
SHOWN: Final = 64
HIDDEN: Final = "***************"
MESSAGES: Final = {
    "B2_MISSING": "is needed and is not there",
    "B2_OVERFLOW": "is wider than its field",
    "B2_BAD_CHAR": "holds a character that records cannot hold",
    "B2_BAD_NUMERIC": "is not made of digits",
    "B2_BAD_DATE": "is not a date that can be written",
    "B2_BAD_VALUE": "is not allowed",
    "B2_BAD_NIR": "has not the form of a NIR",
    "B2_NIR_KEY": "has a wrong key",
    "B2_FINESS_KEY": "has a wrong key",
    "B2_AMOUNTS": "asks the insurers for more than its fees",
    "B2_DUPLICATE_NUMBER": "is used twice by this biller",
    "B2_UNKNOWN_KEY": "is not a key of the invoice",
}
BAD_JSON: Final = "B2_BAD_JSON"
NO_OBJECT: Final = "this line is not one JSON object in UTF-8"
# A value inside a thousand others is as unreadable as one that does not end.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_AT: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
# A NIR with gaps, or beside other characters: no value that may be shown has as many digits.
_NIR_INSIDE: Final = re.compile(r"[0-9]{5}(?:[0-9]{2}|2[ABab])[0-9]{6}")
_GAP: Final = re.compile(r"[\W_]")
_KEY: Final = re.compile(r"Object (?P<what>contains unknown|missing required) field `(?P<name>.*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


class Unnumbered(Invoice, frozen=True, kw_only=True):
    """An invoice as the API takes it: 0, which no caller may write, until the service gives it a number."""

    number: Annotated[int, msgspec.Meta(ge=1)] = 0


INVOICE: Final = msgspec.json.Decoder(Invoice)
UNNUMBERED: Final = msgspec.json.Decoder(Unnumbered)


class _Twice(ValueError):
    """A key stands twice in some object."""


class _Object(list[tuple[str, Any]]):
    """The keys of one object of JSON with their values, as often as they stand there."""


def read_line(line: bytes, number: int, decoder: "msgspec.json.Decoder[T]") -> T | Fault:
    """Read the invoice of one line, or say by code and key why there is none."""
    found: T | None = None
    message = ""
    try:
        found = decoder.decode(line)
    except msgspec.ValidationError as error:
        message = str(error)
    except UNREADABLE:
        return Fault(code=BAD_JSON, message=NO_OBJECT, line=number)
    try:
        # The typed decoder stops at the first wrong value, and does not see what comes after it.
        whole = None if found else msgspec.json.decode(line)
        again = twice(line, number)
    except UNREADABLE:
        return Fault(code=BAD_JSON, message=NO_OBJECT, line=number)
    return again or found or _refused(whole, number, message)


def read_mapping(item: Mapping[str, object], number: int | None) -> Invoice | Fault:
    """Read an invoice from the dictionary that a decoder of JSON made of it."""
    try:
        return msgspec.convert(item, Invoice)
    except msgspec.ValidationError as error:
        return _refused(item, number, str(error))
    except (UnicodeEncodeError, RecursionError):
        return Fault(code=BAD_JSON, message=NO_OBJECT, line=number)


def twice(line: bytes, number: int) -> Fault | None:
    """Return a fault when a key of some object stands twice in a line of JSON, which leaves open what it means. Raises RecursionError."""
    if _keeps_its_keys(line):
        return None
    try:
        json.loads(line.decode(), object_pairs_hook=_once)
        return None
    except _Twice:
        path = shown_name(next(_paths_of_twins(json.loads(line.decode(), object_pairs_hook=_Object), "")))
    return Fault(code=BAD_JSON, message=f"{path} stands twice", line=number, field=path)


def _keeps_its_keys(line: bytes) -> bool:
    """Say, in a fraction of the time, that no key stands twice; not to say so means nothing."""
    try:
        # A key that is lost takes its colon with it; only an escape could put another in its place.
        return b"\\" not in line and msgspec.json.encode(msgspec.json.decode(line)).count(b":") == line.count(b":")
    except UNREADABLE:
        return False


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise _Twice


def _paths_of_twins(item: Any, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for place, inner in enumerate(item if isinstance(item, list) else ()):
        if isinstance(item, _Object):
            key, inner = inner
            where = f"{path}.{key}" if path else key
            if key in seen:
                yield where
            seen.add(key)
        else:
            where = f"{path}[{place}]"
        yield from _paths_of_twins(inner, where)


def known_number(value: object) -> int | None:
    """Return an invoice number for a fault: what is no number of an invoice, a NIR perhaps, is left out."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9 else None


def shown_name(name: str) -> str:
    """Return what a fault may show of a key that no invoice has: short, and nothing that has the form of a NIR."""
    masked = mask_nir(name)
    return HIDDEN if _NIR_INSIDE.search(_GAP.sub("", masked)) else masked[:SHOWN]


def shown(value: object) -> str | int | None:
    """Return what a fault may show of a value: short, and nothing that has the form of a NIR."""
    listed = isinstance(value, tuple)
    try:
        if isinstance(value, tuple):
            value = " ".join(str(item) for item in value[:SHOWN])
        if not isinstance(value, str | int) or isinstance(value, bool):
            return None
        text = str(value)
    except (ValueError, RecursionError):
        # A number of thousands of digits, or what holds itself, has no text.
        return None
    # A half of a character, which bytes that are no UTF-8 leave too, can be written nowhere.
    masked = mask_nir(text).encode("utf-8", "replace").decode()[:SHOWN]
    # A number may hold one too: a NIR in an amount that was made cents has two zeros behind it.
    if not listed and _NIR_INSIDE.search(_GAP.sub("", text)):
        return HIDDEN
    return value if masked == text else masked


def _refused(whole: Any, number: int | None, message: str) -> Fault:
    """Tell by code and key what the typed decoder says in words; its words may hold values, so they are not passed on."""
    at = _AT.search(message)
    key = _KEY.fullmatch(message, 0, at.start() if at else len(message))
    path, code = at["path"] if at else "", "B2_BAD_VALUE"
    if key is not None:
        code = "B2_MISSING" if key["what"].startswith("missing") else "B2_UNKNOWN_KEY"
        name = shown_name(key["name"])
        path = f"{path}.{name}" if path else name
    return Fault(
        code=code,
        message=f"{path or 'the line'} {MESSAGES[code]}",
        line=number,
        invoice=known_number(whole.get("number")) if isinstance(whole, dict) else None,
        field=path or None,
        value=shown(_value_at(whole, path)) if code == "B2_BAD_VALUE" and not path.endswith("nir") else None,
    )


def _value_at(whole: Any, path: str) -> object:
    for name, index in _STEP.findall(path):
        try:
            whole = whole[name or int(index)]
        except (LookupError, TypeError):
            return None
    return whole
