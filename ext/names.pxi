# SPDX-License-Identifier: Apache-2.0
# The words by which Python speaks to the encoder: objects, records, kinds of check, reasons of a fault, and slots by their source.
OBJECTS = (
    "invoice", "beneficiary", "amo", "referring_doctor", "amc", "accident", "prescriber", "ngap", "ccam", "executor", "prior_agreement",
)
LINES = ("2", "2S", "4", "4S", "4E", "4M", "5")

KINDS = {
    "integer": INTEGER, "code": CODE, "fixed": FIXED, "fixed_or_blank": FIXED_OR_BLANK, "not_zero": NOT_ZERO, "day": DAY, "birth": BIRTH,
    "nir": NIR, "biller": BILLER, "finess": FINESS, "amc": AMC, "name": NAME, "flag": FLAG, "accident": ACCIDENT,
    "modifiers": MODIFIER_LIST, "teeth": TOOTH_LIST,
}

REASONS = (
    "", "B2_MISSING", "B2_OVERFLOW", "B2_BAD_CHAR", "B2_BAD_NUMERIC", "B2_BAD_DATE", "B2_BAD_VALUE", "B2_BAD_NIR", "B2_NIR_KEY",
    "B2_FINESS_KEY", "B2_AMOUNTS", "B2_DUPLICATE_NUMBER",
)

SLOTS = {
    "number": S_NUMBER, "biller": S_BILLER, "insured_nir": S_NIR, "created_on": S_CREATED,
    "beneficiary.birth_date": S_BIRTH, "beneficiary.birth_rank": S_BIRTH_RANK, "beneficiary.rank": S_RANK, "beneficiary.nir": S_OWN_NIR,
    "amo.regime": S_REGIME, "amo.caisse": S_CAISSE, "amo.centre": S_CENTRE, "amo.rights_source": S_SOURCE, "amo.rights_from": S_RIGHTS,
    "amo.nature": S_NATURE, "amo.exemption": S_EXEMPTION, "amo.pathway": S_PATHWAY, "amo.treating_physician": S_TREATING,
    "referring_doctor.last_name": S_LAST_NAME, "referring_doctor.first_name": S_FIRST_NAME, "referring_doctor.am": S_REFERRING_AM,
    "amc.number": S_AMC_NUMBER, "amc.contract_type": S_CONTRACT, "amc.separate_claim": S_APART,
    "accident.kind": S_ACCIDENT_KIND, "accident.number": S_ACCIDENT_NUMBER, "accident.date": S_ACCIDENT_DATE,
    "prescriber.condition": S_PRESCRIBER_CONDITION, "prescriber.am": S_PRESCRIBER_AM, "prescriber.rpps": S_PRESCRIBER_RPPS,
    "prescriber.specialty": S_PRESCRIBER_SPECIALTY, "prescriber.origin": S_ORIGIN, "prescriber.structure": S_STRUCTURE,
    "prescriber.prescribed_on": S_PRESCRIBED,
    "=biller": S_BILLER_WRITTEN, "=accident": S_ACCIDENT_WRITTEN, "=split_flag": S_SPLIT, "=amc_number": S_AMC_WRITTEN,
    "=prescriber_specialty": S_SPECIALTY_WRITTEN, "=line_count": S_LINES, "=total_fees": S_TOTAL_FEES, "=total_amo": S_TOTAL_AMO,
    "=total_amc": S_TOTAL_AMC, "=total_insured_share": S_TOTAL_INSURED,
    "act.code": S_ACT_CODE, "act.complement": S_ACT_COMPLEMENT, "act.date": S_DATE, "act.quantity": S_QUANTITY,
    "act.coefficient": S_COEFFICIENT, "act.units": S_UNITS, "act.unit_price": S_UNIT_PRICE, "act.base": S_BASE, "act.rate": S_RATE,
    "act.amo": S_AMO, "act.fees": S_FEES, "act.amc": S_AMC, "act.exemption": S_ACT_EXEMPTION, "act.qualifier": S_QUALIFIER,
    "act.grouping": S_GROUPING, "act.activity": S_ACTIVITY, "act.phase": S_PHASE, "act.association": S_ASSOCIATION,
    "act.extension": S_EXTENSION, "act.conditional": S_CONDITIONAL, "act.supplement": S_SUPPLEMENT,
    "act.executor.am": S_EXECUTOR_AM, "act.executor.rpps": S_EXECUTOR_RPPS, "act.executor.specialty": S_EXECUTOR_SPECIALTY,
    "act.executor.condition": S_EXECUTOR_CONDITION, "act.executor.zone": S_ZONE,
    "act.prior_agreement.code": S_AGREEMENT_CODE, "act.prior_agreement.requested_on": S_AGREEMENT_DATE,
    "=act_code": S_CODE_WRITTEN, "=prior_agreement_code": S_AGREEMENT_WRITTEN, "=act_amc": S_AMC_AMOUNT,
    "act.modifiers": S_MODIFIERS, "act.teeth": S_TEETH,
    "beneficiary": S_BENEFICIARY, "amo": S_INSURER, "referring_doctor": S_REFERRING, "amc": S_COMPLEMENT, "accident": S_WHAT_HAPPENED,
    "prescriber": S_PRESCRIBER, "acts": S_ACTS, "act": S_ACT, "act.executor": S_EXECUTOR, "act.prior_agreement": S_AGREEMENT,
}
