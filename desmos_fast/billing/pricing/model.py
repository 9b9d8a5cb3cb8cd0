# SPDX-License-Identifier: Apache-2.0
"""Invoices whose amounts may be absent, and what pricing says of each act. The rules are in docs/reference/pricing.md."""

from typing import Literal

import msgspec

from desmos_fast.billing.model import Accident, Amc, Amo, Beneficiary, Executor, Prescriber, PriorAgreement, ReferringDoctor, _Wire

RateRule = Literal["", "unreimbursed", "nature", "exemption", "heavy", "exempt_act", "dental_check", "row", "given"]
AmcRule = Literal["", "none", "unreimbursed", "contract", "off_path", "forfait_left"]
PriceRule = Literal["", "given", "row", "atd"]


class UnpricedAct(_Wire, tag_field="kind", frozen=True, kw_only=True):
    """What both kinds of act hold before they are priced: amounts in cents, rate in percent, None where pricing is to say it."""

    code: str
    date: str
    executor: Executor
    unit_price: int | None = None
    base: int | None = None
    rate: int | None = None
    amo: int | None = None
    fees: int | None = None
    amc: int | None = None
    complement: str = ""
    quantity: int = 1
    coefficient: int = 100
    units: int = 1
    exemption: str = ""
    qualifier: str = ""
    prior_agreement: PriorAgreement | None = None


class UnpricedNgapAct(UnpricedAct, tag="ngap", frozen=True, kw_only=True):
    """An act of the NGAP."""


class UnpricedCcamAct(UnpricedAct, tag="ccam", frozen=True, kw_only=True):
    """An act of the CCAM."""

    grouping: str
    activity: str
    phase: int = 0
    modifiers: tuple[str, ...] = ()
    association: str = ""
    extension: str = ""
    conditional: str = ""
    teeth: tuple[str, ...] = ()
    supplement: str = ""


class UnpricedInvoice(_Wire, frozen=True, kw_only=True):
    """One invoice as a centre enters it; without `number` it is 0, to be given later."""

    biller: str
    insured_nir: str
    beneficiary: Beneficiary
    amo: Amo
    acts: tuple[UnpricedNgapAct | UnpricedCcamAct, ...]
    number: int = 0
    created_on: str | None = None
    security: Literal["secured", "degraded", "desynchronised"] = "secured"
    third_party: Literal["full", "amo", "none"] = "full"
    referring_doctor: ReferringDoctor | None = None
    amc: Amc | None = None
    accident: Accident | None = None
    prescriber: Prescriber | None = None


class PricedAct(msgspec.Struct, frozen=True):
    """What one act is worth, in cents, and by which rows: each is the number of a row of the pack, 0 for none.

    `tariff` is the price of one act at its coefficient; `forfait` the flat share; `participation` what the caisse takes from the patient.
    `cause_row` is the row of the nature, exemption or qualifier that set the rate; `path_rate_row` that of the rate in the pathway.
    """

    unit_price: int
    tariff: int
    base: int
    rate: int
    amo: int
    fees: int
    amc: int
    patient: int
    forfait: int
    participation: int
    price_rule: PriceRule
    rate_rule: RateRule
    amc_rule: AmcRule
    act_row: int
    price_row: int
    rate_row: int
    cause_row: int
    path_rate_row: int
    forfait_row: int
    basket_row: int
    contract_row: int
    participation_row: int


class PricedInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """What an invoice is worth, in cents: sums over its acts; an act that could not be priced is None and counts for nothing."""

    acts: tuple[PricedAct | None, ...]
    total: int
    amo: int
    amc: int
    patient: int
    participation: int


class PricingFault(msgspec.Struct, frozen=True, kw_only=True):
    """Why an act is not priced as it stands: `given` and `expected` in cents or percent where the code compares, None elsewhere.

    `invoice` and `act` are places in the block and in the invoice; `rule` names the rule of docs/reference/pricing.md.
    """

    invoice: int
    act: int
    code: str
    field: str
    given: int | None = None
    expected: int | None = None
    rule: str = ""
