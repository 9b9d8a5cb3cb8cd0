# SPDX-License-Identifier: Apache-2.0
import json
from array import array
from typing import Any

import msgspec
import pytest

from desmos_fast.billing import kernel
from desmos_fast.billing.codec import UsedNumbers, encode, read_ndjson
from desmos_fast.billing.model import Invoice
from desmos_fast.exchange.compiler import compile_table
from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.text import latin_cached
from ext import fse
from tests.billing.odd import BAD, GOLDEN, INVOICES, NAMES, golden, put

LINE = 129
FIRST = golden("01_ngap_visit")[0]
APART = golden("07_amc_apart")[0]
WIRE = (GOLDEN / "01_ngap_visit.ndjson").read_bytes()
NIR = FIRST.insured_nir


def shown(fault: Fault) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(msgspec.json.encode(fault))
    return found


def refused(invoice: Invoice) -> tuple[str, str | None]:
    """The one fault of an invoice."""
    (fault,) = encode([invoice]).faults
    return fault.code, fault.field


def changed(invoice: Invoice, path: str, value: object) -> Invoice:
    found: Invoice = put(invoice, tuple(int(name) if name.isdigit() else name for name in path.split(".")), value)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_golden_invoices_give_the_golden_bytes(name: str) -> None:
    encoded = encode(golden(name))
    assert (encoded.data, encoded.faults) == ((GOLDEN / f"{name}.b2").read_bytes(), [])


@pytest.mark.parametrize("name", BAD)
def test_bad_invoices_are_refused_with_the_golden_fault_first(name: str) -> None:
    invoices, lines, unread = read_ndjson((GOLDEN / "bad" / f"{name}.ndjson").read_bytes())
    first, *_ = [*unread, *encode(invoices, lines=lines).faults]
    expected = json.loads((GOLDEN / "bad" / f"{name}.json").read_text())
    assert {key: shown(first).get(key) for key in expected} == expected


def test_the_columns_say_where_each_invoice_lies_and_what_its_totals_are() -> None:
    encoded = encode(INVOICES)
    assert len(encoded.starts) == len(INVOICES) + 1
    assert encoded.starts[-1] == len(encoded.data)
    for place, invoice in enumerate(INVOICES):
        run = encoded.data[encoded.starts[place] : encoded.starts[place + 1]]
        last = run[-LINE:]
        assert (run[:1], last[:1], int(last[29:38])) == (b"2", b"5", invoice.number)
        fees, amo, amc = int(last[57:65]), int(last[65:73]), int(last[89:97])
        assert (encoded.fees[place], encoded.amo[place], encoded.amc[place]) == (fees, amo, amc)
        assert (fees, amo) == (sum(act.fees for act in invoice.acts), sum(act.amo for act in invoice.acts))


def test_flow_2_carries_the_amounts_that_flow_1_leaves_out() -> None:
    asked = sum(act.amc for act in APART.acts)
    whole, again = encode([APART]), encode([APART], flow=2)
    assert (whole.amc, again.amc) == (array("q", [0]), array("q", [asked]))
    assert asked > 0 and len(whole.data) == len(again.data) and whole.data != again.data
    assert int(again.data[-LINE:][89:97]) == asked
    together = golden("08_c2s")
    assert encode(together).data == encode(together, flow=2).data


def test_there_is_no_third_flow() -> None:
    with pytest.raises(ValueError, match="flow 1 or 2"):
        encode([FIRST], flow=3)


def test_no_invoice_gives_no_byte() -> None:
    assert encode([]) == encode((), flow=2)
    assert (encode([]).data, encode([]).starts, encode([]).faults) == (b"", array("q", [0]), [])


def test_a_faulty_invoice_is_left_out_and_its_neighbours_are_kept() -> None:
    bad = changed(golden("02_dental_ccam")[0], "acts.0.rate", 101)
    encoded = encode([FIRST, bad, APART], lines=[4, 7, 9])
    assert encoded.data == encode([FIRST, APART]).data
    assert list(encoded.starts) == [0, len(encode([FIRST]).data), len(encode([FIRST]).data), len(encoded.data)]
    assert (encoded.fees[1], encoded.amo[1], encoded.amc[1]) == (0, 0, 0)
    assert [(fault.line, fault.invoice, fault.field) for fault in encoded.faults] == [(7, bad.number, "acts[0].rate")]


def test_a_number_is_used_once_by_each_biller() -> None:
    other = changed(FIRST, "biller", "2A0002689")
    encoded = encode([FIRST, other, FIRST], lines=[1, 2, 3])
    assert [(fault.code, fault.field, fault.line, fault.value) for fault in encoded.faults] == [
        ("B2_DUPLICATE_NUMBER", "number", 3, FIRST.number)
    ]
    assert encoded.starts[2] == len(encoded.data)


def test_numbers_are_remembered_from_block_to_block() -> None:
    used = UsedNumbers()
    assert encode([FIRST], used=used).faults == []
    assert [fault.code for fault in encode([FIRST], used=used).faults] == ["B2_DUPLICATE_NUMBER"]
    assert len(used) == 1
    assert encode([FIRST]).faults == []


def test_ten_thousand_numbers_are_told_apart() -> None:
    day = [msgspec.structs.replace(FIRST, number=number) for number in range(1, 10_001)]
    assert encode(day).faults == []
    assert [fault.invoice for fault in encode([*day, day[4321]]).faults] == [4322]


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("insured_nir", NIR[:14] + str((int(NIR[14]) + 1) % 10), "B2_NIR_KEY"),
        ("insured_nir", NIR[:-1], "B2_BAD_NIR"),
        ("biller", "750000011", "B2_FINESS_KEY"),
        ("biller", "200102689", "B2_BAD_VALUE"),
        ("biller", "2A1002689", "B2_BAD_VALUE"),
        ("acts.0.fees", -1, "B2_BAD_VALUE"),
        ("acts.0.fees", 10_000_000, "B2_OVERFLOW"),
        ("acts.0.amo", 3001, "B2_AMOUNTS"),
        ("acts.0.code", "g", "B2_BAD_CHAR"),
        ("acts.0.code", "", "B2_MISSING"),
        ("acts.0.exemption", "\x00", "B2_BAD_VALUE"),
        ("acts.0.code", "ABCDE", "B2_OVERFLOW"),
        ("acts.0.executor.am", "000000000", "B2_BAD_VALUE"),
        ("acts.0.executor.am", "75123456A", "B2_BAD_NUMERIC"),
        ("acts.0.executor.condition", "B", "B2_BAD_VALUE"),
        ("acts.0.executor.condition", "L", ""),
        ("acts", (), "B2_MISSING"),
        ("amo.regime", "11", "B2_BAD_VALUE"),
        ("beneficiary.birth_date", "19550000", ""),
        ("beneficiary.birth_date", "21550814", "B2_BAD_DATE"),
    ],
)
def test_each_key_is_checked(path: str, value: object, code: str) -> None:
    assert [fault.code for fault in encode([changed(FIRST, path, value)]).faults] == ([code] if code else [])


def test_a_key_that_is_not_in_the_records_is_checked_when_it_is_there() -> None:
    assert refused(changed(FIRST, "created_on", "2026-02-30")) == ("B2_BAD_DATE", "created_on")


def test_no_fault_shows_a_nir() -> None:
    wrong = NIR[:-1] + str((int(NIR[-1]) + 1) % 10)
    for path in ("insured_nir", "beneficiary.nir", "amo.pathway", "amc", "acts.0.code", "acts.0.executor.am", "biller"):
        for value in (wrong, wrong[:13], f"X {wrong}"):
            faults = encode([changed(FIRST, path, value)]).faults
            assert faults and NIR[:13] not in msgspec.json.encode(faults).decode()
    numbered = encode([msgspec.structs.replace(FIRST, number=int(NIR))]).faults
    assert [(fault.code, fault.invoice) for fault in numbered] == [("B2_OVERFLOW", None)]
    assert NIR not in msgspec.json.encode(numbered).decode()


def test_a_fault_shows_a_long_value_in_part() -> None:
    doctor = golden("11_accents")[0]
    (fault,) = encode([changed(doctor, "referring_doctor.last_name", "A" * 1_000_000)]).faults
    assert (fault.code, fault.width, fault.value) == ("B2_OVERFLOW", 25, "A" * 64)


def test_a_hostile_invoice_gives_a_bounded_number_of_faults() -> None:
    act = FIRST.acts[0]
    bad = msgspec.structs.replace(act, fees=-1)
    assert len(encode([msgspec.structs.replace(FIRST, acts=(bad,) * 50_000)]).faults) == 20
    (fault,) = encode([msgspec.structs.replace(FIRST, acts=(msgspec.structs.replace(act, fees=0, amo=0),) * 50_000)]).faults
    assert (fault.code, fault.field, fault.record_type, fault.width, fault.value) == ("B2_OVERFLOW", "line_count", "5", 3, 150_000)


def test_the_last_line_that_a_total_can_count_is_written() -> None:
    act = msgspec.structs.replace(FIRST.acts[0], fees=3000)
    encoded = encode([msgspec.structs.replace(FIRST, acts=(act,) * 333)])
    assert (encoded.faults, len(encoded.data) // LINE, encoded.data[-LINE:][38:41]) == ([], 1002, b"999")


def test_a_name_where_text_is_not_free_is_a_code() -> None:
    pack = load_pack()
    bare = msgspec.structs.replace(pack, free_text=frozenset(pair for pair in pack.free_text if pair[0] != "2S"))
    programs = tuple(compile_table(pack.tables[record_type], fse.SLOTS) for record_type in fse.LINES)
    classes = tuple(kernel.CLASSES[name] for name in fse.OBJECTS)
    encoder = fse.Encoder(classes, tuple(kernel.checks(bare)), programs, latin_cached)
    (doctor,) = golden("11_accents")[:1]
    *_, faults = encoder.encode((doctor,), 1)
    assert {fse.REASONS[fault[1]] for fault in faults} == {"B2_BAD_CHAR"}
    spelt = changed(changed(doctor, "referring_doctor.last_name", "A B"), "referring_doctor.first_name", "C")
    data, *_, faults = encoder.encode((spelt,), 1)
    assert (data, faults) == (encode([spelt]).data, [])


def test_a_number_of_a_code_list_may_have_two_spellings() -> None:
    pack = load_pack()
    numbers = fse.KINDS["integer"]
    twice = [(*row[:-1], (*row[-1], *(f"0{code}" for code in row[-1]))) if row[3] == numbers else row for row in kernel.checks(pack)]
    assert twice != list(kernel.checks(pack))
    programs = tuple(compile_table(pack.tables[record_type], fse.SLOTS) for record_type in fse.LINES)
    encoder = fse.Encoder(tuple(kernel.CLASSES[name] for name in fse.OBJECTS), tuple(twice), programs, latin_cached)
    assert encoder.encode(tuple(INVOICES), 1) == kernel.encoder().encode(tuple(INVOICES), 1)
