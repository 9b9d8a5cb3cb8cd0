# SPDX-License-Identifier: Apache-2.0
"""Words of 64 bits already seen: an open table in C that grows, for numbers that must be used once."""
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
    """A set of words other than zero."""

    def __cinit__(self):
        self.places = <uint64_t *>calloc(FIRST, sizeof(uint64_t))
        if self.places == NULL:
            raise MemoryError
        self.mask, self.used = FIRST - 1, 0
        self.odd = int.from_bytes(os.urandom(8), "little") | 1

    def __dealloc__(self):
        free(self.places)

    def __len__(self):
        return self.used

    cdef bint add(self, uint64_t word) except -1:
        # True when the word is new. Zero marks a free place, so the caller never gives it.
        cdef uint64_t place = mixed(word, self.odd) & self.mask
        while self.places[place]:
            if self.places[place] == word:
                return False
            place = (place + 1) & self.mask
        self.places[place] = word
        self.used += 1
        if self.used * 2 > self.mask:
            self.grow()
        return True

    cdef int grow(self) except -1:
        cdef uint64_t *former = self.places
        cdef uint64_t size = self.mask + 1, i
        cdef uint64_t *wider = <uint64_t *>calloc(<size_t>(size * 4), sizeof(uint64_t))
        if wider == NULL:
            raise MemoryError
        self.places, self.mask, self.used = wider, size * 4 - 1, 0
        for i in range(size):
            if former[i]:
                self.add(former[i])
        free(former)
        return 0
