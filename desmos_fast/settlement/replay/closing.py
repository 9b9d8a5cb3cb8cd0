# SPDX-License-Identifier: Apache-2.0
"""What people decide of shares, told in memory as docs/reference/decisions.md and docs/reference/rejects.md say it."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Due
from desmos_fast.base.types import Cents
from desmos_fast.billing.rules import TERMINAL
from desmos_fast.settlement.replay.deciding import Deciding
from desmos_fast.settlement.replay.model import Decided, Share
from desmos_fast.settlement.replay.paying import desk_state
from desmos_fast.settlement.replay.rows import PATIENT, InvoiceRow, LineKey, Rows, ShareRow

OF_SHARES: Final = frozenset({
    "write_off", "to_patient", "from_patient", "time_bar", "indu_contest", "indu_accept", "recycle", "claim", "assign",
})  # fmt: skip
ENDS: Final[Mapping[str, str]] = {"write_off": "written_off", "to_patient": "to_patient", "time_bar": "time_barred"}
WITH_PAYER: Final = ("sent", "received")


class Closing(Deciding):
    """One decision about a share as it is taken."""

    def __init__(self, rows: Rows, step: Decided) -> None:
        super().__init__(rows, step)
        self.name: Share = rows.share_named(step.subject)

    @property
    def invoice(self) -> InvoiceRow:
        """Return the invoice of the share."""
        return self.rows.invoices[self.name[0]]

    @property
    def share(self) -> ShareRow:
        """Return the share."""
        return self.rows.share(self.name)

    def take(self) -> None:
        """Do what the decision says."""
        match self.step.kind:
            case "write_off" | "to_patient" | "time_bar" as kind:
                self._end(ENDS[kind])
            case "from_patient":
                self._spare_patient()
            case "indu_contest":
                self._contest()
            case "indu_accept":
                self._accept_recovery(self.step.detail.get("into") or self.step.detail["to"])
            case "recycle":
                self._recycle(self.step.detail["parts"], self.step.detail["open"])
            case "claim":
                self._claim(self.step.detail["lines"])
            case "assign":
                pass
            case other:
                raise AssertionError(other)

    def _end(self, state: str) -> None:
        share, owed, name = self.share, Cents(self.share.open), self.step.subject
        invoice = f"{self.invoice.biller}/{self.invoice.number}"
        if state == "to_patient":
            self.entries.append(ledger.moved_to_patient(name, share.payer, invoice, owed, self._owe(owed)))
        else:
            self.entries.append(ledger.written_off(name, share.payer, invoice, owed, event=f"share.{state}"))
        share.closed += owed
        share.state = share.state if share.state in TERMINAL else state

    def _owe(self, amount: int) -> Cents:
        """Let the patient owe so much more; return how much of it was received before it was owed."""
        share = self.invoice.shares.setdefault(PATIENT, ShareRow("patient", PATIENT, 0, "not_due", "not_due"))
        early = max(share.announced - (share.amount - share.closed), 0)
        share.amount += amount
        share.state = desk_state(share)
        return Cents(min(early, amount))

    def _spare_patient(self) -> None:
        """Let the patient owe no more what was moved to them and the payer has sent."""
        share, patient = self.share, self.invoice.shares[PATIENT]
        cents, before = min(share.announced - (share.amount - share.closed), share.closed), patient.open
        share.closed -= cents
        patient.amount -= cents
        due = before - patient.open
        patient.state = desk_state(patient)
        invoice = f"{self.invoice.biller}/{self.invoice.number}"
        self.entries.append(ledger.taken_from_patient(self.step.subject, share.payer, invoice, Cents(due), Cents(cents - due)))

    # --- sums taken back

    def _contest(self) -> None:
        for key in self._recoveries():
            line = self.rows.lines[key]
            self.take_off(key)
            held = self._keep("A", [self.rows.name_of(key)], [ledger.clawback(line.payer)], line.amount, None, outcome="recovery")
            self.rows.hold_line(key, held)

    def _recoveries(self) -> list[LineKey]:
        """Return the recoveries on the share that are not accepted, by name."""
        found = (key for key in self.rows.on_share.get(self.name, ()) if self.rows.lines[key].amount < 0)
        return sorted((key for key in found if key not in self.rows.answered), key=lambda key: (self.rows.orders[key[0]].ref, key[1]))

    def _accept_recovery(self, into: str) -> None:
        if into != "open":
            self._end(into)
            return
        self.rows.answered.update(self._recoveries())
        self.shares.add(self.name)

    # --- rejects

    def _recycle(self, parts: Sequence[str], opens: Mapping[str, int]) -> None:
        dues = []
        for part in parts:
            share = self.invoice.shares[part]
            dues.append(Due(share.payer, Cents(opens[part])))
            share.closed += opens[part]
            share.state = "recycled"
        contra = ledger.voided(f"{self.invoice.biller}/{self.invoice.number}", dues, event="invoice.recycled")
        self.entries.append(msgspec.structs.replace(contra, ref=self.step.subject))

    def _claim(self, lines: Sequence[str]) -> None:
        self.rows.answered.update(map(self.rows.line_named, lines))
        if self.share.transport in WITH_PAYER:
            self.share.transport = "pending"
        self.shares.add(self.name)
