# SPDX-License-Identifier: Apache-2.0
"""What the kernels of claims share: the zones that bind each other, where a profile puts them, and the records of one act."""
from libc.stdint cimport int64_t, uint8_t, uint64_t
cimport cython

from ext.checks cimport digits
from ext.reader cimport Scan, is_filled

cdef enum:
    MODIFIERS = 4
    TEETH = 16
    ZERO = 48
    BLANK = 32
    APART = 70

cdef enum Zone:
    Z_BILLER, Z_RANK, Z_REGIME, Z_CAISSE, Z_CENTRE, Z_NUMBER, Z_NATURE, Z_ACCIDENT, Z_SPLIT, Z_CONTRACT, Z_AMC_NUMBER, \
        Z_LAST_NAME, Z_FIRST_NAME, Z_REFERRING_AM, Z_PATHWAY, \
        Z_PRESCRIBER, Z_ORIGIN, Z_SPECIALTY, Z_EXEMPTION, Z_DATE, Z_RATE, Z_AMO, Z_FEES, Z_QUALIFIER, Z_AMC, \
        Z_CONDITION, Z_AGREED_ON, Z_AGREEMENT, Z_RPPS, Z_STRUCTURE, Z_EXECUTOR_RPPS, Z_PHASE_DATE, \
        Z_LINES, Z_TOTAL_FEES, Z_TOTAL_AMO, Z_TOTAL_INSURED, Z_TOTAL_AMC, \
        Z_LOT_BILLER, Z_LOT_NUMBER, Z_LOT_REGIME, Z_LOT_CAISSE, Z_LOT_CENTRE, Z_LOT_FLOW, Z_LOT_SECURITY, Z_LOT_AMC, \
        Z_END_INVOICES, Z_END_RECORDS, Z_END_FEES, Z_END_AMO, Z_END_AMC, Z_END_INSURED, \
        Z_MODIFIER = 51, Z_TOOTH = 55, ZONES_END = 71

cdef struct Place:
    Py_ssize_t offset
    Py_ssize_t width

# The records of one act; e and m are -1 when there is none.
cdef struct Act:
    Py_ssize_t line
    Py_ssize_t e
    Py_ssize_t m
    Py_ssize_t after


@cython.final
cdef class Claims:
    cdef Place[ZONES_END] places
    cdef uint8_t lot
    cdef uint8_t end
    cdef uint8_t e
    cdef uint8_t m
    cdef char[10] c2s
    cdef char[2] c2s_contract

    cdef inline const char *at(self, Scan scan, Py_ssize_t record, int zone) noexcept nogil:
        return scan.record(record) + self.places[zone].offset

    cdef inline bint holds(self, Scan scan, Py_ssize_t record, int zone, char filling) noexcept nogil:
        return is_filled(self.at(scan, record, zone), self.places[zone].width, filling)

    @cython.overflowcheck(False)
    cdef inline int64_t number(self, Scan scan, Py_ssize_t record, int zone) noexcept nogil:
        return <int64_t>digits(self.at(scan, record, zone), self.places[zone].width)

    cdef inline bint is_apart(self, Scan scan, Py_ssize_t header) noexcept nogil:
        return self.at(scan, header, Z_SPLIT)[0] == APART

    @cython.overflowcheck(False)
    cdef inline uint64_t word(self, Scan scan, Py_ssize_t header) noexcept nogil:
        # The biller and the number, below 2^60.
        return <uint64_t>self.number(scan, header, Z_BILLER) * 1_000_000_000 + <uint64_t>self.number(scan, header, Z_NUMBER)

    @cython.overflowcheck(False)
    cdef inline Act act_at(self, Scan scan, Py_ssize_t line, Py_ssize_t last) noexcept nogil:
        # The order has been checked: 4, 4S, then 4E and 4M where they are, up to the 5, which is the record `last`.
        cdef Act act
        act.line, act.e, act.m, act.after = line, -1, -1, line + 2
        if act.after < last and scan.codes[act.after] == self.e:
            act.e = act.after
            act.after += 1
        if act.after < last and scan.codes[act.after] == self.m:
            act.m = act.after
            act.after += 1
        return act


cdef bint is_unit(Scan scan, int64_t first, int64_t stop) noexcept nogil
cdef int check_units(Scan scan, const int64_t[::1] firsts, const int64_t[::1] stops) except -1
