# SPDX-License-Identifier: Apache-2.0
"""CSV by a mapping: what a person can write down, what is read by it, what is refused."""

from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.settlement.bank import read_statement
from desmos_fast.settlement.bank.mapping import Mapping, MappingInvalid, read_mapping
from desmos_fast.settlement.bank.model import BankFault, BankLine, BankRefused

HEAD = 'account = "FR7630006000011234567890189"\n'
SIGNED = HEAD + '[columns]\nbooking_date = "Date"\nlabel = "Libellé"\namount = "Montant"\n'
TWO = HEAD + '[columns]\nbooking_date = 1\nlabel = 2\ndebit = 3\ncredit = 4\n'
SIGNED_FILE = "Date;Libellé;Montant\n02/10/2026;VIR CPAM 262750001234;1 669,56\n03/10/2026;FRAIS;-22,79\n"


def read(mapping: str, text: str, encoding: str = "utf-8") -> tuple[BankLine, ...]:
    return read_statement(text.encode(encoding), "auto", read_mapping(mapping.encode())).lines


def refused(mapping: str, text: str | bytes) -> BankFault:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(BankRefused) as caught:
        read_statement(data, "csv", read_mapping(mapping.encode()))
    return caught.value.fault


def test_a_row_becomes_a_line() -> None:
    credit, fee = read(SIGNED, SIGNED_FILE)
    said = msgspec.json.decode(msgspec.json.encode(credit))
    assert said | {"id": "", "source": {}} == {
        "id": "", "account": "FR7630006000011234567890189", "booking_date": "2026-10-02", "value_date": None, "amount": 166956,
        "currency": "EUR", "operation_code": None, "label": "VIR CPAM 262750001234", "remittance": [], "end_to_end_id": None,
        "payer_name": None, "payer_id": None, "references": ["262750001234"], "qualifiers": [], "status": "booked", "source": {},
    }  # fmt: skip
    assert (credit.source.line, credit.source.format, fee.amount) == (2, "csv", -2279)


def test_every_column_that_can_be_named() -> None:
    mapping = """
currency = "CHF"
encoding = "cp1252"
separator = "\\t"
skip_lines = 2
skip_last = 1
decimal = "."
thousands = "'"
date_format = "%Y-%m-%d"
credit_words = ["ENTREE"]
debit_words = ["SORTIE"]
[columns]
booking_date = "D"
value_date = "V"
amount = "A"
direction = "S"
label = "L"
remittance = ["R1", "R2"]
account = "C"
currency = "M"
operation_code = "O"
end_to_end_id = "E"
payer_name = "P"
payer_id = "I"
"""
    rows = [
        "Relevé du compte", "édité le 3", "D\tV\tA\tS\tL\tR1\tR2\tC\tM\tO\tE\tP\tI",
        "2026-10-02\t2026-10-03\t1'669.5\tentree\tVIR\t\tREF 11111\tfr76 3000\teur\t05\tE2E22222\tCPAM\t42",
        "\t\t\t\t\t\t\t\t\t\t\t\t",
        "2026-10-02\t\t1.00\tSORTIE\tVIR\t\t\tfr76 3000\t\t\tNOTPROVIDED\t\t",
        "Total\t2",
    ]  # fmt: skip
    credit, debit = read(mapping, "\r\n".join(rows), "cp1252")
    assert (credit.amount, credit.currency, credit.account, credit.value_date) == (166950, "EUR", "FR763000", date(2026, 10, 3))
    assert (credit.operation_code, credit.end_to_end_id, credit.payer_name, credit.payer_id) == ("05", "E2E22222", "CPAM", "42")
    assert (credit.remittance, credit.references) == (("REF 11111",), ("11111", "22222"))
    assert (debit.amount, debit.currency, debit.end_to_end_id, debit.source.line) == (-100, "CHF", None, 6)


@pytest.mark.parametrize(
    ("debit", "credit", "amount"),
    [("", "12,00", 1200), ("12,00", "", -1200), ("-12,00", "", -1200), ("0,00", "5", 500), ("0", "0", 0), ("", "+5", 500)],
)
def test_a_column_for_debits_and_one_for_credits(debit: str, credit: str, amount: int) -> None:
    assert [line.amount for line in read("header = false\n" + TWO, f"02/10/2026;X;{debit};{credit}\n")] == [amount]


@pytest.mark.parametrize(("debit", "credit"), [("", ""), ("1", "1"), ("", "-5"), ("x", "")])
def test_debit_and_credit_that_tell_nothing_are_refused(debit: str, credit: str) -> None:
    assert refused("header = false\n" + TWO, f"02/10/2026;X;{debit};{credit}\n").code == "BANK_BAD_AMOUNT"


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1\u202f669,56", 166956), ("1\u00a0669,5", 166950), ("12,34-", -1234), ("\u22121", -100), ("+1", 100), ("0,00000", 0)],
)
def test_amounts_as_banks_write_them(text: str, amount: int) -> None:
    assert read(SIGNED, f"Date;Libellé;Montant\n02/10/2026;X;{text}\n")[0].amount == amount


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("02/10/2026;X;1,005", "BANK_DECIMALS"),
        ("02/10/2026;X;1.50", "BANK_BAD_AMOUNT"),
        ("02/10/2026;X;", "BANK_BAD_AMOUNT"),
        ("02/10/2026;X;--1", "BANK_BAD_AMOUNT"),
        ("02/10/2026;X;" + "9" * 16, "BANK_BAD_AMOUNT"),
        ("2026-10-02;X;1", "BANK_BAD_DATE"),
        (";X;1", "BANK_BAD_DATE"),
        ("31/02/2026;X;1", "BANK_BAD_DATE"),
        ("02/10/2026;X", "BANK_CSV"),
        ('02/10/2026;"X;1', "BANK_CSV"),
        ('02/10/2026;"X"Y;1', "BANK_CSV"),
    ],
)
def test_a_row_that_cannot_be_read_refuses_the_file(row: str, code: str) -> None:
    fault = refused(SIGNED, SIGNED_FILE + row + "\n")
    assert fault.code == code and fault.message and fault.hint
    assert fault.line in (4, None)


def test_the_file_itself_may_be_wrong() -> None:
    assert refused(SIGNED, "").code == "BANK_EMPTY"
    assert "Montant" in refused(SIGNED, "Date;Libellé;Solde\n").message
    assert "Solde" in refused(SIGNED, "Date;Libellé;Solde\n").hint
    assert "more than one" in refused(SIGNED, "Date;Libellé;Montant;Montant\n").message
    assert "not in utf-8" in refused(SIGNED, SIGNED_FILE.encode("cp1252")).message
    assert refused(SIGNED.replace('amount = "Montant"', 'amount = "Montant"\ncurrency = 2'), SIGNED_FILE).code == "BANK_CURRENCY"
    assert read(SIGNED, "\ufeff" + SIGNED_FILE)[0].amount == 166956


def test_a_separator_inside_a_text_never_moves_another_number_to_the_amount() -> None:
    mapping = SIGNED + 'currency = "Devise"\n'
    head = "Date;Libellé;Montant;Devise\n"
    assert refused(SIGNED, "Date;Libellé;Montant;Solde\n02/10/2026;VIR; 12;100,00;5000,00\n").code == "BANK_CSV"
    assert refused(mapping, f"{head}02/10/2026;X;1;EUR;;more\n").line == 2
    assert read(mapping, f"{head}02/10/2026;X;1;EUR;;\n")[0].amount == 100


def test_a_file_in_utf_16_without_its_mark_is_refused() -> None:
    assert "not in utf-16" in refused('encoding = "utf-16"\n' + SIGNED, SIGNED_FILE.encode("utf-16-be")).message
    assert "not in utf-16" in refused('encoding = "utf-16"\n' + SIGNED, SIGNED_FILE.encode("utf-16")[:-1]).message
    assert read('encoding = "utf-16"\n' + SIGNED, SIGNED_FILE, "utf-16")[0].amount == 166956


def test_words_for_the_direction_are_found_however_they_are_written() -> None:
    words = 'credit_words = ["Crédit", "à  votre crédit"]\ndebit_words = ["débit"]\n'
    mapping = words + HEAD + "header = false\n[columns]\nbooking_date = 1\namount = 2\ndirection = 3\n"
    rows = "02/10/2026;1;crédit\n02/10/2026;2;DÉBIT\n02/10/2026;3;À votre Crédit\n"
    assert [line.amount for line in read(mapping, rows)] == [100, -200, 300]


def test_a_csv_without_a_mapping_says_what_is_missing() -> None:
    for given_format in ("auto", "csv"):
        with pytest.raises(BankRefused) as caught:
            read_statement(SIGNED_FILE.encode(), given_format)
        assert caught.value.fault.code == "BANK_CSV" and "mapping" in caught.value.fault.message


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ("x", "cannot be read"),
        (HEAD, "columns"),
        (SIGNED + 'colour = "red"', "colour"),
        (SIGNED + "debit = 1", "columns.debit and columns.credit"),
        (HEAD + "[columns]\nbooking_date = 1\ndebit = 2", "columns.debit and columns.credit"),
        (TWO + "direction = 5", "direction"),
        (SIGNED.replace(HEAD, ""), "give account"),
        (SIGNED + 'account = "A"', "give account"),
        ('separator = ""\n' + SIGNED, "separator"),
        ('quote = ";"\n' + SIGNED, "quote"),
        ("skip_lines = -1\n" + SIGNED, "skip"),
        ('thousands = ","\n' + SIGNED, "decimal"),
        ('currency = "eur"\n' + SIGNED, "currency"),
        ('date_format = "%d/%m"\n' + SIGNED, "date_format"),
        ("header = false\n" + SIGNED, "column"),
        (TWO.replace("label = 2", "label = 0"), "column"),
        ('credit_words = ["D"]\n' + SIGNED, "credit_words"),
        ('credit_words = ["d"]\n' + SIGNED, "credit_words"),
        ('thousands = "1"\n' + SIGNED, "thousands"),
        ('thousands = "-"\n' + SIGNED, "thousands"),
        ('encoding = "ebcdic"\n' + SIGNED, "encoding"),
        ("#" * 70_000, "at most"),
        (SIGNED, "cannot be read"),
    ],
)
def test_a_mapping_by_which_nothing_can_be_read_is_told(mapping: str, why: str) -> None:
    with pytest.raises(MappingInvalid, match=why):
        read_mapping(mapping.encode("cp1252" if mapping == SIGNED else "utf-8"))


def test_a_mapping_may_be_json_and_comes_back_as_it_was() -> None:
    mapping = read_mapping(SIGNED.encode())
    assert read_mapping(msgspec.json.encode(mapping)) == mapping
    assert mapping == Mapping(columns=mapping.columns, account="FR7630006000011234567890189")


CELLS = st.text(st.characters(codec="utf-8"), max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=4), st.binary(max_size=40))
def test_any_rows_are_read_or_refused_with_a_code(rows: list[tuple[str, ...]], tail: bytes) -> None:
    data = "\n".join(["Date;Libellé;Montant", *(";".join(row) for row in rows)]).encode() + tail
    try:
        read_statement(data, "csv", read_mapping(SIGNED.encode()))
    except BankRefused as caught:
        assert caught.fault.code.startswith("BANK_")


def test_a_file_without_line_ends_is_refused_before_it_is_read_whole() -> None:
    fault = refused("skip_lines = 1\n" + SIGNED, "x\n" + SIGNED_FILE + "a" * 5_000_000)
    assert fault.code == "BANK_CSV" and "1048576" in fault.message
