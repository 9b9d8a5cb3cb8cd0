# SPDX-License-Identifier: Apache-2.0
"""What comes back (test profile): acknowledgements (ARL), payment orders (RSP), one Struct per object of docs/reference/exchange.md."""

from typing import Literal
from uuid import UUID

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput
from desmos_fast.base.types import Cents

PartLetter = Literal["O", "C"]
Outcome = Literal["P", "Q", "R", "W"]
OtherKind = Literal["F", "I", "X"]


class _Returned(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is read of a return."""


class Arl(_Returned, frozen=True, kw_only=True):
    """The answer for one lot; `record` counts from 1 in the file that was sent, 0 when none is at fault."""

    biller: str
    lot: int
    lot_date: str
    file_sequence: int
    accepted: bool
    code: str
    record: int
    label: str


class Payer(_Returned, frozen=True, kw_only=True):
    """Who pays: a caisse (regime, caisse, centre) or an AMC (its ten digits); the rest is None."""

    regime: str | None
    caisse: str | None
    centre: str | None
    amc: str | None

    @property
    def id(self) -> str:
        """Return the payer's id: `amo:` and regime and caisse, or `amc:` and ten digits."""
        return f"amc:{self.amc}" if self.amc is not None else f"amo:{self.regime}{self.caisse}"


class Anomaly(_Returned, frozen=True, kw_only=True):
    """What the payer found in an invoice; line 0 is the whole invoice. `faulty` and `replacement` may hold a NIR."""

    line: int
    code: str
    faulty: str
    replacement: str
    label: str


class ReturnLine(_Returned, frozen=True, kw_only=True):
    """What the payer decided of one part of one invoice; amounts in cents, `paid` below zero takes an earlier payment back."""

    biller: str
    lot: int
    number: int
    nir: str
    care_date: str
    part: PartLetter
    outcome: Outcome
    claimed: Cents
    paid: Cents
    code: str
    anomalies: tuple[Anomaly, ...] = ()


class OtherMoney(_Returned, frozen=True, kw_only=True):
    """Money without an invoice line: flat rate (F), clawback (I) or other (X); signed cents."""

    kind: OtherKind
    amount: Cents
    related_number: int | None
    label: str


class PaymentOrder(_Returned, frozen=True, kw_only=True):
    """One payment announced: its lines and its other money add up to `total`, in signed cents."""

    payer: Payer
    reference: str
    date: str
    total: Cents
    records: int
    invoices: tuple[ReturnLine, ...] = ()
    other: tuple[OtherMoney, ...] = ()


class _File(_Returned, frozen=True, kw_only=True):
    """What both kinds of file say of themselves; `sequence` is the sender's own, `recipient` the centre's number."""

    sender_type: str
    sender_number: str
    sender_program: str
    recipient_type: str
    recipient_number: str
    recipient_program: str
    date: str
    sequence: int
    records: int


class ArlFile(_File, frozen=True, kw_only=True):
    """An AR file: the answers for the lots of one file."""

    acknowledgements: tuple[Arl, ...]


class RspFile(_File, frozen=True, kw_only=True):
    """An RS file: payment orders.

    `places` holds, for each order, its lines in the order of the file: the index in `invoices`, or -1 - the index in `other`.
    """

    orders: tuple[PaymentOrder, ...]
    places: tuple[tuple[int, ...], ...]


class WrongRecipient(InvalidInput):
    """A return that is addressed to another centre than the one that brings it."""

    code = "wrong_recipient"


class ReturnRepeated(Conflict):
    """A return whose payment orders came before in a file of other bytes: a person says whether somebody pays twice."""

    code = "return_repeated"


class ReturnConflict(Conflict):
    """A return under a number and day that its sender gave to another content before."""

    code = "return_conflict"


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found, the same each time for the same bytes.

    Of an ARL: how many lots it accepts and refuses, and in `unknown` those that name no lot of ours or contradict an earlier answer. Of
    an RSP: its payment orders and their lines, the sum that they announce in cents, how many invoices wait, in `unknown` those of them
    that we do not have, and in `repeated` the orders that came before in another file, which are kept apart and count for nothing.
    """

    id: UUID
    kind: Literal["arl", "rsp"]
    sha256: str
    sequence: int
    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    orders: int = 0
    lines: int = 0
    announced: Cents = Cents(0)
    pending: int = 0
    repeated: int = 0
