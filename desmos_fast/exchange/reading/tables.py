# SPDX-License-Identifier: Apache-2.0
"""Layout tables turned into rows for the reader's kernel: how a type is told and what each zone must hold."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from desmos_fast.exchange.compiler import source_of
from desmos_fast.exchange.model import RECORD_WIDTH, Field, Pack, Table

# The types that have an order (see grammar.py); every other table of a pack is kept for later and refused by name.
TYPES: Final = ("000", "999", "1", "6", "2", "2S", "4", "4S", "4E", "4M", "5", "A1", "P1", "P9", "R1", "R2", "R3")
CODE: Final[Mapping[str, int]] = {name: code for code, name in enumerate(TYPES)}
NO_TYPE: Final = 255

# What a record repeats of another one: zones of the same name.
REPEATS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    **{name: ("2", ("biller", "nir", "nir_key", "rank", "invoice_number")) for name in ("2S", "4", "4S", "4E", "4M", "5")},
    "6": ("1", ("biller", "lot_number")),
    "R2": ("R1", ("invoice_number",)),
}
BILLERS: Final = frozenset({"2", "1", "A1", "R1"})
IDENTITIES: Final[Mapping[tuple[str, str], str]] = {("2", "nir"): "nir", ("R1", "nir"): "nir", ("2S", "beneficiary_nir"): "nir_or_blank"}
STRUCTURES: Final = frozenset({"prescriber_structure"})
AMC_RULE: Final = "=amc_number"

# Zones that hold a code of a list, and the codes they may hold besides.
LISTS: Final[Mapping[str, tuple[str, str]]] = {
    "regime": ("regime", ""), "rights_source": ("rights_source", ""), "nature_assurance": ("nature_assurance", ""),
    "exoneration": ("exoneration", ""), "treating_physician_flag": ("treating_physician", " "), "pathway": ("pathway", " "),
    "prescription_origin": ("prescription_origin", " "), "line_exoneration": ("exoneration", " "), "qualifier": ("qualifier", " "),
    "executor_condition": ("practice_condition", ""), "prescriber_condition": ("practice_condition", " "),
    "prior_agreement_code": ("prior_agreement", ""), "flow": ("flow", ""), "security_mode": ("security_mode", ""),
    "exchange_kind": ("exchange_kind", ""), "part": ("part", ""), "outcome": ("outcome", ""), "kind": ("other_money", ""),
}  # fmt: skip
# The payer of an order is a caisse, or an AMC, which has no regime.
MORE_CODES: Final[Mapping[tuple[str, str], str]] = {("P1", "regime"): "00"}
NOT_ZERO: Final[Mapping[str, tuple[str, ...]]] = {
    "1": ("lot_number",), "2": ("invoice_number", "birth_rank"), "4": ("executor_am", "quantity", "coefficient", "units"),
    "A1": ("lot_number",), "R1": ("invoice_number",),
}  # fmt: skip
# A zone of zeros where another zone holds a code: in flow 01 a lot goes to no complementary insurer.
BESIDE: Final[Mapping[tuple[str, str], tuple[str, str]]] = {("1", "amc_number"): ("flow", "01")}


class TypeRow(NamedTuple):
    """How a type is told: its first characters, then letters (b"": a digit) at places."""

    code: int
    read: bool
    prefix: bytes
    marks: tuple[tuple[int, bytes], ...]


class CheckRow(NamedTuple):
    """What a zone must hold; `other` and `size` as the kernel says for each op."""

    op: str
    offset: int
    width: int
    required: bool
    field: int
    other: int = 0
    size: int = 0
    codes: tuple[bytes, ...] = ()


class LayoutRow(NamedTuple):
    """The checks of a type, with the code of the type that it repeats (-1: none) and its constants laid out."""

    reference: int
    template: bytes
    checks: tuple[CheckRow, ...]


def _complement(table: Table) -> Field | None:
    return next((field for field in table.fields if field.name == "complement" and field.kind == "const"), None)


def type_rows(pack: Pack) -> tuple[TypeRow, ...]:
    """List the types of a pack, complements before the type that they complete."""
    places: dict[str, set[int]] = {}
    for table in pack.tables.values():
        found = _complement(table)
        if found is not None:
            places.setdefault(table.fields[0].value, set()).add(found.offset)
    rows: list[TypeRow] = []
    for name, table in pack.tables.items():
        prefix, found = table.fields[0].value, _complement(table)
        digits = tuple((place, b"") for place in sorted(places.get(prefix, ())))
        marks = digits if found is None else ((found.offset, found.value.encode("ascii")),)
        rows.append(TypeRow(CODE.get(name, 0), name in CODE, prefix.encode("ascii"), marks))
    # By prefix the longest first: 999 and A1 before a shorter one that would hide them.
    return tuple(sorted(rows, key=lambda row: (-len(row.prefix), [not letter for _, letter in row.marks])))


def layout_row(pack: Pack, name: str) -> LayoutRow:
    """Compile the checks of a type: repeated zones, then the table, then keys, code lists and values that must not be zero."""
    table = pack.tables[name]
    template = bytearray(b" " * RECORD_WIDTH)
    for field in table.fields:
        if field.kind == "const":
            template[field.offset : field.offset + field.length] = field.value.ljust(field.length).encode("ascii")
    reference, repeated = REPEATS.get(name, ("", ()))
    checks = [
        *(_repeat(table, pack.tables[reference], field) for field in repeated if _has(table, field)),
        *(check for index, field in enumerate(table.fields) for check in _zone(table, index, field)),
        *(check for index, field in enumerate(table.fields) for check in _keys(table, index, field)),
        *(check for index, field in enumerate(table.fields) for check in _codes(pack, name, index, field)),
        *(_check("not_zero", index_of(table, field), table.field(field)) for field in NOT_ZERO.get(name, ())),
        *_signs(table),
        *(_beside(table, index, field) for index, field in enumerate(table.fields) if (name, field.name) in BESIDE),
    ]
    return LayoutRow(CODE[reference] if reference else -1, bytes(template), tuple(checks))


def index_of(table: Table, name: str) -> int:
    """Return the place of a field in its table."""
    return next(index for index, field in enumerate(table.fields) if field.name == name)


def _has(table: Table, name: str) -> bool:
    return any(field.name == name for field in table.fields)


def _check(op: str, index: int, field: Field, other: int = 0, size: int = 0, codes: tuple[bytes, ...] = ()) -> CheckRow:
    return CheckRow(op, field.offset, field.length, field.required, index, other, size, codes)


def _repeat(table: Table, reference: Table, name: str) -> CheckRow:
    return _check("same", index_of(table, name), table.field(name), reference.field(name).offset)


def _zone(table: Table, index: int, field: Field) -> Iterator[CheckRow]:
    if field.value == AMC_RULE:
        op = "amc"
    elif field.name.endswith("_sign"):
        op = "sign"
    elif field.kind == "date6":
        # Part of a text written as a date is a date with no calendar.
        op = "digits" if source_of(field.value)[2] >= 0 else "date"
    else:
        op = {"const": "const", "filler": "filler", "num": "number", "amount": "number", "alpha": "text"}[field.kind]
    yield _check(op, index, field)


def _keys(table: Table, index: int, field: Field) -> Iterator[CheckRow]:
    if field.name == "biller" and table.record_type in BILLERS:
        yield _check("biller", index, field)
    identity = IDENTITIES.get((table.record_type, field.name))
    if identity is not None:
        tail = index_of(table, f"{field.name}_key")
        yield _check(identity, index, field, table.fields[tail].offset, tail)
    if field.name in STRUCTURES:
        yield _check("finess", index, field)


def _codes(pack: Pack, name: str, index: int, field: Field) -> Iterator[CheckRow]:
    if field.name not in LISTS or field.kind == "const":
        return
    list_name, besides = LISTS[field.name]
    codes = pack.codes(list_name, field.name) | ({besides} if besides else set())
    more = MORE_CODES.get((name, field.name))
    codes |= {more} if more is not None else set()
    yield _check("codes", index, field, codes=tuple(sorted(code.ljust(field.length).encode("ascii") for code in codes)))


def _signs(table: Table) -> Iterator[CheckRow]:
    amounts = {field.value: field for field in table.fields if field.kind == "amount"}
    for index, field in enumerate(table.fields):
        if field.name.endswith("_sign") and field.value in amounts:
            amount = amounts[field.value]
            yield _check("sign_of_zero", index, field, amount.offset, amount.length)


def _beside(table: Table, index: int, field: Field) -> CheckRow:
    name, code = BESIDE[table.record_type, field.name]
    other = table.field(name)
    return _check("zero_beside", index, field, other.offset, other.length, (code.encode("ascii"),))
