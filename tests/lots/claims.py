# SPDX-License-Identifier: Apache-2.0
"""Columns of encoded invoices for these tests: cut out of the golden files, or invented."""

import json
from array import array
from datetime import datetime
from pathlib import Path

from desmos_fast.exchange.layouts import load_pack
from desmos_fast.lots.model import Rows

FILES = Path(__file__).parents[1] / "golden" / "files"
LINE = 129


def zone(record: bytes, record_type: str, name: str) -> str:
    """Read one field of a record by its name in the layout."""
    field = load_pack().tables[record_type].field(name)
    return record[field.offset : field.offset + field.length].decode()


def lines_of(data: bytes) -> list[bytes]:
    return [data[at : at + LINE] for at in range(0, len(data), LINE)]


def record_type(line: bytes) -> str:
    if line[:3] in (b"000", b"999"):
        return line[:3].decode()
    letter = line[38:39] if line[:1] == b"2" else line[35:36]
    return line[:1].decode() + (letter.decode() if line[:1] in b"24" and letter.isalpha() else "")


class Claim:
    """One encoded invoice of a file, with what its lot says of it."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.lines: list[bytes] = []

    def value(self, kind: str, name: str) -> int:
        line = self.head if kind == "1" else next(line for line in self.lines if record_type(line) == kind)
        return int(zone(line, kind, name))

    @property
    def care(self) -> int:
        """The ordinal of the day of the first act."""
        return datetime.strptime(f"20{self.value('4', 'care_date'):06d}", "%Y%m%d").toordinal()


def claims_of(data: bytes) -> list[Claim]:
    """Cut a claim file into its encoded invoices."""
    claims: list[Claim] = []
    head = b""
    for line in lines_of(data):
        kind = record_type(line)
        if kind == "1":
            head = line
        elif kind == "2":
            claims.append(Claim(head))
        if kind[0] in "245":
            claims[-1].lines.append(line)
    return claims


def rows_of(claims: list[Claim]) -> Rows:
    """Columns over these claims, in this order."""
    runs = [b"".join(claim.lines) for claim in claims]
    starts = array("q", [0])
    for run in runs:
        starts.append(starts[-1] + len(run))
    places = [int("".join(zone(claim.head, "1", field) for field in ("regime", "caisse", "centre"))) for claim in claims]
    return Rows(
        data=b"".join(runs),
        starts=starts,
        number=array("q", [claim.value("2", "invoice_number") for claim in claims]),
        destination=array("q", places),
        amc_number=array("q", [claim.value("1", "amc_number") for claim in claims]),
        executor=array("q", [claim.value("4", "executor_am") for claim in claims]),
        care=array("q", [claim.care for claim in claims]),
        flow=bytes(claim.value("1", "flow") for claim in claims),
        security=b"".join(zone(claim.head, "1", "security_mode").encode() for claim in claims),
        fees=array("q", [claim.value("5", "total_fees") for claim in claims]),
        amo=array("q", [claim.value("5", "total_amo") for claim in claims]),
        amc=array("q", [claim.value("5", "total_amc") for claim in claims]),
    )


def golden_rows(name: str) -> Rows:
    """Columns of a golden file, back in the order of its invoices: flow 01 first, then what is claimed apart."""
    numbers = [json.loads(line)["number"] for line in (FILES / f"{name}.ndjson").read_text().splitlines()]
    claims = claims_of((FILES / f"{name}.b2").read_bytes())
    claims.sort(key=lambda claim: (claim.value("1", "flow"), numbers.index(claim.value("2", "invoice_number"))))
    return rows_of(claims)
