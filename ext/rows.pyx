# SPDX-License-Identifier: Apache-2.0
"""A survey of the rows of a file, block after block: the first whose length cannot be that of records of 120 characters."""
cimport cython
from libc.stdint cimport int64_t
from libc.string cimport memcpy

cdef enum:
    # Enough of a row to tell whether 120 characters were written in up to four bytes each.
    HEAD = 481


@cython.final
cdef class Survey:
    """Where the rows of a file stop being records, told block after block."""

    cdef int64_t rows, offset, length, bad, bad_length
    cdef bint filled, settled, wide
    cdef int kept, bad_kept
    cdef char[HEAD] head
    cdef char[HEAD] bad_head

    def __init__(self):
        """Begin with no row."""
        self.rows, self.offset, self.length, self.bad, self.bad_length = 0, 0, 0, -1, 0
        self.filled = self.settled = self.wide = False
        self.kept = self.bad_kept = 0

    def feed(self, const unsigned char[::1] data not None):
        """Look at the next block."""
        if data.shape[0]:
            with nogil:
                self.walk(<const char *>&data[0], data.shape[0])

    @cython.overflowcheck(False)
    cdef void walk(self, const char *data, Py_ssize_t size) noexcept nogil:
        cdef Py_ssize_t at = 0, stop, feed = -1, back = -1
        cdef int more
        while at < size:
            stop = row_end(data, at, size, &feed, &back)
            if not self.filled:
                self.filled = not is_empty(data + at, stop - at)
            if self.kept < HEAD:
                more = <int>min(HEAD - self.kept, stop - at)
                memcpy(&self.head[self.kept], data + at, <size_t>more)
                self.kept += more
            self.length += stop - at
            at = stop + 1
            if stop < size:
                self.end_row()

    @cython.overflowcheck(False)
    @cython.cdivision(True)
    cdef void end_row(self) noexcept nogil:
        cdef bint odd = self.length % WIDTH != 0
        if self.filled:
            self.rows += 1
            # A row that looked wrong was not the last one.
            self.settled = self.bad >= 0
            self.wide |= odd and self.length > WIDTH
            if odd and self.bad < 0:
                self.bad, self.bad_length, self.bad_kept = self.offset, self.length, self.kept
                memcpy(self.bad_head, self.head, <size_t>self.kept)
        self.offset += self.length + 1
        self.length, self.kept, self.filled = 0, 0, False

    def close(self):
        """Return the first wrong row, (offset, length, its first characters, whether any is too long), or None.

        The last row may be short, and an only one may hold all records.
        """
        if self.length:
            self.end_row()
        if self.bad < 0 or not self.settled and (self.rows == 1 or self.bad_length < WIDTH):
            return None
        return self.bad, self.bad_length, self.bad_head[:self.bad_kept], self.wide
