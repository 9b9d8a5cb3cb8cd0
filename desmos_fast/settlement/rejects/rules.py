# SPDX-License-Identifier: Apache-2.0
"""What is billed again, as a person corrected it, and what it comes to beside what was open. Pure: nothing here stores anything."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from desmos_fast.base.types import Cents
from desmos_fast.billing.model import Invoice
from desmos_fast.billing.rules import Split
from desmos_fast.exchange.reserved import C2S_CONTRACT
from desmos_fast.settlement.rejects.model import (
    PARTS,
    BilledPart,
    ClaimedPart,
    OtherPart,
    RecycleAmountDiffers,
    RecycleParts,
    RecycleRequest,
    RejectRequestInvalid,
)

AGES: Final = (("0-7", 0, 7), ("8-30", 8, 30), ("31-60", 31, 60), ("61-90", 61, 90), (">90", 91, None))
# Who bills, under which number, on which day: the program says it.
FIXED: Final = frozenset({"number", "biller", "created_on"})
# What is asked of each payer is told anew; what was done and its price stay as they were entered, unless they are corrected.
PRICED_AGAIN: Final = ("rate", "amo", "amc")


def age_of(days: int) -> str:
    """Return the age that a number of days is of."""
    return next(name for name, _, last in AGES if last is None or days <= last)


def corrected(wire: Mapping[str, Any], corrections: Mapping[str, Any]) -> dict[str, Any]:
    """Return the invoice as it is entered again: without number, corrections merged in, the shares of its payers to be told by pricing.

    Raises RejectRequestInvalid for what no person corrects.
    """
    fixed = FIXED & corrections.keys()
    if fixed:
        raise RejectRequestInvalid(
            f"{', '.join(sorted(fixed))} cannot be corrected", hint="the invoice gets a new number of the same biller, and today's date"
        )
    kept = {key: value for key, value in wire.items() if key not in FIXED - {"biller"}}
    kept["acts"] = [{key: value for key, value in act.items() if key not in PRICED_AGAIN} for act in wire["acts"]]
    found = merged(kept, corrections)
    assert isinstance(found, dict)
    return found


def merged(target: Any, patch: Any) -> Any:
    """Return `target` with a merge patch (RFC 7396): objects are merged, null takes a key away, all else takes its place."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def paths(patch: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Name what a patch changes, never what it says."""
    for key, value in patch.items():
        if isinstance(value, Mapping) and value:
            yield from paths(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def parts_of(asked: RecycleRequest, part: ClaimedPart) -> tuple[ClaimedPart, ...]:
    """Return the parts to bill again, in their order. Raises RecycleParts when that of the path is none of them."""
    parts = asked.parts or (part,)
    if part not in parts:
        raise RecycleParts(f"the part {part} of the path is none of the parts asked for", hint="leave `parts` out to bill it alone")
    return tuple(one for one in PARTS if one in parts)


def check_payer(invoice: Invoice, parts: Collection[ClaimedPart]) -> None:
    """Refuse to bill the complementary part alone where one payer takes both on one sheet. Raises RecycleParts."""
    if "amc" in parts and invoice.amc is None:
        hint = "without one the share is the patient's: decide `to_patient`"
        raise RecycleParts("the corrected invoice names no complementary insurer", hint=hint)
    if set(parts) == {"amc"} and invoice.amc is not None and invoice.amc.contract_type == C2S_CONTRACT:
        raise RecycleParts(
            "under C2S one payer takes both parts on one sheet", hint='bill both again ("parts": ["amo", "amc"]), or correct the insurer'
        )


def billed(parts: Sequence[ClaimedPart], payers: Mapping[str, str], opens: Mapping[str, int], now: Split) -> tuple[BilledPart, ...]:
    """Set what is billed again beside what was open, for each part."""
    again = {"amo": now.from_amo, "amc": now.from_amc}
    return tuple(BilledPart(part=part, payer=payers[part], open=Cents(opens[part]), billed=Cents(again[part])) for part in parts)


def others(parts: Collection[str], before: Split, now: Split) -> tuple[OtherPart, ...]:
    """Return what the corrected invoice would change of the parts that are not billed again."""
    both = {"amo": (before.from_amo, now.from_amo), "amc": (before.from_amc, now.from_amc), "patient": (before.desk, now.desk)}
    return tuple(
        OtherPart(part=part, before=Cents(old), now=Cents(new))  # type: ignore[arg-type]
        for part, (old, new) in both.items() if part not in parts and old != new
    )  # fmt: skip


def check_amounts(found: Sequence[BilledPart], announced: Mapping[str, int], *, may_change: bool) -> None:
    """Refuse an amount that is not the open one, unless a person said so, and one that holds what was paid. Raises RecycleAmountDiffers."""
    for one in found:
        if one.billed == one.open:
            continue
        said = f"{one.part}: {one.open} cents are open, the corrected invoice bills {one.billed}"
        if announced[one.part] and one.billed > one.open:
            hint = "give the acts that were refused, alone, in `corrections`"
            raise RecycleAmountDiffers(f"{said}, and {announced[one.part]} were paid", hint=hint)
        if not may_change:
            raise RecycleAmountDiffers(said, hint='correct it, or say that it is right: "amount_may_change": true')
