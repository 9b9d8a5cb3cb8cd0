# SPDX-License-Identifier: Apache-2.0
"""Words of 64 bits already seen: an open table in C that grows, for numbers that must be used once.

A place holds 64 words that follow each other, one bit each: numbers that a biller gives one after the other take little more than a bit.
"""
import os

cimport cython
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free

cdef enum:
    FIRST = 1024


@cython.overflowcheck(False)
cdef inline uint64_t mixed(uint64_t word, uint64_t odd) noexcept nogil:
    # A product that wraps around is meant here; the odd factor is drawn, so that nobody can choose numbers that collide.
    word *= odd
    return word ^ (word >> 32)


cdef class Seen:
    """A set of words below 2^64."""

    def __cinit__(self):
        self.places = <Place *>calloc(FIRST, sizeof(Place))
        if self.places == NULL:
            raise MemoryError
        self.mask, self.used, self.count, self.busy = FIRST - 1, 0, 0, False
        self.odd = int.from_bytes(os.urandom(8), "little") | 1

    def __dealloc__(self):
        free(self.places)

    def __len__(self):
        return self.count

    cdef int enter(self) except -1:
        # For work without the lock: two calls at once would lose words.
        if self.busy:
            raise RuntimeError("these numbers are in use by another call")
        self.busy = True
        return 0

    @cython.overflowcheck(False)
    cdef bint add(self, uint64_t word) except -1 nogil:
        # True when the word is new.
        cdef Place *place = self.find((word >> 6) + 1)
        cdef uint64_t bit = <uint64_t>1 << (word & 63)
        if place.words & bit:
            return False
        if place.key == 0:
            place.key = (word >> 6) + 1
            self.used += 1
        place.words |= bit
        self.count += 1
        if self.used * 2 > self.mask:
            self.grow()
        return True

    @cython.overflowcheck(False)
    cdef Place *find(self, uint64_t key) noexcept nogil:
        # The place of a key, free (key 0) when it is new: half of the places always are.
        cdef uint64_t at = mixed(key, self.odd) & self.mask
        while self.places[at].key and self.places[at].key != key:
            at = (at + 1) & self.mask
        return &self.places[at]

    @cython.overflowcheck(False)
    cdef int grow(self) except -1 nogil:
        cdef Place *former = self.places
        cdef uint64_t size = self.mask + 1, i
        cdef Place *wider = <Place *>calloc(<size_t>(size * 4), sizeof(Place))
        if wider == NULL:
            with gil:
                raise MemoryError
        self.places, self.mask = wider, size * 4 - 1
        for i in range(size):
            if former[i].key:
                self.find(former[i].key)[0] = former[i]
        free(former)
        return 0
