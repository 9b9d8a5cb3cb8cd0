# SPDX-License-Identifier: Apache-2.0
"""The file of recipients: TOML, read as a whole, with every fault told at once."""

import functools
import tomllib
import types
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from desmos_fast.base import settings
from desmos_fast.exchange.faults import Fault
from desmos_fast.lots.recipients.model import (
    AMC_FLOW,
    EVERYONE,
    MOST_RECIPIENTS,
    Breaker,
    Cft,
    Directory,
    Https,
    Name,
    Pace,
    Patience,
    Recipient,
    Recipients,
    RecipientsInvalid,
    Route,
    Schedule,
    Sftp,
    Smtp,
    Way,
)

S = TypeVar("S", bound=msgspec.Struct)
LETTERBOX: Final = ("letterbox", "to_payers")
WAYS: Final[Mapping[str, type[Way]]] = {"directory": Directory, "cft": Cft, "smtp": Smtp, "sftp": Sftp, "https": Https}
PARTS: Final[Mapping[str, type[msgspec.Struct]]] = {"schedule": Schedule, "pace": Pace, "retries": Patience, "breaker": Breaker}
# What hands claim files over for anybody to read, and what to write instead.
PLAIN: Final[Mapping[str, str]] = {"ftp": "sftp", "tftp": "sftp", "telnet": "sftp", "http": "https"}
NO_TLS: Final = frozenset({"", "none", "no", "off", "plain", "false", "optional", "may"})
SECRET_WORDS: Final = ("password", "passphrase", "secret", "key", "token", "certificate")


def load_recipients() -> Recipients:
    """Return who claim files go to: what the file DESMOS_RECIPIENTS says, else everything into the letterbox of the data folder.

    A file is read once. Raises RecipientsInvalid, BadSetting.
    """
    path = settings.recipients()
    return letterbox(settings.load().data_dir) if path is None else _kept(path)


@functools.cache
def _kept(path: Path) -> Recipients:
    return read_recipients(path)


def letterbox(data_dir: Path) -> Recipients:
    """Return one recipient of everything, a folder below the data folder."""
    everyone = Recipient(name=EVERYONE, way=Directory(folder=str(data_dir.joinpath(*LETTERBOX))), pace=Pace(at_once=4))
    return Recipients({EVERYONE: everyone}, (Route(to=EVERYONE),))


def read_recipients(path: Path) -> Recipients:
    """Read a file of recipients; keys and certificates that it names are not looked at. Raises RecipientsInvalid with all its faults."""
    faults: list[Fault] = []
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"it cannot be read: {error.strerror}; check the path and its rights"
        raise RecipientsInvalid(path.name, [fault("FILE", "", message)]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipientsInvalid(path.name, [fault("TOML", "", f"it is no TOML: {error}")]) from error
    found = _read(told, faults)
    if faults:
        raise RecipientsInvalid(path.name, faults)
    return found


def fault(kind: str, place: str, message: str, value: object = None) -> Fault:
    """Return one fault of the file, `place` being the key it stands under."""
    shown = value if isinstance(value, int | str) or value is None else str(value)
    return Fault(code=f"RECIPIENTS_{kind}", message=message, field=place or None, value=shown)


def _read(told: dict[str, Any], faults: list[Fault]) -> Recipients:
    unknown = "there is no such table; there are [recipients.NAME] and [[routes]]"
    faults += [fault("UNKNOWN_KEY", key, unknown) for key in told if key not in ("recipients", "routes")]
    named = told.get("recipients")
    if not isinstance(named, dict) or not named:
        faults.append(fault("MISSING", "recipients", "it names no recipient; write a table [recipients.NAME] for each"))
        named = {}
    if len(named) > MOST_RECIPIENTS:
        faults.append(fault("BAD_VALUE", "recipients", f"there are at most {MOST_RECIPIENTS}", len(named)))
    by_name = {name: _recipient(name, raw, faults) for name, raw in named.items()}
    routes = _routes(told.get("routes"), by_name.keys(), faults)
    return Recipients({name: one for name, one in by_name.items() if one is not None}, routes)


def _recipient(name: str, raw: object, faults: list[Fault]) -> Recipient | None:
    place = f"recipients.{name}"
    if not _matches(name, Name):
        faults.append(fault("BAD_VALUE", place, f"it takes {_takes(Name)}"))
    if not isinstance(raw, dict):
        faults.append(fault("BAD_VALUE", place, "a recipient is a table"))
        return None
    parts = {part: read_table(shape, raw.get(part, {}), f"{place}.{part}", faults) for part, shape in PARTS.items()}
    way = _way({key: value for key, value in raw.items() if key not in PARTS}, place, faults)
    faults += _contradictions(place, way, parts)
    if way is None or None in parts.values():
        return None
    return Recipient(name=name, way=way, **parts)  # type: ignore[arg-type]  # each part was read as the type of its name


def _way(raw: dict[str, Any], place: str, faults: list[Fault]) -> Way | None:
    kind = raw.pop("transport", None)
    ways = ", ".join(WAYS)
    if kind is None:
        faults.append(fault("MISSING", f"{place}.transport", f"say how it is reached: {ways}"))
        return None
    if isinstance(kind, str) and kind in PLAIN:
        faults.append(fault("PLAIN_TEXT", f"{place}.transport", f"what is sent could be read by anybody; use {PLAIN[kind]}", kind))
        return None
    if not isinstance(kind, str) or kind not in WAYS:
        faults.append(fault("BAD_VALUE", f"{place}.transport", f"it takes {ways}", str(kind)))
        return None
    plain = list(_plain(raw, place))
    faults += plain
    # What was told already is not told again as a value of the wrong form.
    return read_table(WAYS[kind], raw, place, faults, {one.field for one in plain})


def _plain(raw: Mapping[str, Any], place: str) -> Iterator[Fault]:
    if str(raw.get("url", "")).lower().startswith("http://"):
        yield fault("PLAIN_TEXT", f"{place}.url", "what is sent could be read by anybody; use https://")
    if "tls" in raw and str(raw["tls"]).lower() in NO_TLS:
        yield fault("PLAIN_TEXT", f"{place}.tls", 'mail is handed over encrypted or not at all; write "starttls" or "implicit"')


def read_table(shape: type[S], raw: object, place: str, faults: list[Fault], told: AbstractSet[str | None] = frozenset()) -> S | None:
    """Read one table key by key, so that a fault in one hides none in another; what is in `told` was found wrong before.

    Each fault is added to `faults`; the table is None when it has one.
    """
    if not isinstance(raw, dict):
        faults.append(fault("BAD_VALUE", place, "it is a table"))
        return None
    hints = get_type_hints(shape, include_extras=True)
    known = {one.name: one for one in msgspec.structs.fields(shape)}
    found = [fault("UNKNOWN_KEY", f"{place}.{key}", _unknown(key, known)) for key in raw if key not in known]
    values = {}
    for name, one in known.items():
        where = f"{place}.{name}"
        if name not in raw:
            if one.required:
                found.append(fault("MISSING", where, f"it is needed, and takes {_takes(hints[name])}"))
        elif where not in told:
            try:
                values[name] = msgspec.convert(raw[name], hints[name], strict=True)
            except msgspec.ValidationError:
                # What stands where a path should may be the secret itself.
                shown = None if name.endswith("_file") else raw[name]
                found.append(fault("BAD_VALUE", where, f"it takes {_takes(hints[name])}", shown))
    faults += found
    return None if found or told else shape(**values)


def _unknown(key: str, known: Mapping[str, object]) -> str:
    files = ", ".join(name for name in known if name.endswith("_file"))
    if files and any(word in key for word in SECRET_WORDS):
        return f"no secret stands in this file; give the paths of files: {files}"
    return f"there is no such key; there are {', '.join(known)}"


def _takes(hint: Any) -> str:
    """Return what a type takes, in words."""
    if get_origin(hint) is Annotated:
        for meta in get_args(hint)[1:]:
            if isinstance(meta, msgspec.Meta) and meta.description:
                return meta.description
    if get_origin(hint) in (Union, types.UnionType):
        return _takes(next(one for one in get_args(hint) if one is not types.NoneType))
    raise AssertionError(f"no word says what {hint} takes")


def _matches(value: object, hint: Any) -> bool:
    try:
        msgspec.convert(value, hint, strict=True)
    except msgspec.ValidationError:
        return False
    return True


def _contradictions(place: str, way: Way | None, parts: Mapping[str, Any]) -> Iterator[Fault]:
    """Give what is wrong between keys that are right each for itself."""
    if isinstance(way, Smtp) and (way.user is None) != (way.password_file is None):
        yield fault("BAD_VALUE", f"{place}.user", "user and password_file go together; write both, or neither")
    retries, schedule = parts["retries"], parts["schedule"]
    if retries is not None and retries.longest_s < retries.first_s:
        yield fault("BAD_VALUE", f"{place}.retries.longest_s", "it is at least first_s", str(retries.longest_s))
    if schedule is not None:
        spans = schedule.spans()
        hours = f"{place}.schedule.hours"
        if any(closing is not None and closing <= opening for opening, closing in spans):
            yield fault("BAD_VALUE", hours, "each closes after it opens; cut a night in two, until 24:00 and from 00:00")
        elif any(one[1] is None or one[1] > other[0] for one, other in zip(spans, spans[1:], strict=False)):
            yield fault("BAD_VALUE", hours, "none begins before another ends; write them as one")


def _routes(raw: object, names: Collection[str], faults: list[Fault]) -> tuple[Route, ...]:
    if raw is None and len(names) == 1:
        return (Route(to=next(iter(names))),)
    if not isinstance(raw, list) or not raw:
        faults.append(fault("MISSING", "routes", "say what goes to whom with [[routes]] tables, the last of them with `to` alone"))
        return ()
    read = [read_table(Route, one, f"routes.{rank}", faults) for rank, one in enumerate(raw, 1)]
    for rank, route in enumerate(read, 1):
        if route is not None:
            faults += _route_faults(route, rank, [one for one in read[: rank - 1] if one is not None], names)
    if read[-1] is not None and not read[-1].whole:
        faults.append(fault("MISSING", f"routes.{len(read)}", "the last route has `to` alone, so that every lot goes somewhere"))
    return tuple(one for one in read if one is not None)


def _route_faults(route: Route, rank: int, before: list[Route], names: Collection[str]) -> Iterator[Fault]:
    place = f"routes.{rank}"
    if route.to not in names:
        yield fault("BAD_VALUE", f"{place}.to", f"there is no such recipient; there are {', '.join(names)}", route.to)
    if route.amc is not None and route.flow not in (None, AMC_FLOW):
        yield fault("BAD_VALUE", f"{place}.amc", "only lots of flow 2 have an AMC; take out one of the two keys", route.amc)
    if any(one.covers(route) for one in before):
        yield fault("UNREACHED", place, "an earlier route takes all of it; put it before that one, or take it out")
