# SPDX-License-Identifier: Apache-2.0
"""Reads a FEC as the tax office's checker does, and as strictly as we write one ourselves. Pure; one line at a time."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

import msgspec

from desmos_fast.settlement.accounting.formats.fec import HEAD

MOST: Final = 1_000
BOM: Final = b"\xef\xbb\xbf"
SIDES: Final = ("Montant", "Sens")
# Columns that books of other kinds have after the eighteen.
MORE: Final = ("DateRglt", "ModeRglt", "NatOp", "IdClient")
NEEDED: Final = ("EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "EcritureLib")
DATES: Final = ("EcritureDate", "PieceDate", "DateLet", "ValidDate")
NUMBER: Final = re.compile(r"[+-]?[0-9]+(,[0-9]{1,2})?")
ACCOUNT: Final = re.compile(r"[0-9]{3}")


class Finding(msgspec.Struct, frozen=True):
    """What is wrong with one line; `level` is error or alert (the tax office's words), or invariant (what it does not look at)."""

    level: str
    code: str
    line: int
    field: str
    message: str


class Report(msgspec.Struct, kw_only=True):
    """What was read, in cents, and what is wrong with it; `counts` has all, `findings` the first ones."""

    lines: int = 0
    entries: int = 0
    debit: int = 0
    credit: int = 0
    first_number: int | None = None
    last_number: int | None = None
    counts: dict[str, int] = {}
    findings: list[Finding] = []

    @property
    def sound(self) -> bool:
        """Say that nothing but alerts was found."""
        return not (self.counts.get("error") or self.counts.get("invariant"))


class Checker:
    """Reads one file, or the parts of one in their order."""

    def __init__(self) -> None:
        self.report = Report(counts={}, findings=[])
        self._columns: dict[str, int] = {}
        self._separator = "\t"
        self._encoding = "iso-8859-15"
        self._line = 0
        self._entry: tuple[str, str] | None = None
        self._sum = 0
        self._valid = ""
        self._letters: dict[tuple[str, str, str], int] = {}

    def read(self, lines: Iterable[bytes]) -> None:
        """Read the lines of one file, the first of which names the columns."""
        self._line = 0
        found = iter(lines)
        head = next(found, None)
        if head is None:
            self._find("error", "FEC_EMPTY", "", "the file is empty")
            return
        self._line = 1
        if self._head(head):
            for raw in found:
                self._line += 1
                self._row(raw)

    def end(self) -> Report:
        """Say what is only known at the end, and return the report."""
        self._close()
        for (account, auxiliary, letter), left in self._letters.items():
            if left:
                self._find("invariant", "FEC_LETTER", "EcritureLet", f"group {letter} of {account} {auxiliary} leaves {left} cents")
        if self.report.debit != self.report.credit:
            self._find("invariant", "FEC_UNBALANCED", "", f"debits less credits are {self.report.debit - self.report.credit} cents")
        if not self.report.lines and not self.report.counts:
            self._find("error", "FEC_EMPTY", "", "the file has no line but its first")
        return self.report

    # --- the head

    def _head(self, raw: bytes) -> bool:
        if raw.startswith(BOM):
            raw, self._encoding = raw[len(BOM) :], "utf-8"
        text = raw.decode(self._encoding, "replace").rstrip("\r\n")
        self._separator = "|" if "|" in text else "\t"
        names = text.split(self._separator)
        self._columns = {name.strip().lower(): place for place, name in enumerate(names)}
        two_sides = {"debit", "credit"} <= self._columns.keys()
        sides = HEAD[11:13] if two_sides or not {one.lower() for one in SIDES} & self._columns.keys() else SIDES
        wanted = (*HEAD[:11], *sides, *HEAD[13:])
        missing = [name for name in wanted if name.lower() not in self._columns]
        for name in missing:
            self._find("error", "FEC_COLUMN", name, "the column is not named in the first line")
        if not missing and [name for name in self._columns if name in set(map(str.lower, wanted))] != [name.lower() for name in wanted]:
            self._find("invariant", "FEC_COLUMN_ORDER", "", "the columns do not stand in the order of the rules")
        known = {name.lower() for name in (*wanted, *MORE)}
        for name in self._columns.keys() - known:
            self._find("alert", "FEC_COLUMN_UNKNOWN", name, "a FEC has no such column")
        return not missing

    # --- a line

    def _row(self, raw: bytes) -> None:
        cells = raw.decode(self._encoding, "replace").rstrip("\r\n").split(self._separator)
        if len(cells) != len(self._columns):
            self._find("error", "FEC_FIELDS", "", f"{len(cells)} fields, the first line has {len(self._columns)}")
            return
        row = {name: cells[place].strip() for name, place in self._columns.items()}
        for name in NEEDED:
            if not row[name.lower()]:
                self._find("error", "FEC_MISSING", name, "it is empty")
        for name in DATES:
            self._date(name, row[name.lower()])
        if row["comptenum"] and ACCOUNT.match(row["comptenum"]) is None:
            self._find("alert", "FEC_ACCOUNT", "CompteNum", "it does not begin with three digits")
        debit, credit = self._sides(row)
        self.report.lines += 1
        self.report.debit += debit
        self.report.credit += credit
        self._follow(row, debit - credit)

    def _sides(self, row: dict[str, str]) -> tuple[int, int]:
        debit: int | None
        credit: int | None
        if "debit" in row:
            debit, credit = self._cents("Debit", row["debit"]), self._cents("Credit", row["credit"])
        else:
            amount, side = self._cents("Montant", row["montant"]), row["sens"].upper()
            if side not in ("D", "C", "+1", "-1"):
                self._find("error", "FEC_SIDE", "Sens", "it is D, C, +1 or -1")
            debit, credit = (amount, 0) if side in ("D", "+1") else (0, amount)
        if debit is None or credit is None:
            return debit or 0, credit or 0
        if (debit == 0) == (credit == 0):
            self._find("alert", "FEC_SIDES", "Debit", "both sides are zero" if debit == 0 else "both sides are given")
        return debit, credit

    def _cents(self, name: str, text: str) -> int | None:
        if not text:
            self._find("error", "FEC_MISSING", name, "it is empty")
        elif "." in text:
            self._find("error", "FEC_POINT", name, "the decimals stand after a comma, not a point")
        elif " " in text or "\u00a0" in text:
            self._find("error", "FEC_THOUSANDS", name, "thousands are not parted")
        elif NUMBER.fullmatch(text) is None:
            self._find("error", "FEC_NUMBER", name, "it is no amount")
        else:
            whole, _, rest = text.partition(",")
            cents = int(whole.lstrip("+-")) * 100 + int(f"{rest:0<2}" or 0)
            return -cents if text.startswith("-") else cents
        return None

    def _date(self, name: str, text: str) -> None:
        if not text:
            if name == "ValidDate":
                self._find("invariant", "FEC_VALID", name, "an entry that is not validated does not belong into a FEC")
            elif name in ("EcritureDate", "PieceDate"):
                self._find("error", "FEC_DATE", name, "the date is needed")
            return
        try:
            found = date(int(text[:4]), int(text[4:6]), int(text[6:])) if len(text) == 8 and text.isdigit() else None
        except ValueError:
            found = None
        if found is None:
            self._find("error", "FEC_DATE", name, "it is no date AAAAMMJJ")
        elif not 1900 <= found.year <= 2099:
            self._find("alert", "FEC_YEAR", name, "the year is not between 1900 and 2099")

    # --- from line to line

    def _follow(self, row: dict[str, str], amount: int) -> None:
        entry = (row["journalcode"], row["ecriturenum"])
        if entry != self._entry:
            self._close()
            self._begin(entry[1])
            self._entry = entry
        self._sum += amount
        if row["validdate"] < self._valid:
            self._find("invariant", "FEC_ORDER", "ValidDate", "it is before that of the line before")
        self._valid = max(self._valid, row["validdate"])
        if row["ecriturelet"]:
            group = (row["comptenum"], row["compauxnum"], row["ecriturelet"])
            self._letters[group] = self._letters.get(group, 0) + amount

    def _begin(self, number: str) -> None:
        self.report.entries += 1
        if not (number.isascii() and number.isdigit()):
            self._find("invariant", "FEC_SEQUENCE", "EcritureNum", "it is no number, so a gap could not be seen")
            return
        last, found = self.report.last_number, int(number)
        if last is not None and found != last + 1:
            self._find("invariant", "FEC_SEQUENCE", "EcritureNum", f"it follows {last}")
        if self.report.first_number is None:
            self.report.first_number = found
        self.report.last_number = found

    def _close(self) -> None:
        if self._entry is not None and self._sum:
            self._find("invariant", "FEC_ENTRY", "EcritureNum", f"entry {self._entry[1]} leaves {self._sum} cents")
        self._sum = 0

    def _find(self, level: str, code: str, field: str, message: str) -> None:
        counts = self.report.counts
        counts[level] = counts.get(level, 0) + 1
        if len(self.report.findings) < MOST:
            self.report.findings.append(Finding(level, code, self._line, field, message))


def check(lines: Iterable[bytes]) -> Report:
    """Read one FEC and say what is wrong with it."""
    checker = Checker()
    checker.read(lines)
    return checker.end()


def told(report: Report) -> Iterator[str]:
    """Say a report in lines."""
    for one in report.findings:
        yield f"{one.level}: line {one.line}{f', {one.field}' if one.field else ''}: {one.message} ({one.code})"
    yield (
        f"{report.lines} lines, {report.entries} entries, {report.debit} cents on one side, {report.credit} on the other: "
        + (", ".join(f"{count} {level}s" for level, count in report.counts.items()) or "nothing to say")
    )
