# SPDX-License-Identifier: Apache-2.0
from libc.stdint cimport uint64_t


cdef class Seen:
    cdef uint64_t *places
    cdef uint64_t mask
    cdef uint64_t used
    cdef uint64_t odd
    cdef bint add(self, uint64_t word) except -1
    cdef int grow(self) except -1
