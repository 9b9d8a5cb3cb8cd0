# SPDX-License-Identifier: Apache-2.0
from libc.stdint cimport uint64_t

cdef struct Place:
    uint64_t key
    uint64_t words


cdef class Seen:
    cdef Place *places
    cdef uint64_t mask
    cdef uint64_t used
    cdef uint64_t count
    cdef uint64_t odd
    cdef bint busy
    cdef int enter(self) except -1
    cdef bint add(self, uint64_t word) except -1 nogil
    cdef Place *find(self, uint64_t key) noexcept nogil
    cdef int grow(self) except -1 nogil
