# SPDX-License-Identifier: Apache-2.0
"""Claims between their zones: the rules that bind several zones of an invoice, a block of invoices in one call.

Every zone has been checked on its own before; a record whose zones did not pass is dead, and a rule that needs it is left out. A fault
is `(record, reason, zone)`, zone an index of `ext.claims.ZONES`.
"""
from libc.stdint cimport int64_t
from libc.string cimport memcmp
cimport cython

from ext.checks cimport is_day, is_tooth, two
from ext.claims cimport *
from ext.found cimport *
from ext.reader cimport *


def rules(
    Claims claims not None, Scan scan not None, const int64_t[::1] firsts not None, const int64_t[::1] stops not None, Py_ssize_t limit,
):
    """Check the rules between the zones of each invoice; return the faults and how many there are.

    `firsts` and `stops` are what `Scan.order` returned.
    """
    cdef Found found
    cdef Py_ssize_t i
    check_units(scan, firsts, stops)
    open_found(&found, limit)
    with nogil:
        for i in range(firsts.shape[0]):
            invoice(claims, scan, firsts[i], stops[i], &found)
    return close_found(&found)


@cython.overflowcheck(False)
cdef int invoice(Claims claims, Scan scan, Py_ssize_t first, Py_ssize_t stop, Found *found) noexcept nogil:
    cdef Act act, opening
    cdef Py_ssize_t line = first + 2
    if not scan.dead[first]:
        header(claims, scan, first, found)
    if not scan.dead[first + 1]:
        referring(claims, scan, first + 1, found)
    opening = claims.act_at(scan, line, stop - 1)
    while line < stop - 1:
        act = claims.act_at(scan, line, stop - 1)
        of_act(claims, scan, act, found)
        prescriber(claims, scan, act, opening, found)
        line = act.after
    return 0


cdef int header(Claims claims, Scan scan, Py_ssize_t record, Found *found) noexcept nogil:
    cdef const char *amc = claims.at(scan, record, Z_AMC_NUMBER)
    cdef const char *contract = claims.at(scan, record, Z_CONTRACT)
    cdef char flag = claims.at(scan, record, Z_SPLIT)[0]
    cdef bint numbered = amc[0] != BLANK
    cdef bint is_c2s = memcmp(amc, claims.c2s, 10) == 0
    if memcmp(claims.at(scan, record, Z_REGIME), b"01", 2) == 0 and not claims.holds(scan, record, Z_RANK, ZERO):
        note(found, record, BAD_VALUE, Z_RANK)
    accident(claims, scan, record, found)
    if amc[9] == BLANK and memcmp(contract, b"00", 2) != 0:
        note(found, record, BAD_VALUE, Z_CONTRACT)
    if (flag != BLANK and flag != 70) or (flag == 70 and (not numbered or is_c2s)):
        note(found, record, BAD_VALUE, Z_SPLIT)
    if is_c2s and memcmp(contract, claims.c2s_contract, 2) != 0:
        note(found, record, BAD_VALUE, Z_CONTRACT)
    return 0


@cython.overflowcheck(False)
cdef int accident(Claims claims, Scan scan, Py_ssize_t record, Found *found) noexcept nogil:
    cdef const char *text = claims.at(scan, record, Z_ACCIDENT)
    cdef const char *nature = claims.at(scan, record, Z_NATURE)
    cdef bint at_work = memcmp(nature, b"41", 2) == 0
    cdef int year
    if is_filled(text, 9, ZERO):
        if at_work:
            note(found, record, BAD_VALUE, Z_ACCIDENT)
        return 0
    if memcmp(text, b"000", 3) == 0:
        year = two(text + 3)
        if not is_day(year + (1900 if year >= 70 else 2000), two(text + 5), two(text + 7)):
            note(found, record, BAD_DATE, Z_ACCIDENT)
        elif not at_work and memcmp(nature, b"10", 2) != 0 and memcmp(nature, b"13", 2) != 0:
            note(found, record, BAD_VALUE, Z_ACCIDENT)
    elif not at_work:
        # Only an accident at work has a number.
        note(found, record, BAD_VALUE, Z_ACCIDENT)
    return 0


@cython.overflowcheck(False)
cdef int referring(Claims claims, Scan scan, Py_ssize_t record, Found *found) noexcept nogil:
    cdef bint last = not claims.holds(scan, record, Z_LAST_NAME, BLANK)
    cdef bint first = not claims.holds(scan, record, Z_FIRST_NAME, BLANK)
    cdef char pathway = claims.at(scan, record, Z_PATHWAY)[0]
    cdef int zone
    for zone in range(Z_LAST_NAME, Z_FIRST_NAME + 1):
        if has_gap(claims.at(scan, record, zone), claims.places[zone].width):
            note(found, record, BAD_VALUE, zone)
    if not last and first:
        note(found, record, BAD_VALUE, Z_FIRST_NAME)
    if not last and not claims.holds(scan, record, Z_REFERRING_AM, ZERO):
        note(found, record, BAD_VALUE, Z_REFERRING_AM)
    # O and M: the patient was sent by this doctor, or by one who stands in for the treating one.
    if pathway == 79 or pathway == 77:
        if not last:
            note(found, record, MISSING, Z_LAST_NAME)
        if not first:
            note(found, record, MISSING, Z_FIRST_NAME)
    return 0


@cython.overflowcheck(False)
cdef int of_act(Claims claims, Scan scan, Act act, Found *found) noexcept nogil:
    cdef Py_ssize_t s = act.line + 1
    cdef char code
    if not scan.dead[act.line]:
        amounts(claims, scan, act.line, found)
    if not scan.dead[s]:
        code = claims.at(scan, s, Z_AGREEMENT)[0]
        # Code 9 is: not subject to prior agreement, and has no date; any other has one.
        if (code == 57) != claims.holds(scan, s, Z_AGREED_ON, ZERO):
            note(found, s, BAD_VALUE, Z_AGREEMENT)
    if act.e >= 0 and not scan.dead[act.e] and claims.holds(scan, act.e, Z_RPPS, ZERO) \
            and claims.holds(scan, act.e, Z_EXECUTOR_RPPS, ZERO) and claims.holds(scan, act.e, Z_STRUCTURE, BLANK):
        note(found, act.e, BAD_VALUE, Z_RPPS)
    if act.m >= 0 and not scan.dead[act.m]:
        if not scan.dead[act.line] and memcmp(claims.at(scan, act.m, Z_PHASE_DATE), claims.at(scan, act.line, Z_DATE), 6) != 0:
            note(found, act.m, BAD_VALUE, Z_PHASE_DATE)
        filled(claims, scan, act.m, Z_MODIFIER, MODIFIERS, found)
        filled(claims, scan, act.m, Z_TOOTH, TEETH, found)
    return 0


cdef int amounts(Claims claims, Scan scan, Py_ssize_t record, Found *found) noexcept nogil:
    cdef char qualifier = claims.at(scan, record, Z_QUALIFIER)[0]
    cdef char exemption = claims.at(scan, record, Z_EXEMPTION)[0]
    if claims.number(scan, record, Z_RATE) > 100:
        note(found, record, BAD_VALUE, Z_RATE)
    # N and G: nothing is reimbursed.
    if qualifier == 78 or qualifier == 71:
        if not claims.holds(scan, record, Z_RATE, ZERO):
            note(found, record, BAD_VALUE, Z_RATE)
        if not claims.holds(scan, record, Z_AMO, ZERO):
            note(found, record, BAD_VALUE, Z_AMO)
        if exemption != BLANK and exemption != ZERO:
            note(found, record, BAD_VALUE, Z_EXEMPTION)
    return 0


@cython.overflowcheck(False)
cdef int filled(Claims claims, Scan scan, Py_ssize_t record, int zone, int count, Found *found) noexcept nogil:
    cdef int i, gap = -1
    cdef const char *text
    for i in range(zone, zone + count):
        text = claims.at(scan, record, i)
        if is_filled(text, claims.places[i].width, BLANK):
            if gap < 0:
                gap = i
            continue
        if gap >= 0:
            note(found, record, LIST_GAP, gap)
            return 0
        if zone == Z_TOOTH and not is_tooth(text):
            note(found, record, BAD_VALUE, i)
    return 0


cdef bint has_rpps(Claims claims, Scan scan, Act act) noexcept nogil:
    return act.e >= 0 and not claims.holds(scan, act.e, Z_RPPS, ZERO)


@cython.overflowcheck(False)
cdef int prescriber(Claims claims, Scan scan, Act act, Act opening, Found *found) noexcept nogil:
    cdef bint known
    cdef char condition
    if scan.dead[act.line] or scan.dead[act.line + 1] or (act.e >= 0 and scan.dead[act.e]):
        return 0
    known = not claims.holds(scan, act.line, Z_PRESCRIBER, ZERO)
    condition = claims.at(scan, act.line + 1, Z_CONDITION)[0]
    if not known and condition == BLANK:
        no_prescriber(claims, scan, act, found)
    else:
        a_prescriber(claims, scan, act, known, condition, found)
    if scan.dead[opening.line] or scan.dead[opening.line + 1] or (opening.e >= 0 and scan.dead[opening.e]):
        return 0
    return same_prescriber(claims, scan, act, opening, found)


@cython.overflowcheck(False)
cdef int a_prescriber(Claims claims, Scan scan, Act act, bint known, char condition, Found *found) noexcept nogil:
    # Only a salaried one may be known by RPPS alone, and has a specialty.
    if not known and (condition != 83 or not has_rpps(claims, scan, act)):
        note(found, act.line, BAD_VALUE, Z_PRESCRIBER)
    if condition != 83 and not claims.holds(scan, act.line, Z_SPECIALTY, ZERO):
        note(found, act.line, BAD_VALUE, Z_SPECIALTY)
    if condition == BLANK:
        note(found, act.line + 1, BAD_VALUE, Z_CONDITION)
    return 0


cdef int no_prescriber(Claims claims, Scan scan, Act act, Found *found) noexcept nogil:
    if not claims.holds(scan, act.line, Z_SPECIALTY, ZERO):
        note(found, act.line, BAD_VALUE, Z_SPECIALTY)
    if not claims.holds(scan, act.line, Z_ORIGIN, BLANK):
        note(found, act.line, BAD_VALUE, Z_ORIGIN)
    if has_rpps(claims, scan, act):
        note(found, act.e, BAD_VALUE, Z_RPPS)
    if act.e >= 0 and not claims.holds(scan, act.e, Z_STRUCTURE, BLANK):
        note(found, act.e, BAD_VALUE, Z_STRUCTURE)
    return 0


cdef bint differs(Claims claims, Scan scan, Py_ssize_t record, Py_ssize_t other, int zone, char nothing) noexcept nogil:
    # A record that is not there says nothing, as one with an empty zone does.
    if record < 0 and other < 0:
        return False
    if record < 0 or other < 0:
        return not claims.holds(scan, max(record, other), zone, nothing)
    return memcmp(claims.at(scan, record, zone), claims.at(scan, other, zone), <size_t>claims.places[zone].width) != 0


@cython.overflowcheck(False)
cdef int same_prescriber(Claims claims, Scan scan, Act act, Act opening, Found *found) noexcept nogil:
    cdef int zone = -1
    if differs(claims, scan, act.line, opening.line, Z_PRESCRIBER, ZERO):
        zone = Z_PRESCRIBER
    elif differs(claims, scan, act.line, opening.line, Z_ORIGIN, BLANK):
        zone = Z_ORIGIN
    elif differs(claims, scan, act.line, opening.line, Z_SPECIALTY, ZERO):
        zone = Z_SPECIALTY
    elif differs(claims, scan, act.line + 1, opening.line + 1, Z_CONDITION, BLANK) \
            or differs(claims, scan, act.e, opening.e, Z_RPPS, ZERO) or differs(claims, scan, act.e, opening.e, Z_STRUCTURE, BLANK):
        # The fault is of the line: what differs stands in a complement of it.
        zone = Z_PRESCRIBER
    if zone >= 0:
        note(found, act.line, MIXED_PRESCRIBER, zone)
    return 0


@cython.overflowcheck(False)
cdef inline bint has_gap(const char *text, Py_ssize_t size) noexcept nogil:
    # Two spaces in a row with a letter after them.
    cdef Py_ssize_t i
    while size and text[size - 1] == BLANK:
        size -= 1
    for i in range(size - 1):
        if text[i] == BLANK and text[i + 1] == BLANK:
            return True
    return False
