# SPDX-License-Identifier: Apache-2.0
"""The key of a lot: 128 bits, packed from columns for some rows at once, field by field in the order of a plan."""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memset
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
    # Where its lowest bit stands, from the end of the two words; what does not fit in the low word enters the high one.
    int shift
    bint straddles

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
cdef inline uint64_t places(const int64_t *values, Py_ssize_t count, uint64_t most, uint64_t unit, uint64_t *out, int shift) noexcept nogil:
    # Adds each value in whole units; not zero when one is not from 0 to `most` - 1.
    cdef Py_ssize_t i
    cdef uint64_t bad = 0
    if unit > 1:
        for i in range(count):
            bad |= <uint64_t>(<uint64_t>values[i] >= most)
            out[i] |= (<uint64_t>values[i] // unit) << shift
    else:
        for i in range(count):
            bad |= <uint64_t>(<uint64_t>values[i] >= most)
            out[i] |= <uint64_t>values[i] << shift
    return bad


@cython.overflowcheck(False)
cdef inline void ranks(
    const int64_t *values, Py_ssize_t count, const int64_t *bounds, int bound_count, uint64_t *out, int shift,
) noexcept nogil:
    # Adds how many bounds each value reaches: fewer than the field can hold, so the sum carries nothing over.
    cdef Py_ssize_t i
    cdef int bound
    for bound in range(bound_count):
        for i in range(count):
            out[i] += <uint64_t>(values[i] >= bounds[bound]) << shift


@cython.overflowcheck(False)
cdef inline uint64_t letters(const uint8_t *security, Py_ssize_t count, uint64_t *out, int shift) noexcept nogil:
    # D, S, Y in the order of the alphabet.
    cdef Py_ssize_t i
    cdef uint64_t bad = 0
    for i in range(count):
        bad |= <uint64_t>(security[i] != 68) & <uint64_t>(security[i] != 83) & <uint64_t>(security[i] != 89)
        out[i] |= (<uint64_t>(security[i] == 83) + 2 * <uint64_t>(security[i] == 89)) << shift
    return bad


@cython.overflowcheck(False)
cdef inline uint64_t flows(const uint8_t *flow, const int64_t *amc, Py_ssize_t count, uint64_t *out, int shift) noexcept nogil:
    # The flow where `amc` is NULL, else the insurer, which is read of a row of flow 02 alone.
    cdef Py_ssize_t i
    cdef uint64_t bad = 0
    if flow[0] == 1 and memcmp(flow, flow + 1, <size_t>count - 1) == 0:
        return 0
    if amc == NULL:
        for i in range(count):
            bad |= <uint64_t>(flow[i] != 1) & <uint64_t>(flow[i] != 2)
            out[i] |= <uint64_t>(flow[i] == 2) << shift
    else:
        for i in range(count):
            if flow[i] == 2:
                bad |= <uint64_t>(amc[i] <= 0) | <uint64_t>(amc[i] >= <int64_t>10_000_000_000)
                out[i] |= <uint64_t>amc[i] << shift
    return bad


cdef inline uint64_t add_field(const Columns *of, int code, Py_ssize_t start, Py_ssize_t count, uint64_t *out, int shift) noexcept nogil:
    # Adds the field of a few rows to their words, which have zeros there; not zero when one cannot stand.
    if code == OF_DESTINATION:
        return places(of.destination + start, count, DESTINATIONS, 1, out, shift)
    if code == OF_CAISSE:
        return places(of.destination + start, count, DESTINATIONS, 10_000, out, shift)
    if code == OF_EXECUTOR:
        return places(of.executor + start, count, EXECUTORS, 1, out, shift)
    if code == OF_SECURITY:
        return letters(of.security + start, count, out, shift)
    if code == OF_FLOW:
        return flows(of.flow + start, NULL, count, out, shift)
    if code == OF_AMC:
        return flows(of.flow + start, of.amc + start, count, out, shift)
    if code == OF_AGE:
        ranks(of.care + start, count, of.care_bounds, of.care_bounds_count, out, shift)
    else:
        ranks(of.fees + start, count, of.fee_bounds, of.fee_bounds_count, out, shift)
    return 0


@cython.overflowcheck(False)
cdef inline uint64_t pack(
    const Columns *of, const Field *fields, int field_count, Py_ssize_t start, Py_ssize_t count, uint64_t *high, uint64_t *low,
) noexcept nogil:
    # The keys of 1 to BLOCK rows; not zero when one cannot stand.
    cdef uint64_t[BLOCK] values
    cdef uint64_t bad = 0
    cdef Py_ssize_t i
    cdef int field, shift
    memset(high, 0, <size_t>count * sizeof(uint64_t))
    memset(low, 0, <size_t>count * sizeof(uint64_t))
    for field in range(field_count):
        shift = fields[field].shift
        if fields[field].straddles:
            memset(values, 0, <size_t>count * sizeof(uint64_t))
            bad |= add_field(of, fields[field].code, start, count, values, 0)
            for i in range(count):
                low[i] |= values[i] << shift
                high[i] |= values[i] >> (64 - shift)
        elif shift >= 64:
            bad |= add_field(of, fields[field].code, start, count, high, shift - 64)
        else:
            bad |= add_field(of, fields[field].code, start, count, low, shift)
    return bad
