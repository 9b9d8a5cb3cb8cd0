# SPDX-License-Identifier: Apache-2.0
"""The checker of FEC beside a plain reading of the tax office's rules, on files of ours and on damaged ones."""

import random

import pytest

from desmos_fast.settlement.accounting.check import Checker, check, told
from desmos_fast.settlement.accounting.formats.fec import HEAD, Fec
from tests.oracle.fec import judge
from tests.settlement.accounting.books import lines, random_lines

BAD = ("", " ", "x", "1.00", "1 000,00", "1,000", "+1,5", "-2,00", "20261301", "20260230", "18991231", "21000101", "41", "0,00", "²", "1_0")


def file(book: object = None, separator: str = "\t") -> bytes:
    fec = Fec(separator)  # type: ignore[arg-type]
    return fec.begin() + fec.write(lines() if book is None else book)  # type: ignore[arg-type]


def split(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def changed(content: bytes, line: int, field: str, value: str) -> bytes:
    rows = [row.split("\t") for row in content.decode("iso-8859-15").split("\r\n")]
    rows[line - 1][HEAD.index(field)] = value
    return "\r\n".join("\t".join(row) for row in rows).encode("iso-8859-15")


@pytest.mark.parametrize("separator", ["\t", "|"])
def test_a_file_of_ours_is_sound(separator: str) -> None:
    report = check(split(file(separator=separator)))
    assert report.sound and report.counts == {} and report.findings == []
    book = lines()
    assert (report.lines, report.debit, report.credit) == (len(book), sum(one.debit for one in book), sum(one.credit for one in book))
    assert (report.entries, report.first_number, report.last_number) == (book[-1].number, 1, book[-1].number)
    assert judge(file(separator=separator)) == set()


def test_what_the_tax_office_refuses_is_found_where_it_refuses_it() -> None:
    draw = random.Random(5)
    whole = file(random_lines(5, 8))
    for _ in range(3_000):
        line = draw.randrange(2, 10)
        damaged = changed(whole, line, draw.choice(HEAD[:16]), draw.choice(BAD))
        found = {(one.level, one.line, one.field) for one in check(split(damaged)).findings if one.level != "invariant"}
        assert found == judge(damaged), damaged.splitlines()[line - 1]


@pytest.mark.parametrize(
    "content",
    [
        b"", file()[:0], file().split(b"\r\n")[0] + b"\r\n", file().replace(b"EcritureLib", b"Libelle", 1),
        file().replace(b"\t", b"", 1), file() + b"a\tb\r\n", b"\xef\xbb\xbf" + file().decode("iso-8859-15").encode(),
    ],
)  # fmt: skip
def test_heads_and_fields(content: bytes) -> None:
    found = {(one.level, one.line, one.field) for one in check(split(content)).findings if one.level == "error"}
    assert found == judge(content)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Debit", "21,01", "FEC_ENTRY"),
        ("EcritureNum", "3", "FEC_SEQUENCE"),
        ("EcritureNum", "VT1", "FEC_SEQUENCE"),
        ("ValidDate", "", "FEC_VALID"),
        ("ValidDate", "20991231", "FEC_ORDER"),
        ("EcritureLet", "ZZ", "FEC_LETTER"),
    ],
)
def test_what_the_tax_office_does_not_look_at(field: str, value: str, code: str) -> None:
    damaged = changed(file(), 2, field, value)
    assert judge(damaged) == set()
    report = check(split(damaged))
    assert not report.sound and code in {one.code for one in report.findings}


def test_books_of_one_amount_and_a_side_are_read_too() -> None:
    rows = [row.split("\t") for row in file().decode("iso-8859-15").rstrip("\r\n").split("\r\n")]
    rows[0][11:13] = ["Montant", "Sens"]
    for row in rows[1:]:
        row[11:13] = [row[11], "D"] if row[11] != "0,00" else [row[12], "C"]
    report = check("\r\n".join("\t".join(row) for row in rows).encode("iso-8859-15").splitlines(keepends=True))
    assert report.sound and report.debit == report.credit > 0


def test_parts_are_one_book() -> None:
    head, *body = split(file())
    checker = Checker()
    checker.read([head, *body[:9]])
    checker.read([head, *body[9:]])
    report = checker.end()
    assert report.sound and report.lines == len(body)


def test_a_report_is_told_in_lines() -> None:
    report = check(split(changed(file(), 2, "Debit", "1.00")))
    *_, last = told(report)
    assert "FEC_POINT" in next(iter(told(report))) and "lines" in last


def test_columns_in_another_order_are_told() -> None:
    cells = [line.split(b"\t") for line in split(file())]
    found = check([b"\t".join([row[1], row[0], *row[2:]]) for row in cells])
    assert [(one.level, one.code) for one in found.findings] == [("invariant", "FEC_COLUMN_ORDER")]
