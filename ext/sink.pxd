# SPDX-License-Identifier: Apache-2.0
cimport cython
from cpython cimport array
from cpython.object cimport PyObject
from libc.stdint cimport int64_t


@cython.final
cdef class Sink:
    cdef char *out
    cdef Py_ssize_t at
    cdef Py_ssize_t room
    cdef int64_t *starts
    cdef int64_t *fees
    cdef int64_t *amo
    cdef int64_t *amc
    cdef Py_ssize_t count
    cdef Py_ssize_t rows
    cdef PyObject *fresh
    cdef Block block
    cdef array.array columns_starts, columns_fees, columns_amo, columns_amc
    cdef int grow(self, Py_ssize_t more) except -1
    cdef int make_rows(self) except -1
    cdef int grow_rows(self) except -1
    cdef int take_rows(self) except -1
    cdef int fit_rows(self, Py_ssize_t count) except -1
    cdef object close(self)

    cdef inline void open_row(self) noexcept nogil:
        self.starts[self.count] = self.at

    @cython.overflowcheck(False)
    cdef inline void close_row(self, int64_t fees, int64_t amo, int64_t amc) noexcept nogil:
        self.fees[self.count], self.amo[self.count], self.amc[self.count] = fees, amo, amc
        self.count += 1
        self.starts[self.count] = self.at


cdef class Block:
    cdef bytearray memory
    cdef bint busy
