# SPDX-License-Identifier: Apache-2.0
"""A set of hashes: what lines that are not settled may pay too. It is made as large as it will be, so a place is always free."""
cimport cython
from libc.stdint cimport uint64_t


@cython.overflowcheck(False)
cdef inline void touch(uint64_t *touched, uint64_t mask, const uint64_t *hashes) noexcept nogil:
    cdef uint64_t place
    cdef int i
    for i in range(3):
        place = hashes[i] >> 20 & mask
        while hashes[i] and touched[place] and touched[place] != hashes[i]:
            place = (place + 1) & mask
        if hashes[i]:
            touched[place] = hashes[i]


@cython.overflowcheck(False)
cdef inline bint is_touched(const uint64_t *touched, uint64_t mask, uint64_t hash) noexcept nogil:
    cdef uint64_t place = hash >> 20 & mask
    while touched[place]:
        if touched[place] == hash:
            return True
        place = (place + 1) & mask
    return False
