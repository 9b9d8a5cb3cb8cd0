# SPDX-License-Identifier: Apache-2.0
"""What a signed invoice owes to whom, and the state of an invoice from that of its shares. No input or output."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from desmos_fast.base import ledger
from desmos_fast.base.identifiers import mask_nir, nir_is_synthetic
from desmos_fast.base.types import Cents, KeyKind, Part
from desmos_fast.billing.model import Invoice
from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.reserved import C2S_CONTRACT

TERMINAL: Final = frozenset({"recycled", "to_patient", "written_off", "time_barred", "void"})
DONE: Final = frozenset({"not_due", "settled", "paid"})
# A NIR without its key has 13 characters: nothing shorter can hold one.
LONGEST_VALUE: Final = 12


class ShareDue(msgspec.Struct, frozen=True):
    """What one payer owes the centre for one invoice, in cents; flow 0 is the patient's desk."""

    part: Part
    payer: str
    flow: int
    amount: int
    state: str


class Split(msgspec.Struct, frozen=True):
    """How the centre is paid for one invoice: `from_amo + from_amc + desk = total`, in cents."""

    total: int
    from_amo: int
    from_amc: int
    desk: int
    amc_sum: int


def split(invoice: Invoice) -> Split:
    """Say what the compulsory insurer, the complementary one and the desk each pay the centre."""
    total = amo = amc = 0
    for act in invoice.acts:
        total += act.fees
        amo += act.amo
        amc += act.amc
    return split_sums(invoice.third_party, total, amo, amc)


def split_sums(third_party: str, total: int, amo: int, amc: int) -> Split:
    """Say the same of an invoice whose acts come to that, in cents."""
    from_amo = 0 if third_party == "none" else amo
    from_amc = amc if third_party == "full" else 0
    return Split(total, from_amo, from_amc, total - from_amo - from_amc, amc)


def of_parts(whole: Split, parts: Collection[Part]) -> Split:
    """Return what some parts pay: the invoice that bills them alone comes to that, and asks nothing at the desk."""
    from_amo, from_amc = (whole.from_amo if "amo" in parts else 0), (whole.from_amc if "amc" in parts else 0)
    return Split(from_amo + from_amc, from_amo, from_amc, 0, whole.amc_sum if "amc" in parts else 0)


def for_parts(invoice: Invoice, parts: Collection[Part]) -> Invoice:
    """Return an invoice as it bills some parts alone: the compulsory one names no complementary insurer, the other is a claim apart."""
    if "amc" not in parts:
        acts = tuple(msgspec.structs.replace(act, amc=0) for act in invoice.acts)
        third_party = "amo" if invoice.third_party == "full" else invoice.third_party
        return msgspec.structs.replace(invoice, amc=None, acts=acts, third_party=third_party)
    if "amo" not in parts and invoice.amc is not None:
        return msgspec.structs.replace(invoice, amc=msgspec.structs.replace(invoice.amc, separate_claim=True))
    return invoice


def amo_payer(invoice: Invoice) -> str:
    """Return the id of the compulsory insurer: regime and caisse, without the centre code."""
    return f"amo:{invoice.amo.regime}{invoice.amo.caisse}"


def amc_payer(invoice: Invoice) -> str:
    """Return the id of who pays the complementary share: the insurer itself, or the caisse under C2S."""
    if invoice.amc is None:
        return ""
    if invoice.amc.number == "M":
        return "amc:M"
    if not invoice.amc.separate_claim and invoice.amc.contract_type == C2S_CONTRACT:
        return amo_payer(invoice)
    return f"amc:{invoice.amc.number:0>10}"


def destination(invoice: Invoice) -> int:
    """Return regime, caisse and centre as one number of nine digits: where the claim goes."""
    return int(invoice.amo.regime + invoice.amo.caisse + invoice.amo.centre)


def amc_digits(invoice: Invoice) -> int:
    """Return the number of the complementary insurer, 0 without one or when it has no number of its own."""
    return int(invoice.amc.number) if invoice.amc is not None and invoice.amc.number.isdigit() else 0


def is_apart(invoice: Invoice, parts: Split) -> bool:
    """Say whether the complementary share travels in a claim of its own (flow 02)."""
    return invoice.amc is not None and invoice.amc.separate_claim and parts.amc_sum > 0


def shares(invoice: Invoice, parts: Split) -> list[ShareDue]:
    """List the shares at signature: the sheet always goes to the caisse, even when nothing is due to the centre."""
    found = [ShareDue("amo", amo_payer(invoice), 1, parts.from_amo, "open")]
    if parts.from_amc or is_apart(invoice, parts):
        found.append(ShareDue("amc", amc_payer(invoice), 2 if is_apart(invoice, parts) else 1, parts.from_amc, "open"))
    if parts.desk:
        found.append(ShareDue("patient", "patient", 0, parts.desk, "due"))
    return found


def entries(invoices: Sequence[Invoice], due: Sequence[Sequence[ShareDue]]) -> list[ledger.Entry]:
    """Return what the signature of each invoice writes in the books."""
    return [
        ledger.signed(f"{invoice.biller}/{invoice.number}", [ledger.Due(share.payer, Cents(share.amount)) for share in shares])
        for invoice, shares in zip(invoices, due, strict=True)
    ]


def refusals(invoice: Invoice, finess: str, kind: KeyKind) -> list[Fault]:
    """List why this centre and key may not sign the invoice; no fault holds a NIR."""
    found: list[Fault] = []
    if invoice.biller != finess:
        found.append(Fault(code="wrong_biller", field="biller", message="the biller is not the centre of this key", value=invoice.biller))
    for field, nir in (("insured_nir", invoice.insured_nir), ("beneficiary.nir", invoice.beneficiary.nir)):
        if nir is not None and nir_is_synthetic(nir) != (kind == "test"):
            message = "a test key takes synthetic people only" if kind == "test" else "a live key refuses synthetic people"
            found.append(Fault(code="wrong_key_kind", field=field, message=message))
    if invoice.amc is None and any(act.amc for act in invoice.acts):
        message = "an amount is asked of a complementary insurer that is not named"
        found.append(Fault(code="B2_MISSING", field="amc", message=message))
    return found


def as_api(fault: Fault) -> Fault:
    """Say a fault as the API does: with no value that may hold a NIR."""
    value = fault.value
    if value is not None and (len(str(value)) > LONGEST_VALUE or (fault.field or "").endswith("nir")):
        value = None
    return msgspec.structs.replace(fault, value=value, message=mask_nir(fault.message))


def document_state(document: str, states: Collection[str], flags: Iterable[str] = ()) -> str:
    """Derive an invoice's state from its document and its shares: the first rule that matches, in order of urgency."""
    if document in ("void", "draft", "priced"):
        return document
    found = set(states)
    raised = set(flags)
    if found & {"indu", "refund_due"} or "conflict" in raised:
        return "to_review"
    if found & {"rejected", "file_refused"} or "ack_missing" in raised:
        return "to_fix"
    if found <= DONE:
        return "paid"
    if found <= DONE | TERMINAL:
        return _closed(found)
    return _running(found)


def _closed(found: set[str]) -> str:
    if "recycled" in found:
        return "recycled"
    return "closed_with_loss" if found & {"written_off", "time_barred"} else "paid"


def _running(found: set[str]) -> str:
    ladder = (
        ({"settled", "settled_part", "announced", "announced_part", "part_paid", "paid"}, "part_paid"),
        ({"received", "pending"}, "in_process"),
        ({"sent"}, "sent"),
        ({"lotted"}, "in_lot"),
        ({"open"}, "signed"),
    )
    for states, name in ladder:
        if found & states:
            return name
    return "awaiting_patient"
