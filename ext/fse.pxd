# SPDX-License-Identifier: Apache-2.0
cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t

from ext.claim cimport LINE, Line
from ext.draft cimport RECORDS, Act, Draft
from ext.fields cimport Check
from ext.seen cimport Seen
from ext.sink cimport Sink

cdef enum:
    CHECKS = 24
    # The records of one act, at most.
    ACT_LINES = 4
    # An invoice with more acts goes the general way.
    MOST_ACTS = 64
    TOTALS = 8
    # Up to so many invoices there is nothing to remember from one to the next.
    FEW = 4

# Objects of the invoice in the order in which they are read and in which `classes` are given; an act is of one of two classes.
cdef enum:
    INVOICE, BENEFICIARY, INSURER, REFERRING, COMPLEMENT, HAPPENED, PRESCRIBER, NGAP, CCAM, EXECUTOR, AGREEMENT, THINGS


@cython.final
cdef class Encoder:
    cdef Check[THINGS][CHECKS] checks
    cdef int[THINGS] counts
    cdef Line[RECORDS] lines
    cdef readonly bint wide
    # The most records that a `5` can count.
    cdef readonly uint64_t most
    cdef int totals
    cdef int[8] total_slots
    cdef int[8] total_widths
    cdef uint64_t[8] total_limits
    cdef Py_ssize_t[THINGS] places
    cdef Py_ssize_t[2] executor
    cdef Py_ssize_t[2] agreement
    cdef Py_ssize_t acts
    cdef Py_ssize_t prescriber_rpps
    cdef Py_ssize_t structure
    cdef Py_ssize_t executor_rpps
    cdef PyObject *types[THINGS]
    cdef tuple classes
    cdef object names
    cdef int add_check(self, tuple row) except -1
    cdef int compile(self, tuple programs) except -1
    cdef void forget(self, Draft *d, Act *act, int thing) noexcept nogil
    cdef void put(self, int line, Draft *d, Act *act, Sink sink) noexcept nogil
    cdef void put_head(self, Draft *d, Sink sink) noexcept nogil
    cdef bint put_act(self, Draft *d, Act *act, Sink sink) noexcept nogil
    cdef int close(self, Draft *d) noexcept nogil
    cdef int put_all(self, Draft *d, Act *acts, int count, Sink sink, Seen seen) except -1 nogil
    cdef int read(self, Draft *d, Act *act, PyObject *item, int thing, list kept) except -1
    cdef bint read_object(self, Draft *d, Act *act, PyObject *item, int thing, int slot, list kept) except -1
    cdef int take_act(self, Draft *d, Act *act, PyObject *item, Sink sink, list kept) except -1
    cdef int take_invoice(self, Draft *d, Act *act, PyObject *invoice, Sink sink, Seen seen, list kept) except -1
    cdef int encode_one(self, Draft *d, Act *act, PyObject *invoice, Sink sink, Seen seen, list faults, list kept) except -1
    cdef Py_ssize_t count_records(self, PyObject *invoice) except -1


cdef int enter(Draft *d, int flow, bint strict) noexcept nogil
cdef uint64_t number_word(const Draft *d) noexcept nogil


@cython.overflowcheck(False)
cdef inline Py_ssize_t most_room() noexcept nogil:
    # The bytes of an invoice with the most acts.
    return (3 + ACT_LINES * MOST_ACTS) * LINE
