# SPDX-License-Identifier: Apache-2.0
"""What the kernels that read claims share: the records of a block, found once."""
from libc.stdint cimport int64_t, uint8_t
cimport cython

from ext.found cimport Found

cdef enum:
    WIDTH = 128
    TYPES = 32

# The last record of a type before the block.
cdef struct Last:
    bint usable
    char[WIDTH] text


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
    cdef tuple flaws_of(self, Py_ssize_t limit, int one, int other)
    cdef int cut(self, Types types) except -1 nogil
    cdef int put(self, Types types, Py_ssize_t at, Py_ssize_t length) except -1 nogil
    cdef Py_ssize_t follow(self, Grammar grammar, int64_t[::1] firsts, int64_t[::1] stops, Found *found) except -1 nogil
    cdef int bury(self, Py_ssize_t first, Py_ssize_t stop) noexcept nogil
    cdef inline const char *record(self, Py_ssize_t index) noexcept nogil:
        return self.text + self.starts[index]
