# SPDX-License-Identifier: Apache-2.0
"""What the kernels that read claims share: the records of a buffer, found once, and the place where faults are put."""
from libc.stdint cimport int64_t, uint8_t
cimport cython

cdef enum:
    WIDTH = 128
    TYPES = 32

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

# The last record of a type before the block.
cdef struct Last:
    bint usable
    char[WIDTH] text


@cython.overflowcheck(False)
cdef inline void note(Found *found, int64_t record, int64_t reason, int64_t place) noexcept nogil:
    cdef int64_t *row
    found.total += 1
    if found.count < found.limit:
        row = found.rows + 3 * found.count
        row[0], row[1], row[2] = record, reason, place
        found.count += 1


@cython.overflowcheck(False)
cdef inline bint is_filled(const char *text, Py_ssize_t size, char with_) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        if text[i] != with_:
            return False
    return True


cdef struct Mark:
    Py_ssize_t place
    char letter         # 0 asks for a digit

cdef struct Type:
    uint8_t code
    bint read
    Py_ssize_t size
    char[4] prefix
    Py_ssize_t marks
    Mark[4] mark
    Py_ssize_t following    # the next type that begins with the same character, or -1

cdef class Types:
    cdef Type[TYPES] types
    cdef Py_ssize_t[256] first
    cdef Py_ssize_t count
    cdef int add_type(self, tuple row) except -1
    cdef Py_ssize_t *chain(self, uint8_t letter) noexcept
    cdef uint8_t told(self, const char *record, int *reason) noexcept nogil


cdef class Grammar:
    cdef tuple tables
    cdef const uint8_t *moves
    cdef const uint8_t *resume
    cdef const uint8_t *within
    cdef const uint8_t *final
    cdef Py_ssize_t types
    cdef int opener


cdef class Scan:
    cdef readonly Py_ssize_t count
    cdef readonly int64_t records
    cdef readonly int64_t offset
    cdef readonly Py_ssize_t used
    cdef readonly bint flawed
    cdef readonly bytes data
    cdef bint lines
    cdef bint skipping
    cdef bint skipped
    cdef bint final
    cdef bint lost
    cdef int state
    cdef Py_ssize_t size
    cdef Py_ssize_t room
    cdef const char *text
    cdef int64_t *starts
    cdef uint8_t *codes
    cdef uint8_t *dead
    cdef uint8_t *flaws
    cdef Last[TYPES] last
    cdef int widen(self, Py_ssize_t room) except -1 nogil
    cdef int leave(self) noexcept nogil
    cdef int cut(self, Types types) except -1 nogil
    cdef int put(self, Types types, Py_ssize_t at, Py_ssize_t length) except -1 nogil
    cdef Py_ssize_t follow(self, Grammar grammar, int64_t[::1] firsts, int64_t[::1] stops, Found *found) except -1 nogil
    cdef int bury(self, Py_ssize_t first, Py_ssize_t stop) noexcept nogil
    cdef inline const char *record(self, Py_ssize_t index) noexcept nogil:
        return self.text + self.starts[index]


cdef int open_found(Found *found, Py_ssize_t limit) except -1
cdef tuple close_found(Found *found)
