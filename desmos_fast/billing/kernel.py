# SPDX-License-Identifier: Apache-2.0
"""The encoder of claims under its meaning: what each key of the invoice must hold, its width and alphabet from the layout tables."""

import functools
import types
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from desmos_fast.billing import model
from desmos_fast.exchange.compiler import ELEMENT, compile_table, source_of
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import Field, Pack
from desmos_fast.exchange.text import latin_cached
from ext import fse, schema
from ext.arrays import Arrays
from ext.mappings import Mappings
from ext.ndjson import Lines

if TYPE_CHECKING:
    from ext.fse import Check
    from ext.schema import Key as SchemaKey

MOST: Final = 10**18
CLASSES: Final[Mapping[str, type]] = {
    "invoice": model.Invoice, "beneficiary": model.Beneficiary, "amo": model.Amo, "referring_doctor": model.ReferringDoctor,
    "amc": model.Amc, "accident": model.Accident, "prescriber": model.Prescriber, "ngap": model.NgapAct, "ccam": model.CcamAct,
    "executor": model.Executor, "prior_agreement": model.PriorAgreement,
}  # fmt: skip


class Key(NamedTuple):
    """What one key holds; `source` is that of the field it is written in ("": its own), `codes` the list that has its codes."""

    path: str
    kind: str
    source: str = ""
    null: bool = False
    needed: bool = False
    low: int = 0
    high: int = MOST
    codes: str = ""
    blank: bool = False


# In the order in which faults are told.
HEADER: Final = (
    Key("number", "integer", low=1), Key("biller", "biller", "=biller"), Key("insured_nir", "nir"), Key("created_on", "day", null=True),
    Key("beneficiary.birth_date", "birth"), Key("beneficiary.birth_rank", "integer", low=1), Key("beneficiary.rank", "integer"),
    Key("beneficiary.nir", "nir", null=True),
    Key("amo.regime", "fixed", codes="regime"), Key("amo.caisse", "fixed"), Key("amo.centre", "fixed"),
    Key("amo.rights_source", "integer", codes="rights_source"), Key("amo.rights_from", "day", null=True),
    Key("amo.nature", "integer", codes="nature_assurance"), Key("amo.exemption", "code", codes="exoneration"),
    Key("amo.pathway", "code", codes="pathway"), Key("amo.treating_physician", "code", codes="treating_physician"),
    Key("referring_doctor.last_name", "name", needed=True), Key("referring_doctor.first_name", "name"),
    Key("referring_doctor.am", "not_zero", null=True),
    Key("amc.number", "amc", "=amc_number"), Key("amc.contract_type", "fixed"), Key("amc.separate_claim", "flag", "=split_flag"),
    Key("accident.kind", "accident"), Key("accident.number", "fixed", "=accident", null=True), Key("accident.date", "day", null=True),
    Key("prescriber.condition", "code", codes="practice_condition"), Key("prescriber.am", "not_zero", null=True),
    Key("prescriber.rpps", "not_zero", null=True), Key("prescriber.specialty", "fixed_or_blank", "=prescriber_specialty"),
    Key("prescriber.origin", "code", codes="prescription_origin"), Key("prescriber.structure", "finess", null=True),
    Key("prescriber.prescribed_on", "day", null=True),
)  # fmt: skip
CCAM: Final = (
    Key("act.grouping", "code", "=act_code"), Key("act.activity", "code"), Key("act.phase", "integer"),
    Key("act.modifiers", "modifiers"), Key("act.association", "code"), Key("act.extension", "code"), Key("act.conditional", "code"),
    Key("act.teeth", "teeth"), Key("act.supplement", "code"),
)  # fmt: skip
ACT: Final = (
    Key("act.complement", "code"), Key("act.date", "day"), Key("act.quantity", "integer", low=1),
    Key("act.coefficient", "integer", low=1), Key("act.units", "integer", low=1), Key("act.unit_price", "integer"),
    Key("act.base", "integer"), Key("act.rate", "integer", high=100), Key("act.amo", "integer"), Key("act.fees", "integer"),
    Key("act.amc", "integer", "=act_amc"), Key("act.exemption", "code", codes="exoneration", blank=True),
    Key("act.qualifier", "code", codes="qualifier"),
)  # fmt: skip
UNDER_ACT: Final = (
    Key("act.executor.am", "not_zero"), Key("act.executor.rpps", "not_zero", null=True), Key("act.executor.specialty", "fixed"),
    Key("act.executor.condition", "code", codes="practice_condition"), Key("act.executor.zone", "fixed_or_blank"),
    Key("act.prior_agreement.code", "integer", "=prior_agreement_code", codes="prior_agreement"),
    Key("act.prior_agreement.requested_on", "day", null=True),
)  # fmt: skip
KEYS: Final[Mapping[str, tuple[Key, ...]]] = {
    "ngap": (Key("act.code", "code", "=act_code"), *ACT),
    "ccam": (Key("act.code", "code"), *CCAM, *ACT),
}


# How a column names the objects under which a key stands.
PREFIXES: Final = {
    "invoice": "", "ngap": "act.", "ccam": "act.", "executor": "act.executor.", "prior_agreement": "act.prior_agreement.",
}  # fmt: skip


def checks(pack: Pack) -> "Iterator[Check]":
    """List the rows of checks of the kernel for a profile."""
    written: dict[str, list[Field]] = {}
    for record_type in fse.LINES:
        for field in pack.tables[record_type].fields:
            written.setdefault(source_of(field.value)[0], []).append(field)
    free = {source_of(pack.tables[record_type].field(field).value)[0] for record_type, field in pack.free_text}
    for key in (*HEADER, *UNDER_ACT):
        owner, _, attribute = key.path.removeprefix("act.").rpartition(".")
        if key.kind == "name" and key.path not in free:
            # Text that is not free is a code: as it is written, or refused.
            key = key._replace(kind="code")
        yield _check(owner or "invoice", attribute, key, written, pack)
    for owner, keys in KEYS.items():
        for key in keys:
            yield _check(owner, key.path.removeprefix("act."), key, written, pack)


def _check(owner: str, attribute: str, key: Key, written: Mapping[str, list[Field]], pack: Pack) -> "Check":
    # A key that no record carries has no width to keep to.
    fields = written.get(key.source or key.path, [])
    width = min((field.length for field in fields), default=256)
    required = key.needed or any(field.required for field in fields)
    high = sum(1 for field in fields if source_of(field.value)[2] == ELEMENT) or key.high
    codes = {*pack.codes(key.codes, key.path), *([""] if key.blank else [])} if key.codes else ()
    return (owner, attribute, fse.SLOTS[key.path], fse.KINDS[key.kind], key.null, required, width, key.low, high, tuple(sorted(codes)))


@functools.cache
def encoder() -> fse.Encoder:
    """Return the encoder of the profile in use, compiled once."""
    pack = load_pack()
    programs = tuple(compile_table(pack.tables[record_type], fse.SLOTS) for record_type in fse.LINES)
    classes = tuple(CLASSES[name] for name in fse.OBJECTS)
    return fse.Encoder(classes, tuple(checks(pack)), programs, latin_cached)


@functools.cache
def keys() -> schema.Schema:
    """Return the keys of the invoice on the wire, each with its check, in the order in which the model writes them."""
    places = _places()
    return schema.Schema(encoder(), tuple(tuple(_keys_of(thing, places)) for thing in fse.OBJECTS))


def _places() -> dict[tuple[str, str], int]:
    """Number the checks of each object as the kernel does."""
    places: dict[tuple[str, str], int] = {}
    counts: dict[str, int] = {}
    for owner, attribute, *_ in checks(load_pack()):
        places[owner, attribute] = counts.setdefault(owner, 0)
        counts[owner] += 1
    return places


def _keys_of(thing: str, places: Mapping[tuple[str, str], int]) -> "Iterator[SchemaKey]":
    cls = CLASSES[thing]
    hints, roles = get_type_hints(cls), schema.ROLES
    if issubclass(cls, model.Act):
        yield ("kind", roles["kind"], 0, True, False, None)
    for field in msgspec.structs.fields(cls):
        kind = hints[field.name]
        needed, default = field.required, None if field.default is msgspec.NODEFAULT else field.default
        options = get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
        nullable = types.NoneType in options
        if (thing, field.name) in places:
            yield (field.name, roles["value"], places[thing, field.name], needed, nullable, default)
        elif get_origin(kind) is Literal:
            yield (field.name, roles["choice"], get_args(kind), needed, nullable, default)
        elif kind is str:
            yield (field.name, roles["unwritten"], 0, needed, nullable, default)
        elif field.name == "acts":
            yield (field.name, roles["acts"], 0, needed, nullable, default)
        else:
            yield (field.name, roles["object"], fse.OBJECTS.index(field.name), needed, nullable, default)


@functools.cache
def lines() -> Lines:
    """Return the reader of invoices as lines of JSON."""
    return Lines(keys())


@functools.cache
def mappings() -> Mappings:
    """Return the reader of invoices as dictionaries."""
    return Mappings(keys())


@functools.cache
def arrays() -> Arrays:
    """Return the reader of invoices as columns, with the paths that name them: `amo.caisse`, `act.code`, `act.executor.am`."""
    paths: dict[str, list[tuple[int, int]]] = {}
    for thing, name in enumerate(fse.OBJECTS):
        owner = PREFIXES.get(name, f"{name}.")
        for place, (key, role, *_) in enumerate(_keys_of(name, _places())):
            if role in (schema.ROLES["value"], schema.ROLES["unwritten"], schema.ROLES["choice"]):
                paths.setdefault(owner + key, []).append((thing, place))
    return Arrays(keys(), {path: tuple(places) for path, places in paths.items()})


CCAM_PLACE: Final = fse.OBJECTS.index("ccam")


@functools.cache
def of_ccam() -> frozenset[str]:
    """Return the paths of the keys that only an act of the CCAM has."""
    return frozenset(path for path, places in arrays().paths.items() if [thing for thing, _ in places] == [CCAM_PLACE])
