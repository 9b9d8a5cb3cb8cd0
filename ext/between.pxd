# SPDX-License-Identifier: Apache-2.0
"""The rules that bind several fields of an invoice, and the values that are computed from several. Each field has passed on its own."""
cimport cython
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from ext.fields cimport AMOUNTS, BAD_VALUE, MISSING
from ext.invoice cimport Work, fault, is_letter, refuse, set_text, starts_with
from ext.lines cimport Value
from ext.slots cimport *

# Values that the rules name.
cdef enum:
    AT_WORK = 41
    WORK = 1
    NO_AGREEMENT = 9
    C2S = 99999997


@cython.overflowcheck(False)
cdef inline int put_biller(char *out, const char *text) noexcept nogil:
    # 2A00 is spelt 2001, 2B00 2002.
    memcpy(out, text, 9)
    if text[1] >= 65:
        out[1], out[2], out[3] = 48, 48, text[1] - 16
    return 0


cdef inline int check_insurers(Work *w) except -1:
    cdef const Value *values = w.values
    cdef bint numbered = values[S_AMC_NUMBER].known and values[S_AMC_NUMBER].number != 0
    cdef bint apart = values[S_APART].known and values[S_APART].number
    if starts_with(&values[S_REGIME], b"01", 2) and values[S_RANK].number:
        refuse(w, BAD_VALUE, S_RANK)
    if is_letter(&values[S_PATHWAY], 79) or is_letter(&values[S_PATHWAY], 77):
        if not values[S_FIRST_NAME].known or values[S_FIRST_NAME].size == 0:
            fault(w, MISSING, S_REFERRING, NULL, -1)
    if apart and not numbered:
        refuse(w, BAD_VALUE, S_APART)
    if numbered and values[S_AMC_NUMBER].number == C2S:
        if not starts_with(&values[S_CONTRACT], b"89", 2):
            refuse(w, BAD_VALUE, S_CONTRACT)
        if apart:
            refuse(w, BAD_VALUE, S_APART)
    return 0


cdef inline int check_accident(Work *w) except -1:
    cdef const Value *values = w.values
    cdef uint64_t nature = values[S_NATURE].number
    cdef bint by_number = values[S_ACCIDENT_NUMBER].known
    if not values[S_ACCIDENT_KIND].known:
        if nature == AT_WORK:
            fault(w, MISSING, S_WHAT_HAPPENED, NULL, -1)
        return 0
    if values[S_ACCIDENT_KIND].number == WORK:
        if nature != AT_WORK:
            refuse(w, BAD_VALUE, S_ACCIDENT_KIND)
    else:
        if nature != 10 and nature != 13:
            refuse(w, BAD_VALUE, S_ACCIDENT_KIND)
        if by_number:
            refuse(w, BAD_VALUE, S_ACCIDENT_NUMBER)
    if by_number == values[S_ACCIDENT_DATE].known:
        fault(w, BAD_VALUE if by_number else MISSING, S_WHAT_HAPPENED, NULL, -1)
    if starts_with(&values[S_ACCIDENT_NUMBER], b"000", 3):
        refuse(w, BAD_VALUE, S_ACCIDENT_NUMBER)
    return 0


cdef inline int check_prescriber(Work *w) except -1:
    # Only a salaried one is known by RPPS alone.
    cdef const Value *values = w.values
    if values[S_PRESCRIBER_CONDITION].known and not values[S_PRESCRIBER_AM].known:
        if not is_letter(&values[S_PRESCRIBER_CONDITION], 83) or not values[S_PRESCRIBER_RPPS].known:
            refuse(w, MISSING, S_PRESCRIBER_AM)
    return 0


cdef inline int check_act(Work *w, bint agreed) except -1:
    cdef const Value *values = w.values
    if agreed and (values[S_AGREEMENT_CODE].number == NO_AGREEMENT) == values[S_AGREEMENT_DATE].known:
        refuse(w, BAD_VALUE if values[S_AGREEMENT_DATE].known else MISSING, S_AGREEMENT_DATE)
    if is_letter(&values[S_QUALIFIER], 78) or is_letter(&values[S_QUALIFIER], 71):
        if values[S_RATE].number:
            refuse(w, BAD_VALUE, S_RATE)
        if values[S_AMO].number:
            refuse(w, BAD_VALUE, S_AMO)
        if values[S_ACT_EXEMPTION].size and values[S_ACT_EXEMPTION].text[0] != 48:
            refuse(w, BAD_VALUE, S_ACT_EXEMPTION)
    if values[S_AMO].number + values[S_AMC].number > values[S_FEES].number:
        fault(w, AMOUNTS, S_ACT, NULL, -1)
    return 0


cdef inline int compute(Work *w) except -1:
    # The computed values that all records of the invoice share.
    cdef Value *values = w.values
    cdef Value *date = &w.values[S_ACCIDENT_DATE]
    set_text(&values[S_BILLER_WRITTEN], w.biller, 9)
    values[S_ACCIDENT_WRITTEN] = values[S_ACCIDENT_NUMBER]
    if date.known:
        memset(w.accident, 48, 3)
        memcpy(w.accident + 3, date.text + 2, 2)
        memcpy(w.accident + 5, date.text + 5, 2)
        memcpy(w.accident + 7, date.text + 8, 2)
        set_text(&values[S_ACCIDENT_WRITTEN], w.accident, 9)
    w.apart = values[S_APART].known and values[S_APART].number
    values[S_SPLIT].known = False
    if w.apart:
        set_text(&values[S_SPLIT], b"F", 1)
    values[S_AMC_WRITTEN].known = values[S_AMC_NUMBER].known
    if values[S_AMC_NUMBER].known:
        memset(w.amc, 48 if values[S_AMC_NUMBER].number else 32, 10)
        memcpy(w.amc + 10 - values[S_AMC_NUMBER].size, values[S_AMC_NUMBER].text, <size_t>values[S_AMC_NUMBER].size)
        set_text(&values[S_AMC_WRITTEN], w.amc, 10)
    values[S_SPECIALTY_WRITTEN] = values[S_PRESCRIBER_SPECIALTY]
    if not is_letter(&values[S_PRESCRIBER_CONDITION], 83):
        values[S_SPECIALTY_WRITTEN].known = False
    return 0
