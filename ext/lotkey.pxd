# SPDX-License-Identifier: Apache-2.0
"""The key of a lot: 128 bits, packed from columns for some rows at once, field by field in the order of a plan."""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset
cimport cython

cdef enum:
    DESTINATIONS = 1_000_000_000
    EXECUTORS = 1_000_000_000
    # Rows whose key is made at once: they stay in the nearest cache.
    BLOCK = 1024
    FIELDS = 8

# The fields of a key, as a plan names them.
cdef enum:
    OF_CAISSE
    OF_DESTINATION
    OF_FLOW
    OF_AMC
    OF_SECURITY
    OF_EXECUTOR
    OF_AGE
    OF_AMOUNT

cdef struct Field:
    int code
    # Where its lowest bit stands, from the end of the two words.
    int shift

cdef struct Columns:
    const int64_t *destination
    const uint8_t *flow
    const int64_t *amc
    const uint8_t *security
    const int64_t *executor
    const int64_t *care
    const int64_t *fees
    const int64_t *number
    const int64_t *starts
    const int64_t *care_bounds
    const int64_t *fee_bounds
    int care_bounds_count
    int fee_bounds_count
    Py_ssize_t count


@cython.overflowcheck(False)
@cython.cdivision(True)
cdef inline uint64_t places(const int64_t *values, Py_ssize_t count, int64_t most, int64_t unit, uint64_t *out) noexcept nogil:
    # Not zero when a value is not from 0 to `most` - 1; each is cut to whole units.
    cdef Py_ssize_t i
    cdef uint64_t bad = 0
    for i in range(count):
        bad |= <uint64_t>(values[i] < 0) | <uint64_t>(values[i] >= most)
        out[i] = <uint64_t>values[i]
    if unit > 1 and not bad:
        for i in range(count):
            out[i] //= <uint64_t>unit
    return bad


@cython.overflowcheck(False)
cdef inline void ranks(const int64_t *values, Py_ssize_t count, const int64_t *bounds, int bound_count, uint64_t *out) noexcept nogil:
    # How many bounds each value reaches.
    cdef Py_ssize_t i
    cdef int bound
    memset(out, 0, <size_t>count * sizeof(uint64_t))
    for bound in range(bound_count):
        for i in range(count):
            out[i] += <uint64_t>(values[i] >= bounds[bound])


@cython.overflowcheck(False)
cdef inline uint64_t letters(const Columns *of, int code, Py_ssize_t start, Py_ssize_t count, uint64_t *out) noexcept nogil:
    cdef Py_ssize_t i
    cdef uint64_t bad = 0
    cdef const uint8_t *flow = of.flow + start
    cdef const uint8_t *security = of.security + start
    cdef const int64_t *amc = of.amc + start
    if code == OF_FLOW:
        for i in range(count):
            bad |= <uint64_t>(flow[i] != 1) & <uint64_t>(flow[i] != 2)
            out[i] = <uint64_t>(flow[i] == 2)
    elif code == OF_SECURITY:
        for i in range(count):
            bad |= <uint64_t>(security[i] != 68) & <uint64_t>(security[i] != 83) & <uint64_t>(security[i] != 89)
            out[i] = <uint64_t>(security[i] == 83) + 2 * <uint64_t>(security[i] == 89)
    else:
        for i in range(count):
            # Of a row of flow 01 the number is not read.
            bad |= <uint64_t>(flow[i] == 2) & (<uint64_t>(amc[i] <= 0) | <uint64_t>(amc[i] >= <int64_t>10_000_000_000))
            out[i] = <uint64_t>amc[i] if flow[i] == 2 else 0
    return bad


cdef inline uint64_t field_values(const Columns *of, int code, Py_ssize_t start, Py_ssize_t count, uint64_t *out) noexcept nogil:
    # The field of a few rows as numbers; not zero when one cannot stand.
    if code == OF_DESTINATION:
        return places(of.destination + start, count, DESTINATIONS, 1, out)
    if code == OF_CAISSE:
        return places(of.destination + start, count, DESTINATIONS, 10_000, out)
    if code == OF_EXECUTOR:
        return places(of.executor + start, count, EXECUTORS, 1, out)
    if code == OF_AGE:
        ranks(of.care + start, count, of.care_bounds, of.care_bounds_count, out)
        return 0
    if code == OF_AMOUNT:
        ranks(of.fees + start, count, of.fee_bounds, of.fee_bounds_count, out)
        return 0
    return letters(of, code, start, count, out)


@cython.overflowcheck(False)
cdef inline uint64_t pack(
    const Columns *of, const Field *fields, int field_count, Py_ssize_t start, Py_ssize_t count, uint64_t *high, uint64_t *low,
) noexcept nogil:
    # The keys of up to BLOCK rows; not zero when one cannot stand.
    cdef uint64_t[BLOCK] values
    cdef uint64_t bad = 0
    cdef Py_ssize_t i
    cdef int field, shift
    memset(high, 0, <size_t>count * sizeof(uint64_t))
    memset(low, 0, <size_t>count * sizeof(uint64_t))
    for field in range(field_count):
        bad |= field_values(of, fields[field].code, start, count, values)
        shift = fields[field].shift
        if shift >= 64:
            for i in range(count):
                high[i] |= values[i] << (shift - 64)
        else:
            for i in range(count):
                low[i] |= values[i] << shift
            if shift > 30:
                # The widest field has 34 bits: what leaves the low word on the left enters the high one.
                for i in range(count):
                    high[i] |= values[i] >> (64 - shift)
    return bad
