# SPDX-License-Identifier: Apache-2.0
"""The laying out of a whole file of lots: each row copied once, into a place whose size was known before.

Code that runs without the GIL states its bounds itself: overflowcheck raises there without taking the GIL back, which ends
the process.
"""
from cpython cimport array
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy
cimport cython

import array

cdef array.array LONGS = array.array("q", [])


@cython.overflowcheck(False)
cdef int copy_lots(
    const uint8_t *source, Py_ssize_t size, const int64_t[::1] starts, const int64_t[::1] order, const int64_t[::1] sizes,
    const char *heads, const char *tails, Py_ssize_t width, char *out, Py_ssize_t room, int64_t[::1] records, uint8_t[::1] taken,
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
            if row < 0 or row >= taken.shape[0]:
                raise ValueError("order names a row that is not there")
            if starts[row] < 0 or starts[row + 1] < starts[row] or starts[row + 1] > size or starts[row + 1] - starts[row] > room:
                raise ValueError(row, "records lie outside the data")
            length = starts[row + 1] - starts[row]
            if length == 0 or length % width:
                raise ValueError(row, "records are not whole lines")
            if taken[row]:
                raise ValueError(row, "row stands twice")
            taken[row] = 1
            memcpy(out, source + starts[row], <size_t>length)
            records[at + i] = record
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
    # Every row of the order once and none twice: the whole of the output has been written.
    if at != order.shape[0] or room:
        raise ValueError("lots and rows disagree")
    return 0


cdef Py_ssize_t body_size(const int64_t[::1] starts, const int64_t[::1] order, Py_ssize_t size) except -1:
    # Wraps at no lie: each step is checked against the data before it is added.
    cdef Py_ssize_t i, row, rows = starts.shape[0] - 1, body = 0
    for i in range(order.shape[0]):
        row = order[i]
        if row < 0 or row >= rows:
            raise ValueError("order names a row that is not there")
        if starts[row] < 0 or starts[row + 1] < starts[row] or starts[row + 1] > size:
            raise ValueError(row, "records lie outside the data")
        body += starts[row + 1] - starts[row]
        if body > size:
            raise ValueError(row, "row stands twice")
    return body


def assemble(
    const uint8_t[::1] data not None, const int64_t[::1] starts not None, const int64_t[::1] order not None,
    const int64_t[::1] sizes not None, bytes opening not None, bytes heads not None, bytes tails not None, bytes closing not None,
    uint8_t[::1] taken not None,
) -> tuple:
    """Lay out a whole file: opening line, then each lot between its head and its tail, then the closing line.

    `order` holds the rows of this file, of those that `starts` places in `data`; `taken` has a byte a row, not zero for those that stand
    in a file already, and is marked. `opening` gives the width of a line, line end included. Returns the content and, by place in `order`,
    the number from 1 of each one's first record. Raises ValueError or OverflowError for columns that disagree with each other or with
    `data`; args are `(row, reason)` where one row is at fault.
    """
    cdef Py_ssize_t width = len(opening), lots = sizes.shape[0], size = data.shape[0]
    if width < 1 or len(closing) != width or len(heads) != lots * width or len(tails) != lots * width:
        raise ValueError("heads and tails do not fit the lots")
    if taken.shape[0] != starts.shape[0] - 1:
        raise ValueError("columns differ in length")
    cdef Py_ssize_t body = body_size(starts, order, size)
    cdef Py_ssize_t length = body + 2 * width * (lots + 1)
    cdef bytes content = PyBytes_FromStringAndSize(NULL, length)
    cdef char *out = PyBytes_AS_STRING(content)
    # An empty array has no address, and none may be handed to memset, not even to clear nothing.
    records = array.clone(LONGS, order.shape[0], zero=order.shape[0] > 0)
    cdef int64_t[::1] first = records
    memcpy(out, PyBytes_AS_STRING(opening), <size_t>width)
    cdef const uint8_t *source = NULL
    if size:
        source = &data[0]
    cdef const char *head = PyBytes_AS_STRING(heads)
    cdef const char *tail = PyBytes_AS_STRING(tails)
    with nogil:
        copy_lots(source, size, starts, order, sizes, head, tail, width, out + width, length - 2 * width, first, taken)
    memcpy(out + length - width, PyBytes_AS_STRING(closing), <size_t>width)
    return content, records
