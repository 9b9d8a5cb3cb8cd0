# SPDX-License-Identifier: Apache-2.0
"""Rows of a file of records: where they end, and whether anything stands in them."""
cimport cython
from libc.string cimport memchr

cdef enum:
    # Of a record.
    WIDTH = 120


cdef inline bint is_empty(const char *text, Py_ssize_t size) noexcept nogil:
    # Nothing but the blanks of ASCII, as between records.
    cdef Py_ssize_t place
    for place in range(size):
        if text[place] != 32 and not 9 <= text[place] <= 13:
            return False
    return True


@cython.overflowcheck(False)
cdef inline Py_ssize_t row_end(const char *data, Py_ssize_t at, Py_ssize_t size, Py_ssize_t *feed, Py_ssize_t *back) noexcept nogil:
    # Where the row ends; the next LF and CR are looked for again only behind the last.
    cdef const char *found
    if feed[0] < at:
        found = <const char *>memchr(data + at, 10, <size_t>(size - at))
        feed[0] = size if found == NULL else found - data
    if back[0] < at:
        found = <const char *>memchr(data + at, 13, <size_t>(size - at))
        back[0] = size if found == NULL else found - data
    return min(feed[0], back[0])
