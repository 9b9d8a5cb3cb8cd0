# SPDX-License-Identifier: Apache-2.0
from libc.stdint cimport int64_t
cimport cython

cdef enum Reason:
    SOUND, BAD_LENGTH, BAD_CHAR, UNKNOWN, UNSUPPORTED, BAD_ORDER, MISMATCH, UNEXPECTED, BAD_FILLER, \
        BAD_NUMERIC, BAD_DATE, BAD_VALUE, MISSING, BAD_NIR, NIR_KEY, FINESS_KEY, LIST_GAP, MIXED_PRESCRIBER, \
        COUNT_MISMATCH, BAD_TOTAL, SPLIT_AMOUNT, AMOUNTS, LOT_MISMATCH, DUPLICATE_NUMBER, DUPLICATE_LOT

# A fault is three numbers: record of the block from 0, reason, and a field or a byte. The first `limit` are kept, all are counted.
cdef struct Found:
    int64_t *rows
    Py_ssize_t count
    Py_ssize_t limit
    int64_t total


@cython.overflowcheck(False)
cdef inline void note(Found *found, int64_t record, int64_t reason, int64_t place) noexcept nogil:
    cdef int64_t *row
    found.total += 1
    if found.count < found.limit:
        row = found.rows + 3 * found.count
        row[0], row[1], row[2] = record, reason, place
        found.count += 1


cdef int open_found(Found *found, Py_ssize_t limit) except -1
cdef tuple close_found(Found *found)
