# SPDX-License-Identifier: Apache-2.0
"""What the writer and the reader of binary COPY streams share: kinds, big-endian words, PostgreSQL's calendar from 2000-01-01."""
cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef enum:
    KIND_UUID = 1
    KIND_INT2 = 2
    KIND_INT4 = 3
    KIND_INT8 = 4
    KIND_TEXT = 5
    KIND_BYTEA = 6
    KIND_DATE = 7
    KIND_TIMESTAMPTZ = 8
    KIND_BOOL = 9
    KIND_JSONB = 10
    MAX_COLUMNS = 1600  # PostgreSQL's own limit
    HEADER = 19
    # PostgreSQL takes no longer field.
    LONGEST = 0x3FFFFFFF


cdef inline int width_of(int kind) except -1:
    if kind == KIND_UUID:
        return 16
    if kind == KIND_INT8 or kind == KIND_TIMESTAMPTZ:
        return 8
    if kind == KIND_INT4 or kind == KIND_DATE:
        return 4
    if kind == KIND_INT2:
        return 2
    if kind == KIND_BOOL:
        return 1
    if kind == KIND_TEXT or kind == KIND_BYTEA or kind == KIND_JSONB:
        return 0
    raise ValueError("no such kind of column")


cdef inline bytes kinds_of(object types):
    cdef bytes kinds
    if not isinstance(types, (bytes, tuple)):
        raise TypeError("types must be bytes or a tuple")
    kinds = bytes(types)
    if not 1 <= len(kinds) <= MAX_COLUMNS:
        raise ValueError("there must be 1 to 1600 columns")
    for kind in kinds:
        width_of(kind)
    return kinds


cdef inline void put16(char *out, uint32_t value) noexcept nogil:
    out[0] = <char>(value >> 8)
    out[1] = <char>value


cdef inline void put32(char *out, uint32_t value) noexcept nogil:
    out[0] = <char>(value >> 24)
    out[1] = <char>(value >> 16)
    out[2] = <char>(value >> 8)
    out[3] = <char>value


@cython.overflowcheck(False)
cdef inline uint32_t get16(const unsigned char *source) noexcept nogil:
    return (<uint32_t>source[0] << 8) | source[1]


@cython.overflowcheck(False)
cdef inline uint32_t get32(const unsigned char *source) noexcept nogil:
    return (<uint32_t>source[0] << 24) | (<uint32_t>source[1] << 16) | (<uint32_t>source[2] << 8) | source[3]


@cython.overflowcheck(False)
cdef inline int64_t number_in(const unsigned char *place, int width) noexcept nogil:
    if width == 8:
        return <int64_t>((<uint64_t>get32(place) << 32) | get32(place + 4))
    if width == 4:
        return <int64_t>(<int>get32(place))
    return <int64_t>(<short>get16(place))


# The years begin in March here, so that the leap day ends one. Years 1 to 9999 stay far from the bounds of 64 bits.
@cython.overflowcheck(False)
cdef inline int64_t days_of(int64_t year, int64_t month, int64_t day) noexcept nogil:
    cdef int64_t start = year - 1 if month <= 2 else year
    cdef int64_t past = month + 9 if month <= 2 else month - 3
    return start * 365 + start // 4 - start // 100 + start // 400 + (153 * past + 2) // 5 + day - 730426


@cython.overflowcheck(False)
cdef inline void day_at(int64_t days, int *year, int *month, int *day) noexcept nogil:
    cdef int64_t rest, era, years, past
    days += 730425
    era = days // 146097
    rest = days - era * 146097
    years = (rest - rest // 1460 + rest // 36524 - rest // 146096) // 365
    rest -= 365 * years + years // 4 - years // 100
    past = (5 * rest + 2) // 153
    day[0] = <int>(rest - (153 * past + 2) // 5 + 1)
    month[0] = <int>(past + 3 if past < 10 else past - 9)
    year[0] = <int>(years + era * 400 + (1 if month[0] <= 2 else 0))
