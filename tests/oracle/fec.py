# SPDX-License-Identifier: Apache-2.0
"""What the tax office's checker of FEC refuses and remarks, in plain Python from its rules alone, each line by itself."""

import csv
import datetime
import io
import re

COLUMNS = [
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib", "PieceRef",
    "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise",
]  # fmt: skip


def judge(content: bytes) -> set[tuple[str, int, str]]:
    """Return (error or alert, line, column) for all that is found; a line with a wrong number of fields, or a head, has no column."""
    text = content.decode("utf-8-sig") if content.startswith(b"\xef\xbb\xbf") else content.decode("iso-8859-15")
    if not text:
        return {("error", 0, "")}
    separator = "|" if "|" in text.split("\n")[0] else "\t"
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=csv.QUOTE_NONE))
    missing = {("error", 1, name) for name in COLUMNS if name not in rows[0]}
    if missing:
        return missing
    found: set[tuple[str, int, str]] = set()
    if len(rows) == 1:
        return {("error", 1, "")}
    for number, cells in enumerate(rows[1:], 2):
        if len(cells) != len(rows[0]):
            found.add(("error", number, ""))
            continue
        row = dict(zip(rows[0], cells, strict=True))
        found |= {(level, number, name) for level, name in _line(row)}
    return found


def _line(row: dict[str, str]) -> set[tuple[str, str]]:
    found = {("error", name) for name in ("EcritureNum", "CompteNum", "CompteLib", "EcritureLib") if not row[name].strip()}
    found |= {("error", name) for name in ("Debit", "Credit") if not re.fullmatch(r"[-+]?\d+(,\d\d?)?", row[name].strip(), re.ASCII)}
    if row["CompteNum"].strip() and not re.match(r"\d{3}", row["CompteNum"].strip(), re.ASCII):
        found.add(("alert", "CompteNum"))
    if ("error", "Debit") not in found and ("error", "Credit") not in found:
        debit, credit = (bool(row[name].strip("+-0, ")) for name in ("Debit", "Credit"))
        if debit == credit:
            found.add(("alert", "Debit"))
    return found | _dates(row)


def _dates(row: dict[str, str]) -> set[tuple[str, str]]:
    found = set()
    for name in ("EcritureDate", "PieceDate", "DateLet", "ValidDate"):
        text = row[name].strip()
        if not text and name in ("DateLet", "ValidDate"):
            continue
        try:
            year = datetime.datetime.strptime(text, "%Y%m%d").year if re.fullmatch(r"\d{8}", text, re.ASCII) else 0
        except ValueError:
            year = 0
        if not year:
            found.add(("error", name))
        elif not 1900 <= year <= 2099:
            found.add(("alert", name))
    return found
