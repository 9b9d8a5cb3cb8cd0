# SPDX-License-Identifier: Apache-2.0
"""Exact join of two columns of fixed-width keys: an open table over the right side, one look-up a left row.

A slot holds 32 bits of the hash and the row; equal hashes are always settled by comparing the keys themselves,
so a collision costs time and never a wrong match.
"""
import os

cimport cython
from cpython cimport array
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

import array

cdef enum:
    NONE = -1
    SEVERAL = -2

cdef uint64_t ROW = 0xFFFF_FFFF
cdef uint64_t TAG = 0xFFFF_FFFF_0000_0000
cdef Py_ssize_t MOST_ROWS = 1_000_000_000
cdef array.array LONGS = array.array("q", [])


@cython.overflowcheck(False)
cdef inline uint64_t mixed(const char *key, Py_ssize_t width, uint64_t odd) noexcept nogil:
    # Products that wrap around are meant here; the odd factor is drawn, so that nobody can choose keys that collide.
    cdef uint64_t h = odd ^ <uint64_t>width, word = 0
    while width >= 8:
        memcpy(&word, key, 8)
        h = (h ^ word) * odd
        h ^= h >> 29
        key += 8
        width -= 8
    if width:
        word = 0
        memcpy(&word, key, <size_t>width)
        h = (h ^ word) * odd
        h ^= h >> 29
    h *= odd
    return h ^ (h >> 32)


# A row times the width is an offset inside keys that lie in memory, so it cannot overflow below; nor can anything be raised.
@cython.overflowcheck(False)
cdef void build(
    const char *keys, Py_ssize_t rows, Py_ssize_t width, uint64_t odd, uint64_t *slots, uint64_t mask, uint8_t *many
) noexcept nogil:
    cdef Py_ssize_t row, first
    cdef uint64_t h, place
    for row in range(rows):
        h = mixed(keys + row * width, width, odd)
        place = h & mask
        while slots[place]:
            first = <Py_ssize_t>(slots[place] & ROW) - 1
            if (slots[place] ^ h) & TAG == 0 and memcmp(keys + first * width, keys + row * width, <size_t>width) == 0:
                many[first] = 1
                break
            place = (place + 1) & mask
        else:
            slots[place] = (h & TAG) | <uint64_t>(row + 1)


@cython.overflowcheck(False)
cdef void look_up(
    const char *left, Py_ssize_t rows, const char *right, Py_ssize_t width, uint64_t odd,
    const uint64_t *slots, uint64_t mask, const uint8_t *many, int64_t *found
) noexcept nogil:
    cdef Py_ssize_t row, other
    cdef uint64_t h, place
    for row in range(rows):
        h = mixed(left + row * width, width, odd)
        place = h & mask
        found[row] = NONE
        while slots[place]:
            other = <Py_ssize_t>(slots[place] & ROW) - 1
            if (slots[place] ^ h) & TAG == 0 and memcmp(right + other * width, left + row * width, <size_t>width) == 0:
                found[row] = SEVERAL if many[other] else other
                break
            place = (place + 1) & mask


cdef void keep_single(int64_t *found, Py_ssize_t rows, uint8_t *taken) noexcept nogil:
    # A right row that several left rows name is nobody's, whichever came first.
    cdef Py_ssize_t row
    for row in range(rows):
        if found[row] >= 0:
            taken[found[row]] = 2 if taken[found[row]] else 1
    for row in range(rows):
        if found[row] >= 0 and taken[found[row]] == 2:
            found[row] = SEVERAL


cdef Py_ssize_t count_rows(Py_ssize_t size, Py_ssize_t width) except -1:
    if width < 1:
        raise ValueError("a key has at least one byte")
    if size % width:
        raise ValueError("keys are not whole rows")
    if size // width > MOST_ROWS:
        raise OverflowError("too many rows for one join")
    return size // width


def match_rows(bytes left not None, bytes right not None, Py_ssize_t width, bint both_ways) -> array.array:
    """Return an array with, for each left key, the row of the only equal right key, -1 for none, -2 for several.

    With `both_ways`, left rows that share their match get -2 too. Keys are `width` bytes each.
    Raises ValueError for keys that are not whole rows.
    """
    cdef Py_ssize_t rows = count_rows(len(left), width), others = count_rows(len(right), width), capacity = 2
    cdef const char *left_keys = PyBytes_AS_STRING(left)
    cdef const char *right_keys = PyBytes_AS_STRING(right)
    cdef uint64_t odd = int.from_bytes(os.urandom(8), "little") | 1
    cdef array.array result = array.clone(LONGS, rows, zero=False)
    cdef int64_t *found = <int64_t *>result.data.as_longlongs
    cdef uint64_t *slots = NULL
    cdef uint8_t *many = NULL
    cdef uint8_t *taken = NULL
    while capacity < 2 * others:
        capacity *= 2
    try:
        slots = <uint64_t *>calloc(<size_t>capacity, sizeof(uint64_t))
        many = <uint8_t *>calloc(<size_t>(others + 1), 1)
        taken = <uint8_t *>calloc(<size_t>(others + 1), 1)
        if slots == NULL or many == NULL or taken == NULL:
            raise MemoryError
        with nogil:
            build(right_keys, others, width, odd, slots, <uint64_t>capacity - 1, many)
            look_up(left_keys, rows, right_keys, width, odd, slots, <uint64_t>capacity - 1, many, found)
            if both_ways:
                keep_single(found, rows, taken)
    finally:
        free(slots)
        free(many)
        free(taken)
    return result
