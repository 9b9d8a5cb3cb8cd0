# SPDX-License-Identifier: Apache-2.0
"""The place where the kernels that read claims put faults: the first ones of a pass, and how many there are."""
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

REASONS = (
    "", "B2_BAD_LENGTH", "B2_BAD_CHAR", "B2_UNKNOWN_RECORD", "B2_UNSUPPORTED_RECORD", "B2_BAD_ORDER", "B2_HEADER_MISMATCH",
    "B2_UNEXPECTED_VALUE", "B2_BAD_FILLER", "B2_BAD_NUMERIC", "B2_BAD_DATE", "B2_BAD_VALUE", "B2_MISSING", "B2_BAD_NIR", "B2_NIR_KEY",
    "B2_FINESS_KEY", "B2_LIST_GAP", "B2_MIXED_PRESCRIBER", "B2_COUNT_MISMATCH", "B2_BAD_TOTAL", "B2_SPLIT_AMOUNT", "B2_AMOUNTS",
    "B2_LOT_MISMATCH", "B2_DUPLICATE_NUMBER", "B2_DUPLICATE_LOT",
)


cdef int open_found(Found *found, Py_ssize_t limit) except -1:
    if limit < 0 or limit > 1_000_000:
        raise ValueError("a pass keeps at most 1000000 faults")
    found.rows = <int64_t *>malloc(<size_t>limit * 3 * sizeof(int64_t) + 1)
    if found.rows == NULL:
        raise MemoryError
    found.count, found.limit, found.total = 0, limit, 0
    return 0


cdef tuple close_found(Found *found):
    # The faults that were kept, and how many there are.
    cdef Py_ssize_t i
    cdef list faults = []
    try:
        for i in range(found.count):
            faults.append((found.rows[3 * i], REASONS[found.rows[3 * i + 1]], found.rows[3 * i + 2]))
    finally:
        free(found.rows)
    return faults, found.total
