# SPDX-License-Identifier: Apache-2.0
"""What a layout pack must be for the codecs to follow it. They know the names and shapes of the pack that comes with the program."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise, permutations
from typing import Final, NamedTuple

from desmos_fast.exchange.compiler import ELEMENT, has_own_value, source_of
from desmos_fast.exchange.model import IDENTITY, RECORD_WIDTH, Field, LayoutError, Pack, Table

# Most a kernel holds: fields of a table, codes of a list that zones are checked against, digits that it adds up or reads.
MOST_FIELDS: Final = 64
MOST_CODES: Final = 40
MOST_DIGITS: Final = {"amount": 12, "num": 18}
# Of a number that an invoice gives: the encoder keeps sixteen characters of a value.
MOST_GIVEN: Final = 16
# Lists that people read and no zone is checked against.
UNCHECKED: Final = frozenset({"reject_code", "reject_class", "amc_reserved", "payee"})
# Zones whose width is theirs. Every other has a shape that a rule reads: a number with a key, a code of a list, a part of either.
ANY_WIDTH: Final = frozenset({
    "beneficiary.birth_rank", "referring_doctor.last_name", "referring_doctor.first_name", "=act_code", "act.code", "act.complement",
    "act.quantity", "act.coefficient", "act.units", "act.rate", "act.extension", "act.activity", "act.phase", "act.association",
    "act.conditional", "act.supplement", "=line_count", "=record_count", "=lot_count", "=invoice_count", "file.sender_type",
    "file.sender_program", "file.recipient_type", "file.recipient_program", "file.sequence", "file_sequence",
    "record", "records", "label", "reference", "line", "code", "faulty", "replacement",
})  # fmt: skip
# Records that take their values from one place: what one may hold, the others may.
HEADS: Final = ("2", "2S")
ACTS: Final = ("4", "4S", "4E", "4M")
ALIKE: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(HEADS, HEADS), **dict.fromkeys(ACTS, (*HEADS, *ACTS)), "5": (*HEADS, "5"), **dict.fromkeys(("P1", "P9"), ("P1", "P9")),
}  # fmt: skip
WRITABLE: Final = re.compile("[A-Z0-9]([A-Z0-9 ]*[A-Z0-9])?")
DIGITS: Final = re.compile("[0-9]+")


class Wrong(NamedTuple):
    """What is wrong, where, and what to do."""

    where: str
    what: str
    todo: str


def check_pack(pack: Pack, own: Pack) -> None:
    """Raise LayoutError for the first thing in a pack that the codecs could not follow; `own` is the pack that they know."""
    for wrong in _all_wrong(pack, own):
        raise LayoutError(f"{wrong.where}: {wrong.what}", hint=wrong.todo)


def _all_wrong(pack: Pack, own: Pack) -> Iterator[Wrong]:
    yield from _identity(pack, own)
    for name, table in own.tables.items():
        if name not in pack.tables and not table.is_later:
            yield Wrong(f"{name}.csv", "the pack has no such table", f"copy it from {own.profile} and change the copy")
    for table in pack.tables.values():
        yield from _table(table)
        yield from _fields(table, own)
        yield from _names(table, own)
        yield from _lists_side_by_side(table)
    yield from _told_apart(pack)
    yield from _envelope(pack)
    yield from _codes(pack, own)
    yield from _free_text(pack, own)


def _identity(pack: Pack, own: Pack) -> Iterator[Wrong]:
    if pack != own and pack.profile == own.profile:
        yield Wrong("pack.csv", f"the id {own.profile} is that of the program's own pack, and this one differs", "give it another id")
    if pack.profile != own.profile and (pack.name, pack.version) == (own.name, own.version):
        yield Wrong("pack.csv", f"name and version are those of {own.profile}: nobody could tell their files apart", "change one of them")
    for key, text in (("name", pack.name), ("version", pack.version)):
        if not WRITABLE.fullmatch(text):
            yield Wrong("pack.csv", f"the {key} {text[:40]!r} cannot be written in a record", "capital letters, digits and inner spaces")


def _table(table: Table) -> Iterator[Wrong]:
    file = f"{table.record_type}.csv"
    letters = [field.value for field in table.fields if field.name == "complement" and field.kind == "const"]
    first = table.fields[0]
    if first.kind != "const" or first.value + "".join(letters) != table.record_type:
        yield Wrong(file, "the table is not of the type in its name", "begin it with a const of that type; a complement adds its letter")
    if len(table.fields) > MOST_FIELDS:
        yield Wrong(file, f"the table has {len(table.fields)} fields", f"join blank zones: {MOST_FIELDS} at most")


def _fields(table: Table, own: Pack) -> Iterator[Wrong]:
    known = _known(table.record_type, own)
    # The zones that no source fills yet belong to records that no codec writes.
    fillable = table.record_type not in own.tables or own.tables[table.record_type].is_later
    for field in table.fields:
        where = f"{table.record_type}.csv: field {field.name}"
        if field.kind == "filler":
            if field.value:
                yield Wrong(where, "a filler has no value", "remove the value, or make it a const")
            continue
        if field.kind == "date6" and field.length != 6:
            yield Wrong(where, f"a date of {field.length} characters", "a date6 has 6")
        if field.kind == "const" or (field.value and has_own_value(field)):
            yield from _constant(where, field)
        if field.is_written and not (fillable and has_own_value(field)):
            yield from _source(where, field, known)


def _constant(where: str, field: Field) -> Iterator[Wrong]:
    if not WRITABLE.fullmatch(field.value):
        yield Wrong(where, f"the constant {field.value!r} cannot be written", "capital letters, digits and inner spaces")
    if len(field.value) > field.length:
        yield Wrong(where, f"the constant {field.value!r} is wider than its {field.length} characters", "widen the field")


def _source(where: str, field: Field, known: Mapping[tuple[str, bool], Field]) -> Iterator[Wrong]:
    wanted = known.get(_key(field))
    if wanted is None:
        some = ", ".join(sorted({value for value, _ in known}))
        yield Wrong(where, f"nothing is known under {field.value!r}", f"this record may hold {some}")
    elif field.kind != wanted.kind:
        yield Wrong(where, f"it is {field.kind}", f"the codecs write and read {field.value} as {wanted.kind}")
    elif field.length != wanted.length and not may_vary(wanted):
        what = f"it is {field.length} wide, and what it holds has {wanted.length} characters"
        yield Wrong(where, what, f"give it {wanted.length}; it may stand anywhere")
    most = MOST_DIGITS.get(field.kind, RECORD_WIDTH)
    if field.kind == "num" and field.value.startswith(("act.", "beneficiary.")):
        most = MOST_GIVEN
    if field.length > most:
        yield Wrong(where, f"{field.length} digits are more than can be added up", f"{most} at most, a filler before them")


def _key(field: Field) -> tuple[str, bool]:
    """Tell an amount from its sign, which has the same source."""
    return field.value, field.name.endswith("_sign")


def _known(record_type: str, own: Pack) -> dict[tuple[str, bool], Field]:
    """List what a record may hold: what the program's own tables of its kind do."""
    kind = ALIKE.get(record_type, (record_type,) if record_type in own.tables else HEADS)
    return {_key(field): field for name in kind for field in own.tables[name].fields if field.is_written}


def _names(table: Table, own: Pack) -> Iterator[Wrong]:
    """Look for the zones that codecs ask for by name."""
    known = own.tables.get(table.record_type)
    there = {field.name: field for field in table.fields}
    for wanted in known.fields if known is not None and not known.is_later else ():
        found, where = there.get(wanted.name), f"{table.record_type}.csv: field {wanted.name}"
        if wanted.kind == "filler":
            continue
        if found is None:
            yield Wrong(where, "the table has no such field", f"the codecs ask for it by name: add it, as {own.profile} has it")
        elif wanted.is_written and found.value != wanted.value:
            yield Wrong(where, f"it holds {found.value!r}", f"the codecs write and read {wanted.value!r} under that name")


def may_vary(field: Field) -> bool:
    """Say whether a zone may have any width: what it holds is no number with a key, no code of a list, no part of either."""
    return field.kind == "amount" or has_own_value(field) or source_of(field.value)[0] in ANY_WIDTH


def _lists_side_by_side(table: Table) -> Iterator[Wrong]:
    places = [(*source_of(field.value), index) for index, field in enumerate(table.fields) if field.is_written]
    elements = [(source, place, index) for source, place, stop, index in places if stop == ELEMENT]
    for (source, place, index), (after, next_place, next_index) in pairwise(sorted(elements)):
        if source == after and (next_place, next_index) != (place + 1, index + 1):
            where = f"{table.record_type}.csv: field {table.fields[next_index].name}"
            yield Wrong(where, f"it does not follow element {place} of {source}", "let the elements of a list stand side by side, in order")


def _told_apart(pack: Pack) -> Iterator[Wrong]:
    """A complement is told by its letter: there its record has a digit, and no other complement may have the same."""
    kinds = {table.fields[0].value for table in pack.tables.values()}
    for kind, longer in permutations(sorted(kinds), 2):
        if longer.startswith(kind):
            yield Wrong(f"{longer}.csv", f"a record {kind} may begin like it", "give it another type")
    for table in pack.tables.values():
        kind = table.fields[0].value
        for letter in (field for field in table.fields if field.name == "complement" and field.kind == "const"):
            if kind not in pack.tables:
                yield Wrong(f"{table.record_type}.csv", f"it completes {kind}, which the pack does not have", f"add {kind}.csv")
            for other in pack.tables.values():
                zone = next(field for field in other.fields if field.start <= letter.start < field.start + field.length)
                if other is not table and other.fields[0].value == kind and not _excludes(zone, letter, other.record_type == kind):
                    what = f"character {letter.start} may be a letter, and there {table.record_type} has the one that tells it"
                    yield Wrong(f"{other.record_type}.csv: field {zone.name}", what, "put a zone of digits there")


def _excludes(zone: Field, letter: Field, digits_alone: bool) -> bool:
    """Say whether a zone never has, at its place, the letter of a complement; where `digits_alone`, that it always has a digit."""
    if zone.kind in ("num", "amount", "date6"):
        return True
    there = zone.value[letter.start - zone.start :][:1] if zone.kind == "const" else ""
    return there.isdigit() if digits_alone else zone.kind != "alpha" and there != letter.value


def _envelope(pack: Pack) -> Iterator[Wrong]:
    opening, closing = pack.tables["000"], pack.tables["999"]
    for name, key, text in zip(IDENTITY, ("name", "version"), (pack.name, pack.version), strict=True):
        field = opening.field(name)
        if (field.kind, field.value) != ("const", text):
            what = f"it is {field.kind} {field.value!r}, and pack.csv says {key} {text!r}"
            yield Wrong(f"000.csv: field {name}", what, f"make it a const that holds the {key} of the pack")
    widths = {field.name: field.length for field in opening.fields if field.is_written}
    for field in closing.fields:
        if field.is_written and widths.get(field.name, field.length) != field.length:
            what = f"it repeats the one of 000, which is {widths[field.name]} wide, and is {field.length} wide"
            yield Wrong(f"999.csv: field {field.name}", what, "give both the same width")


def _codes(pack: Pack, own: Pack) -> Iterator[Wrong]:
    for name, known in own.lists.items():
        where = f"code_lists.csv: list {name}"
        if name not in pack.lists:
            yield Wrong(where, "the pack has no such list", f"copy it from {own.profile}")
        elif name not in UNCHECKED:
            codes, sizes = pack.lists[name], {len(code) for code in known}
            writable = DIGITS if all(map(DIGITS.fullmatch, known)) else WRITABLE
            if len(codes) > MOST_CODES:
                yield Wrong(where, f"it has {len(codes)} codes", f"{MOST_CODES} at most")
            for code in codes:
                if len(code) not in sizes or (code and not writable.fullmatch(code)):
                    what = "digits" if writable is DIGITS else "capital letters or digits"
                    yield Wrong(where, f"the code {code[:20]!r} does not fit its zone", f"{max(sizes)} {what}")


def _free_text(pack: Pack, own: Pack) -> Iterator[Wrong]:
    for record_type, name in sorted(pack.free_text - own.free_text):
        what = "no free text may stand there: names of referring doctors and labels alone are put into the alphabet"
        yield Wrong(f"free_text.csv: field {name} of {record_type}", what, "remove the row")
