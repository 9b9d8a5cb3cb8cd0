# SPDX-License-Identifier: Apache-2.0
"""Lots: order by a packed key, cut at the limits, totals.

Columns in, columns out, one call for a build. The key is 128 bits, made of the fields that a plan names, most significant
first; their numeric order is the order of the key read as text. Rows are gathered by hash, so that only the distinct keys are ever
sorted, and rows by their number only where they do not come in its order. Both sorts pass over the bytes that differ, and no other.

Code that runs without the GIL states its bounds itself: overflowcheck raises there without taking the GIL back, which ends
the process, and it does not see `+=` on an element of a view.
"""
from cpython cimport array
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset
cimport cython

import array

from ext.lotkey cimport BLOCK, FIELDS, Columns, Field, pack

cdef enum:
    MOST_BOUNDS = 127
    DIGITS = 16

# How many bits each field has, in the order of their codes.
cdef int[FIELDS] WIDTHS = [17, 30, 1, 34, 2, 30, 7, 7]
CAISSE, DESTINATION, FLOW, AMC, SECURITY, EXECUTOR, AGE, AMOUNT = range(FIELDS)
# A lot says these in its header: no plan may leave one out.
ALWAYS = frozenset({DESTINATION, FLOW, AMC, SECURITY})

cdef int64_t LARGEST = 9_223_372_036_854_775_807
cdef array.array LONGS = array.array("q", [])

cdef struct Limits:
    Py_ssize_t rows
    int64_t fees
    int64_t room
    Py_ssize_t width
    bint tight

cdef struct Group:
    uint64_t high
    uint64_t low
    int64_t rows
    int64_t last

cdef struct Item:
    uint64_t high
    uint64_t low
    int64_t index

cdef struct Cursor:
    Py_ssize_t next
    Py_ssize_t lot
    Py_ssize_t left

cdef struct Tally:
    Py_ssize_t lots
    Py_ssize_t rows
    int64_t fees
    int64_t room

# What a build takes from the heap, all of it given back at its end.
cdef struct Work:
    Group *groups
    int32_t *slots
    int32_t *member
    Cursor *cursors
    Tally *tallies
    Item *items
    Item *turns
    # The rows by number, in `turns`; NULL where they come so.
    Item *turn


@cython.overflowcheck(False)
cdef inline uint64_t mixed(uint64_t high, uint64_t low) noexcept nogil:
    # The products wrap on purpose: packed fields differ in few bits, and every bit must move the low ones.
    cdef uint64_t h = high * <uint64_t>0x9E3779B97F4A7C15U
    h = (h ^ (h >> 32) ^ low) * <uint64_t>0xD6E8FEB86659FD93U
    h = (h ^ (h >> 32)) * <uint64_t>0xD6E8FEB86659FD93U
    return h ^ (h >> 32)


@cython.overflowcheck(False)
cdef Py_ssize_t gather(
    const Columns *of, const Field *fields, int field_count, int32_t *slots, uint64_t mask, Group *groups, int32_t *member, bint *sorted_,
) noexcept nogil:
    # The number of groups, or -(row + 1) of the first row whose key cannot stand.
    cdef uint64_t[BLOCK] high
    cdef uint64_t[BLOCK] low
    cdef Py_ssize_t i, row, start = 0, count, found = 0
    cdef uint64_t at
    cdef int32_t g = -1
    sorted_[0] = True
    while start < of.count:
        count = min(<Py_ssize_t>BLOCK, of.count - start)
        if pack(of, fields, field_count, start, count, high, low):
            row = start
            while not pack(of, fields, field_count, row, 1, high, low):
                row += 1
            return -(row + 1)
        for i in range(count):
            row = start + i
            if g < 0 or groups[g].high != high[i] or groups[g].low != low[i]:
                at = mixed(high[i], low[i]) & mask
                while True:
                    g = slots[at] - 1
                    if g < 0:
                        g = <int32_t>found
                        slots[at] = g + 1
                        groups[g] = Group(high[i], low[i], 0, of.number[row])
                        found += 1
                        break
                    if groups[g].high == high[i] and groups[g].low == low[i]:
                        break
                    at = (at + 1) & mask
            groups[g].rows += 1
            if of.number[row] < groups[g].last:
                sorted_[0] = False
            groups[g].last = of.number[row]
            member[row] = g
        start += count
    return found


@cython.overflowcheck(False)
cdef Item *in_order(Item *items, Item *spare, Py_ssize_t count) noexcept nogil:
    # Stable, byte by byte from the lowest; a byte that all share costs nothing. Returns which of the two holds the outcome.
    cdef size_t[DIGITS][256] seen
    cdef size_t at, step
    cdef Py_ssize_t i
    cdef int digit, shift, value
    cdef uint64_t word
    memset(seen, 0, sizeof(seen))
    for i in range(count):
        for digit in range(8):
            seen[digit][(items[i].low >> (8 * digit)) & 255] += 1
            seen[8 + digit][(items[i].high >> (8 * digit)) & 255] += 1
    for digit in range(DIGITS):
        shift = 8 * (digit & 7)
        word = items[0].low if digit < 8 else items[0].high
        if seen[digit][(word >> shift) & 255] == <size_t>count:
            continue
        at = 0
        for value in range(256):
            step = seen[digit][value]
            seen[digit][value] = at
            at += step
        for i in range(count):
            word = items[i].low if digit < 8 else items[i].high
            value = (word >> shift) & 255
            spare[seen[digit][value]] = items[i]
            seen[digit][value] += 1
        items, spare = spare, items
    return items


cdef array.array longs(Py_ssize_t count):
    # An empty array has no address, and none may be handed to memset, not even to clear nothing.
    return array.clone(LONGS, count, zero=count > 0)


cdef int same_length(Py_ssize_t count, tuple lengths) except -1:
    for length in lengths:
        if length != count:
            raise ValueError("columns differ in length")
    return 0


@cython.overflowcheck(False)
@cython.cdivision(True)
cdef inline Py_ssize_t in_lines(Py_ssize_t size, Py_ssize_t width) noexcept nogil:
    # How many lines so many bytes are, or 0 when they are not whole ones. Short numbers divide several times as fast.
    cdef Py_ssize_t lines
    if size < <Py_ssize_t>1 << 32 and width < <Py_ssize_t>1 << 32:
        lines = <uint32_t>size // <uint32_t>width
    else:
        lines = size // width
    return lines if lines * width == size else 0


@cython.overflowcheck(False)
cdef void tally(const Columns *of, const Limits *limits, const int32_t *member, const Item *turn, Tally *tallies) noexcept nogil:
    # The lots of each group where sums or bytes part them, up to the first row that cannot stand: `fill` refuses that one.
    cdef Py_ssize_t i, row
    cdef int64_t size
    cdef Tally *one
    for i in range(of.count):
        row = i if turn == NULL else turn[i].index
        if of.fees[row] < 0 or of.starts[row] < 0 or of.starts[row + 1] <= of.starts[row]:
            return
        size = of.starts[row + 1] - of.starts[row]
        if in_lines(size, limits.width) == 0:
            return
        one = &tallies[member[row]]
        if one.lots == 0 or one.rows == limits.rows or of.fees[row] > limits.fees - one.fees or size > limits.room - one.room:
            one.lots += 1
            one.rows = one.fees = one.room = 0
        one.rows += 1
        one.fees += of.fees[row]
        one.room += size


@cython.overflowcheck(False)
@cython.cdivision(True)
cdef Py_ssize_t place_groups(
    const Group *groups, const Item *ordered, Py_ssize_t found, const Limits *limits, const Tally *tallies, Cursor *cursors,
) noexcept nogil:
    # Where each group writes its next row and its first lot; returns the number of lots. A lot takes one row at least.
    cdef Py_ssize_t i, g, row = 0, lot = 0
    for i in range(found):
        g = ordered[i].index
        cursors[g] = Cursor(row, lot, limits.rows)
        row += groups[g].rows
        lot += tallies[g].lots if tallies != NULL else (groups[g].rows + limits.rows - 1) // limits.rows
    return lot


@cython.overflowcheck(False)
cdef int fill(
    const int64_t[::1] fees, const int64_t[::1] amo, const int64_t[::1] amc_share, const int64_t[::1] starts,
    const int32_t *member, const Item *turn, const Limits *limits, Cursor *cursors,
    int64_t[::1] order, int64_t[::1] sizes, int64_t[::1] lot_fees, int64_t[::1] lot_amo, int64_t[::1] lot_amc, int64_t[::1] lot_records,
) except -1 nogil:
    cdef Py_ssize_t i, row, lot, size, lines, width = limits.width
    cdef Cursor *cursor
    for i in range(order.shape[0]):
        row = i if turn == NULL else turn[i].index
        if fees[row] < 0 or amo[row] < 0 or amc_share[row] < 0:
            raise ValueError(row, "amount is negative")
        if starts[row] < 0 or starts[row + 1] <= starts[row]:
            raise ValueError(row, "records are not whole lines")
        size = starts[row + 1] - starts[row]
        lines = in_lines(size, width)
        if lines == 0:
            raise ValueError(row, "records are not whole lines")
        cursor = &cursors[member[row]]
        lot = cursor.lot
        if cursor.left == 0 or (limits.tight and sizes[lot] and (
            fees[row] > limits.fees - lot_fees[lot] or size > limits.room - lot_records[lot] * width
        )):
            lot += 1
            cursor.lot = lot
            cursor.left = limits.rows
        cursor.left -= 1
        order[cursor.next] = row
        cursor.next += 1
        sizes[lot] += 1
        # The offsets rise from zero, so the sum of their steps fits as they do.
        lot_records[lot] += lines
        if fees[row] > LARGEST - lot_fees[lot] or amo[row] > LARGEST - lot_amo[lot] or amc_share[row] > LARGEST - lot_amc[lot]:
            raise OverflowError(row, "sum of the lot is beyond 64 bits")
        lot_fees[lot] += fees[row]
        lot_amo[lot] += amo[row]
        lot_amc[lot] += amc_share[row]
    return 0


cdef int read_plan(bytes plan, Field *fields) except -1:
    # Where each field of the key stands, the last one at bit 0; returns how many there are.
    cdef int place, code, shift = 0, width, left
    codes = list(plan)
    if len(set(codes)) != len(codes) or not ALWAYS <= set(codes) or max(codes) >= FIELDS:
        raise ValueError("a plan names each field once, and those of a header all")
    left = sum([WIDTHS[code] for code in codes])
    for place in range(len(codes) - 1, -1, -1):
        code = codes[place]
        width = WIDTHS[code]
        # A field that would stand in both words begins the high one, where what is left fits into that.
        if shift < 64 < shift + width and left <= 64:
            shift = 64
        fields[place] = Field(code, shift, shift < 64 < shift + width)
        shift += width
        left -= width
    return len(codes)


cdef void give_back(Work *work) noexcept nogil:
    free(work.groups)
    free(work.slots)
    free(work.member)
    free(work.cursors)
    free(work.tallies)
    free(work.items)
    free(work.turns)


cdef void *block(Py_ssize_t count, size_t size) except NULL:
    # Not zeros: pages that nothing touches are never mapped, so the worst case costs nothing in the usual one.
    cdef void *found = malloc(<size_t>count * size)
    if found == NULL:
        raise MemoryError
    return found


cdef Py_ssize_t group(const Columns *of, const Field *fields, int field_count, const Limits *limits, Work *work) except -1:
    # Rows to groups, groups and rows to their order; returns the number of lots. `work` holds what was taken, also when this raises.
    cdef Py_ssize_t count = of.count, capacity = 2, found, lots, i
    cdef bint in_sequence = True
    cdef Item *ordered
    while capacity < 2 * count:
        capacity *= 2
    work.slots = <int32_t *>calloc(<size_t>capacity, sizeof(int32_t))
    if work.slots == NULL:
        raise MemoryError
    work.groups = <Group *>block(count, sizeof(Group))
    work.member = <int32_t *>block(count, sizeof(int32_t))
    with nogil:
        found = gather(of, fields, field_count, work.slots, <uint64_t>capacity - 1, work.groups, work.member, &in_sequence)
    if found < 0:
        raise ValueError(-found - 1, "key is out of range")
    work.cursors = <Cursor *>block(found, sizeof(Cursor))
    work.items = <Item *>block(2 * found, sizeof(Item))
    if limits.tight:
        work.tallies = <Tally *>block(found, sizeof(Tally))
        memset(work.tallies, 0, <size_t>found * sizeof(Tally))
    if not in_sequence:
        work.turns = <Item *>block(2 * count, sizeof(Item))
    with nogil:
        if not in_sequence:
            for i in range(count):
                # The sign bit turned over, signed numbers are in the order of unsigned ones.
                work.turns[i] = Item(0, <uint64_t>of.number[i] ^ (<uint64_t>1 << 63), i)
            work.turn = in_order(work.turns, work.turns + count, count)
        for i in range(found):
            work.items[i] = Item(work.groups[i].high, work.groups[i].low, i)
        ordered = in_order(work.items, work.items + found, found)
        if limits.tight:
            tally(of, limits, work.member, work.turn, work.tallies)
        lots = place_groups(work.groups, ordered, found, limits, work.tallies, work.cursors)
    return lots


def arrange(
    const int64_t[::1] destination not None, const uint8_t[::1] flow not None, const int64_t[::1] amc not None,
    const uint8_t[::1] security not None, const int64_t[::1] executor not None, const int64_t[::1] care not None,
    const int64_t[::1] number not None,
    const int64_t[::1] fees not None, const int64_t[::1] amo not None, const int64_t[::1] amc_share not None,
    const int64_t[::1] starts not None, Py_ssize_t width, Py_ssize_t maximum, int64_t ceiling, int64_t room,
    bytes plan not None, const int64_t[::1] care_bounds not None, const int64_t[::1] fee_bounds not None,
) -> tuple:
    """Order rows by key and, inside a key, by number; cut lots of at most `maximum` rows, `ceiling` of fees and `room` bytes of records.

    `destination` is regime, caisse and centre as nine digits; `starts` has one more item than the rows: the byte offsets of their
    records, in lines of `width` bytes. `plan` names the fields of the key, the first one most significant: CAISSE, DESTINATION, FLOW,
    AMC, SECURITY, EXECUTOR, and AGE and AMOUNT, which are how many bounds a row's `care` (a day) and its fees reach. A row that is beyond
    a limit by itself has its own lot. Rows of one key and number keep the order they come in. Returns arrays
    `(order, sizes, fees, amo, amc, records)`: the row numbers in file order, then one item a lot (records without header and trailer).
    Raises ValueError with args `(row, reason)` for a row that cannot stand, OverflowError for a sum beyond 64 bits; of several rows the
    one that is first by number.
    """
    cdef Py_ssize_t count = destination.shape[0], lots
    cdef Field[FIELDS] fields
    cdef int field_count = read_plan(plan, fields)
    cdef Work work
    same_length(count, (flow.shape[0], amc.shape[0], security.shape[0], executor.shape[0], care.shape[0], number.shape[0], fees.shape[0],
                        amo.shape[0], amc_share.shape[0], starts.shape[0] - 1))
    if maximum < 1 or width < 1 or ceiling < 1 or room < 1:
        raise ValueError("a lot holds at least one row, a line at least one byte")
    if care_bounds.shape[0] > MOST_BOUNDS or fee_bounds.shape[0] > MOST_BOUNDS:
        raise ValueError("too many bounds")
    if count > 2_000_000_000:
        raise OverflowError("too many rows for one build")
    order = longs(count)
    if count == 0:
        return order, longs(0), longs(0), longs(0), longs(0), longs(0)
    cdef Columns of = Columns(
        &destination[0], &flow[0], &amc[0], &security[0], &executor[0], &care[0], &fees[0], &number[0], &starts[0],
        NULL, NULL, <int>care_bounds.shape[0], <int>fee_bounds.shape[0], count,
    )
    if care_bounds.shape[0]:
        of.care_bounds = &care_bounds[0]
    if fee_bounds.shape[0]:
        of.fee_bounds = &fee_bounds[0]
    # No lot can hold more rows, and what is added to it below then stays small.
    cdef Limits limits = Limits(min(maximum, count), ceiling, room, width, ceiling < LARGEST or room < LARGEST)
    memset(&work, 0, sizeof(Work))
    try:
        lots = group(&of, fields, field_count, &limits, &work)
        sizes, lot_fees, lot_amo, lot_amc, lot_records = longs(lots), longs(lots), longs(lots), longs(lots), longs(lots)
        total(fees, amo, amc_share, starts, work.member, work.turn, &limits, work.cursors,
              order, sizes, lot_fees, lot_amo, lot_amc, lot_records)
        return order, sizes, lot_fees, lot_amo, lot_amc, lot_records
    finally:
        give_back(&work)


cdef int total(
    const int64_t[::1] fees, const int64_t[::1] amo, const int64_t[::1] amc_share, const int64_t[::1] starts,
    const int32_t *member, const Item *turn, const Limits *limits, Cursor *cursors,
    int64_t[::1] order, int64_t[::1] sizes, int64_t[::1] lot_fees, int64_t[::1] lot_amo, int64_t[::1] lot_amc, int64_t[::1] lot_records,
) except -1:
    with nogil:
        fill(fees, amo, amc_share, starts, member, turn, limits, cursors, order, sizes, lot_fees, lot_amo, lot_amc, lot_records)
    return 0
