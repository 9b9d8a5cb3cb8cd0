# SPDX-License-Identifier: Apache-2.0
"""What the simulated payers read from a claim file, and what they answer: returns, payment orders, credits, and the truth."""

from typing import Literal

import msgspec

Part = Literal["amo", "amc"]
Letter = Literal["P", "Q", "R"]
Batch = Literal["first", "merged", "unlabelled", "later"]
Outcome = Literal[
    "paid", "partly", "late", "twice", "silent", "lot_refused", "rights_closed", "clawed_back", "reference_lost", "merged", "rejected",
    "desk",
]


class Sheet(msgspec.Struct, frozen=True):
    """One invoice as it stands in a lot; `record` counts from 1 in the file, amounts in cents."""

    record: int
    number: int
    nir: str
    care_date: str
    amo: int
    amc: int
    amc_number: str
    contract_type: str


class ClaimLot(msgspec.Struct, frozen=True):
    """One lot of a claim file."""

    biller: str
    number: int
    date: str
    regime: str
    caisse: str
    centre: str
    flow: int
    sheets: tuple[Sheet, ...]


class ClaimFile(msgspec.Struct, frozen=True):
    """A claim file: who sent it to whom, its number, and its lots."""

    sender_type: str
    sender_number: str
    sender_program: str
    recipient_type: str
    recipient_number: str
    recipient_program: str
    date: str
    sequence: int
    lots: tuple[ClaimLot, ...]

    @property
    def biller(self) -> str:
        """Number of the centre as the records write it."""
        return self.sender_number[-9:]


class Payer(msgspec.Struct, frozen=True, order=True):
    """Who pays: a caisse (`regime`, `caisse`, `centre`) or a complementary insurer (`amc`, ten digits); no id for a stranger."""

    id: str
    regime: str | None = None
    caisse: str | None = None
    centre: str | None = None
    amc: str | None = None


class Verdict(msgspec.Struct, frozen=True):
    """What the front server says of one lot."""

    lot: ClaimLot
    accepted: bool
    code: str = "0000"
    record: int = 0
    label: str = ""


class Anomaly(msgspec.Struct, frozen=True):
    """Why a share is refused; line 0 is the whole invoice."""

    line: int
    code: str
    faulty: str
    label: str


class ReturnLine(msgspec.Struct, frozen=True):
    """What a payer says of one share: an outcome letter and a signed amount in cents."""

    biller: str
    lot: int
    number: int
    nir: str
    care_date: str
    part: Part
    letter: Letter
    claimed: int
    paid: int
    code: str = ""
    anomalies: tuple[Anomaly, ...] = ()


class OtherMoney(msgspec.Struct, frozen=True):
    """Money of an order that no share of ours carries: a clawback told by its invoice number alone."""

    kind: Literal["F", "I", "X"]
    amount: int
    related_number: int | None
    label: str


class Order(msgspec.Struct, frozen=True):
    """A payment order: everything one payer pays under one reference on one day."""

    payer: Payer
    batch: Batch
    reference: str
    date: str
    lines: tuple[ReturnLine, ...]
    other: tuple[OtherMoney, ...]

    @property
    def total(self) -> int:
        """Sum of its lines, in cents; negative when more is taken back than paid."""
        return sum(line.paid for line in self.lines) + sum(money.amount for money in self.other)


class Credit(msgspec.Struct, frozen=True):
    """One credit on the centre's account; `quoted` are the references its text names, `orders` those it pays, none for a stranger's."""

    payer: Payer
    name: str
    amount: int
    booking: str
    orders: tuple[str, ...]
    quoted: tuple[str, ...]


class Payment(msgspec.Struct, frozen=True):
    """One sum announced for a share; `bank_line` is the record of its credit in the statement, or None without credit."""

    reference: str
    date: str
    amount: int
    bank_line: int | None


class Truth(msgspec.Struct, frozen=True):
    """What really happened to one share: the label that a matching is judged against."""

    invoice: int
    part: Part
    payer: str
    lot: str
    outcome: Outcome
    claimed: int
    paid: int
    reject_code: str | None
    payments: tuple[Payment, ...]


class Answers(msgspec.Struct, frozen=True):
    """Everything that comes back for one claim file, and what it means."""

    arl: tuple[bytes, ...]
    rsp: tuple[bytes, ...]
    bank: bytes
    orders: tuple[Order, ...]
    credits: tuple[Credit, ...]
    truth: tuple[Truth, ...]
    payers: dict[str, str]
    closing: int
