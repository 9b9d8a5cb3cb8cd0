# SPDX-License-Identifier: Apache-2.0
"""What a build would make, as it is shown before."""

import msgspec


class PlannedLot(msgspec.Struct, frozen=True, kw_only=True):
    """One lot that would be sealed; it has no id yet, its number is the one that it would take."""

    number: int
    cycle: int
    flow: int
    regime: str
    caisse: str
    centre: str
    amc_number: str | None
    security: str
    invoices: int
    fees: int
    amo: int
    amc: int


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over lots, in cents; an invoice in two flows counts in each."""

    lots: int
    invoices: int
    fees: int
    amo: int
    amc: int


class PlannedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file that would be queued: its bytes are known, so are their number and their SHA-256."""

    name: str
    sequence: int
    size: int
    sha256: str
    total: Total
    lots: tuple[PlannedLot, ...]


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """What would go to one regime/caisse/centre, or to one complementary insurer of flow 2."""

    destination: str
    amc_number: str | None
    total: Total


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a build would make; `invoices` counts each one once, whatever its flows."""

    files: tuple[PlannedFile, ...]
    destinations: tuple[Destination, ...]
    lots: int
    shares: int
    invoices: int
    total: Total
