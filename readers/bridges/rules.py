# SPDX-License-Identifier: Apache-2.0
"""What each program is told: from the table and a patient. Pure, but for reading the table."""

import re
import tomllib
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import msgspec

from desmos_fast.base.identifiers import mask_nir
from readers.bridges.model import Bridge, BridgeRefused, Patient, Plan

TABLE: Final = Path(__file__).with_name("registry.toml")
BUILT: Final = ("arguments", "file")
GENDERS: Final = {"M": "MALE", "F": "FEMALE", "O": "OTHER"}
_APART: Final = re.compile(r'[",;^=]')
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bridge: tuple[Bridge, ...]


def registry(path: Path = TABLE) -> dict[str, Bridge]:
    """Return the programs by id, in the order of a table. Raises BridgeRefused, which says what is wrong with it."""
    try:
        table = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), type=_Table)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BridgeRefused(f"{path} is no table of programs: {error}") from error
    found = {one.id: one for one in table.bridge}
    if len(found) != len(table.bridge):
        raise BridgeRefused(f"{path} names a program twice")
    return found


def plan(bridge: Bridge, patient: Patient, program: str = "", images: str = "", path: str = "") -> Plan:
    """Return what a program is told of a patient. Raises BridgeRefused where nobody knows how, or a name cannot be written."""
    if bridge.protocol not in BUILT:
        hint = "nothing public says how it is told" if bridge.protocol == "unknown" else f"it is told by the {bridge.protocol}, not built"
        raise BridgeRefused(f"{bridge.product} cannot be told of a patient", hint=hint)
    values = _values(patient, images)
    arguments = [_filled(one, values) for one in bridge.arguments]
    if not (program or bridge.program):
        raise BridgeRefused(f"where {bridge.product} is must be said", hint="--program")
    told = text = None
    if bridge.file is not None:
        told = path or bridge.file.path
        written = values if bridge.file.escape == "ini" else {name: escape(value) for name, value in values.items()}
        text = _filled(bridge.file.text.lstrip("\n"), written).replace("\n", "\r\n")
        try:
            text.encode(bridge.file.encoding)
        except UnicodeEncodeError as error:
            raise BridgeRefused(f"{bridge.product} has no such letter as one of this name: {bridge.file.encoding}") from error
    return Plan(
        product=bridge.product, program=program or bridge.program, arguments=arguments, file=told, text=text, confidence=bridge.confidence
    )


def _values(patient: Patient, images: str) -> dict[str, str]:
    for value in (patient.last_name, patient.first_name):
        # What would be a line, an option or a field of its own is no name.
        if not value.isprintable() or value.strip() != value or value.startswith(("-", "/")) or _APART.search(value):
            raise BridgeRefused("a name holds what no name does")
    if not images.isprintable() or images.startswith("-"):
        raise BridgeRefused("this is no folder of images", hint="--images")
    if any(mask_nir(value) != value for value in (patient.number, patient.last_name, patient.first_name)):
        raise BridgeRefused("no program is told the NIR: give the number that the centre knows the patient by")
    year, month, day = patient.birth_date[:4], patient.birth_date[4:6], patient.birth_date[6:]
    return {
        "number": patient.number, "last_name": patient.last_name, "first_name": patient.first_name, "gender": GENDERS[patient.gender],
        "images": images, "birth_ymd": patient.birth_date, "birth_dmy_slash": f"{day}/{month}/{year}",
        "birth_dmy_dash": f"{day}-{month}-{year}", "birth_dmy_dot": f"{day}.{month}.{year}",
    }  # fmt: skip


def _filled(template: str, values: dict[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            raise BridgeRefused(f"the table names {{{name}}}, which nothing gives")
        if not values[name]:
            raise BridgeRefused(f"this program is told {{{name}}}", hint=f"--{name}")
        return values[name]

    return _PLACE.sub(value, template)
