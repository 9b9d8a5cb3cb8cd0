# SPDX-License-Identifier: Apache-2.0
"""Where a profile puts the zones of claims that bind each other; `ext.rules` and `ext.sums` follow them, a block in each call."""
from libc.stdint cimport int64_t
from libc.string cimport memchr
cimport cython

from ext.reader cimport TYPES, WIDTH, Scan

ZONES = (
    "2.biller", "2.rank", "2.regime", "2.caisse", "2.centre", "2.invoice_number", "2.nature_assurance", "2.accident", "2.split_flag",
    "2.contract_type", "2.amc_number",
    "2S.referring_last_name", "2S.referring_first_name", "2S.referring_am", "2S.pathway",
    "4.prescriber_am", "4.prescription_origin", "4.prescriber_specialty", "4.line_exoneration", "4.care_date", "4.rate", "4.amo", "4.fees",
    "4.qualifier", "4.amc",
    "4S.prescriber_condition", "4S.prior_agreement_date", "4S.prior_agreement_code",
    "4E.prescriber_rpps", "4E.prescriber_structure", "4E.executor_rpps",
    "4M.phase_date",
    "5.line_count", "5.total_fees", "5.total_amo", "5.total_insured_share", "5.total_amc",
    "1.biller", "1.lot_number", "1.regime", "1.caisse", "1.centre", "1.flow", "1.security_mode", "1.amc_number",
    "6.invoice_count", "6.record_count", "6.total_fees", "6.total_amo", "6.total_amc", "6.total_patient_share",
    *[f"4M.modifier_{place}" for place in range(1, MODIFIERS + 1)],
    *[f"4M.tooth_{place}" for place in range(1, TEETH + 1)],
)
if len(ZONES) != ZONES_END or ZONES[Z_MODIFIER] != "4M.modifier_1" or ZONES[Z_TOOTH] != "4M.tooth_1":
    raise ImportError("the zones of claims are not in the order of their enum")

WIDTHS = {
    Z_ACCIDENT: 9, Z_CONTRACT: 2, Z_AMC_NUMBER: 10, Z_LOT_AMC: 10, Z_NATURE: 2, Z_REGIME: 2, Z_QUALIFIER: 1, Z_EXEMPTION: 1, Z_CONDITION: 1,
    Z_PATHWAY: 1, Z_SPLIT: 1, Z_AGREEMENT: 1, Z_ORIGIN: 1, Z_DATE: 6, Z_PHASE_DATE: 6, Z_BILLER: 9, Z_NUMBER: 9, Z_LOT_NUMBER: 3,
    **{Z_TOOTH + i: 2 for i in range(TEETH)}, **{Z_MODIFIER + i: 1 for i in range(MODIFIERS)},
}
OF_THE_LOT = ((Z_BILLER, Z_LOT_BILLER), (Z_REGIME, Z_LOT_REGIME), (Z_CAISSE, Z_LOT_CAISSE), (Z_CENTRE, Z_LOT_CENTRE))
NAMES = (Z_LAST_NAME, Z_FIRST_NAME)


cdef class Claims:
    """The places of ZONES in one profile; it holds nothing of a buffer, so one serves every thread."""

    def __init__(self, tuple places not None, tuple codes not None, bytes c2s not None, bytes c2s_contract not None):
        """Take `(offset, width)` for each of ZONES, the codes of types 1, 6, 4E and 4M, the number of the C2S and its type of contract."""
        cdef Py_ssize_t i
        if len(places) != ZONES_END or len(c2s) != 10 or len(c2s_contract) != 2:
            raise ValueError("claims need a place for each zone, a number of 10 digits and a type of 2")
        for i in range(ZONES_END):
            offset, width = places[i]
            if offset < 0 or width < 1 or offset > WIDTH or width > WIDTH - offset:
                raise ValueError("a zone lies outside its record")
            if width > 18 and i not in NAMES:
                raise ValueError("a zone is wider than any number")
            self.places[i].offset, self.places[i].width = offset, width
        for zone, width in WIDTHS.items() | {(lot, self.places[<int>own].width) for own, lot in OF_THE_LOT}:
            if self.places[<int>zone].width != width:
                raise ValueError("a zone has another width than its rule reads")
        if len(codes) != 4 or max(codes) >= TYPES:
            raise ValueError("claims need the codes of four types")
        self.lot, self.end, self.e, self.m = codes
        for i in range(10):
            self.c2s[i] = c2s[i]
        self.c2s_contract[0], self.c2s_contract[1] = c2s_contract[0], c2s_contract[1]


@cython.overflowcheck(False)
cdef bint is_unit(Scan scan, int64_t first, int64_t stop) noexcept nogil:
    # The shortest invoice is 2, 2S, 4, 4S, 5; a record of another length than 128 is dead with 1.
    if first < 0 or stop > scan.count or stop - 5 < first:
        return False
    return memchr(scan.dead + first, 1, <size_t>(stop - first)) == NULL


cdef int check_units(Scan scan, const int64_t[::1] firsts, const int64_t[::1] stops) except -1:
    cdef Py_ssize_t i
    cdef int64_t before = 0
    if firsts.shape[0] != stops.shape[0]:
        raise ValueError("each invoice has a first record and an end")
    for i in range(firsts.shape[0]):
        if firsts[i] < before or not is_unit(scan, firsts[i], stops[i]):
            raise ValueError("an invoice lies outside its buffer, on another one, or on records that could not be read")
        before = stops[i]
    return 0
