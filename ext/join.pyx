# SPDX-License-Identifier: Apache-2.0
"""Exact join of two columns of fixed-width keys: an open table over the right side, one look-up a left row.

A slot holds 32 bits of the hash and the row; equal hashes are always settled by comparing the keys themselves, so a collision costs time
and never a wrong match. Rows go through in groups: what a group will touch is fetched while its keys are still being mixed.
"""
import os

cimport cython
from cpython cimport array
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp

from ext.pages cimport fetch, fresh, give_back

import array

cdef Py_ssize_t MOST_ROWS = 1_000_000_000
cdef array.array INTEGERS = array.array("i", [])


@cython.overflowcheck(False)
cdef inline bint alike(const Side *one, Py_ssize_t row, const Side *other, Py_ssize_t its) noexcept nogil:
    return memcmp(one.keys + row * one.width, other.keys + its * other.width, <size_t>one.width) == 0


@cython.overflowcheck(False)
cdef inline int chained(Table *table, Py_ssize_t rows, uint32_t first, uint32_t then) noexcept nogil:
    # `first` goes before `then`. Without duplicates the chains are never made.
    if table.following == NULL:
        table.following = <uint32_t *>calloc(<size_t>(rows + 1), sizeof(uint32_t))
        if table.following == NULL:
            return -1
    table.following[first] = then
    return 0


# A row times the width is an offset inside keys that lie in memory, so it cannot overflow below; nor can anything be raised.
@cython.overflowcheck(False)
cdef int build(Table *table, const Side *right) noexcept nogil:
    # From the last row to the first, so that the rows of a chain stand in order.
    cdef uint64_t hashes[GROUP]
    cdef uint64_t mask = table.capacity - 1, place, h, word
    cdef Py_ssize_t end = right.rows, start, i
    while end > 0:
        start = end - GROUP if end > GROUP else 0
        for i in range(start, end):
            hashes[i - start] = mixed(right.keys + i * right.width, right.width, table.odd)
            fetch(table.slots + (hashes[i - start] & mask))
        for i in range(end - 1, start - 1, -1):
            h = hashes[i - start]
            place = h & mask
            while table.slots[place] and (
                (table.slots[place] ^ h) & TAG or not alike(right, <Py_ssize_t>(table.slots[place] & ROW) - 1, right, i)
            ):
                place = (place + 1) & mask
            word = (h & TAG) | <uint64_t>(i + 1)
            if table.slots[place]:
                if chained(table, right.rows, <uint32_t>(i + 1), <uint32_t>(table.slots[place] & ROW)) < 0:
                    return -1
                word |= MORE
            table.slots[place] = word
        end = start
    return 0


@cython.overflowcheck(False)
cdef void look_up(const Table *table, const Side *left, const Side *right, uint32_t *found) noexcept nogil:
    cdef uint64_t hashes[GROUP]
    cdef uint64_t mask = table.capacity - 1, place, h, word
    cdef const char *key
    cdef Py_ssize_t start = 0, end, i
    while start < left.rows:
        end = start + GROUP if left.rows - start > GROUP else left.rows
        for i in range(start, end):
            hashes[i - start] = mixed(left.keys + i * left.width, left.width, table.odd)
            fetch(table.slots + (hashes[i - start] & mask))
        for i in range(start, end):
            # The first key that may be compared; most often it is the one.
            word = table.slots[hashes[i - start] & mask]
            if word:
                key = right.keys + (<Py_ssize_t>(word & ROW) - 1) * right.width
                fetch(key)
                fetch(key + right.width - 1)
        for i in range(start, end):
            h = hashes[i - start]
            place = h & mask
            while table.slots[place] and (
                (table.slots[place] ^ h) & TAG or not alike(right, <Py_ssize_t>(table.slots[place] & ROW) - 1, left, i)
            ):
                place = (place + 1) & mask
            found[i] = <uint32_t>table.slots[place]
        start = end


cdef Py_ssize_t count_rows(Py_ssize_t size, Py_ssize_t width) except -1:
    if width < 1:
        raise ValueError("a key has at least one byte")
    if size % width:
        raise ValueError("keys are not whole rows")
    if size // width > MOST_ROWS:
        raise OverflowError("too many rows for one join")
    return size // width


cdef Side side_of(bytes keys, Py_ssize_t width) except *:
    cdef Side side = Side(PyBytes_AS_STRING(keys), count_rows(len(keys), width), width)
    return side


cdef int open_table(Table *table, Py_ssize_t rows) except -1:
    table.odd = <uint64_t>int.from_bytes(os.urandom(8), "little") | 1
    table.capacity = 2
    while table.capacity * 3 < <uint64_t>rows * 4:
        table.capacity *= 2
    table.slots = <uint64_t *>fresh(<size_t>table.capacity * sizeof(uint64_t))
    if table.slots == NULL:
        raise MemoryError
    return 0


@cython.overflowcheck(False)
cdef void close_table(Table *table) noexcept nogil:
    give_back(table.slots, <size_t>table.capacity * sizeof(uint64_t))
    free(table.following)
    table.slots, table.following = NULL, NULL


@cython.overflowcheck(False)
cdef Py_ssize_t count_pairs(const uint32_t *found, Py_ssize_t rows, const uint32_t *following) noexcept nogil:
    cdef Py_ssize_t count = 0, row
    cdef uint32_t at
    for row in range(rows):
        count += found[row] != 0
        if found[row] & MORE:
            at = following[found[row] & ROW]
            while at:
                count += 1
                at = following[at]
    return count


@cython.overflowcheck(False)
cdef void write_pairs(const uint32_t *found, Py_ssize_t rows, const uint32_t *following, int32_t *left, int32_t *right) noexcept nogil:
    cdef Py_ssize_t count = 0, row
    cdef uint32_t at
    for row in range(rows):
        at = found[row] & ROW
        while at:
            left[count], right[count] = <int32_t>row, <int32_t>at - 1
            count += 1
            at = following[at] if found[row] & MORE else 0


def pairs(bytes left not None, bytes right not None, Py_ssize_t width) -> tuple:
    """Return two arrays, left rows and right rows: every pair with equal keys, by left row and then by right row.

    Keys are `width` bytes each. Raises ValueError for keys that are not whole rows.
    """
    cdef Side one = side_of(left, width), other = side_of(right, width)
    cdef uint32_t *found = <uint32_t *>fresh(<size_t>one.rows * sizeof(uint32_t))
    cdef Table table = Table(NULL, 0, 0, NULL)
    cdef array.array lefts, rights
    cdef Py_ssize_t count = 0
    cdef int done
    try:
        if found == NULL:
            raise MemoryError
        open_table(&table, other.rows)
        with nogil:
            done = build(&table, &other)
            if done == 0:
                look_up(&table, &one, &other, found)
                count = count_pairs(found, one.rows, table.following)
        if done < 0:
            raise MemoryError
        # What is found needs the chains alone.
        give_back(table.slots, <size_t>table.capacity * sizeof(uint64_t))
        table.slots = NULL
        lefts, rights = array.clone(INTEGERS, count, zero=False), array.clone(INTEGERS, count, zero=False)
        with nogil:
            write_pairs(found, one.rows, table.following, <int32_t *>lefts.data.as_ints, <int32_t *>rights.data.as_ints)
    finally:
        give_back(found, <size_t>one.rows * sizeof(uint32_t))
        close_table(&table)
    return lefts, rights
