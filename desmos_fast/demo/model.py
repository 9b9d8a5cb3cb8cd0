# SPDX-License-Identifier: Apache-2.0
"""What a played day came to; amounts are cents, and keys are public: `demo --json` prints them."""

import msgspec


class Amount(msgspec.Struct, frozen=True):
    """So many things, and their sum in cents."""

    count: int
    cents: int


class PayerRow(msgspec.Struct, frozen=True):
    """One payer: what the centre expected of it, what it announced, what its matched credits brought, in cents."""

    id: str
    name: str
    expected: int
    announced: int
    received: int


class Unmatched(msgspec.Struct, frozen=True):
    """A credit or an order line that nothing was matched to, and why."""

    what: str
    date: str
    amount: int
    reason: str


class Stage(msgspec.Struct, frozen=True):
    """One stage of the day: how much of what it did, and the seconds it took."""

    name: str
    count: int
    unit: str
    seconds: float


class Check(msgspec.Struct, frozen=True):
    """One invariant: how many things were looked at, and how many of them were wrong."""

    id: str
    holds: bool
    looked: int
    wrong: int


class Invariants(msgspec.Struct, frozen=True):
    """What the checker of invariants says, over every centre of the house."""

    holds: bool
    checks: list[Check]


class Places(msgspec.Struct, frozen=True):
    """Where the day can be looked at."""

    page: str
    files: str
    letterbox: str
    database: str
    logs: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The day in figures, each taken from the service and compared with the truth of the simulated payers and bank.

    `differences` says where the two do not agree; it is empty when all is well.
    """

    seed: int
    date: str
    finess: str
    centre: str
    executors: int
    invoices: Amount
    refused_invoices: int
    from_amo: int
    from_amc: int
    desk: int
    states: dict[str, Amount]
    shares: dict[str, dict[str, Amount]]
    files: int
    file_bytes: int
    lots: int
    lots_accepted: int
    lots_refused: int
    paid: Amount
    partly_paid: Amount
    rejects: dict[str, Amount]
    payers: list[PayerRow]
    credits: dict[str, Amount]
    rules: dict[str, Amount]
    unmatched_credits: list[Unmatched]
    unmatched_lines: list[Unmatched]
    ledger: dict[str, int]
    ledger_balance: int
    invariants: Invariants
    differences: list[str]
    stages: list[Stage]
    places: Places
