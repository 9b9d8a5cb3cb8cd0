# SPDX-License-Identifier: Apache-2.0
"""The statements of an invented centre: what a bank makes of each credit, and files that repeat lines of others."""

import hashlib
import random
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.settlement.bank.model import BankLine, Source

LABEL: Final = 31
REPEATED: Final = 20


class Credit(NamedTuple):
    """One credit: who pays, how its name arrives (whole, cut, lost, or a stranger's), when, how much, what is quoted and what it pays."""

    payer: str
    name: str
    day: date
    amount: int
    quoted: tuple[str, ...]
    orders: tuple[str, ...]


def statement(chance: random.Random, credits: Iterable[Credit], names: Mapping[str, str]) -> list[tuple[BankLine, Credit]]:
    """Write one file, and a second one that repeats some of its lines; return the lines with what they are."""
    first = [(_line(chance, credit, names, _source("first", number)), credit) for number, credit in enumerate(sorted(credits), 1)]
    again = [(line, credit) for line, credit in first if chance.randrange(1000) < REPEATED]
    second = [
        (
            msgspec.structs.replace(line, id=f"{_source('second', number).file_sha256[:16]}:{number}", source=_source("second", number)),
            credit,
        )
        for number, (line, credit) in enumerate(again, 1)
    ]
    return first + second


def _source(name: str, line: int) -> Source:
    return Source(file_sha256=hashlib.sha256(name.encode()).hexdigest(), line=line, format="cfonb120")


def _line(chance: random.Random, credit: Credit, names: Mapping[str, str], source: Source) -> BankLine:
    known = names.get(credit.payer, credit.name)
    shown = {"whole": known, "cut": known.replace(" ", "")[: chance.randrange(17, 22)], "": "PRESTATIONS DIVERSES"}.get(credit.name, known)
    texts = tuple(f"DECOMPTE {reference}" for reference in credit.quoted) or ("REGLEMENT",)
    label = f"VIR SEPA {shown}"[:LABEL]
    return BankLine(
        id=f"{source.file_sha256[:16]}:{source.line}", account="30002005500000157845Z", booking_date=credit.day, value_date=credit.day,
        amount=Cents(credit.amount), currency="EUR", operation_code="05", label=label, remittance=texts, end_to_end_id=None,
        payer_name=shown if credit.name == "whole" else None, payer_id=None,
        references=tuple(dict.fromkeys(run for text in (label, *texts) for run in re.findall(r"\d{5,}", text))), qualifiers=(),
        status="booked", source=source,
    )  # fmt: skip
