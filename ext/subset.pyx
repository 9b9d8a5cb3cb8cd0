# SPDX-License-Identifier: Apache-2.0
"""Which rows add up to a target, and whether only those do: the number of subsets, exact up to one, else "two or more".

Up to a few rows, the sums of two halves are sorted and met from both ends. Above, two sets of bits over cents say which sums
are reached at all and which at least twice. A negative amount is its opposite already taken: the target rises by it.
"""
cimport cython
from cpython cimport array
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

import array

cdef extern from *:
    int __builtin_ctzll(unsigned long long) nogil

cdef enum:
    BY_HALVES = 24
    ROWS = 255
    LARGEST = 67_108_864
    SUMS = 4_096

cdef int64_t BOUND = 1_152_921_504_606_846_976


# What stands below is bounded before: sums by the total of all rows, indices by the length of each half or of the sets.
@cython.overflowcheck(False)
cdef int64_t *sums_of(const int64_t *amounts, Py_ssize_t rows, int64_t *found, int64_t *other) noexcept nogil:
    # All sums in order: each row merges those without it and those with it. Both ends stay equally far apart, so one index is enough.
    cdef Py_ssize_t row, low, place, count = 1
    cdef int64_t amount, without, beside
    cdef bint less
    found[0] = 0
    for row in range(rows):
        amount = amounts[row]
        low = place = 0
        while low < count:
            without = found[low]
            beside = found[place - low] + amount
            less = without <= beside
            other[place] = without if less else beside
            low += less
            place += 1
        while place < 2 * count:
            other[place] = found[place - low] + amount
            place += 1
        count *= 2
        found, other = other, found
    return found


@cython.overflowcheck(False)
cdef void take(const int64_t *amounts, Py_ssize_t rows, int64_t wanted, int64_t *scratch, uint8_t *taken) noexcept nogil:
    # The sum has one set of rows; that of each set is its lowest row beside the sum of the others.
    cdef Py_ssize_t chosen, row, count = <Py_ssize_t>1 << rows
    scratch[0] = 0
    for chosen in range(count):
        if chosen:
            scratch[chosen] = scratch[chosen & (chosen - 1)] + amounts[__builtin_ctzll(<unsigned long long>chosen)]
        if scratch[chosen] == wanted:
            for row in range(rows):
                taken[row] = (chosen >> row) & 1
            return


@cython.overflowcheck(False)
cdef int by_halves(const int64_t *amounts, Py_ssize_t rows, int64_t target, int64_t *room, uint8_t *taken) noexcept nogil:
    cdef Py_ssize_t half = rows // 2, low = 0, some = <Py_ssize_t>1 << half, high = (<Py_ssize_t>1 << (rows - half)) - 1
    cdef int64_t *left = sums_of(amounts, half, room, room + SUMS)
    cdef int64_t *right = sums_of(amounts + half, rows - half, room + 2 * SUMS, room + 3 * SUMS)
    cdef int64_t at_left = 0, at_right = 0
    cdef int found = 0
    while low < some and high >= 0:
        if left[low] + right[high] < target:
            low += 1
        elif left[low] + right[high] > target:
            high -= 1
        else:
            if found or (low + 1 < some and left[low + 1] == left[low]) or (high > 0 and right[high - 1] == right[high]):
                return 2
            found = 1
            at_left, at_right = left[low], right[high]
            low += 1
            high -= 1
    if found:
        take(amounts, half, at_left, room, taken)
        take(amounts + half, rows - half, at_right, room, taken + half)
    return found


@cython.overflowcheck(False)
cdef inline uint64_t moved(const uint64_t *bits, Py_ssize_t word, Py_ssize_t words_up, int up) noexcept nogil:
    cdef uint64_t value = bits[word - words_up] << up
    if up and word > words_up:
        value |= bits[word - words_up - 1] >> (64 - up)
    return value


@cython.overflowcheck(False)
cdef int by_bits(
    const int64_t *amounts, Py_ssize_t rows, int64_t target, int64_t total, uint64_t *one, uint64_t *two, uint8_t *first
) noexcept nogil:
    # From the top word down, so that each word is moved before it changes. Sums that the rows left over cannot bring to the target are let
    # be. With `first`, each sum keeps the row, from 1, that reached it first: the way back from the target.
    cdef Py_ssize_t row, word, top, bottom, words_up, last = <Py_ssize_t>(target >> 6)
    cdef int64_t amount, reached = 0, left = total
    cdef uint64_t once, twice, fresh
    cdef int up
    memset(one, 0, <size_t>(last + 1) * sizeof(uint64_t))
    memset(two, 0, <size_t>(last + 1) * sizeof(uint64_t))
    one[0] = 1
    for row in range(rows):
        amount = amounts[row]
        left -= amount
        if amount > target:
            continue
        reached += amount
        top = last if reached > target else <Py_ssize_t>(reached >> 6)
        words_up = <Py_ssize_t>(amount >> 6)
        up = <int>(amount & 63)
        bottom = <Py_ssize_t>((target - left) >> 6) if left < target else 0
        if bottom < words_up:
            bottom = words_up
        for word in range(top, bottom - 1, -1):
            once = moved(one, word, words_up, up)
            twice = moved(two, word, words_up, up)
            if first != NULL:
                fresh = once & ~one[word]
                while fresh:
                    first[(word << 6) + __builtin_ctzll(fresh)] = <uint8_t>(row + 1)
                    fresh &= fresh - 1
            two[word] |= twice | (one[word] & once)
            one[word] |= once
        if (two[last] >> (target & 63)) & 1:
            return 2
    return <int>((one[last] >> (target & 63)) & 1)


@cython.overflowcheck(False)
cdef void walk_back(const int64_t *amounts, int64_t target, const uint8_t *first, uint8_t *taken) noexcept nogil:
    cdef Py_ssize_t row
    while target > 0:
        row = first[target] - 1
        taken[row] = 1
        target -= amounts[row]


cdef int solve_by_halves(const int64_t *amounts, Py_ssize_t rows, int64_t target, uint8_t *taken) except -1:
    cdef int64_t *room = <int64_t *>malloc(4 * SUMS * sizeof(int64_t))
    cdef int found
    if room == NULL:
        raise MemoryError
    with nogil:
        found = by_halves(amounts, rows, target, room, taken)
    free(room)
    return found


cdef int solve_by_bits(const int64_t *amounts, Py_ssize_t rows, int64_t target, int64_t total, uint8_t *taken) except -1:
    cdef size_t words = <size_t>(target >> 6) + 1
    cdef uint64_t *one = <uint64_t *>malloc(words * sizeof(uint64_t))
    cdef uint64_t *two = <uint64_t *>malloc(words * sizeof(uint64_t))
    cdef uint8_t *first = NULL
    cdef int found = 0
    try:
        if one == NULL or two == NULL:
            raise MemoryError
        with nogil:
            found = by_bits(amounts, rows, target, total, one, two, NULL)
        if found == 1:
            first = <uint8_t *>calloc(words * 64, 1)
            if first == NULL:
                raise MemoryError
            with nogil:
                by_bits(amounts, rows, target, total, one, two, first)
                walk_back(amounts, target, first, taken)
    finally:
        free(one)
        free(two)
        free(first)
    return found


def explain(amounts, target: int, halves: int = BY_HALVES) -> tuple[int, list[int]]:
    """Return how many subsets of the amounts sum to the target (2 is "two or more"), and the rows of the only one, if it is one.

    Above `halves` rows (24 at most) sets of bits are used. Cents of any sign; the empty subset sums to 0.
    Raises OverflowError above 255 rows, for amounts beyond 2**60 in all, or for sums too wide for sets of bits.
    """
    cdef array.array given = array.array("q", amounts)
    cdef Py_ssize_t row, rows = len(given)
    cdef int64_t wanted = target, total = 0
    cdef int64_t signed[ROWS]
    cdef int64_t sizes[ROWS]
    cdef uint8_t taken[ROWS]
    cdef int found = 0
    if not 0 <= halves <= BY_HALVES:
        raise ValueError("halves are met up to 24 rows")
    if rows > ROWS:
        raise OverflowError("more rows than can be told apart")
    if not -BOUND < wanted < BOUND:
        raise OverflowError("the target is too large")
    for row in range(rows):
        signed[row] = given.data.as_longlongs[row]
        if not -BOUND < signed[row] < BOUND:
            raise OverflowError("an amount is too large")
        sizes[row] = -signed[row] if signed[row] < 0 else signed[row]
        total += sizes[row]
        if total >= BOUND:
            raise OverflowError("the amounts are too large together")
        if signed[row] < 0:
            wanted += sizes[row]
    memset(taken, 0, ROWS)
    if 0 <= wanted <= total:
        if rows <= halves:
            found = solve_by_halves(sizes, rows, wanted, taken)
        elif wanted >= LARGEST:
            raise OverflowError("the sums are too wide to be told apart")
        else:
            found = solve_by_bits(sizes, rows, wanted, total, taken)
    if found != 1:
        return found, []
    return 1, [row for row in range(rows) if (taken[row] == 1) != (signed[row] < 0)]
