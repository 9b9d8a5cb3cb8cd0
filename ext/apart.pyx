# SPDX-License-Identifier: Apache-2.0
"""Invoices whose complementary share is claimed apart: what is kept of the claim that stands first, until the other one comes.

An entry holds one word for each record: a print of it, keyed by a drawn number, against which the record of the other claim is compared
without keeping either; once both have come, the amounts of flow 02 take their place.
"""
import os

cimport cython
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    static inline uint64_t desmos_folded(uint64_t one, uint64_t other) {
        unsigned __int128 product = (unsigned __int128)one * other;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    """
    uint64_t desmos_folded(uint64_t one, uint64_t other) noexcept nogil

cdef enum:
    FIRST = 1024


cdef class Apart:
    """The claims apart of one input, by biller and number."""

    def __cinit__(self):
        self.keys, self.places = <uint64_t *>calloc(FIRST, sizeof(uint64_t)), <int64_t *>malloc(FIRST * sizeof(int64_t))
        if self.keys == NULL or self.places == NULL:
            raise MemoryError
        memset(self.places, 0xFF, FIRST * sizeof(int64_t))
        self.mask = FIRST - 1
        # Drawn, so that nobody can choose numbers or records that collide.
        self.odd = int.from_bytes(os.urandom(8), "little") | 1

    def __dealloc__(self):
        free(self.keys)
        free(self.places)
        free(self.words)

    @cython.overflowcheck(False)
    cdef int64_t slot(self, uint64_t key) noexcept nogil:
        # The slot of a key, free (place -1) when it is new: half of the slots always are.
        cdef uint64_t at = desmos_folded(key ^ self.odd, self.odd) & self.mask
        while self.places[at] >= 0 and self.keys[at] != key:
            at = (at + 1) & self.mask
        return <int64_t>at

    cdef uint64_t *add(self, uint64_t key, Py_ssize_t records) except NULL nogil:
        """Make the entry of a key that has none, with room for its records."""
        cdef Py_ssize_t more = HEAD + records
        cdef uint64_t *wider
        cdef int64_t slot
        if 2 * <uint64_t>self.count >= self.mask:
            self.grow()
        if self.size + more > self.room:
            wider = <uint64_t *>realloc(self.words, <size_t>(2 * (self.room + more)) * sizeof(uint64_t))
            if wider == NULL:
                with gil:
                    raise MemoryError
            self.words, self.room = wider, 2 * (self.room + more)
        slot = self.slot(key)
        self.keys[slot], self.places[slot] = key, self.size
        self.count += 1
        self.size += more
        return self.words + self.places[slot]

    cdef int grow(self) except -1 nogil:
        cdef uint64_t *keys = self.keys
        cdef int64_t *places = self.places
        cdef size_t size = <size_t>self.mask + 1, i
        cdef uint64_t *wider = <uint64_t *>malloc(2 * size * sizeof(uint64_t))
        cdef int64_t *wider_places = <int64_t *>malloc(2 * size * sizeof(int64_t))
        cdef int64_t slot
        if wider == NULL or wider_places == NULL:
            free(wider)
            free(wider_places)
            with gil:
                raise MemoryError
        memset(wider_places, 0xFF, 2 * size * sizeof(int64_t))
        self.keys, self.places, self.mask = wider, wider_places, 2 * size - 1
        for i in range(size):
            if places[i] >= 0:
                slot = self.slot(keys[i])
                self.keys[slot], self.places[slot] = keys[i], places[i]
        free(keys)
        free(places)
        return 0

    @cython.overflowcheck(False)
    cdef uint64_t print_of(self, const char *record, Py_ssize_t size, uint64_t start) noexcept nogil:
        """Return the print of a text after what `start` is the print of; never 0."""
        cdef uint64_t found = start ^ self.odd, one, other
        while size > 0:
            one = other = 0
            memcpy(&one, record, <size_t>min(size, 8))
            if size > 8:
                memcpy(&other, record + 8, <size_t>min(size - 8, 8))
            found = desmos_folded(one ^ self.odd ^ found, other ^ (found + self.odd))
            record += 16
            size -= 16
        return found | 1
