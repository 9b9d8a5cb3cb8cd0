# SPDX-License-Identifier: Apache-2.0
"""The values of one column for the invoices of a tile, read all at once where the processor can."""
from libc.stdint cimport uint8_t, uint64_t

from ext.rule cimport Rule

cdef extern from "ext/tile.h" nogil:
    ctypedef struct Rows "desmos_rows":
        const char *data
        Py_ssize_t stride
        char *base
        Py_ssize_t pitch
        const uint8_t *rows
        const uint8_t *kinds
        int count
        bint whole

    bint read_column "desmos_read_column"(const Rows *at, const Rule *rule)
    uint64_t which_blank "desmos_which_blank"(const Rows *at, int width)
