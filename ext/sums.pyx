# SPDX-License-Identifier: Apache-2.0
"""Claims as a whole: numbers used once, lots and their invoices, sums and totals, a whole file in one call.

A fault is `(record, reason, zone)`: zone an index of `ext.claims.ZONES`, -1 for the whole record, or the number of ZONES plus the place
of a byte. A record that is dead says nothing, and a sum that needs it is left out.
"""
import os

from cpython cimport array
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memset
cimport cython

from ext.claims cimport *
from ext.reader cimport *

import array

cdef enum:
    LOTS = 1000
    APART = 70

cdef array.array LONGS = array.array("q", [])

# One way through a file: the lot that is open (opening -1: none), and where each number was first seen.
cdef struct Way:
    int64_t *lots
    int64_t *partners
    const int64_t *firsts
    const int64_t *stops
    bint bare
    Py_ssize_t opening
    bint whole
    bint summed
    int64_t invoices
    int64_t fees
    int64_t amo
    int64_t amc
    int64_t insured
    uint64_t odd
    uint64_t mask
    uint64_t *words
    int64_t *owners
    char[LOTS] used


def sums(
    Claims claims not None, Scan scan not None, const int64_t[::1] firsts not None, const int64_t[::1] stops not None, bint bare,
    Py_ssize_t limit,
):
    """Check lots, sums and numbers of the invoices `firsts` to before `stops`, as `Scan.order` returned them.

    Returns the faults and two columns, by invoice: the record `1` of its lot (-1: none), and the invoice of the same number in the other
    flow (-1: none). A `bare` run has no lots: every invoice is of flow 01.
    """
    cdef Found found
    cdef Way way
    cdef Py_ssize_t units = firsts.shape[0]
    check_units(scan, firsts, stops)
    lots, partners = array.clone(LONGS, units, False), array.clone(LONGS, units, False)
    if units == 0 and bare:
        return [], lots, partners
    open_way(&way, units, bare)
    cdef int64_t[::1] lot_column = lots, partner_column = partners
    if units:
        way.lots, way.partners, way.firsts, way.stops = &lot_column[0], &partner_column[0], &firsts[0], &stops[0]
    try:
        open_found(&found, limit)
        with nogil:
            walk(claims, scan, &way, units, &found)
        faults = close_found(&found)
    finally:
        free(way.words)
        free(way.owners)
    return faults, lots, partners


cdef int open_way(Way *way, Py_ssize_t units, bint bare) except -1:
    cdef uint64_t size = 16
    memset(way, 0, sizeof(Way))
    while size < 2 * <uint64_t>units:
        size *= 2
    # The factor is drawn, so that nobody can choose numbers that collide.
    way.odd, way.mask = int.from_bytes(os.urandom(8), "little") | 1, size - 1
    way.bare, way.opening, way.whole = bare, -1, False
    way.words = <uint64_t *>calloc(<size_t>size, sizeof(uint64_t))
    way.owners = <int64_t *>malloc(<size_t>size * sizeof(int64_t))
    if way.words == NULL or way.owners == NULL:
        free(way.words)
        free(way.owners)
        raise MemoryError
    return 0


@cython.overflowcheck(False)
cdef int walk(Claims claims, Scan scan, Way *way, Py_ssize_t units, Found *found) noexcept nogil:
    cdef Py_ssize_t i = 0, unit = 0
    while i < scan.count:
        if unit < units and i == way.firsts[unit]:
            way.lots[unit], way.partners[unit] = way.opening, -1
            invoice(claims, scan, way, unit, found)
            i = way.stops[unit]
            unit += 1
            continue
        if scan.codes[i] == claims.lot:
            open_lot(claims, scan, way, i, found)
        elif scan.codes[i] == claims.end:
            close_lot(claims, scan, way, i, found)
        else:
            # An invoice that is not whole: what the lot counts and sums is not known.
            way.whole = False
        i += 1
    return 0


@cython.overflowcheck(False)
cdef int open_lot(Claims claims, Scan scan, Way *way, Py_ssize_t record, Found *found) noexcept nogil:
    cdef int64_t number
    way.opening, way.whole, way.summed = record, True, True
    way.invoices, way.fees, way.amo, way.amc, way.insured = 0, 0, 0, 0, 0
    if not scan.dead[record]:
        number = claims.number(scan, record, Z_LOT_NUMBER)
        if 0 <= number < LOTS:
            if way.used[number]:
                note(found, record, DUPLICATE_LOT, Z_LOT_NUMBER)
            way.used[number] = 1
    return 0


@cython.overflowcheck(False)
cdef int close_lot(Claims claims, Scan scan, Way *way, Py_ssize_t record, Found *found) noexcept nogil:
    if way.opening >= 0 and way.whole and not scan.dead[record]:
        differs(claims, scan, record, Z_END_INVOICES, way.invoices, COUNT_MISMATCH, found)
        differs(claims, scan, record, Z_END_RECORDS, record + 1 - way.opening, COUNT_MISMATCH, found)
        if way.summed:
            differs(claims, scan, record, Z_END_FEES, way.fees, BAD_TOTAL, found)
            differs(claims, scan, record, Z_END_AMO, way.amo, BAD_TOTAL, found)
            differs(claims, scan, record, Z_END_AMC, way.amc, BAD_TOTAL, found)
            differs(claims, scan, record, Z_END_INSURED, way.insured, BAD_TOTAL, found)
    way.opening = -1
    return 0


cdef inline int differs(Claims claims, Scan scan, Py_ssize_t record, int zone, int64_t value, Reason reason, Found *found) noexcept nogil:
    if claims.number(scan, record, zone) != value:
        note(found, record, reason, zone)
    return 0


@cython.overflowcheck(False)
cdef int64_t flow_of(Claims claims, Scan scan, bint bare, Py_ssize_t lot) noexcept nogil:
    # 0: a lot whose header could not be read.
    if lot < 0 or scan.dead[lot]:
        return 1 if bare else 0
    return claims.number(scan, lot, Z_LOT_FLOW)


@cython.overflowcheck(False)
cdef int invoice(Claims claims, Scan scan, Way *way, Py_ssize_t unit, Found *found) noexcept nogil:
    cdef Py_ssize_t first = way.firsts[unit], last = way.stops[unit] - 1
    cdef int64_t flow = flow_of(claims, scan, way.bare, way.opening)
    way.invoices += 1
    if way.opening >= 0 and flow and not scan.dead[first]:
        in_lot(claims, scan, first, way.opening, flow, found)
    totals(claims, scan, first, last, flow, found)
    if scan.dead[last]:
        way.summed = False
    else:
        way.fees += claims.number(scan, last, Z_TOTAL_FEES)
        way.amo += claims.number(scan, last, Z_TOTAL_AMO)
        way.amc += claims.number(scan, last, Z_TOTAL_AMC)
        way.insured += claims.number(scan, last, Z_TOTAL_INSURED)
    if flow and not scan.dead[first]:
        once(claims, scan, way, unit, flow, found)
    return 0


cdef int in_lot(Claims claims, Scan scan, Py_ssize_t record, Py_ssize_t lot, int64_t flow, Found *found) noexcept nogil:
    of_lot(claims, scan, record, Z_BILLER, lot, Z_LOT_BILLER, found)
    of_lot(claims, scan, record, Z_REGIME, lot, Z_LOT_REGIME, found)
    of_lot(claims, scan, record, Z_CAISSE, lot, Z_LOT_CAISSE, found)
    of_lot(claims, scan, record, Z_CENTRE, lot, Z_LOT_CENTRE, found)
    if flow == 2:
        if claims.at(scan, record, Z_SPLIT)[0] != APART:
            note(found, record, LOT_MISMATCH, Z_SPLIT)
        of_lot(claims, scan, record, Z_AMC_NUMBER, lot, Z_LOT_AMC, found)
    return 0


cdef int of_lot(Claims claims, Scan scan, Py_ssize_t record, int zone, Py_ssize_t lot, int lot_zone, Found *found) noexcept nogil:
    if memcmp(claims.at(scan, record, zone), claims.at(scan, lot, lot_zone), <size_t>claims.places[zone].width) != 0:
        note(found, record, LOT_MISMATCH, zone)
    return 0


@cython.overflowcheck(False)
cdef int totals(Claims claims, Scan scan, Py_ssize_t first, Py_ssize_t last, int64_t flow, Found *found) noexcept nogil:
    # An amount has 18 digits at most, and a buffer of that many lines would be larger than any memory: no sum leaves 64 bits.
    cdef Py_ssize_t line = first + 2
    cdef int64_t fees = 0, amo = 0, amc = 0, one_fees, one_amo, one_amc
    cdef bint apart = flow == 1 and not scan.dead[first] and claims.at(scan, first, Z_SPLIT)[0] == APART
    cdef bint known = not scan.dead[last]
    cdef Act act
    if known:
        differs(claims, scan, last, Z_LINES, last - first - 2, COUNT_MISMATCH, found)
    while line < last:
        act = claims.act_at(scan, line, last)
        if scan.dead[line]:
            known = False
        else:
            one_fees, one_amo = claims.number(scan, line, Z_FEES), claims.number(scan, line, Z_AMO)
            one_amc = claims.number(scan, line, Z_AMC)
            if apart and one_amc:
                note(found, line, SPLIT_AMOUNT, Z_AMC)
            if one_amo + one_amc > one_fees:
                note(found, line, AMOUNTS, -1)
            fees += one_fees
            amo += one_amo
            amc += one_amc
        line = act.after
    if known:
        differs(claims, scan, last, Z_TOTAL_FEES, fees, BAD_TOTAL, found)
        differs(claims, scan, last, Z_TOTAL_AMO, amo, BAD_TOTAL, found)
        differs(claims, scan, last, Z_TOTAL_INSURED, fees - amo, BAD_TOTAL, found)
        differs(claims, scan, last, Z_TOTAL_AMC, amc, BAD_TOTAL, found)
    return 0


@cython.overflowcheck(False)
cdef int once(Claims claims, Scan scan, Way *way, Py_ssize_t unit, int64_t flow, Found *found) noexcept nogil:
    # A number is used once by a biller in a flow; the same one in the other flow is the same invoice.
    cdef Py_ssize_t first = way.firsts[unit]
    cdef int64_t owner
    cdef uint64_t word = <uint64_t>claims.number(scan, first, Z_BILLER) * 1_000_000_000 + <uint64_t>claims.number(scan, first, Z_NUMBER)
    cdef uint64_t slot = word * way.odd
    slot = (slot ^ (slot >> 32)) & way.mask
    while way.words[slot] and way.words[slot] != word:
        slot = (slot + 1) & way.mask
    if way.words[slot] == 0:
        way.words[slot], way.owners[slot] = word, unit
        return 0
    owner = way.owners[slot]
    if way.partners[owner] >= 0 or flow_of(claims, scan, way.bare, way.lots[owner]) == flow:
        note(found, first, DUPLICATE_NUMBER, Z_NUMBER)
        return 0
    way.partners[owner], way.partners[unit] = unit, owner
    return same(claims, scan, way, owner, unit, found)


@cython.overflowcheck(False)
cdef int same(Claims claims, Scan scan, Way *way, Py_ssize_t owner, Py_ssize_t unit, Found *found) noexcept nogil:
    # One invoice in two flows: only the amounts of the complementary insurer differ.
    cdef Py_ssize_t one = way.firsts[owner], other = way.firsts[unit], last = way.stops[unit] - 1, byte
    if claims.at(scan, way.lots[owner], Z_LOT_SECURITY)[0] != claims.at(scan, way.lots[unit], Z_LOT_SECURITY)[0]:
        note(found, other, LOT_MISMATCH, -1)
    # Both end with their only 5, so one that is shorter shows by its types.
    while other <= last and one < way.stops[owner]:
        if scan.codes[one] != scan.codes[other]:
            note(found, other, LOT_MISMATCH, -1)
            return 0
        if not scan.dead[one] and not scan.dead[other]:
            byte = 0
            while byte < WIDTH and (
                scan.record(one)[byte] == scan.record(other)[byte] or is_amc(claims, scan, way.firsts[unit], last, other, byte)
            ):
                byte += 1
            if byte < WIDTH:
                note(found, other, LOT_MISMATCH, ZONES_END + byte)
        one += 1
        other += 1
    return 0


@cython.overflowcheck(False)
cdef inline bint is_amc(Claims claims, Scan scan, Py_ssize_t first, Py_ssize_t last, Py_ssize_t record, Py_ssize_t byte) noexcept nogil:
    cdef int zone
    if record == last:
        zone = Z_TOTAL_AMC
    elif scan.codes[record] == scan.codes[first + 2]:
        zone = Z_AMC
    else:
        return False
    return claims.places[zone].offset <= byte < claims.places[zone].offset + claims.places[zone].width
