# SPDX-License-Identifier: Apache-2.0
"""The rules that bind several fields of an invoice, and the values that are computed from several. Each field has passed on its own."""
cimport cython
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from ext.claim cimport Value, load_word
from ext.draft cimport Act, Draft, fault, is_letter, refuse, set_number, starts_with
from ext.fields cimport AMOUNTS, BAD_VALUE, MISSING
from ext.slots cimport *

# Values that the rules name.
cdef enum:
    AT_WORK = 41
    WORK = 1
    NO_AGREEMENT = 9
    C2S = 99999997


cdef inline void check_insurers(Draft *d) noexcept nogil:
    cdef const Value *values = d.head.values
    cdef bint numbered = values[S_AMC_NUMBER].known and values[S_AMC_NUMBER].number != 0
    cdef bint apart = values[S_APART].known and values[S_APART].number != 0
    if values[S_RANK].number and starts_with(&values[S_REGIME], b"01", 2):
        refuse(d, &values[S_RANK], BAD_VALUE, S_RANK)
    if is_letter(&values[S_PATHWAY], 79) or is_letter(&values[S_PATHWAY], 77):
        if not values[S_FIRST_NAME].known or values[S_FIRST_NAME].size == 0:
            fault(d, MISSING, S_REFERRING, NULL, -1)
    if apart and not numbered:
        refuse(d, &values[S_APART], BAD_VALUE, S_APART)
    if numbered and values[S_AMC_NUMBER].number == C2S:
        if not starts_with(&values[S_CONTRACT], b"89", 2):
            refuse(d, &values[S_CONTRACT], BAD_VALUE, S_CONTRACT)
        if apart:
            refuse(d, &values[S_APART], BAD_VALUE, S_APART)


cdef inline void check_accident(Draft *d) noexcept nogil:
    cdef const Value *values = d.head.values
    cdef uint64_t nature = values[S_NATURE].number
    cdef bint by_number = values[S_ACCIDENT_NUMBER].known
    if not values[S_ACCIDENT_KIND].known:
        if nature == AT_WORK:
            fault(d, MISSING, S_WHAT_HAPPENED, NULL, -1)
        return
    if values[S_ACCIDENT_KIND].number == WORK:
        if nature != AT_WORK:
            refuse(d, &values[S_ACCIDENT_KIND], BAD_VALUE, S_ACCIDENT_KIND)
    else:
        if nature != 10 and nature != 13:
            refuse(d, &values[S_ACCIDENT_KIND], BAD_VALUE, S_ACCIDENT_KIND)
        if by_number:
            refuse(d, &values[S_ACCIDENT_NUMBER], BAD_VALUE, S_ACCIDENT_NUMBER)
    if by_number == <bint>values[S_ACCIDENT_DATE].known:
        fault(d, BAD_VALUE if by_number else MISSING, S_WHAT_HAPPENED, NULL, -1)
    if starts_with(&values[S_ACCIDENT_NUMBER], b"000", 3):
        refuse(d, &values[S_ACCIDENT_NUMBER], BAD_VALUE, S_ACCIDENT_NUMBER)


cdef inline void check_head(Draft *d) noexcept nogil:
    cdef const Value *values = d.head.values
    check_insurers(d)
    check_accident(d)
    # Only a salaried prescriber is known by RPPS alone.
    if values[S_PRESCRIBER_CONDITION].known and not values[S_PRESCRIBER_AM].known:
        if not is_letter(&values[S_PRESCRIBER_CONDITION], 83) or not values[S_PRESCRIBER_RPPS].known:
            fault(d, MISSING, S_PRESCRIBER_AM, NULL, -1)


@cython.overflowcheck(False)
cdef inline void check_act(Draft *d, const Act *act) noexcept nogil:
    cdef const Value *own = &act.values[0]
    cdef const Value *agreed_on = &own[S_AGREEMENT_DATE - S_ACT_CODE]
    cdef const Value *exempt = &own[S_ACT_EXEMPTION - S_ACT_CODE]
    cdef const Value *amo = &own[S_AMO - S_ACT_CODE]
    if act.agreed and (own[S_AGREEMENT_CODE - S_ACT_CODE].number == NO_AGREEMENT) == <bint>agreed_on.known:
        if agreed_on.known:
            refuse(d, agreed_on, BAD_VALUE, S_AGREEMENT_DATE)
        else:
            fault(d, MISSING, S_AGREEMENT_DATE, NULL, -1)
    if is_letter(&own[S_QUALIFIER - S_ACT_CODE], 78) or is_letter(&own[S_QUALIFIER - S_ACT_CODE], 71):
        if own[S_RATE - S_ACT_CODE].number:
            refuse(d, &own[S_RATE - S_ACT_CODE], BAD_VALUE, S_RATE)
        if amo.number:
            refuse(d, amo, BAD_VALUE, S_AMO)
        if exempt.size and exempt.text[0] != 48:
            refuse(d, exempt, BAD_VALUE, S_ACT_EXEMPTION)
    if amo.number + own[S_AMC - S_ACT_CODE].number > own[S_FEES - S_ACT_CODE].number:
        fault(d, AMOUNTS, S_ACT, NULL, -1)


cdef inline void put_computed(Value *value, const char *text, int size) noexcept nogil:
    value.text, value.size, value.known = text, size, 1
    load_word(value.word, text, <unsigned int>size)


@cython.overflowcheck(False)
cdef inline void spell_biller(Draft *d) noexcept nogil:
    # 2A00 is spelt 2001, 2B00 2002.
    cdef Value *written = &d.head.values[S_BILLER_WRITTEN]
    cdef const Value *biller = &d.head.values[S_BILLER]
    written[0] = biller[0]
    if biller.known and written.word[1] >= 65:
        written.word[3] = written.word[1] - 16
        written.word[1], written.word[2] = 48, 48


@cython.overflowcheck(False)
cdef inline void compute_head(Draft *d) noexcept nogil:
    # The computed values that all records of the invoice share.
    cdef Value *values = d.head.values
    cdef const Value *date = &values[S_ACCIDENT_DATE]
    cdef const Value *number = &values[S_AMC_NUMBER]
    cdef char[16] spelt
    spell_biller(d)
    values[S_ACCIDENT_WRITTEN] = values[S_ACCIDENT_NUMBER]
    if date.known:
        memset(d.accident, 48, 3)
        memcpy(d.accident + 3, date.word, 6)
        put_computed(&values[S_ACCIDENT_WRITTEN], d.accident, 9)
    d.apart = values[S_APART].known and values[S_APART].number != 0
    values[S_SPLIT].known = 0
    if d.apart:
        put_computed(&values[S_SPLIT], b"F", 1)
    values[S_AMC_WRITTEN].known = number.known
    if number.known:
        memset(spelt, 48 if number.number else 32, 10)
        memcpy(spelt + 10 - number.size, number.text, <size_t>number.size)
        values[S_AMC_WRITTEN].size = 10
        load_word(values[S_AMC_WRITTEN].word, spelt, 10)
    values[S_SPECIALTY_WRITTEN] = values[S_PRESCRIBER_SPECIALTY]
    if not is_letter(&values[S_PRESCRIBER_CONDITION], 83):
        values[S_SPECIALTY_WRITTEN].known = 0


@cython.overflowcheck(False)
cdef inline void compute_act(Draft *d, Act *act) noexcept nogil:
    cdef Value *own = act.values
    own[S_CODE_WRITTEN - S_ACT_CODE] = own[(S_GROUPING if act.ccam else S_ACT_CODE) - S_ACT_CODE]
    if act.agreed:
        own[S_AGREEMENT_WRITTEN - S_ACT_CODE] = own[S_AGREEMENT_CODE - S_ACT_CODE]
    else:
        set_number(&own[S_AGREEMENT_WRITTEN - S_ACT_CODE], NO_AGREEMENT)
    if d.apart and d.flow == 1:
        set_number(&own[S_AMC_AMOUNT - S_ACT_CODE], 0)
    else:
        own[S_AMC_AMOUNT - S_ACT_CODE] = own[S_AMC - S_ACT_CODE]
    d.fees += own[S_FEES - S_ACT_CODE].number
    d.amo += own[S_AMO - S_ACT_CODE].number
    d.amc += own[S_AMC_AMOUNT - S_ACT_CODE].number
