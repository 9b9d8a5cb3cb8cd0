# SPDX-License-Identifier: Apache-2.0
"""What matching takes and gives: invoices, orders, payers, settings; matches and their evidence.

None of these can hold itself, so the collector of cycles is spared millions of them (`gc=False`).
Amounts are integer cents. `insured_nir` and `nir` are only compared: a keyed index of the NIR does as well.
"""

from datetime import date
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from desmos_fast.base.types import Cents, Part
from desmos_fast.settlement.bank.model import BankFault, BankLine, Block

Status = Literal["confirmed", "suggested", "ambiguous", "unmatched", "duplicate", "parked", "ignored", "split"]
LineStatus = Literal["paid", "partial", "rejected", "recovery"]
Outcome = Literal["paid", "partial", "overpaid", "recovery", "rejected"]


class _Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Base of the inputs: unknown keys are refused."""


class InvoicePart(_Input, frozen=True, kw_only=True, gc=False):
    """What one payer owes on an invoice, and how much of it is still open; its own lot wins over the invoice's."""

    part: Part
    payer: str
    amount: Cents
    open: Cents
    lot: str | None = None


class Invoice(_Input, frozen=True, kw_only=True, gc=False):
    """One signed invoice; `supersedes` is the id of the rejected one it replaces."""

    id: str
    number: int
    biller: str
    insured_nir: str
    care_date: date
    parts: tuple[InvoicePart, ...]
    total: Cents
    lot: str | None = None
    birth_date: str | None = None
    birth_rank: int = 1
    created_on: date | None = None
    supersedes: str | None = None


class OrderLine(_Input, frozen=True, kw_only=True, gc=False):
    """What an order says of one invoice part; any key field may be null."""

    line: int
    status: LineStatus
    amount: Cents
    biller: str | None = None
    part: Part | None = None
    payer: str | None = None
    invoice_number: int | None = None
    lot: str | None = None
    nir: str | None = None
    care_date: date | None = None
    reject_code: str | None = None


class OrderSource(_Input, frozen=True, kw_only=True, gc=False):
    """The return file an order comes from."""

    file_sha256: str
    line: int


class Order(_Input, frozen=True, kw_only=True, gc=False):
    """A payment a payer announces, or a recovery (total below zero); `total` is the sum of its lines."""

    id: str
    kind: Literal["payment", "recovery"]
    payer: str
    payment_date: date
    payment_ref: str
    total: Cents
    lines: tuple[OrderLine, ...]
    emitter: str | None = None
    emitter_name: str | None = None
    biller: str | None = None
    source: OrderSource | None = None


class Payer(_Input, frozen=True, kw_only=True, gc=False):
    """A payer and the names banks write for it; an operator pays for others."""

    id: str
    kind: Literal["amo", "amc", "operator"]
    names: tuple[str, ...] = ()
    pays_for: tuple[str, ...] = ()


class LearnedLabel(_Input, frozen=True, kw_only=True, gc=False):
    """Who a label of one account stands for, as a person said; a null payer is not a payer at all."""

    account: str
    label: str
    payer: str | None = None


class PayerSettings(_Input, frozen=True, kw_only=True, gc=False):
    """What a centre sets for one payer alone; null is as for all."""

    window_from: int | None = None
    window_to: int | None = None
    recovery_days: int | None = None
    confirm_unique_sum: bool | None = None


class Tolerance(NamedTuple):
    """What holds for the credits of one payer."""

    window_from: int
    window_to: int
    recovery_days: int
    confirm_unique_sum: bool


class Settings(_Input, frozen=True, kw_only=True, gc=False):
    """What a centre may set for matching.

    `window_from` to `window_to`: days from payment date to booking date, both ends included; `recovery_days`: how long before a credit a
    recovery may be netted in it. `confirm_unique_sum` confirms the only orders that sum to a credit which quotes none of them. `per_payer`
    says what is otherwise for a payer.
    """

    window_from: int = -2
    window_to: int = 10
    recovery_days: int = 120
    confirm_unique_sum: bool = False
    learned: tuple[LearnedLabel, ...] = ()
    per_payer: dict[str, PayerSettings] = {}

    def of(self, payer: str | None) -> Tolerance:
        """Return what holds for a payer."""
        own = self.per_payer.get(payer or "", PayerSettings())
        return Tolerance(*(getattr(self, name) if getattr(own, name) is None else getattr(own, name) for name in Tolerance._fields))


class Evidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a record says what it says: `values` holds both sides of each field compared, never a NIR.

    `candidates` counts all that were looked at, `lost` says of some why they were not taken; `solutions` is 0, 1, or 2 for two or more;
    `settings` names the settings that were in force, `payers` says whose name the text is like, and how much of 100.
    """

    fields: tuple[str, ...] = ()
    values: dict[str, tuple[str | int | None, ...]] = {}
    candidates: int = 0
    candidate_ids: tuple[str, ...] = ()
    solutions: int = 0
    unique: bool = False
    settings: str = ""
    lost: dict[str, str] | UnsetType = UNSET
    why: str | UnsetType = UNSET
    payment: str | None | UnsetType = UNSET
    payers: dict[str, int] | UnsetType = UNSET


class Match(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One decision. A: `order id#line` to `invoice id/part`; B: bank lines to orders. Only `confirmed` claims truth."""

    match_id: str
    problem: Literal["A", "B"]
    status: Status
    rule: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    amount: Cents
    residual: Cents
    outcome: Outcome | None
    evidence: Evidence
    duplicate_of: str | UnsetType = UNSET


class Tally(msgspec.Struct, frozen=True):
    """How many records, and the cents of their left sides."""

    count: int
    cents: Cents


class PayerTotals(msgspec.Struct, frozen=True):
    """What a payer announced, what the bank confirmed of it, and the rest; in cents."""

    announced: Cents
    received: Cents
    announced_not_received: Cents


class Conservation(msgspec.Struct, frozen=True):
    """Cents of the confirmed records of a problem: `left` must be `right` plus `residual`."""

    left: Cents
    right: Cents
    residual: Cents
    holds: bool


class ProblemTotals(msgspec.Struct, frozen=True):
    """The tallies of one problem: over all, by status, by rule."""

    all: Tally
    status: dict[str, Tally]
    rule: dict[str, Tally]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The totals of a run; `inputs` are SHA-256 of the inputs in canonical order, so the order given changes nothing."""

    problems: dict[str, ProblemTotals]
    payers: dict[str, PayerTotals]
    unmatched_credits: Tally
    duplicates: Tally
    conservation: dict[str, Conservation]
    inputs: dict[str, str]
    settings: Settings


class Result(msgspec.Struct, frozen=True):
    """The matches in canonical order, and their summary."""

    matches: tuple[Match, ...]
    summary: Summary


# --- rows of the database, as matching needs them


class OrderRow(NamedTuple):
    """One payment order with the match of its credit; `free` when a credit may be found for it, or another one."""

    id: UUID
    ref: str
    kind: Literal["payment", "recovery"]
    payer: str
    emitter: str
    emitter_name: str | None
    payment_date: date
    payment_ref: str
    total: int
    match_id: UUID | None
    free: bool
    biller: str | None = None


class LineRow(NamedTuple):
    """One order line to be decided; `insured` is the hexadecimal index of the NIR, `parked` once its amount waits in the books.

    A line that was matched by what may change has its match, and the share that it pays.
    """

    order_id: UUID
    line: int
    biller: str | None
    part: Part | None
    payer: str
    status: LineStatus
    amount: int
    invoice_number: int | None
    lot: str | None
    insured: str | None
    care_date: date | None
    reject_code: str | None
    parked: bool
    match_id: UUID | None = None
    match_key: str | None = None
    share: tuple[UUID, Part] | None = None


class TakenRow(NamedTuple):
    """One order line that is on its share for good."""

    invoice_id: UUID
    part: Part
    status: LineStatus
    amount: int


class PartRow(NamedTuple):
    """One share that order lines may pay: `amount` is what is owed, less what was closed, `announced` the sum of the lines on it."""

    invoice_id: UUID
    biller: str
    number: int
    insured: str
    care_date: date
    part: Part
    payer: str
    amount: int
    announced: int
    lot: int | None
    state: str = ""


class CreditRow(NamedTuple):
    """One bank credit with its match, if it has one; `line` is whole but for what hides a NIR."""

    id: UUID
    line: BankLine
    match_id: UUID | None
    match_key: str | None


class ShareLineRow(NamedTuple):
    """One order line confirmed on a share, beside the share as it is recorded; `code` is the line's own reject code.

    A share that every line has left has one row without line: no status, and nothing of an order.
    """

    invoice_id: UUID
    part: Part
    amount: int
    transport: str
    state: str
    announced: int
    credited: int
    line_status: LineStatus | None
    line_amount: int
    code: str | None
    order_id: UUID | None
    order_credited: bool
    answered: bool = False


# --- answers of the service


class StatementAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement brought: `amount` is the sum in cents of the lines that are new, `balances` what its blocks say."""

    id: UUID
    sha256: str
    format: str
    lines: int
    duplicates: int
    amount: Cents
    balances: tuple[Block, ...]
    warnings: tuple[BankFault, ...]


class RunAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a reconciliation decided of all that was free, by status and by rule, and how many ledger entries followed."""

    run_id: UUID
    lines: dict[str, Tally]
    credits: dict[str, Tally]
    rules: dict[str, Tally]
    entries: int
