# SPDX-License-Identifier: Apache-2.0
"""Lots: stable order by packed key, cut at the maximum, totals, and the laying out of a whole file.

Columns in, columns out, one call for a build. The key is two words: destination and flow 02 AMC number
in the first (30 + 34 bits), rank of the security letter and executor in the second; their numeric order is
the order of the key read as text. Rows are gathered by hash, so only the distinct keys are ever sorted.

Code that runs without the GIL states its bounds itself: overflowcheck raises there without taking the GIL back, which ends
the process, and it does not see `+=` on an element of a view.
"""
from cpython cimport array
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort
from libc.string cimport memcpy
cimport cython

import array

cdef enum:
    DESTINATIONS = 1_000_000_000
    EXECUTORS = 1_000_000_000

cdef int64_t AMC_NUMBERS = 10_000_000_000
cdef int64_t LARGEST = 9_223_372_036_854_775_807
cdef array.array LONGS = array.array("q", [])

cdef struct Group:
    uint64_t place
    uint64_t signer
    int64_t rows
    int32_t index

cdef struct Cursor:
    Py_ssize_t next
    Py_ssize_t lot
    Py_ssize_t left


cdef int by_key(const void *left, const void *right) noexcept nogil:
    cdef const Group *a = <const Group *>left
    cdef const Group *b = <const Group *>right
    if a.place != b.place:
        return -1 if a.place < b.place else 1
    if a.signer != b.signer:
        return -1 if a.signer < b.signer else 1
    return 0


@cython.overflowcheck(False)
cdef inline uint64_t mixed(uint64_t place, uint64_t signer) noexcept nogil:
    # The products wrap on purpose: packed fields differ in few bits, and every bit must move the low ones.
    cdef uint64_t h = place * <uint64_t>0x9E3779B97F4A7C15U
    h = (h ^ (h >> 32) ^ signer) * <uint64_t>0xD6E8FEB86659FD93U
    h = (h ^ (h >> 32)) * <uint64_t>0xD6E8FEB86659FD93U
    return h ^ (h >> 32)


cdef inline int rank(uint8_t letter) noexcept nogil:
    if letter == 68:
        return 0
    if letter == 83:
        return 1
    return 2 if letter == 89 else -1


@cython.overflowcheck(False)
cdef Py_ssize_t gather(
    const int64_t *destination, const uint8_t *flow, const int64_t *amc, const uint8_t *security, const int64_t *executor,
    Py_ssize_t count, bint per_executor, int32_t *slots, uint64_t mask, Group *groups, int32_t *member,
) noexcept nogil:
    # The number of groups, or -(row + 1) of the first row whose key cannot stand.
    cdef Py_ssize_t i, found = 0
    cdef uint64_t place, signer, at
    cdef int32_t g = -1
    cdef int letter
    for i in range(count):
        letter = rank(security[i])
        if letter < 0 or destination[i] < 0 or destination[i] >= DESTINATIONS or (flow[i] != 1 and flow[i] != 2):
            return -(i + 1)
        place = <uint64_t>destination[i] << 34
        if flow[i] == 2:
            if amc[i] <= 0 or amc[i] >= AMC_NUMBERS:
                return -(i + 1)
            place |= <uint64_t>amc[i]
        signer = <uint64_t>letter << 30
        if per_executor:
            if executor[i] < 0 or executor[i] >= EXECUTORS:
                return -(i + 1)
            signer |= <uint64_t>executor[i]
        if g < 0 or groups[g].place != place or groups[g].signer != signer:
            at = mixed(place, signer) & mask
            while True:
                g = slots[at] - 1
                if g < 0:
                    g = <int32_t>found
                    slots[at] = g + 1
                    groups[g].place, groups[g].signer, groups[g].rows, groups[g].index = place, signer, 0, g
                    found += 1
                    break
                if groups[g].place == place and groups[g].signer == signer:
                    break
                at = (at + 1) & mask
        groups[g].rows += 1
        member[i] = g
    return found


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
cdef Py_ssize_t place_groups(Group *groups, Py_ssize_t found, Py_ssize_t maximum, Cursor *cursors) noexcept nogil:
    # Where each group writes its next row and its first lot; returns the number of lots. `maximum` is 1 at least.
    cdef Py_ssize_t i, row = 0, lot = 0
    qsort(groups, <size_t>found, sizeof(Group), by_key)
    for i in range(found):
        cursors[groups[i].index] = Cursor(row, lot, maximum)
        row += groups[i].rows
        lot += (groups[i].rows + maximum - 1) // maximum
    return lot


@cython.overflowcheck(False)
cdef int fill(
    const int64_t[::1] fees, const int64_t[::1] amo, const int64_t[::1] amc_share, const int64_t[::1] starts,
    const int32_t *member, Py_ssize_t count, Py_ssize_t maximum, Py_ssize_t width, Cursor *cursors,
    int64_t[::1] order, int64_t[::1] sizes, int64_t[::1] lot_fees, int64_t[::1] lot_amo, int64_t[::1] lot_amc, int64_t[::1] lot_records,
) except -1 nogil:
    cdef Py_ssize_t i
    cdef Cursor *cursor
    for i in range(count):
        if fees[i] < 0 or amo[i] < 0 or amc_share[i] < 0:
            raise ValueError(i, "amount is negative")
        if starts[i] < 0 or starts[i + 1] <= starts[i] or (starts[i + 1] - starts[i]) % width:
            raise ValueError(i, "records are not whole lines")
        cursor = &cursors[member[i]]
        if cursor.left == 0:
            cursor.lot += 1
            cursor.left = maximum
        cursor.left -= 1
        order[cursor.next] = i
        cursor.next += 1
        sizes[cursor.lot] += 1
        # The offsets rise from zero, so the sum of their steps fits as they do.
        lot_records[cursor.lot] += (starts[i + 1] - starts[i]) // width
        if (
            fees[i] > LARGEST - lot_fees[cursor.lot]
            or amo[i] > LARGEST - lot_amo[cursor.lot]
            or amc_share[i] > LARGEST - lot_amc[cursor.lot]
        ):
            raise OverflowError(i, "sum of the lot is beyond 64 bits")
        lot_fees[cursor.lot] += fees[i]
        lot_amo[cursor.lot] += amo[i]
        lot_amc[cursor.lot] += amc_share[i]
    return 0


def arrange(
    const int64_t[::1] destination not None, const uint8_t[::1] flow not None, const int64_t[::1] amc not None,
    const uint8_t[::1] security not None, const int64_t[::1] executor not None,
    const int64_t[::1] fees not None, const int64_t[::1] amo not None, const int64_t[::1] amc_share not None,
    const int64_t[::1] starts not None, Py_ssize_t width, Py_ssize_t maximum, bint per_executor,
) -> tuple:
    """Order rows by key, keep their input order inside a key, and cut lots of at most `maximum` rows.

    `destination` is regime, caisse and centre as nine digits; `starts` has one more item than the rows: the
    byte offsets of their records, in lines of `width` bytes. Returns arrays `(order, sizes, fees, amo, amc, records)`:
    the row numbers in file order, then one item a lot (records without header and trailer).
    Raises ValueError with args `(row, reason)` for a row that cannot stand, OverflowError for a sum beyond 64 bits.
    """
    cdef Py_ssize_t count = destination.shape[0], found, lots, capacity = 2
    cdef Group *groups = NULL
    cdef int32_t *member = NULL
    cdef int32_t *slots = NULL
    cdef Cursor *cursors = NULL
    same_length(count, (flow.shape[0], amc.shape[0], security.shape[0], executor.shape[0], fees.shape[0], amo.shape[0],
                        amc_share.shape[0], starts.shape[0] - 1))
    if maximum < 1 or width < 1:
        raise ValueError("a lot holds at least one row, a line at least one byte")
    if count > 2_000_000_000:
        raise OverflowError("too many rows for one build")
    order = longs(count)
    # No lot can hold more, and what is added to it below then stays small.
    maximum = min(maximum, max(count, 1))
    if count == 0:
        return order, longs(0), longs(0), longs(0), longs(0), longs(0)
    while capacity < 2 * count:
        capacity *= 2
    try:
        # Pages that no group touches are never mapped, so the worst case costs nothing in the usual one.
        slots = <int32_t *>calloc(<size_t>capacity, sizeof(int32_t))
        groups = <Group *>malloc(<size_t>count * sizeof(Group))
        member = <int32_t *>malloc(<size_t>count * sizeof(int32_t))
        if slots == NULL or groups == NULL or member == NULL:
            raise MemoryError
        with nogil:
            found = gather(&destination[0], &flow[0], &amc[0], &security[0], &executor[0], count, per_executor,
                           slots, <uint64_t>capacity - 1, groups, member)
        if found < 0:
            raise ValueError(-found - 1, "key is out of range")
        cursors = <Cursor *>malloc(<size_t>found * sizeof(Cursor))
        if cursors == NULL:
            raise MemoryError
        with nogil:
            lots = place_groups(groups, found, maximum, cursors)
        sizes, lot_fees, lot_amo, lot_amc, lot_records = longs(lots), longs(lots), longs(lots), longs(lots), longs(lots)
        total(fees, amo, amc_share, starts, member, count, maximum, width, cursors, order, sizes, lot_fees, lot_amo, lot_amc, lot_records)
        return order, sizes, lot_fees, lot_amo, lot_amc, lot_records
    finally:
        free(slots)
        free(groups)
        free(member)
        free(cursors)


cdef int total(
    const int64_t[::1] fees, const int64_t[::1] amo, const int64_t[::1] amc_share, const int64_t[::1] starts,
    const int32_t *member, Py_ssize_t count, Py_ssize_t maximum, Py_ssize_t width, Cursor *cursors,
    int64_t[::1] order, int64_t[::1] sizes, int64_t[::1] lot_fees, int64_t[::1] lot_amo, int64_t[::1] lot_amc, int64_t[::1] lot_records,
) except -1:
    with nogil:
        fill(fees, amo, amc_share, starts, member, count, maximum, width, cursors, order, sizes, lot_fees, lot_amo, lot_amc, lot_records)
    return 0


@cython.overflowcheck(False)
cdef int copy_lots(
    const char *source, Py_ssize_t size, const int64_t[::1] starts, const int64_t[::1] order, const int64_t[::1] sizes,
    const char *heads, const char *tails, Py_ssize_t width, char *out, Py_ssize_t room, int64_t[::1] records,
) except -1 nogil:
    # `room` counts down what is left of the output: a column that lies can never write past it.
    cdef Py_ssize_t lot, row, at = 0, length, i, record = 2
    for lot in range(sizes.shape[0]):
        if room < width or sizes[lot] < 0 or sizes[lot] > order.shape[0] - at:
            raise ValueError("lots and rows disagree")
        memcpy(out, heads + lot * width, <size_t>width)
        out += width
        room -= width
        record += 1
        for i in range(sizes[lot]):
            row = order[at + i]
            if row < 0 or row >= records.shape[0]:
                raise ValueError("order names a row that is not there")
            if starts[row] < 0 or starts[row + 1] < starts[row] or starts[row + 1] > size or starts[row + 1] - starts[row] > room:
                raise ValueError(row, "records lie outside the data")
            length = starts[row + 1] - starts[row]
            if length == 0 or length % width:
                raise ValueError(row, "records are not whole lines")
            if records[row]:
                raise ValueError(row, "row stands twice")
            memcpy(out, source + starts[row], <size_t>length)
            records[row] = record
            record += length // width
            out += length
            room -= length
        at += sizes[lot]
        if room < width:
            raise ValueError("lots and rows disagree")
        memcpy(out, tails + lot * width, <size_t>width)
        out += width
        room -= width
        record += 1
    return 0


def assemble(
    bytes data not None, const int64_t[::1] starts not None, const int64_t[::1] order not None, const int64_t[::1] sizes not None,
    bytes opening not None, bytes heads not None, bytes tails not None, bytes closing not None,
) -> tuple:
    """Lay out a whole file: opening line, then each lot between its head and its tail, then the closing line.

    `opening` gives the width of a line, line end included. Returns the content and, by row, the number from 1 of its first record.
    Raises ValueError or OverflowError for columns that disagree with each other or with `data`; args are `(row, reason)`
    where one row is at fault.
    """
    cdef Py_ssize_t width = len(opening), lots = sizes.shape[0], rows = starts.shape[0] - 1, i
    cdef Py_ssize_t body = 0, length
    if width < 1 or len(closing) != width or len(heads) != lots * width or len(tails) != lots * width or rows != order.shape[0]:
        raise ValueError("heads, tails or rows do not fit the lots")
    for i in range(rows):
        body += starts[i + 1] - starts[i]
    if body < 0 or body > len(data):
        raise ValueError("records lie outside the data")
    length = body + 2 * width * (lots + 1)
    cdef bytes content = PyBytes_FromStringAndSize(NULL, length)
    cdef char *out = PyBytes_AS_STRING(content)
    records = longs(rows)
    cdef int64_t[::1] first = records
    memcpy(out, PyBytes_AS_STRING(opening), <size_t>width)
    cdef const char *source = PyBytes_AS_STRING(data)
    cdef const char *head = PyBytes_AS_STRING(heads)
    cdef const char *tail = PyBytes_AS_STRING(tails)
    cdef Py_ssize_t size = len(data), room = length - 2 * width, spent = 0
    with nogil:
        copy_lots(source, size, starts, order, sizes, head, tail, width, out + width, room, first)
    for i in range(lots):
        spent += sizes[i]
    # Every row once and none twice: the whole of the output has been written.
    if spent != rows:
        raise ValueError("lots and rows disagree")
    memcpy(out + length - width, PyBytes_AS_STRING(closing), <size_t>width)
    return content, records
