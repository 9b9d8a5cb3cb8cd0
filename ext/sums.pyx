# SPDX-License-Identifier: Apache-2.0
"""Claims as a whole: numbers used once, lots and their invoices, sums and totals, block after block.

A fault is `(record, reason, zone)`: zone an index of `ext.claims.ZONES`, -1 for the whole record, or -2 less the offset of the other claim
of the invoice. A record that is dead says nothing, and a sum that needs it is left out.
"""
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy
cimport cython

from ext.apart cimport *
from ext.claims cimport *
from ext.found cimport *
from ext.reader cimport *
from ext.seen cimport Seen

cdef enum:
    LOTS = 1000
    FLOWS = 2
    AMC_FLOW = 2


@cython.final
cdef class Sums:
    """One way through an input: the lot that is open, and the numbers that were used.

    `apart` are its claims apart, for `ext.wire`.
    """

    cdef readonly Apart apart
    cdef Claims claims
    cdef Seen one
    cdef Seen two
    cdef bint bare
    cdef bint open
    cdef bint whole
    cdef bint summed
    cdef int64_t flow
    cdef int64_t opening
    cdef int64_t invoices
    cdef uint64_t fees
    cdef uint64_t amo
    cdef uint64_t amc
    cdef uint64_t insured
    cdef char[WIDTH] lot
    cdef char[LOTS] used

    def __init__(self, Claims claims not None, bint bare):
        """Take the places of the zones; a `bare` run has no lots: every invoice is of flow 01."""
        self.claims, self.bare, self.flow = claims, bare, 1 if bare else 0
        self.apart, self.one, self.two = Apart(), Seen(), Seen()

    def check(self, Scan scan not None, const int64_t[::1] firsts not None, const int64_t[::1] stops not None, Py_ssize_t limit):
        """Check lots, sums and numbers of a block; return the faults and how many there are.

        `firsts` and `stops` are what `Scan.order` returned. Blocks come in the order of the input.
        """
        cdef Found found
        check_units(scan, firsts, stops)
        open_found(&found, limit)
        try:
            with nogil:
                self.walk(scan, firsts, stops, &found)
        finally:
            faults = close_found(&found)
        return faults

    @cython.overflowcheck(False)
    cdef int walk(self, Scan scan, const int64_t[::1] firsts, const int64_t[::1] stops, Found *found) except -1 nogil:
        cdef Py_ssize_t i = 0, unit = 0, units = firsts.shape[0]
        while i < scan.count:
            if unit < units and i == firsts[unit]:
                self.invoice(scan, i, stops[unit] - 1, found)
                i = stops[unit]
                unit += 1
                continue
            if scan.codes[i] == self.claims.lot:
                self.open_lot(scan, i, found)
            elif scan.codes[i] == self.claims.end:
                self.close_lot(scan, i, found)
            else:
                # An invoice that is not whole: what the lot counts and sums is not known.
                self.whole = False
            i += 1
        return 0

    @cython.overflowcheck(False)
    cdef int open_lot(self, Scan scan, Py_ssize_t record, Found *found) noexcept nogil:
        cdef int64_t number
        self.open, self.opening, self.whole, self.summed = True, scan.records + record, True, True
        self.flow = 1 if self.bare else 0
        self.invoices, self.fees, self.amo, self.amc, self.insured = 0, 0, 0, 0, 0
        if not scan.dead[record]:
            memcpy(self.lot, scan.record(record), WIDTH)
            self.flow = self.claims.number(scan, record, Z_LOT_FLOW)
            number = self.claims.number(scan, record, Z_LOT_NUMBER)
            if 0 <= number < LOTS:
                if self.used[number]:
                    note(found, record, DUPLICATE_LOT, Z_LOT_NUMBER)
                self.used[number] = 1
        return 0

    @cython.overflowcheck(False)
    cdef int close_lot(self, Scan scan, Py_ssize_t record, Found *found) noexcept nogil:
        if self.open and self.whole and not scan.dead[record]:
            self.differs(scan, record, Z_END_INVOICES, <uint64_t>self.invoices, COUNT_MISMATCH, found)
            self.differs(scan, record, Z_END_RECORDS, <uint64_t>(scan.records + record + 1 - self.opening), COUNT_MISMATCH, found)
            if self.summed:
                self.differs(scan, record, Z_END_FEES, self.fees, BAD_TOTAL, found)
                self.differs(scan, record, Z_END_AMO, self.amo, BAD_TOTAL, found)
                self.differs(scan, record, Z_END_AMC, self.amc, BAD_TOTAL, found)
                self.differs(scan, record, Z_END_INSURED, self.insured, BAD_TOTAL, found)
        self.open, self.flow = False, 1 if self.bare else 0
        return 0

    cdef inline int differs(self, Scan scan, Py_ssize_t record, int zone, uint64_t value, Reason reason, Found *found) noexcept nogil:
        if <uint64_t>self.claims.number(scan, record, zone) != value:
            note(found, record, reason, zone)
        return 0

    @cython.overflowcheck(False)
    cdef int invoice(self, Scan scan, Py_ssize_t first, Py_ssize_t last, Found *found) except -1 nogil:
        self.invoices += 1
        if self.open and self.flow and not self.bare and not scan.dead[first]:
            self.in_lot(scan, first, found)
        self.totals(scan, first, last, found)
        if scan.dead[last]:
            self.summed = False
        else:
            self.fees += <uint64_t>self.claims.number(scan, last, Z_TOTAL_FEES)
            self.amo += <uint64_t>self.claims.number(scan, last, Z_TOTAL_AMO)
            self.amc += <uint64_t>self.claims.number(scan, last, Z_TOTAL_AMC)
            self.insured += <uint64_t>self.claims.number(scan, last, Z_TOTAL_INSURED)
        if self.flow and not scan.dead[first]:
            self.once(scan, first, last, found)
        return 0

    cdef int in_lot(self, Scan scan, Py_ssize_t record, Found *found) noexcept nogil:
        self.of_lot(scan, record, Z_BILLER, Z_LOT_BILLER, found)
        self.of_lot(scan, record, Z_REGIME, Z_LOT_REGIME, found)
        self.of_lot(scan, record, Z_CAISSE, Z_LOT_CAISSE, found)
        self.of_lot(scan, record, Z_CENTRE, Z_LOT_CENTRE, found)
        if self.flow == AMC_FLOW:
            if not self.claims.is_apart(scan, record):
                note(found, record, LOT_MISMATCH, Z_SPLIT)
            self.of_lot(scan, record, Z_AMC_NUMBER, Z_LOT_AMC, found)
        return 0

    cdef int of_lot(self, Scan scan, Py_ssize_t record, int zone, int lot_zone, Found *found) noexcept nogil:
        cdef const Place *place = &self.claims.places[zone]
        if memcmp(self.claims.at(scan, record, zone), self.lot + self.claims.places[lot_zone].offset, <size_t>place.width) != 0:
            note(found, record, LOT_MISMATCH, zone)
        return 0

    @cython.overflowcheck(False)
    cdef int totals(self, Scan scan, Py_ssize_t first, Py_ssize_t last, Found *found) noexcept nogil:
        # A zone has 18 digits at most. Whatever a sum is, it is of 64 bits without a sign, where going round is defined.
        cdef Py_ssize_t line = first + 2
        cdef uint64_t fees = 0, amo = 0, amc = 0, one_fees, one_amo, one_amc
        cdef bint apart = self.flow == 1 and not scan.dead[first] and self.claims.is_apart(scan, first)
        cdef bint known = not scan.dead[last]
        cdef Act act
        if known:
            self.differs(scan, last, Z_LINES, <uint64_t>(last - first - 2), COUNT_MISMATCH, found)
        while line < last:
            act = self.claims.act_at(scan, line, last)
            if scan.dead[line]:
                known = False
            else:
                one_fees, one_amo = <uint64_t>self.claims.number(scan, line, Z_FEES), <uint64_t>self.claims.number(scan, line, Z_AMO)
                one_amc = <uint64_t>self.claims.number(scan, line, Z_AMC)
                if apart and one_amc:
                    note(found, line, SPLIT_AMOUNT, Z_AMC)
                if one_amo + one_amc > one_fees:
                    note(found, line, AMOUNTS, -1)
                fees += one_fees
                amo += one_amo
                amc += one_amc
            line = act.after
        if known:
            self.differs(scan, last, Z_TOTAL_FEES, fees, BAD_TOTAL, found)
            self.differs(scan, last, Z_TOTAL_AMO, amo, BAD_TOTAL, found)
            self.differs(scan, last, Z_TOTAL_INSURED, fees - amo, BAD_TOTAL, found)
            self.differs(scan, last, Z_TOTAL_AMC, amc, BAD_TOTAL, found)
        return 0

    @cython.overflowcheck(False)
    cdef int once(self, Scan scan, Py_ssize_t first, Py_ssize_t last, Found *found) except -1 nogil:
        # A number is used once by a biller in a flow; the same one in the other flow is the same invoice.
        cdef uint64_t word = self.claims.word(scan, first)
        cdef bint apart = self.claims.is_apart(scan, first)
        cdef uint64_t *entry
        if not (self.two.add(word) if self.flow == AMC_FLOW else self.one.add(word)):
            note(found, first, DUPLICATE_NUMBER, Z_NUMBER)
            return 0
        if self.bare:
            return 0
        if not (has(self.one, word) if self.flow == AMC_FLOW else has(self.two, word)):
            if apart:
                self.keep(scan, first, last, word)
            return 0
        self.apart.pairs += 1
        entry = self.apart.find(word)
        if entry != NULL:
            return self.same(scan, first, last, entry, found)
        # The one that stands first is not marked as claimed apart, so nothing of it was kept.
        if apart:
            note(found, first, LOT_MISMATCH, Z_SPLIT)
        return 0

    @cython.overflowcheck(False)
    cdef int keep(self, Scan scan, Py_ssize_t first, Py_ssize_t last, uint64_t word) except -1 nogil:
        cdef uint64_t *entry = self.apart.add(word, last + 1 - first)
        cdef Py_ssize_t i
        entry[<int>H_RECORDS], entry[<int>H_OFFSET] = <uint64_t>(last + 1 - first), <uint64_t>(scan.offset + scan.starts[first])
        entry[<int>H_FLOW], entry[<int>H_PAIRED] = <uint64_t>self.flow, 0
        entry[<int>H_SECURITY] = <uint64_t>self.lot[self.claims.places[<int>Z_LOT_SECURITY].offset]
        entry += HEAD
        for i in range(first, last + 1):
            entry[i - first] = self.print_of(scan, first, last, i)
        return 0

    @cython.overflowcheck(False)
    cdef uint64_t print_of(self, Scan scan, Py_ssize_t first, Py_ssize_t last, Py_ssize_t record) noexcept nogil:
        # The type, and all but the amount of the complementary insurer, 0 for a record at fault.
        cdef const Place *amc = NULL
        cdef const char *text = scan.record(record)
        cdef uint64_t found = 0
        cdef Py_ssize_t after = 0
        if scan.dead[record] == 0:
            if record == last:
                amc = &self.claims.places[<int>Z_TOTAL_AMC]
            elif scan.codes[record] == scan.codes[first + 2]:
                amc = &self.claims.places[<int>Z_AMC]
            if amc != NULL:
                found = self.apart.print_of(text, amc.offset, 0)
                after = amc.offset + amc.width
            found = self.apart.print_of(text + after, WIDTH - after, found)
        return (<uint64_t>scan.codes[record] << 56) | (found >> 8)

    @cython.overflowcheck(False)
    cdef int same(self, Scan scan, Py_ssize_t first, Py_ssize_t last, uint64_t *entry, Found *found) noexcept nogil:
        # One invoice in two flows: only the amounts of the complementary insurer differ.
        cdef Py_ssize_t i, count = last + 1 - first
        cdef uint64_t mine, theirs
        if entry[<int>H_SECURITY] != <uint64_t>self.lot[self.claims.places[<int>Z_LOT_SECURITY].offset]:
            note(found, first, LOT_MISMATCH, -1)
        # Both end with their only 5, so one that is shorter shows by its types.
        for i in range(count):
            mine, theirs = self.print_of(scan, first, last, first + i), entry[HEAD + i]
            if mine >> 56 != theirs >> 56:
                note(found, first + i, LOT_MISMATCH, -1)
                return 0
            if mine != theirs and <uint64_t>(mine << 8) and <uint64_t>(theirs << 8):
                note(found, first + i, LOT_MISMATCH, -2 - <int64_t>entry[<int>H_OFFSET])
            # Compared once; from now on the word holds what the invoice is read with.
            entry[HEAD + i] = <uint64_t>self.claims.number(scan, first + i, Z_AMC)
        entry[<int>H_PAIRED] = 1
        return 0


@cython.overflowcheck(False)
cdef inline bint has(Seen seen, uint64_t word) noexcept nogil:
    return (seen.find((word >> 6) + 1).words >> (word & 63)) & 1
