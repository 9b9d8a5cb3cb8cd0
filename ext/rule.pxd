# SPDX-License-Identifier: Apache-2.0
"""What a value must be to be read without a branch on what it holds, from its check."""
cimport cython
from libc.stdint cimport uint8_t, uint64_t

from ext.claim cimport Value
from ext.fields cimport *

cdef extern from "ext/rule.h" nogil:
    enum:
        ODD "DESMOS_ODD"
        COUNT "DESMOS_COUNT"
        PLAIN "DESMOS_PLAIN"
        LISTED "DESMOS_LISTED"
        DIGITS "DESMOS_FIXED"
        SOME_DIGITS "DESMOS_NOT_ZERO"
        BORN "DESMOS_BIRTH"
        ISO_DAY "DESMOS_DAY"
        PERSON "DESMOS_NIR"
        FUND "DESMOS_AMC"
        PLACE_OF_CARE "DESMOS_FINESS"
        SPELT_NAME "DESMOS_NAME"
        TRUE_OR_FALSE "DESMOS_FLAG"
        ANY "DESMOS_ANY"
        WORDS "DESMOS_WORDS"
        CELL_LIST "DESMOS_LIST"
        KEYED "DESMOS_OBJECT"
        REFUSED "DESMOS_REFUSED"
        EMPTY "DESMOS_EMPTY"
        NOTHING "DESMOS_NOTHING"

    ctypedef struct Rule "desmos_rule":
        int form
        int width
        int needed
        int[2] sizes
        uint64_t low
        uint64_t high
        int codes
        int biller
        uint64_t factor
        const uint8_t *hashed
        const uint64_t *code
        const char *words
        const Value *blank
        int empty


cdef inline int form_of(const Check *check) noexcept nogil:
    cdef int kind = check.kind
    if kind == INTEGER:
        return COUNT
    if kind == CODE:
        return LISTED if check.codes else PLAIN
    if kind == FIXED or kind == FIXED_OR_BLANK or kind == NOT_ZERO:
        return ODD if check.width > SHORT else SOME_DIGITS if kind == NOT_ZERO else DIGITS
    if kind == BIRTH:
        return BORN
    if kind == DAY:
        return ISO_DAY
    if kind == NIR:
        return PERSON
    if kind == AMC:
        return FUND
    if kind == BILLER or kind == FINESS:
        return PLACE_OF_CARE
    if kind == FLAG:
        return TRUE_OR_FALSE
    return SPELT_NAME if kind == NAME else ODD


cdef inline void make_rule(Rule *rule, const Check *check) noexcept nogil:
    # What passes is what passes the check, if it looks as it usually does: a number has eight digits at most.
    rule.form = form_of(check)
    rule.sizes[0] = 8 if check.kind == BIRTH else 15 if check.kind == NIR else 9 if rule.form == PLACE_OF_CARE else check.width
    rule.sizes[1] = check.width
    rule.low, rule.high = check.low, min(min(check.high, check.limit), <uint64_t>99_999_999)
    rule.codes, rule.factor, rule.biller = check.codes, check.factor, check.kind == BILLER
    rule.hashed = &check.hashed[0]
    rule.code = &check.code[0]
    rule.empty = REFUSED
    if check.kind == FIXED_OR_BLANK:
        rule.empty = NOTHING
    elif (check.kind == CODE or check.kind == NAME) and not check.required:
        rule.empty = EMPTY
