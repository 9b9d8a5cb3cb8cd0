# SPDX-License-Identifier: Apache-2.0
"""The files of the contract: TOML, read strictly, every fault of every file told at once."""

import tomllib
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from monitoring.slo.model import Contract, Fault, Settings, SloInvalid, Tier, seconds

FOLDER: Final = Path(__file__).parent
TIERS: Final = ("standard", "premium")
T = TypeVar("T", bound=msgspec.Struct)


def read_contract(folder: Path = FOLDER) -> Contract:
    """Read settings.toml, standard.toml and premium.toml of a folder. Raises SloInvalid with all their faults."""
    faults: list[Fault] = []
    settings = _file(folder / "settings.toml", Settings, faults)
    tiers = [_file(folder / f"{name}.toml", Tier, faults) for name in TIERS]
    if settings is not None:
        _check_burns(settings, faults)
    for name, tier in zip(TIERS, tiers, strict=True):
        if tier is not None:
            _check_tier(name, tier, faults)
    if faults or settings is None:
        raise SloInvalid(faults)
    return Contract(settings, tuple(tier for tier in tiers if tier is not None))


def _file(path: Path, kind: type[T], faults: list[Fault]) -> T | None:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        faults.append(_fault("FILE", path.name, "", f"it cannot be read: {error.strerror}"))
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(_fault("TOML", path.name, "", f"it is no TOML: {error}"))
        return None
    before = len(faults)
    _look(kind, told, "", path.name, faults)
    return msgspec.convert(told, kind) if len(faults) == before else None


def _look(kind: Any, told: Any, place: str, file: str, faults: list[Fault]) -> None:
    """Add each fault of a value: the library stops at the first, so each field of a table is converted by itself."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(told, dict):
        _look_into(kind, told, place, file, faults)
        return
    items = _items(kind)
    if items is not None and isinstance(told, list) and told:
        for number, one in enumerate(told):
            _look(items, one, f"{place}[{number}]", file, faults)
        return
    try:
        msgspec.convert(told, kind)
    except msgspec.ValidationError as error:
        faults.append(_fault("BAD_VALUE", file, place, f"{error}{_choices(kind)}"))


def _look_into(kind: type[msgspec.Struct], told: dict[str, Any], place: str, file: str, faults: list[Fault]) -> None:
    hints = get_type_hints(kind, include_extras=True)
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, value in told.items():
        where = f"{place}.{name}".lstrip(".")
        if name in known:
            _look(hints[known[name].name], value, where, file, faults)
        else:
            faults.append(_fault("UNKNOWN", file, where, f"there is no such field; there are {', '.join(known)}"))
    for name, field in known.items():
        if field.required and name not in told:
            faults.append(_fault("MISSING", file, f"{place}.{name}".lstrip("."), "it must be there"))


def _items(kind: Any) -> Any:
    """Return the type of each item of a tuple of any length that holds tables, else None."""
    bare = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    if get_origin(bare) is tuple and get_args(bare)[-1] is ...:
        return get_args(bare)[0]
    return None


def _choices(kind: Any) -> str:
    return f"; it takes {', '.join(map(repr, get_args(kind)))}" if get_origin(kind) is Literal else ""


def _check_burns(settings: Settings, faults: list[Fault]) -> None:
    for number, burn in enumerate(settings.burn):
        if seconds(burn.short) >= seconds(burn.long):
            faults.append(_fault("BAD_VALUE", "settings.toml", f"burn[{number}].short", "it must be shorter than long"))
        for basis, hours in (("window", burn.service_hours.window), ("24x7", burn.service_hours.around)):
            if hours * 3600 > seconds(burn.long):
                message = "a long window cannot hold more service hours than hours"
                faults.append(_fault("BAD_VALUE", "settings.toml", f"burn[{number}].service_hours.{basis}", message))


def _check_tier(name: str, tier: Tier, faults: list[Fault]) -> None:
    if tier.tier != name:
        faults.append(_fault("BAD_VALUE", f"{name}.toml", "tier", f"the file of this tier must say {name!r}"))
    if (tier.gti is None) != (tier.gtr is None):
        faults.append(_fault("BAD_VALUE", f"{name}.toml", "gtr", "gti and gtr go together; write both, or neither"))
    if len(set(tier.exclusions)) < len(tier.exclusions):
        faults.append(_fault("BAD_VALUE", f"{name}.toml", "exclusions", "each stands once"))


def _fault(code: str, file: str, place: str, message: str) -> Fault:
    return Fault(code=code, file=file, field=place, message=message)
