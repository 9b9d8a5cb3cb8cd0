# SPDX-License-Identifier: Apache-2.0
"""The values of one column for the invoices of a tile, read all at once where the processor can."""
from libc.stdint cimport uint8_t, uint64_t

from ext.claim cimport Value

cdef extern from "ext/tile.h" nogil:
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
        SPELT_NAME "DESMOS_NAME"

    ctypedef struct Rows "desmos_rows":
        const char *data
        Py_ssize_t stride
        char *base
        Py_ssize_t pitch
        const uint8_t *rows
        const uint8_t *kinds
        int count
        bint whole

    ctypedef struct Rule "desmos_rule":
        int form
        int width
        int needed
        int[2] sizes
        uint64_t low
        uint64_t high
        int codes
        uint64_t factor
        const uint8_t *hashed
        const uint64_t *code
        const Value *blank

    bint read_column "desmos_read_column"(const Rows *at, const Rule *rule)
    uint64_t which_blank "desmos_which_blank"(const Rows *at, int width)
