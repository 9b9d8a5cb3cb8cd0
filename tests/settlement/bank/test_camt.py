# SPDX-License-Identifier: Apache-2.0
"""camt.053 and camt.054: every trap that the formats hold, and what is refused."""

import hashlib
from datetime import date

import msgspec
import pytest
from lxml import etree

from desmos_fast.settlement.bank import camt, read_statement
from desmos_fast.settlement.bank import input as reading
from desmos_fast.settlement.bank.model import BankFault, BankLine, BankRefused
from tests.generators.camt import IBAN, VERSIONS, Detail, Entry, Message

PAID = Detail(
    end_to_end="E2E77777", payment="PMT88888", instruction="INS99999", debtor_id="FR123456", texts=("DECOMPTE 262750001234",),
    structured="RF55555",
)  # fmt: skip
STATUSES = [("BOOK", "booked"), ("PDNG", "pending"), ("INFO", "pending"), ("FUTR", "pending"), (None, "booked")]
DECLARATIONS = [
    "", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="ISO-8859-15"?>', '<?xml version="1.0" encoding="UTF-16"?>',
    "\ufeff", "\n  \n",
]  # fmt: skip


def read(*entries: Entry, **told: object) -> tuple[BankLine, ...]:
    return read_statement(Message(entries, **told).bytes()).lines  # type: ignore[arg-type]


def refused(data: bytes) -> BankFault:
    with pytest.raises(BankRefused) as caught:
        read_statement(data)
    return caught.value.fault


def refused_entry(entry: Entry) -> str:
    return refused(Message([entry]).bytes()).code


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("notification", [False, True])
def test_every_version_gives_the_same_line(version: str, notification: bool) -> None:
    data = Message([Entry(details=[PAID])], version=version, notification=notification).bytes()
    sha256, name = hashlib.sha256(data).hexdigest(), "camt.054" if notification else "camt.053"
    [line] = read_statement(data).lines
    assert msgspec.json.decode(msgspec.json.encode(line)) == {
        "id": f"{sha256[:16]}:1",
        "account": IBAN,
        "booking_date": "2026-10-02",
        "value_date": "2026-10-02",
        "amount": 166956,
        "currency": "EUR",
        "operation_code": "PMNT/RCDT/ESCT",
        "label": "VIR SEPA CPAM DE ALBEVILLE",
        "remittance": ["DECOMPTE 262750001234", "RF55555", "SUITE RF55555"],
        "end_to_end_id": "E2E77777",
        "payer_name": "CPAM DE ALBEVILLE",
        "payer_id": "FR123456",
        "references": ["88888", "99999", "77777", "262750001234", "55555"],
        "qualifiers": [],
        "status": "booked",
        "source": {"file_sha256": sha256, "line": 1, "format": name},
    }


@pytest.mark.parametrize(("namespace", "prefix"), [(True, ""), (False, ""), (True, "ns2")])
def test_a_namespace_may_be_there_or_not_or_have_a_prefix(namespace: bool, prefix: str) -> None:
    assert [line.amount for line in read(Entry(), namespace=namespace, prefix=prefix)] == [166956]


@pytest.mark.parametrize("declaration", DECLARATIONS)
def test_any_declaration_of_the_encoding_will_do(declaration: str) -> None:
    assert [line.label for line in read(Entry(label="Virement reçu"), declaration=declaration)] == ["Virement reçu"]


def test_a_reversal_of_a_debit_is_told_by_the_indicator_alone() -> None:
    entries = Entry(direction="DBIT", reversal=True), Entry(direction="CRDT", reversal=True)
    assert [line.amount for line in read(*entries)] == [-166956, 166956]


@pytest.mark.parametrize("told", [None, "NOTPROVIDED", ""])
def test_an_end_to_end_id_that_is_none_is_absent(told: str | None) -> None:
    [line] = read(Entry(details=[Detail(end_to_end=told)]))
    assert line.end_to_end_id is None


@pytest.mark.parametrize("version", ["02", "04", "08"])
def test_a_batch_that_adds_up_gives_one_line_a_transaction(version: str) -> None:
    details = [Detail("1000.00", texts=("DECOMPTE 11111",)), Detail("669.56", debtor="MUTUELLE", texts=("DECOMPTE 22222",))]
    first, second = read(Entry(batch="LOT33333", details=details), version=version)
    assert [(line.amount, line.payer_name, line.references) for line in (first, second)] == [
        (100000, "CPAM DE ALBEVILLE", ("33333", "11111")), (66956, "MUTUELLE", ("33333", "22222")),
    ]  # fmt: skip
    assert (first.id[-2:], second.id[-2:], second.source.line) == (":1", ":2", 2)


def test_a_batch_may_hold_money_that_goes_the_other_way() -> None:
    details = [Detail("2000.00", direction="CRDT"), Detail("330.44", direction="DBIT")]
    assert [line.amount for line in read(Entry(details=details), version="08")] == [200000, -33044]


@pytest.mark.parametrize(
    "details",
    [
        [Detail("1000.00"), Detail("669.55")],
        [Detail("1000.00"), Detail("669.56", currency="USD")],
        [Detail("1669.57")],
        [Detail("1669.561")],
        [Detail("much")],
        [Detail("1669.56"), Detail(None)],
    ],
)
def test_a_batch_that_does_not_add_up_is_one_line_with_a_warning(details: list[Detail]) -> None:
    for place, detail in enumerate(details):
        detail.texts = (f"DECOMPTE 1111{place}",)
    statement = read_statement(Message([Entry(details=details)], version="08").bytes())
    [line] = statement.lines
    assert line.amount == 166956 and [fault.code for fault in statement.warnings] == ["BANK_BATCH_SUM"]
    assert line.remittance == tuple(f"DECOMPTE 1111{place}" for place in range(len(details)))
    assert line.references == tuple(f"1111{place}" for place in range(len(details)))


def test_a_single_transaction_without_an_amount_takes_that_of_the_entry_and_several_are_one_line() -> None:
    assert [line.amount for line in read(Entry(details=[Detail()]))] == [166956]
    statement = read_statement(Message([Entry(details=[Detail(debtor="A", texts=("11111",)), Detail(debtor="B")])]).bytes())
    [line] = statement.lines
    assert (line.amount, line.payer_name, line.remittance, statement.warnings) == (166956, None, ("11111",), ())


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("1669.56000", "EUR", 166956),
        ("1669.5", "EUR", 166950),
        ("1669", "EUR", 166900),
        (".05", "EUR", 5),
        ("0", "EUR", 0),
        ("12.34500", "TND", 12345),
        ("1669.00000", "XPF", 1669),
        ("9999999999999.99", "EUR", 999999999999999),
    ],
)
def test_amounts_are_exact_in_every_currency(amount: str, currency: str, units: int) -> None:
    [line] = read(Entry(amount, currency))
    assert (line.amount, line.currency) == (units, currency)


@pytest.mark.parametrize(("amount", "currency"), [("1669.56001", "EUR"), ("1669.5", "XPF"), ("0.00001", "TND")])
def test_what_is_no_whole_number_of_minor_units_is_refused(amount: str, currency: str) -> None:
    assert refused_entry(Entry(amount, currency)) == "BANK_DECIMALS"


@pytest.mark.parametrize("amount", ["-1.00", "1,00", "1e3", "", ".", "٣", "NaN", "1 000.00", "9" * 16, "9999999999999999.00"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    assert refused_entry(Entry(amount)) == "BANK_BAD_AMOUNT"


@pytest.mark.parametrize("currency", ["", "EURO", "eur", "E1R"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    assert refused_entry(Entry(currency=currency)) == "BANK_CURRENCY"


@pytest.mark.parametrize("version", ["02", "08"])
@pytest.mark.parametrize(("status", "kept"), STATUSES)
def test_what_is_not_booked_is_kept_as_pending(version: str, status: str | None, kept: str) -> None:
    assert [line.status for line in read(Entry(status=status), version=version)] == [kept]


def test_dates_may_have_a_time_and_a_pending_entry_only_a_value_date() -> None:
    [line] = read(Entry(booked="2026-10-02T23:59:59+02:00", valued=None))
    assert (line.booking_date, line.value_date) == (date(2026, 10, 2), None)
    [line] = read(Entry(booked=None, valued="2026-10-05", status="PDNG"))
    assert line.booking_date == line.value_date == date(2026, 10, 5)


NO_DATES = [
    *(Entry(booked=text) for text in ("2026-02-30", "202610", "2026-W40-5", "20261002")),
    Entry(booked=None, valued=None),
    Entry(valued="x"),
]


@pytest.mark.parametrize("entry", NO_DATES)
def test_what_is_no_date_is_refused(entry: Entry) -> None:
    assert refused_entry(entry) == "BANK_BAD_DATE"


def test_an_entry_must_say_which_way_its_money_goes() -> None:
    assert refused_entry(Entry(direction="CREDIT")) == refused_entry(Entry(direction=None)) == "BANK_XML"


def test_several_accounts_and_an_account_that_is_no_iban() -> None:
    other = Message([Entry("1.00")], account="0042 0000").statement()
    assert [(line.account, line.amount) for line in read(Entry(), more=other)] == [(IBAN, 166956), ("00420000", 100)]


def test_balances_are_not_controlled_and_tell_where_a_statement_goes_on() -> None:
    first = (("OPBD", "100.00", "2026-10-01"), ("OPAV", "1.00", "2026-10-01"), ("CLBD", "-7.00", "2026-10-31"))
    more = Message([], balances=(("PRCD", "-7.00", "2026-10-31"), ("CLBD", "1.00", "2026-11-30"))).statement()
    gap = Message([], balances=(("OPBD", "2.00", "2026-12-01"), ("CLBD", "2.00", "2026-12-31"))).statement()
    statement = read_statement(Message([Entry()], balances=first, more=more + gap).bytes())
    assert [(block.opening, block.closing) for block in statement.blocks] == [(10000, -700), (-700, 100), (200, 200)]
    assert [fault.code for fault in statement.warnings] == ["BANK_GAP"]
    odd = (("OPBD", "1.001", "2026-10-01"), ("CLBD", "1.00", "2026-10-01"))
    assert read_statement(Message([Entry()], balances=odd).bytes()).blocks == ()


def test_proprietary_codes_and_none_at_all() -> None:
    data = Message([Entry(code=None)]).xml()
    assert read_statement(data.encode()).lines[0].operation_code is None
    own = data.replace("<AddtlNtryInf>", "<BkTxCd><Prtry><Cd>0105</Cd></Prtry></BkTxCd><AddtlNtryInf>")
    assert read_statement(own.encode()).lines[0].operation_code == "0105"


def test_a_statement_without_entries_has_no_line() -> None:
    assert read_statement(Message([]).bytes()).lines == ()


def test_a_text_over_two_lines_is_one() -> None:
    assert read(Entry(label="VIR SEPA\n   CPAM"))[0].label == "VIR SEPA    CPAM"


DOCTYPE = '<!DOCTYPE Document [<!ENTITY name "CPAM"><!ENTITY file SYSTEM "file:///etc/passwd">]>\n'
BOMB = "<!DOCTYPE D [<!ENTITY a0 'x'>" + "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(9)) + "]>"


@pytest.mark.parametrize("entity", ["name", "file", "a9"])
def test_document_types_and_their_entities_are_refused(entity: str) -> None:
    text = Message([Entry(label="@")], declaration=BOMB if entity == "a9" else DOCTYPE).xml().replace("@", f"&{entity};")
    fault = refused(text.encode())
    assert fault.code == "BANK_XML" and "root:" not in msgspec.json.encode(fault).decode()


def test_a_document_type_from_elsewhere_is_refused() -> None:
    assert "DOCTYPE" in refused(Message(declaration='<!DOCTYPE Document SYSTEM "http://127.0.0.1:9/d.dtd">').bytes()).message


@pytest.mark.parametrize("block", [1 << 20, 700, 139, 7])
def test_an_entity_that_nobody_declares_ends_the_file_where_it_stands(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser takes what follows for another document: its faults, and its movements, are none of this file's."""
    monkeypatch.setattr(reading, "BLOCK", block)
    text = Message([Entry(), Entry(amount="-1")]).xml().replace("<MsgId>", "<MsgId>&a;", 1)
    fault = refused(text.encode())
    assert (fault.code, fault.message) == ("BANK_XML", "the file is no sound XML: undeclared entity")


def test_what_is_nested_too_deep_is_refused() -> None:
    deep = "<A>" * 5000 + "</A>" * 5000
    assert refused(Message(more=deep).bytes()).code == "BANK_XML"


def test_an_entry_that_is_too_large_is_refused_and_many_small_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camt, "LARGEST_ENTRY", 4000)
    monkeypatch.setattr(reading, "BLOCK", 500)
    assert len(read(*[Entry()] * 100)) == 100
    assert refused(Message([Entry(details=[Detail(texts=["X" * 100])] * 40)]).bytes()).code == "BANK_TOO_LARGE"
    assert refused(Message(more="<Junk/>" * 1000).bytes()).code == "BANK_TOO_LARGE"
    assert len(read_statement(Message(more=Message([]).statement() * 100).bytes()).lines) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"<",
        b"<a/>",
        b"<Document><BkToCstmrStmt/></Document>",
        Message().bytes()[:-20],
        Message().bytes() + b"<x/>",
        Message().bytes().replace(b"</Amt>", b"</Amx>"),
        Message().bytes().replace(b"VIR", b"\xff\xfe"),
        Message(account="  ").bytes(),
        b"<Document><BkToCstmrStmt><Stmt/></BkToCstmrStmt></Document>",
        b"<Document><BkToCstmrAcctRpt><Rpt/></BkToCstmrAcctRpt></Document>",
        b"<Document><Ntry/></Document>",
        Message(more=Message(notification=True).statement()).bytes(),
    ],
)
def test_what_is_no_sound_statement_is_refused(data: bytes) -> None:
    fault = refused(data)
    assert fault.code == "BANK_XML" and fault.message and fault.hint and fault.line


def test_nothing_at_all_is_empty() -> None:
    with pytest.raises(BankRefused) as caught:
        read_statement(b" \n", "camt")
    assert caught.value.fault.code == "BANK_EMPTY"


def test_a_nir_never_reaches_a_fault() -> None:
    nir = "185079999900153"
    for entry in (Entry("1.001", reference=nir), Entry(f"-{nir}"), Entry(booked=nir)):
        assert nir[:13] not in msgspec.json.encode(refused(Message([entry]).bytes())).decode()
    broken = Message([Entry(label="@")]).xml().replace("@", f"<N{nir}>")
    assert nir[:13] not in msgspec.json.encode(refused(broken.encode())).decode()


def test_memory_is_given_back_entry_by_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    forget = camt._forget

    def counted(element: etree._Element) -> None:
        forget(element)
        parent = element.getparent()
        kept.append((0 if parent is None else len(parent), len(element)))

    monkeypatch.setattr(camt, "_forget", counted)
    monkeypatch.setattr(reading, "BLOCK", 200)
    assert len(read(*[Entry(details=[PAID])] * 50)) == 50
    assert len(kept) == 51 and max(kept) <= (3, 0)


def test_an_entry_that_is_nested_too_deep_is_refused() -> None:
    inside = "<A>" * 30 + "</A>" * 30
    data = Message([Entry()]).xml().replace("</Ntry>", f"{inside}</Ntry>")
    assert "nested" in refused(data.encode()).message
