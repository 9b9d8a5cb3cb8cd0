# SPDX-License-Identifier: Apache-2.0
"""The reference pages of a layout pack, made from its tables: one for each record type, with a real record taken apart."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from desmos_fast.exchange.compiler import has_own_value, source_of
from desmos_fast.exchange.model import RECORD_WIDTH, Field, Pack, Table
from desmos_fast.exchange.reading.tables import LISTS
from desmos_fast.exchange.rules import may_vary

TEST: Final = "test profile"
TITLES: Final[Mapping[str, str]] = defaultdict(str, {
    "000": "beginning of a file", "1": "beginning of a lot", "2": "beginning of an invoice", "2S": "the patient and the way to care",
    "3": "a stay", "3E": "identifiers of a stay", "3F": "a device", "3H": "a drug of a stay", "3S": "prescription of a stay", "4": "an act",
    "4B": "analyses", "4E": "identifiers of prescriber and executor", "4H": "a drug", "4M": "the CCAM code of an act",
    "4S": "conditions of an act", "5": "totals of an invoice", "6": "totals of a lot", "999": "end of a file",
    "A1": "acknowledgement of a lot", "P1": "beginning of a payment order", "P9": "end of a payment order",
    "R1": "what is paid of an invoice", "R2": "an anomaly of an invoice", "R3": "money without an invoice",
})  # fmt: skip
# A person whom nobody is: 99999 as characters 6 to 10.
SYNTHETIC: Final = "2550899999012"
KEYS: Final = {"nir": "nir_key", "beneficiary_nir": "beneficiary_nir_key"}
RULER: Final = "\n".join((
    "".join(f"{tens:>10}" for tens in range(1, RECORD_WIDTH // 10 + 1)),
    "".join(str(place % 10) for place in range(1, RECORD_WIDTH + 1)),
))  # fmt: skip


class Example(NamedTuple):
    """A record, where it comes from, and whether another NIR was put in it."""

    origin: str
    text: str
    changed: bool = False


def pages(pack: Pack, records: Iterable[Example]) -> dict[str, str]:
    """Return the pages by file name, with an index; of `records`, the one that fills most zones is the example of its type."""
    loader = PackageLoader("desmos_fast.exchange", ".")
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    examples = _examples(pack, records)
    test = pack.status == TEST
    sources = {name: _source(table) for name, table in pack.tables.items()}
    made = {}
    for name, table in pack.tables.items():
        example = examples.get(name)
        made[f"{name}.md"] = environment.get_template("record.md.jinja").render(
            pack=pack, test=test, table=table, title=TITLES[name], provisional=sources[name] == "provisional", ruler=RULER,
            example=example, rows=[_row(pack, table, field, example.text if example else "") for field in table.fields],
        )
    made["index.md"] = environment.get_template("records.md.jinja").render(
        pack=pack, test=test, tables=pack.tables.values(), titles=TITLES, sources=sources
    )
    return made


def _source(table: Table) -> str:
    return ", ".join(sorted({field.note.partition(";")[0] for field in table.fields}))


def _examples(pack: Pack, records: Iterable[Example]) -> dict[str, Example]:
    best: dict[str, tuple[int, Example]] = {}
    for record in records:
        table = type_of(pack, record.text)
        if table is not None:
            filled = sum(1 for field in table.fields if _zone(field, record.text).strip("0 "))
            if filled > best.get(table.record_type, (0, record))[0]:
                best[table.record_type] = filled, record
    return {name: _synthetic(pack.tables[name], record) for name, (_, record) in best.items()}


def type_of(pack: Pack, record: str) -> Table | None:
    """Return the table of a record: the one whose type and, for a complement, whose letter it bears."""

    def bears(table: Table) -> Iterator[bool]:
        for field in table.fields:
            if field is table.fields[0] or (field.name == "complement" and field.kind == "const"):
                yield _zone(field, record) == field.value

    found = [table for table in pack.tables.values() if all(bears(table))]
    return max(found, key=lambda table: len(table.record_type), default=None)


def _synthetic(table: Table, record: Example) -> Example:
    text = record.text
    for field in table.fields:
        if field.name in KEYS and _zone(field, text).strip():
            key = table.field(KEYS[field.name])
            for zone, value in ((field, SYNTHETIC), (key, f"{97 - int(SYNTHETIC) % 97:02d}")):
                text = text[: zone.offset] + value + text[zone.offset + zone.length :]
    return record._replace(text=text, changed=text != record.text)


def _zone(field: Field, record: str) -> str:
    return record[field.offset : field.offset + field.length]


def _row(pack: Pack, table: Table, field: Field, record: str) -> dict[str, Any]:
    # A bar would end a cell of the table.
    source, _, note = field.note.replace("|", "\\|").partition(";")
    text = _zone(field, record)
    free = "free text" if (table.record_type, field.name) in pack.free_text else ""
    return {
        "field": field, "place": f"{field.start}-{field.start + field.length - 1}" if field.length > 1 else str(field.start),
        "holds": _holds(field), "source": source, "note": "; ".join(part for part in (free, note.strip()) if part),
        "text": text, "reads": _reads(pack, field, text) if record and field.is_written else "",
    }  # fmt: skip


def _holds(field: Field) -> str:
    if field.kind == "filler":
        return "blank"
    if field.kind == "const":
        return f"always `{field.value}`"
    if has_own_value(field):
        return f"a value of its own, else `{field.value}`" if field.value else "a value of its own"
    return f"`{field.value}`"


def _reads(pack: Pack, field: Field, text: str) -> str:
    """Say what characters mean; nothing where they say it themselves."""
    if field.kind == "amount":
        return f"{int(text) // 100}.{int(text) % 100:02d} €"
    if field.kind == "date6":
        if not text.strip("0"):
            return "none"
        # A part of a text: its century is not carried.
        century = "" if source_of(field.value)[2] >= 0 else "19" if text >= "70" else "20"
        return f"{century}{text[:2]}-{text[2:4]}-{text[4:]}"
    if field.name in LISTS:
        label = pack.lists[LISTS[field.name][0]].get(text.strip(), "")
        return label or ("none" if not text.strip() else "")
    if field.kind == "num" and may_vary(field):
        return str(int(text))
    return "" if text.strip() else "none"
