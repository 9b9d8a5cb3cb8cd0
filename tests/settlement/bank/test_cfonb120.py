# SPDX-License-Identifier: Apache-2.0
import hashlib
import random
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.settlement.bank import LARGEST_FILE, read_statement
from desmos_fast.settlement.bank import read_statement as parse
from desmos_fast.settlement.bank.model import BankFault, BankRefused, content_key, occurrences
from tests.settlement.statements import ACCOUNT, amount_field, balance, detail, joined, movement, put, statement

CREDIT = movement(166956)
PAID_BY = detail("NPY", "CPAM DE ALBEVILLE")
DECOMPTE = detail("LCC", "DECOMPTE 262750001234")
WHOLE = statement(CREDIT, PAID_BY, DECOMPTE, movement(-2279, "FRAIS", "91"))


def refused(data: bytes) -> BankFault:
    with pytest.raises(BankRefused) as caught:
        parse(data)
    return caught.value.fault


def codes(data: bytes) -> list[tuple[str, int | None]]:
    return [(fault.code, fault.line) for fault in parse(data).warnings]


def test_a_credit_with_its_details_becomes_one_line() -> None:
    data = joined(*WHOLE)
    sha256 = hashlib.sha256(data).hexdigest()
    credit, fee = parse(data).lines
    assert msgspec.json.decode(msgspec.json.encode(credit)) == {
        "id": f"{sha256[:16]}:2",
        "account": f"3000200550{ACCOUNT}",
        "booking_date": "2026-10-02",
        "value_date": "2026-10-02",
        "amount": 166956,
        "currency": "EUR",
        "operation_code": "05",
        "label": "VIR SEPA CPAM DE ALBEVILLE",
        "remittance": ["DECOMPTE 262750001234"],
        "end_to_end_id": None,
        "payer_name": "CPAM DE ALBEVILLE",
        "payer_id": None,
        "references": ["262750001234"],
        "qualifiers": [],
        "status": "booked",
        "source": {"file_sha256": sha256, "line": 2, "format": "cfonb120"},
    }
    assert (fee.id, fee.amount, fee.label, fee.references) == (f"{sha256[:16]}:5", -2279, "FRAIS", ())
    assert parse(data).warnings == ()


@pytest.mark.parametrize(
    ("field", "decimals", "currency", "amount"),
    [
        ("0000000166956E", "2", "EUR", 1669565),
        ("0000000000227R", "2", "EUR", -2279),
        ("0000000166587J", "0", "XPF", -1665871),
        ("0000000000000}", "2", "EUR", 0),
        ("0000000000012{", "0", "EUR", 12000),
        ("0000000001230{", "3", "EUR", 1230),
    ],
)
def test_the_last_character_is_a_digit_and_the_sign(field: str, decimals: str, currency: str, amount: int) -> None:
    records = [balance("01", 0), put(movement(0), (91, field)), balance("07", 0)]
    records = [put(record, (17, currency + decimals)) for record in records]
    records[2] = put(records[2], (91, field))
    assert parse(joined(*records)).lines[0].amount == amount


def same(data: bytes) -> list[bytes]:
    # Everything but the file's own hash, which the separators change.
    lines = parse(data).lines
    return [msgspec.json.encode((line.amount, line.label, line.remittance, line.payer_name, line.source.line)) for line in lines]


@pytest.mark.parametrize("separator", ["\n", "\r", "\r\n", "", "\n\n", "\r\n   \r\n"])
def test_every_kind_of_separator_gives_the_same_lines(separator: str) -> None:
    assert same(joined(*WHOLE, separator=separator)) == same(joined(*WHOLE))


@pytest.mark.parametrize("separator", ["\n", ""])
def test_the_last_record_may_lack_its_blanks(separator: str) -> None:
    data = joined(*WHOLE, separator=separator).rstrip()
    assert len(data) % 120
    assert same(data) == same(joined(*WHOLE))


def test_no_separator_but_one_at_the_end() -> None:
    assert same("".join(WHOLE).encode("latin-1") + b"\n") == same(joined(*WHOLE))


def test_blank_currency_and_decimals_of_balances_are_euro_cents_with_a_warning() -> None:
    records = [put(WHOLE[0], (17, "    ")), *WHOLE[1:-1], put(WHOLE[-1], (17, "    "))]
    assert parse(joined(*records)).lines[0].currency == "EUR"
    assert codes(joined(*records)) == [("BANK_DEFAULT_CURRENCY", 1), ("BANK_DEFAULT_CURRENCY", 6)]


def test_text_in_reserved_zones_lower_case_and_accents_are_taken() -> None:
    records = statement(put(movement(100, "Virement reçu école"), (21, "X"), (80, "YZ"), (89, "01")))
    records[0] = put(records[0], (41, "AUCUN MOUVEMENT"))
    assert parse(joined(*records)).lines[0].label == "Virement reçu école"


def test_a_statement_without_movement_has_no_line() -> None:
    assert parse(joined(*statement())).lines == ()


def test_several_accounts_and_the_same_operation_twice_are_kept() -> None:
    other = [put(record, (22, "00000000042")) for record in statement(movement(500))]
    read = parse(joined(*statement(CREDIT, CREDIT), *other))
    assert [line.account[-11:] for line in read.lines] == [ACCOUNT, ACCOUNT, "00000000042"]
    assert len({line.id for line in read.lines}) == 3
    (first, one), (second, two), _ = occurrences(read.lines)
    assert first == second and (one, two) == (1, 2)


def test_the_content_key_is_of_the_movement_and_not_of_its_place() -> None:
    early, late = joined(*statement(CREDIT, PAID_BY)), joined(*statement(movement(1), CREDIT, PAID_BY))
    assert content_key(parse(early).lines[0]) == content_key(parse(late).lines[1])
    other = parse(joined(*statement(movement(166957), PAID_BY))).lines[0]
    assert content_key(other) != content_key(parse(early).lines[0])


def test_remittance_runs_over_two_records_and_every_reference_is_found_once() -> None:
    text = "FACTURE 11111 " + "X" * 51 + "26275"
    line = parse(
        joined(
            *statement(
                movement(1, "VIR 98765"),
                detail("LIB", "libre 98765 1234"),
                detail("LCC", text),
                detail("LC2", "0001234 SUITE"),
                detail("REF", "0000055555".ljust(35) + "66666"),
                detail("RCN", "E2E77777"),
                detail("LCS", "RF88888"),
            )
        )
    ).lines[0]
    assert line.remittance == ("libre 98765 1234", text + "0001234 SUITE", "RF88888")
    assert line.references == ("98765", "11111", "262750001234", "0000055555", "66666", "77777", "88888")
    assert line.end_to_end_id == "E2E77777"


def test_the_second_line_of_a_remittance_belongs_to_the_first_whatever_stands_between() -> None:
    text = "DECOMPTE".ljust(62) + "26275000"
    between = (detail("LIB", "libre"), detail("REF", "55555"), detail("LC2", "1234 FIN"), detail("LC2", "ENCORE"))
    line = parse(joined(*statement(movement(1, "VIR"), detail("LCC", text), *between))).lines[0]
    assert line.remittance == (text + "1234 FIN", "libre", "ENCORE")
    assert line.references == ("262750001234", "55555")


def test_an_absent_end_to_end_id_is_null_and_details_without_a_place_are_known() -> None:
    read = parse(
        joined(*statement(CREDIT, detail("RCN", "NOTPROVIDED"), detail("IPY", "FR123456".ljust(35) + "BIC"), detail("NBE", "CENTRE")))
    )
    assert read.lines[0].end_to_end_id is None
    assert read.lines[0].payer_id == "FR123456"
    assert (read.lines[0].qualifiers, read.warnings) == ((), ())


def test_unknown_and_blank_qualifiers_are_kept_with_a_warning() -> None:
    data = joined(*statement(CREDIT, detail("AAA", "text as found"), detail("   ", "no code")))
    assert parse(data).lines[0].qualifiers == (("AAA", "text as found"), ("", "no code"))
    assert codes(data) == [("BANK_UNKNOWN_QUALIFIER", 3), ("BANK_UNKNOWN_QUALIFIER", 4)]


def test_a_second_payer_name_is_kept_beside_the_first() -> None:
    line = parse(joined(*statement(CREDIT, PAID_BY, detail("NPY", "ANOTHER")))).lines[0]
    assert (line.payer_name, line.qualifiers) == ("CPAM DE ALBEVILLE", (("NPY", "ANOTHER"),))


def test_a_detail_of_the_older_layout_is_kept_as_text() -> None:
    old = put(detail("", ""), (41, "LIBELLE ANCIEN FORMAT".ljust(41)), (82, "1234567"), (91, amount_field(166956)))
    data = joined(*statement(CREDIT, old))
    assert codes(data) == [("BANK_OLD_DETAIL", 3)]
    assert parse(data).lines[0].qualifiers[0][1].startswith("LIBELLE ANCIEN FORMAT")


def test_an_unknown_operation_is_kept_with_a_warning() -> None:
    data = joined(*statement(movement(100, operation="Z9")))
    assert parse(data).lines[0].operation_code == "Z9"
    assert codes(data) == [("BANK_UNKNOWN_OPERATION", 2)]


def test_a_break_between_two_blocks_is_a_warning_with_the_interval() -> None:
    following = [put(balance("01", 5), (35, "151126")), put(balance("07", 5), (35, "301126"))]
    [gap] = parse(joined(*statement(CREDIT), *following)).warnings
    assert (gap.code, gap.level, gap.line) == ("BANK_GAP", "warning", 4)
    assert "2026-10-31" in gap.message and "2026-11-15" in gap.message


def test_blocks_that_follow_each_other_give_no_warning() -> None:
    first = statement(CREDIT)
    assert parse(joined(*first, *statement(movement(1), opening=266956))).warnings == ()


def faulty(index: int, *fields: tuple[int, str]) -> bytes:
    return joined(*[put(record, *fields) if rank == index else record for rank, record in enumerate(WHOLE)])


@pytest.mark.parametrize(
    ("data", "code", "line", "position"),
    [
        (b"", "BANK_EMPTY", None, None),
        (b"\r\n  \n", "BANK_EMPTY", None, None),
        (joined(*WHOLE[:2], WHOLE[2] + "X", *WHOLE[3:]), "BANK_RECORD_LENGTH", 3, 121),
        (joined(*(record.rstrip() for record in WHOLE)), "BANK_RECORD_LENGTH", 1, 105),
        (joined(*WHOLE).decode("latin-1").replace("FRAIS  ", "FRAÎS  ").encode(), "BANK_RECORD_LENGTH", 5, 121),
        (faulty(1, (1, "03")), "BANK_UNKNOWN_RECORD", 2, 1),
        (joined(*WHOLE[1:]), "BANK_NO_OPENING", 1, 1),
        (joined(*WHOLE, WHOLE[-1]), "BANK_NO_OPENING", 7, 1),
        (joined(*WHOLE[:-1]), "BANK_NO_CLOSING", 5, 1),
        (joined(*WHOLE[:-1], *WHOLE), "BANK_NO_CLOSING", 6, 1),
        (joined(WHOLE[0], *WHOLE[2:]), "BANK_ORPHAN_DETAIL", 2, 1),
        (joined(*WHOLE, PAID_BY), "BANK_ORPHAN_DETAIL", 7, 1),
        (faulty(1, (12, "99999")), "BANK_KEY_MISMATCH", 2, 12),
        (faulty(2, (22, "9")), "BANK_KEY_MISMATCH", 3, 22),
        (faulty(5, (22, "9")), "BANK_KEY_MISMATCH", 6, 22),
        (faulty(0, (17, "E1R")), "BANK_CURRENCY", 1, 17),
        (faulty(1, (17, "USD")), "BANK_CURRENCY", 2, 17),
        (faulty(1, (17, "   ")), "BANK_CURRENCY", 2, 17),
        (faulty(1, (20, "X")), "BANK_DECIMALS", 2, 20),
        (faulty(1, (20, "3")), "BANK_DECIMALS", 2, 91),
        (faulty(1, (35, "310926")), "BANK_BAD_DATE", 2, 35),
        (faulty(1, (43, "02OC26")), "BANK_BAD_DATE", 2, 43),
        (faulty(5, (35, "      ")), "BANK_BAD_DATE", 6, 35),
        (faulty(1, (91, "00000000166956")), "BANK_BAD_AMOUNT", 2, 91),
        (faulty(0, (91, "        10000{")), "BANK_BAD_AMOUNT", 1, 91),
        (faulty(5, (91, amount_field(1))), "BANK_UNBALANCED", 6, 91),
    ],
)
def test_a_faulty_file_is_refused_with_its_first_fault(data: bytes, code: str, line: int | None, position: int | None) -> None:
    fault = refused(data)
    assert (fault.code, fault.line, fault.position) == (code, line, position)
    assert fault.message and fault.hint and fault.level == "error"


def test_a_file_cut_by_an_editor_or_changed_to_utf8_is_told_so() -> None:
    assert "editor" in refused(joined(*(record.rstrip() for record in WHOLE))).message
    assert "UTF-8" in refused(joined(*WHOLE).decode("latin-1").replace("FRAIS  ", "FRAÎS  ").encode()).message
    assert "editor" not in refused(joined(WHOLE[0][:50] + " ", *WHOLE[1:])).message


def test_lengths_come_before_order_and_fields_before_sums() -> None:
    assert refused(joined(*WHOLE[1:], "07")).code == "BANK_NO_OPENING"
    assert refused(joined(*WHOLE[1:-1], "04", WHOLE[-1])).code == "BANK_RECORD_LENGTH"
    both = joined(
        *[put(record, (91, amount_field(7))) if rank == 1 else record for rank, record in enumerate(WHOLE)], WHOLE[0], WHOLE[1], "07"
    )
    assert refused(both).code == "BANK_KEY_MISMATCH"


def test_the_bank_code_of_a_movement_is_not_compared() -> None:
    assert parse(faulty(1, (3, "10107"))).lines[0].account == f"3000200550{ACCOUNT}"


def test_a_file_beyond_the_limit_is_refused() -> None:
    assert refused(b" " * (LARGEST_FILE + 1)).code == "BANK_TOO_LARGE"


def test_xml_is_told_apart() -> None:
    with pytest.raises(BankRefused) as caught:
        read_statement(b"\xef\xbb\xbf <?xml version='1.0'?><Document/>")
    assert caught.value.fault.code == "BANK_XML"
    assert read_statement(joined(*WHOLE)).lines == parse(joined(*WHOLE)).lines


def test_a_nir_never_reaches_a_fault() -> None:
    nir = "185079999900153"
    records = statement(CREDIT, put(detail("", ""), (41, nir), (91, amount_field(1))))
    warnings = parse(joined(*records)).warnings
    assert warnings and nir[:13] not in msgspec.json.encode(warnings).decode()
    assert nir[:13] not in msgspec.json.encode(refused(faulty(1, (91, "85079999900153"), (90, "1")))).decode()


amounts = st.lists(st.integers(-(10**9), 10**9), max_size=8)


@settings(max_examples=100, deadline=None)
@given(amounts, st.integers(-(10**9), 10**9))
def test_amounts_come_back_to_the_cent_and_the_file_balances(cents: list[int], opening: int) -> None:
    read = parse(joined(*statement(*(movement(value) for value in cents), opening=opening)))
    assert [line.amount for line in read.lines] == cents
    assert read.blocks[0].opening + sum(cents) == read.blocks[0].closing
    assert read.lines == () or read.lines[0].booking_date == date(2026, 10, 2)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_mutated_files_are_read_or_refused_with_a_code(seed: int, changes: int) -> None:
    chance = random.Random(seed)
    data = bytearray(joined(*WHOLE))
    for _ in range(changes):
        at = chance.randrange(len(data))
        data[at : at + chance.choice([0, 1, 1, 1, 120])] = bytes(chance.choices(range(256), k=chance.choice([0, 1, 1, 1])))
    try:
        parse(bytes(data))
    except BankRefused as caught:
        assert caught.fault.code.startswith("BANK_")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_are_read_or_refused_with_a_code(data: bytes) -> None:
    try:
        parse(data)
    except BankRefused as caught:
        assert caught.fault.code.startswith("BANK_")
