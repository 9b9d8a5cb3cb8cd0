# SPDX-License-Identifier: Apache-2.0
"""The bank of the world: CFONB 120 statements whose balances chain from one to the next."""

import datetime
from collections.abc import Sequence
from typing import Final

import msgspec

from desmos_fast.base.errors import OurBug
from desmos_fast.simulator.draw import Draw
from desmos_fast.simulator.model import Credit

WIDTH: Final = 120
CREDITS: Final = "{ABCDEFGHI"
DEBITS: Final = "}JKLMNOPQR"
TRANSFER: Final = "05"
CURRENCY: Final = "EUR"
DECIMALS: Final = "2"
LABEL_WIDTH: Final = 31
INFORMATION_WIDTH: Final = 70
REFERENCE_WIDTH: Final = 35
NOT_PROVIDED: Final = "NOTPROVIDED"


class Account(msgspec.Struct, frozen=True):
    """A bank account: code banque (5), code guichet (5) and number (11)."""

    bank: str
    branch: str
    number: str


class Statement(msgspec.Struct, frozen=True):
    """A statement: its bytes, the record (from 1) of each credit, and the balance it closes on, in cents."""

    data: bytes
    lines: tuple[int, ...]
    closing: int


def account_of(seed: int, biller: str) -> Account:
    """Return the account of a centre."""
    draw = Draw(seed, "account", biller)
    return Account(bank="39999", branch=draw.digits(5), number=draw.digits(11))


def opening_of(seed: int, biller: str) -> int:
    """Return what stands on a centre's account before its first statement, in cents."""
    return 1_000_000 + Draw(seed, "opening", biller).below(9_000_000)


def signed(amount: int) -> str:
    """Write cents on 14 characters, the last one telling the digit and the sign; OurBug when they do not fit."""
    digits = f"{abs(amount):014d}"
    if len(digits) > 14:
        raise OurBug("an amount is wider than 14 digits")
    return digits[:-1] + (DEBITS if amount < 0 else CREDITS)[int(digits[-1])]


def day(iso: str) -> str:
    """Turn an ISO date into JJMMAA."""
    return datetime.date.fromisoformat(iso).strftime("%d%m%y")


def balance(code: str, account: Account, date: str, amount: int) -> str:
    """Write a record 01 or 07."""
    return (
        f"{code}{account.bank}    {account.branch}{CURRENCY}{DECIMALS} {account.number}  {day(date)}{'':50}{signed(amount)}{'':16}"
    )


def movement(account: Account, credit: Credit) -> str:
    """Write a record 04; the payer's name is cut where the label ends, as banks do."""
    label = f"VIR SEPA {credit.name}"[:LABEL_WIDTH]
    return (
        f"04{account.bank}0000{account.branch}{CURRENCY}{DECIMALS} {account.number}{TRANSFER}{day(credit.booking)}  {day(credit.booking)}"
        f"{label:31}  {'0' * 7}00{signed(credit.amount)}{'':16}"
    )


def detail(account: Account, credit: Credit, qualifier: str, information: str) -> str:
    """Write a record 05; OurBug when the text is wider than its 70 characters."""
    if len(information) > INFORMATION_WIDTH:
        raise OurBug("the text of a credit is wider than 70 characters")
    return (
        f"05{account.bank}0000{account.branch}{CURRENCY}{DECIMALS} {account.number}{TRANSFER}{day(credit.booking)}{'':5}"
        f"{qualifier}{information:70}  "
    )


def details(credit: Credit) -> list[tuple[str, str]]:
    """Return the texts of a credit: free text, payer, remittance, and the payment's own reference when it has exactly one."""
    if not credit.orders:
        return [("LIB", "VIREMENT RECU"), ("NPY", credit.name), ("LCC", "REMBOURSEMENT TROP VERSE"), ("RCN", f"{NOT_PROVIDED:35}")]
    if not credit.quoted:
        remittance = "REGLEMENT DE PRESTATIONS"
    else:
        remittance = f"{'DECOMPTE' if len(credit.quoted) == 1 else 'DECOMPTES'} {' '.join(credit.quoted)}"
    own = credit.quoted[0] if len(credit.quoted) == 1 else NOT_PROVIDED
    return [("LIB", "VIREMENT RECU TIERS PAYANT"), ("NPY", credit.name), ("LCC", remittance), ("RCN", f"{own:35}")]


def statement(account: Account, opening: int, opened_on: str, credits: Sequence[Credit]) -> Statement:
    """Write one statement: opening balance, credits in their order of booking, closing balance."""
    records = [balance("01", account, opened_on, opening)]
    lines = []
    for credit in credits:
        records.append(movement(account, credit))
        lines.append(len(records))
        records += [detail(account, credit, qualifier, text) for qualifier, text in details(credit)]
    closing = opening + sum(credit.amount for credit in credits)
    closed_on = max([opened_on, *(credit.booking for credit in credits)])
    records.append(balance("07", account, closed_on, closing))
    return Statement("".join(record + "\n" for record in records).encode("latin-1"), tuple(lines), closing)
