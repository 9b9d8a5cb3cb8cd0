# SPDX-License-Identifier: Apache-2.0
"""Objects that no decoder makes: the kernel reads members at fixed places, so it must refuse them and never follow them."""

import copy
import gc
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from desmos_fast.billing import kernel
from desmos_fast.billing.codec import encode
from desmos_fast.billing.model import Invoice, NgapAct
from desmos_fast.exchange.compiler import compile_table
from desmos_fast.exchange.layouts import load_pack
from ext import fse
from tests.billing.odd import INVOICES, at, golden, paths, put

FIRST = golden("01_ngap_visit")[0]
UNREAD = ("last_name", "first_name", "security", "third_party")
WRONG: list[Any] = [None, True, 1.5, b"bytes", [], {}, object(), object, ["11"], ("11", 3), (None,), FIRST, FIRST.acts[0], 2**100, "\ud800"]


class Text(str):
    """A text of another class."""


def places() -> Iterator[tuple[Invoice, tuple[str | int, ...]]]:
    widest = max(INVOICES, key=lambda invoice: len(list(paths(invoice))))
    for invoice in (FIRST, widest, golden("02_dental_ccam")[0]):
        for path in paths(invoice):
            yield invoice, path


def test_any_value_in_any_place_is_written_or_told() -> None:
    for invoice, path in places():
        for value in [*WRONG, Text("1")]:
            encoded = encode([put(invoice, path, value)])
            assert bool(encoded.faults) != bool(encoded.data), (path, value)


def test_a_value_forced_into_a_frozen_struct_is_told() -> None:
    invoice = msgspec.json.decode(msgspec.json.encode(FIRST), type=Invoice)
    msgspec.structs.force_setattr(invoice.acts[0], "fees", "3000")
    assert [(fault.code, fault.field) for fault in encode([invoice]).faults] == [("B2_BAD_VALUE", "acts[0].fees")]


def test_an_object_that_lacks_a_member_is_refused() -> None:
    for invoice, path in places():
        item = at(invoice, path[:-1])
        if isinstance(item, msgspec.Struct) and path[-1] not in UNREAD:
            emptied = copy.copy(item)
            getattr(type(item), str(path[-1])).__delete__(emptied)
            with pytest.raises(TypeError, match="lacks a member"):
                encode([put(invoice, path[:-1], emptied)])


@pytest.mark.parametrize("item", [None, 1, "x", {}, FIRST.acts[0], Invoice, object()])
def test_what_is_no_invoice_is_refused(item: Any) -> None:
    with pytest.raises(TypeError):
        encode([FIRST, item])


def test_a_class_that_only_looks_like_an_act_is_told() -> None:
    class Act(NgapAct, frozen=True, kw_only=True, tag="other"):
        more: int = 0

    act = Act(**{name: getattr(FIRST.acts[0], name) for name in NgapAct.__struct_fields__})
    assert [(fault.code, fault.field) for fault in encode([put(FIRST, ("acts", 0), act)]).faults] == [("B2_BAD_VALUE", "acts[0]")]


def test_a_transliteration_that_fails_is_not_hidden() -> None:
    def fail(name: str) -> str | None:
        raise RuntimeError(name)

    doctor = put(golden("11_accents")[0], ("referring_doctor", "last_name"), "É")
    with pytest.raises(RuntimeError):
        built(names=fail).encode((doctor,), 1)
    with pytest.raises(TypeError):
        built(names=lambda name: b"E").encode((doctor,), 1)


def test_what_is_encoded_is_not_kept_alive() -> None:
    doctor = put(golden("11_accents")[0], ("referring_doctor", "last_name"), "É" * 9)
    before = encode([doctor] * 3).faults
    gc.collect()
    count = len(gc.get_objects())
    for _ in range(200):
        assert encode([doctor] * 3).faults == before
        encode([put(FIRST, ("acts", 0, "fees"), 10**9)])
    gc.collect()
    assert len(gc.get_objects()) - count < 100


def built(**changes: Any) -> fse.Encoder:
    """An encoder like the one in use, but for one argument."""
    pack = load_pack()
    parts: dict[str, Any] = {
        "classes": tuple(kernel.CLASSES[name] for name in fse.OBJECTS),
        "checks": tuple(kernel.checks(pack)),
        "programs": tuple(compile_table(pack.tables[record_type], fse.SLOTS) for record_type in fse.LINES),
        "names": lambda name: name,
    }
    return fse.Encoder(**(parts | changes))


def program(*steps: tuple[Any, ...]) -> tuple[Any, ...]:
    return (tuple(steps), *[()] * 6)


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": ()},
        {"programs": ()},
        {"checks": (("invoice", "number", len(fse.SLOTS) + 100, 0, False, False, 9, 0, 9, ()),)},
        {"checks": (("invoice", "number", -1, 0, False, False, 9, 0, 9, ()),)},
        {"checks": (("invoice", "number", fse.SLOTS["act.teeth"], 0, False, False, 9, 0, 9, ()),)},
        {"checks": (("invoice", "number", fse.SLOTS["number"], 0, False, False, 257, 0, 9, ()),)},
        {"checks": (("invoice", "number", fse.SLOTS["number"], 0, False, False, 0, 0, 9, ()),)},
        {"checks": (("invoice", "number", fse.SLOTS["number"], 1, False, False, 9, 0, 9, ("A" * 8,)),)},
        {"checks": (("invoice", "number", fse.SLOTS["number"], 1, False, False, 9, 0, 9, ("A",) * 65),)},
        {"checks": (("invoice", "number", fse.SLOTS["number"], 0, False, False, 9, 0, 9, ()),) * 25},
        {"checks": (("other", "number", fse.SLOTS["number"], 0, False, False, 9, 0, 9, ()),)},
        {"checks": (("ccam", "teeth", fse.SLOTS["act.teeth"], fse.KINDS["teeth"], False, False, 2, 0, 33, ()),)},
        {"checks": (("ccam", "teeth", fse.SLOTS["act.modifiers"], fse.KINDS["teeth"], False, False, 2, 0, 16, ()),)},
        {"programs": program((120, 9, 2, False, 50, 0, -1, None, 0))},
        {"programs": program((-1, 9, 2, False, 50, 0, -1, None, 0))},
        {"programs": program((0, 0, 2, False, 50, 0, -1, None, 0))},
        {"programs": program((0, 5, 2, False, -1, 0, -1, None, 0))},
        {"programs": program((0, 5, 2, False, 10_000, 0, -1, None, 0))},
        {"programs": program((0, 5, 6, False, 50, 0, -1, None, 0))},
        {"programs": program((0, 5, 4, False, 50, 0, -1, None, 0))},
        {"programs": program((0, 5, 5, False, 50, 4, 2, None, 0))},
        {"programs": program((0, 5, 5, False, fse.SLOTS["act.teeth"], 32, -2, None, 0))},
        {"programs": program((0, 5, 5, False, 50, 0, -2, None, 0))},
        {"programs": program((0, 2, 0, False, -1, 0, -1, b"wide", 0))},
        {"programs": program(*[(0, 1, 5, False, 50, 0, -1, None, 0)] * 65)},
    ],
)
def test_an_encoder_that_would_read_or_write_elsewhere_is_not_made(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        built(**changes)


def test_an_encoder_takes_classes_that_keep_their_members() -> None:
    classes = [kernel.CLASSES[name] for name in fse.OBJECTS]
    with pytest.raises((TypeError, AttributeError)):
        built(classes=(dict, *classes[1:]))
    with pytest.raises(TypeError):
        built(classes=("Invoice", *classes[1:]))
    with pytest.raises(TypeError):
        fse.Encoder.__new__(fse.Encoder)  # type: ignore[call-arg]


def test_a_layout_narrower_than_its_check_clips_nothing() -> None:
    pack = load_pack()
    programs = [list(compile_table(pack.tables[record_type], fse.SLOTS)) for record_type in fse.LINES]
    place = next(place for place, step in enumerate(programs[2]) if step[4] == fse.SLOTS["act.fees"])
    offset, _, *rest = programs[2][place]
    programs[2][place] = (offset, 2, *rest)  # type: ignore[assignment]
    with pytest.raises(ValueError, match="narrower"):
        built(programs=tuple(tuple(steps) for steps in programs)).encode((FIRST,), 1)


def test_records_that_begin_late_keep_their_own_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    def const(text: bytes) -> tuple[Any, ...]:
        return (0, 64, 0, False, -1, 0, -1, text, 0)

    pack = load_pack()
    programs = [compile_table(pack.tables[record_type], fse.SLOTS) for record_type in fse.LINES]
    late = tuple(step for step in programs[0] if step[0] >= 64 and step[2] != 0)
    changed = ((const(b"A" * 64), *late), (const(b"B" * 64), *late), *programs[2:])
    for simd in ("wide", "portable"):
        monkeypatch.setenv("DESMOS_SIMD", simd)
        data = built(programs=changed).encode((FIRST,), 1)[0]
        assert (data[:64], data[129:193], data[64:128]) == (b"A" * 64, b"B" * 64, data[193:257])


def test_acts_are_written_though_no_record_counts_them() -> None:
    pack = load_pack()
    programs = [compile_table(pack.tables[record_type], fse.SLOTS) for record_type in fse.LINES]
    programs[-1] = tuple(step for step in programs[-1] if step[4] != fse.SLOTS["=line_count"])
    data, starts, *_, faults = built(programs=tuple(programs)).encode((FIRST,), 1)
    assert (len(data), list(starts), faults) == (len(encode([FIRST]).data), [0, len(data)], [])
