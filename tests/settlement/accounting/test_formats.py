# SPDX-License-Identifier: Apache-2.0
"""Each format read back by a reader that shares nothing with its writer."""

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime

import msgspec
import pytest

from desmos_fast.base.errors import OurBug
from desmos_fast.settlement.accounting.formats.ciel import Ciel
from desmos_fast.settlement.accounting.formats.ebp import Ebp
from desmos_fast.settlement.accounting.formats.fec import Fec, description, name
from desmos_fast.settlement.accounting.formats.quadra import Quadra
from desmos_fast.settlement.accounting.formats.table import Laid
from desmos_fast.settlement.accounting.formats.text import amount, latin, short_account
from desmos_fast.settlement.accounting.model import BookLine, Column, Table
from tests.oracle.fec import COLUMNS
from tests.settlement.accounting.books import lines, random_lines


def cents(text: str, decimal: str = ",") -> int:
    whole, rest = text.split(decimal)
    assert len(rest) == 2
    return int(whole) * 100 + (-int(rest) if text.startswith("-") else int(rest))


@pytest.mark.parametrize("separator", ["\t", "|"])
def test_a_fec_is_read_back_as_it_was(separator: str) -> None:
    book = lines()
    fec = Fec(separator)  # type: ignore[arg-type]
    content = (fec.begin() + fec.write(book)).decode("iso-8859-15")
    assert content.endswith("\r\n") and content.count("\r\n") == len(book) + 1
    read = list(csv.DictReader(io.StringIO(content, newline=""), delimiter=separator, quoting=csv.QUOTE_NONE))
    assert list(read[0]) == COLUMNS
    for row, one in zip(read, book, strict=True):
        assert (int(row["EcritureNum"]), row["JournalCode"], row["CompteNum"]) == (one.number, one.journal, one.account)
        assert (cents(row["Debit"]), cents(row["Credit"])) == (one.debit, one.credit)
        assert datetime.strptime(row["EcritureDate"], "%Y%m%d").date() == one.day
        assert (row["PieceRef"], row["EcritureLib"], row["CompAuxNum"]) == (one.piece, one.label, one.auxiliary)
        assert row["Montantdevise"] == row["Idevise"] == ""
    assert {row["CompAuxLib"] for row in read} == {"", "CPAM d'Albéville", "Mutuelle Étoile/Sud", "patient"} - {"patient"}


def test_a_fec_has_its_name_and_its_description() -> None:
    assert name("123456782", date(2026, 12, 31)) == "123456782FEC20261231.txt"
    assert name("123456782", date(2026, 12, 31), 2) == "123456782FEC20261231_2.txt"
    told = description("|", ["a_1.txt", "a_2.txt"], date(2026, 1, 1), date(2026, 12, 31))
    assert "a_1.txt" in told and "a_2.txt" in told and "barre verticale" in told and all(column in told for column in COLUMNS)


WIDTHS = {
    "type": 1, "account": 8, "journal": 2, "folio": 3, "date": 6, "label_code": 1, "label": 20, "side": 1, "amount": 13, "counterpart": 8,
    "due": 6, "lettering": 2, "stat": 3, "piece5": 5, "affair": 10, "quantity": 10, "piece": 8, "currency": 3, "journal3": 3, "vat": 3,
    "label30": 30, "vat2": 2, "piece10": 10, "reserved": 10, "amount_currency": 13, "attachment": 12, "quantity2": 10,
}  # fmt: skip


def cut(line: str, widths: Iterable[int]) -> list[str]:
    cells, place = [], 0
    for width in widths:
        cells.append(line[place : place + width])
        place += width
    assert place == len(line), "no more and no less than its zones"
    return cells


def test_quadra_lines_have_their_zones() -> None:
    book = lines()
    content = Quadra().write(book)
    assert content.decode("ascii").isascii()
    read = content.decode("ascii").split("\r\n")
    assert read.pop() == ""
    entries = [dict(zip(WIDTHS, cut(line, WIDTHS.values()), strict=True)) for line in read if line[0] == "M"]
    for row, one in zip(entries, book, strict=True):
        sign = 1 if row["side"] == "D" else -1
        assert sign * int(row["amount"]) == one.debit - one.credit
        assert row["date"] == one.day.strftime("%d%m%y") and row["journal"] == one.journal and row["currency"] == "EUR"
        assert row["account"].rstrip() == short_account(one)
    assert WIDTHS["type"] == 1 and sum(list(WIDTHS.values())[:8]) == 42 and sum(list(WIDTHS.values())[:20]) == 116
    thirds = [line for line in read if line[0] == "C"]
    assert len({line[1:9] for line in thirds}) == len(thirds) == 2, "each once"
    made: set[str] = set()
    for line in read:
        if line[0] == "C":
            made.add(line[1:9].rstrip())
        elif line[1] == "C":
            assert line[1:9].rstrip() in made, "an account is made before it is used"


def test_no_two_payers_share_a_quadra_account() -> None:
    one = lines()[0]
    amo = {short_account(one._replace(auxiliary=f"AMO{number:05d}")) for number in range(0, 100_000, 37)}
    amc = {short_account(one._replace(account="411200", auxiliary=f"AMC{number:010d}")) for number in range(0, 10**10, 10**7 + 19)}
    assert len(amo) == len(range(0, 100_000, 37)) and len(amc) == len(range(0, 10**10, 10**7 + 19))
    assert not amo & amc and all(len(account) <= 8 for account in amo | amc)
    with pytest.raises(OurBug):
        short_account(one._replace(auxiliary="OTHERLONGNAME"))


def test_ebp_lines_have_nine_cells() -> None:
    book = lines()
    read = list(csv.reader(io.StringIO(Ebp().write(book).decode("cp1252"), newline="")))
    for rank, (row, one) in enumerate(zip(read, book, strict=True), 1):
        assert (int(row[0]), row[1], row[2]) == (rank, one.day.strftime("%d%m%Y"), one.journal)
        assert row[3] == short_account(one) and row[4] == one.label[:40] and one.piece.endswith(row[5])
        assert (1 if row[7] == "D" else -1) * cents(row[6], ".") == one.debit - one.credit
        assert len(row) == 9 and len(row[5]) <= 15


def test_ciel_lines_have_their_zones() -> None:
    book = lines()
    read = Ciel().write(book).decode("cp1252").split("\r\n")
    assert read.pop() == ""
    zones = (5, 2, 8, 8, 12, 11, 25, 13, 1, 18, 34, 5)
    for line, one in zip(read, book, strict=True):
        move, journal, day, due, piece, account, label, euros, side, analytic, _, version = cut(line, zones)
        assert (int(move), journal, day, due, version) == (one.number, one.journal, one.day.strftime("%Y%m%d"), day, "O2003")
        assert (1 if side == "D" else -1) * cents(euros.strip(), ".") == one.debit - one.credit and euros == euros.rjust(13)
        assert account.rstrip() == short_account(one) and one.piece.endswith(piece.rstrip()) and not analytic.strip()
        assert one.label.startswith(label.rstrip())


def test_a_table_is_as_it_is_laid_out() -> None:
    columns = (
        Column(head="Le jour", field="day"), Column(head="Montant", field="amount"), Column(head="Libellé; long", field="label"),
        Column(head="Compte", field="auxiliary_label"),
    )  # fmt: skip
    table = Table(columns=columns, separator=";", decimal=".", dates="AA-MM-JJ", encoding="utf-8-sig", line_end="\n")
    laid = Laid(table)
    content = laid.begin() + laid.write(lines())
    assert content.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert read[0] == ["Le jour", "Montant", "Libellé; long", "Compte"]
    for row, one in zip(read[1:], lines(), strict=True):
        assert row == [one.day.strftime("%y-%m-%d"), f"{(one.debit - one.credit) / 100:.2f}", one.label, one.auxiliary_label]
    bare = Laid(Table(columns=columns, head=False))
    assert bare.begin() == b""


def test_texts_and_amounts() -> None:
    assert [amount(value) for value in (0, 5, 100, -1, -12345)] == ["0,00", "0,05", "1,00", "-0,01", "-123,45"]
    assert latin("Œuvre €, Łódź ’x’", "iso-8859-15").decode("iso-8859-15") == "Œuvre €, ?ódz 'x'"
    assert latin("Œuvre é", "ascii") == b"OEuvre e"


@pytest.mark.parametrize("writer", [Fec, Quadra, Ebp, Ciel])
def test_how_a_file_is_cut_into_blocks_changes_nothing(writer: type[Fec | Quadra | Ebp | Ciel]) -> None:
    book: list[BookLine] = random_lines(7, 200)
    whole, parts = writer(), writer()
    assert whole.write(book) == b"".join(parts.write(book[start : start + 33]) for start in range(0, len(book), 33))


# What is left of a letter that the encoding lacks may be longer, nothing, or a mark that parts cells.
ODD = "Re\u0301gime \ufb01n \u2153 \uff5c \uff1b \uff02 \uff0c \u0142 \U0001f600 \x85 \u2028 fin"


def odd_lines() -> list[BookLine]:
    return [
        one._replace(label=ODD, account_label=ODD, auxiliary_label=ODD if one.auxiliary_label else "", journal_label=ODD)
        for one in lines()
    ]


@pytest.mark.parametrize("separator", ["\t", "|"])
def test_letters_that_a_fec_lacks_move_no_column(separator: str) -> None:
    book = odd_lines()
    content = Fec(separator).write(book).decode("iso-8859-15")  # type: ignore[arg-type]
    assert [row.count(separator) for row in content.splitlines()] == [17] * len(book)
    assert "Regime fin" in content


def test_letters_that_ciel_lacks_move_no_zone() -> None:
    book = odd_lines()
    rows = Ciel().write(book).decode("cp1252").split("\r\n")
    assert rows.pop() == "" and len(rows) == len(book)
    assert {len(row) for row in rows} == {142} and {row[137:] for row in rows} == {"O2003"}


def test_letters_that_ebp_lacks_open_no_quote() -> None:
    book = odd_lines()
    read = list(csv.reader(io.StringIO(Ebp().write(book).decode("cp1252"), newline=""), strict=True))
    assert [len(row) for row in read] == [9] * len(book)
    assert [row[6] for row in read] == [amount(one.debit or one.credit, ".") for one in book]


@pytest.mark.parametrize("separator", [";", ","])
def test_letters_that_a_table_lacks_part_no_cells(separator: str) -> None:
    columns = tuple(Column(head=f"{field} {ODD}", field=field) for field in ("label", "journal_label", "amount"))
    table = Table(columns=columns, separator=separator, encoding="iso-8859-15")  # type: ignore[arg-type]
    laid, book = Laid(table), odd_lines()
    content = (laid.begin() + laid.write(book)).decode("iso-8859-15")
    read = list(csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True))
    assert [len(row) for row in read] == [3] * (len(book) + 1)
    assert [row[2] for row in read[1:]] == [amount(one.debit - one.credit) for one in book]


@pytest.mark.parametrize("dates", ["JJ/JJ/AAAA", "AAAA-MM-MM", "AA/MM", "AA/AA/MM"])
def test_a_pattern_of_dates_has_a_day_a_month_and_a_year(dates: str) -> None:
    form = {"columns": [{"head": "Date", "field": "day"}], "dates": dates}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(form, Table)
    assert msgspec.convert({**form, "dates": "AAAAMMJJ"}, Table).dates == "AAAAMMJJ"
