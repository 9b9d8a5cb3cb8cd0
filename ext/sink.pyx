# SPDX-License-Identifier: Apache-2.0
"""Where records go: into the bytes object that a call returns, or into a block of memory that is used again by the next call."""
cimport cython
from cpython cimport array
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.object cimport PyObject
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from ext.members cimport Py_XDECREF, raw_bytes, raw_text, resize_bytes

import array

cdef extern from *:
    """
    /* Make a new bytes object shorter, in the memory that it has. */
    static inline void desmos_cut_bytes(PyObject *item, Py_ssize_t size) {
        Py_SET_SIZE((PyVarObject *)item, size);
        PyBytes_AS_STRING(item)[size] = 0;
    }
    """
    void cut_bytes "desmos_cut_bytes"(PyObject *item, Py_ssize_t size)

cdef array.array LONGS = array.array("q", [])


cdef class Block:
    """Memory for the records of one call after the other: it grows, and is never given back to the system before it is dropped.

    What a call returned stays readable until the next one writes over it. A call that finds the block in use by another thread
    raises RuntimeError.
    """

    def __init__(self, Py_ssize_t size=1 << 18):
        """Take the size to begin with."""
        if size < 1:
            raise ValueError("a block has a size")
        self.memory, self.busy = bytearray(size), False

    def __len__(self):
        return len(self.memory)


@cython.final
@cython.freelist(8)
cdef class Sink:
    """The output of one call: records and, an invoice each, where they start and the sums of their totals."""

    def __cinit__(self, Py_ssize_t size, Py_ssize_t rows, Block block=None):
        if block is not None and block.busy:
            raise RuntimeError("this block is in use by another call")
        self.count, self.at, self.rows = 0, 0, rows
        # Fewer than none: a call for one invoice has no columns.
        if rows >= 0:
            self.make_rows()
        if block is None:
            self.fresh = raw_bytes(NULL, size)
            self.out, self.room = raw_text(self.fresh), size
            return
        if len(block.memory) < size:
            block.memory = bytearray(size)
        block.busy, self.block = True, block
        self.out, self.room = PyByteArray_AS_STRING(block.memory), PyByteArray_GET_SIZE(block.memory)

    cdef int make_rows(self) except -1:
        self.columns_starts, self.columns_fees = array.clone(LONGS, self.rows + 1, False), array.clone(LONGS, self.rows, False)
        self.columns_amo, self.columns_amc = array.clone(LONGS, self.rows, False), array.clone(LONGS, self.rows, False)
        self.take_rows()
        self.starts[0] = 0
        return 0

    def __dealloc__(self):
        Py_XDECREF(self.fresh)
        if self.block is not None:
            self.block.busy = False

    cdef int take_rows(self) except -1:
        self.starts, self.fees = <int64_t *>self.columns_starts.data.as_longlongs, <int64_t *>self.columns_fees.data.as_longlongs
        self.amo, self.amc = <int64_t *>self.columns_amo.data.as_longlongs, <int64_t *>self.columns_amc.data.as_longlongs
        return 0

    cdef int grow(self, Py_ssize_t more) except -1:
        # Room for so many bytes, and as much again as there was.
        cdef Py_ssize_t size = self.room * 2 + more
        cdef bytearray wider
        if self.block is None:
            resize_bytes(&self.fresh, size)
            self.out = raw_text(self.fresh)
        else:
            # The former memory may still be looked at: it is left as it is.
            wider = bytearray(size)
            memcpy(PyByteArray_AS_STRING(wider), self.out, <size_t>self.at)
            self.block.memory = wider
            self.out = PyByteArray_AS_STRING(wider)
        self.room = size
        return 0

    cdef int grow_rows(self) except -1:
        self.fit_rows(self.rows * 2)
        self.rows *= 2
        return self.take_rows()

    cdef int fit_rows(self, Py_ssize_t count) except -1:
        # The columns are made for as many rows as there will be, where that is known.
        if count != self.rows:
            array.resize(self.columns_starts, count + 1)
            array.resize(self.columns_fees, count)
            array.resize(self.columns_amo, count)
            array.resize(self.columns_amc, count)
        return 0

    cdef object close(self):
        # The records; nothing can be added afterwards.
        if self.rows >= 0:
            self.fit_rows(self.count)
        if self.block is not None:
            data = memoryview(self.block.memory)[:self.at]
            self.block.busy, self.block = False, None
            return data
        # Memory that is given back in part is mapped anew the next time, which costs more than to keep a quarter too much, or to copy.
        if self.room - self.at > self.room >> 2:
            return self.out[:self.at]
        cut_bytes(self.fresh, self.at)
        return <object>self.fresh
