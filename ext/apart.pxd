# SPDX-License-Identifier: Apache-2.0
from libc.stdint cimport int64_t, uint64_t

cdef enum Head:
    # What an entry says before the word of each of its records.
    H_RECORDS, H_OFFSET, H_FLOW, H_SECURITY, H_PAIRED, HEAD


cdef class Apart:
    cdef uint64_t *keys
    cdef int64_t *places
    cdef uint64_t mask
    cdef Py_ssize_t count
    cdef uint64_t odd
    cdef uint64_t *words
    cdef Py_ssize_t size
    cdef Py_ssize_t room
    cdef readonly Py_ssize_t pairs
    cdef int64_t slot(self, uint64_t key) noexcept nogil
    cdef int grow(self) except -1 nogil
    cdef uint64_t *add(self, uint64_t key, Py_ssize_t records) except NULL nogil
    cdef uint64_t print_of(self, const char *record, Py_ssize_t size, uint64_t start) noexcept nogil
    cdef inline uint64_t *find(self, uint64_t key) noexcept nogil:
        cdef int64_t slot = self.slot(key)
        return NULL if self.places[slot] < 0 else self.words + self.places[slot]
