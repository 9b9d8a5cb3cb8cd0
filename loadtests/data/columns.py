# SPDX-License-Identifier: Apache-2.0
"""The invented invoices as columns: one NumPy array a key, texts of one width, and where the acts of each invoice begin."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from desmos_fast.billing.model import Invoice

Columns: TypeAlias = dict[str, npt.NDArray[Any]]
HEAD: Final = (
    "number", "biller", "insured_nir", "beneficiary.birth_date", "beneficiary.birth_rank", "beneficiary.rank", "beneficiary.nir",
    "amo.regime", "amo.caisse", "amo.centre", "amo.rights_source", "amo.rights_from", "amo.nature", "amo.exemption", "amo.pathway",
    "amo.treating_physician", "referring_doctor.last_name", "referring_doctor.first_name", "referring_doctor.am", "amc.number",
    "amc.contract_type", "amc.separate_claim", "prescriber.condition", "prescriber.am", "prescriber.rpps", "prescriber.specialty",
    "prescriber.origin", "prescriber.structure",
)  # fmt: skip
ACT: Final = (
    "act.code", "act.grouping", "act.activity", "act.phase", "act.modifiers", "act.teeth", "act.complement", "act.date", "act.quantity",
    "act.coefficient", "act.units", "act.unit_price", "act.base", "act.rate", "act.amo", "act.fees", "act.amc", "act.qualifier",
    "act.executor.am", "act.executor.rpps", "act.executor.specialty", "act.executor.condition", "act.executor.zone",
    "act.prior_agreement.code", "act.prior_agreement.requested_on",
)  # fmt: skip
# What stands in a column where the object that has the key is not there.
NUMBERS: Final = {"act.phase": 0, "act.prior_agreement.code": 9}
FLAGS: Final = frozenset({"amc.separate_claim"})


def columns_of(invoices: Sequence[Invoice]) -> Columns:
    """Return the columns; `acts` has one entry more than there are invoices."""
    acts = [act for invoice in invoices for act in invoice.acts]
    found = {path: _column(path, path, invoices) for path in HEAD}
    found |= {path: _column(path, path.removeprefix("act."), acts) for path in ACT}
    found["acts"] = np.concatenate(([0], np.cumsum([len(invoice.acts) for invoice in invoices]))).astype(np.int64)
    return found


def _column(path: str, within: str, items: Sequence[Any]) -> npt.NDArray[Any]:
    owner, _, key = within.rpartition(".")
    owners = [attrgetter(owner)(item) for item in items] if owner else items
    values = [getattr(each, key, None) for each in owners]
    if path in FLAGS:
        return np.array([bool(value) for value in values])
    if path in NUMBERS or isinstance(values[0], int):
        return np.array([NUMBERS.get(path, 0) if value is None else value for value in values], np.int64)
    return np.array(["".join(value or "") for value in values], np.bytes_)
