# SPDX-License-Identifier: Apache-2.0
"""Invoices for these tests: the golden ones, and the golden ones with something odd in their place."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from desmos_fast.billing.codec import read_ndjson
from desmos_fast.billing.model import Invoice

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("[0-9]*.ndjson") if ".decoded" not in path.name)
BAD = sorted(path.stem for path in (GOLDEN / "bad").glob("j*.ndjson"))

Path_ = tuple[str | int, ...]


def golden(name: str) -> list[Invoice]:
    invoices, _, faults = read_ndjson((GOLDEN / f"{name}.ndjson").read_bytes())
    assert not faults
    return invoices


def paths(item: Any) -> Iterator[Path_]:
    """List every place of an invoice where a value stands, objects and acts included."""
    names = item.__struct_fields__ if isinstance(item, msgspec.Struct) else range(len(item)) if isinstance(item, tuple) else ()
    for name in names:
        yield (name,)
        for rest in paths(at(item, (name,))):
            yield (name, *rest)


def at(item: Any, path: Path_) -> Any:
    for name in path:
        item = item[name] if isinstance(name, int) else getattr(item, name)
    return item


def put(item: Any, path: Path_, value: Any) -> Any:
    """Return the item with another value at a place, whatever its type: structs are not checked when they are made."""
    if not path:
        return value
    name, *rest = path
    inner = put(at(item, (name,)), tuple(rest), value)
    if isinstance(name, int):
        return (*item[:name], inner, *item[name + 1 :])
    return msgspec.structs.replace(item, **{name: inner})


INVOICES = [invoice for name in NAMES for invoice in golden(name)]
# What stands somewhere in an invoice is likely to be half right elsewhere.
SEEN = [(invoice, path) for invoice in INVOICES for path in paths(invoice)]
ODD_TEXTS = [
    "", " ", "0", "00", "000", "0000", "M", "S", "O", "N", "G", "F", "9", "89", "18", "49", "85", "86", "a", "A B", " A", "A ", "A  B", "-",
    "é", "Œ", "d’Œ-ł", "Ж", "ß" * 13, "A\u0301", "\x00", "٣٤٥", "١٢٣٤٥٦٧٨٩", "x" * 300, "é" * 300, "work", "third_party", "secured",
    "99999997", "0099999997", "12345678901", "000123456", "2A", "200112345", "2B0000000", "2A1234567", "750000018", "19000000", "20000229",
    "2026-02-29", "2024-02-29", "1969-12-31", "2070-01-01", "2026-11-20\n", "255081416802538", "2550814168025 38", "255082A16802538",
]  # fmt: skip
ODD_NUMBERS = [
    -1, 0, 1, 9, 10, 13, 41, 90, 99, 100, 101, 999, 1000, 999_999, 1_000_000, 9_999_999, 10_000_000, 10**9, 2**63, 2**64, -(2**70),
]  # fmt: skip


@st.composite
def odd_values(draw: st.DrawFn, former: Any) -> Any:
    """Something to put where `former` stands: often a value that stands elsewhere, or the former one with one character changed."""
    kind = draw(st.integers(0, 6))
    if kind < 2:
        return at(*draw(st.sampled_from(SEEN)))
    if kind == 2:
        return draw(st.sampled_from(ODD_TEXTS))
    if kind == 3:
        return draw(st.sampled_from(ODD_NUMBERS))
    if kind == 4:
        return draw(st.text(alphabet=st.sampled_from("0123456789ABSZa é-Ł\n"), max_size=30))
    if kind == 5 and isinstance(former, str) and former:
        place = draw(st.integers(0, len(former) - 1))
        return former[:place] + draw(st.sampled_from("0123456789AB Ж")) + former[place + 1 :]
    return draw(
        st.sampled_from([None, True, False, 1.5, b"1", (), ("A",) * 5, ("11",) * 17, ("1", "é"), ("",), (1,), ["A"], ("11", "49"), object])
    )


@st.composite
def odd_invoices(draw: st.DrawFn) -> Invoice:
    """A golden invoice with up to three values in the wrong place."""
    invoice = draw(st.sampled_from(INVOICES))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(list(paths(invoice))))
        # The same key of another invoice tells the rules between fields apart from those of one field.
        same = [other for other, path in SEEN if path == place]
        alike = draw(st.integers(0, 1)) if same else 0
        value = at(draw(st.sampled_from(same)), place) if alike else draw(odd_values(at(invoice, place)))
        invoice = put(invoice, place, value)
    return invoice
