# SPDX-License-Identifier: Apache-2.0
"""Rows of binary COPY streams one by one: read where they lie, written field by field into memory that is known to suffice."""
cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, strlen

from ext.pgwire cimport get16, get32, put16, put32

cdef extern from *:
    """
    #define DESMOS_ABSENT 0xFFFFFFFFu
    """
    # The size of a field that is NULL.
    uint32_t ABSENT "DESMOS_ABSENT"

cdef enum:
    # What stands at a place of a stream.
    PART = 0
    WHOLE = 1
    END = 2
    BROKEN = -1

cdef struct Field:
    const char *at
    Py_ssize_t size       # -1 for NULL


@cython.overflowcheck(False)
cdef inline int row_at(const char *data, Py_ssize_t size, Py_ssize_t *at, Field *fields, int count) noexcept nogil:
    # `at` goes on after a whole row or the end, and stays where the row is not all there yet.
    cdef Py_ssize_t place = at[0]
    cdef uint32_t length
    cdef int i
    if size - place < 2:
        return PART
    length = get16(<const unsigned char *>data + place)
    place += 2
    if length == 0xFFFF:
        at[0] = place
        return END
    if length != <uint32_t>count:
        return BROKEN
    for i in range(count):
        if size - place < 4:
            return PART
        length = get32(<const unsigned char *>data + place)
        place += 4
        fields[i].at = data + place
        if length == ABSENT:
            fields[i].size = -1
            continue
        if <Py_ssize_t>length > size - place:
            return PART
        fields[i].size = <Py_ssize_t>length
        place += <Py_ssize_t>length
    at[0] = place
    return WHOLE


cdef inline bint is_word(const Field *field, const char *word) noexcept nogil:
    cdef Py_ssize_t i, size = <Py_ssize_t>strlen(word)
    if field.size != size:
        return False
    for i in range(size):
        if field.at[i] != word[i]:
            return False
    return True


# --- written: each takes where it writes and gives the place after it


@cython.overflowcheck(False)
cdef inline char *raw(char *out, const void *source, Py_ssize_t size) noexcept nogil:
    memcpy(out, source, <size_t>size)
    return out + size


cdef inline char *word(char *out, const char *text) noexcept nogil:
    return raw(out, text, <Py_ssize_t>strlen(text))


@cython.overflowcheck(False)
@cython.cdivision(True)
cdef inline char *decimal(char *out, int64_t number) noexcept nogil:
    cdef char[20] digits
    cdef int count = 0
    cdef uint64_t rest = <uint64_t>number
    if number < 0:
        out[0] = 45
        out += 1
        rest = 0 - rest
    while True:
        digits[count] = <char>(48 + rest % 10)
        count += 1
        rest //= 10
        if rest == 0:
            break
    while count:
        count -= 1
        out[0] = digits[count]
        out += 1
    return out


cdef inline char *row(char *out, int fields) noexcept nogil:
    put16(out, <uint32_t>fields)
    return out + 2


@cython.overflowcheck(False)
cdef inline void close(char *start, char *out) noexcept nogil:
    # The size of a field goes into the four bytes before it.
    put32(start, <uint32_t>(out - start - 4))


cdef inline char *bytes_field(char *out, const void *source, Py_ssize_t size) noexcept nogil:
    put32(out, <uint32_t>size)
    return raw(out + 4, source, size)


cdef inline char *word_field(char *out, const char *text) noexcept nogil:
    return bytes_field(out, text, <Py_ssize_t>strlen(text))


cdef inline char *null_field(char *out) noexcept nogil:
    put32(out, ABSENT)
    return out + 4


@cython.overflowcheck(False)
cdef inline char *int8_field(char *out, int64_t number) noexcept nogil:
    put32(out, 8)
    put32(out + 4, <uint32_t>(<uint64_t>number >> 32))
    put32(out + 8, <uint32_t>(<uint64_t>number))
    return out + 12


cdef inline char *int4_field(char *out, int number) noexcept nogil:
    put32(out, 4)
    put32(out + 4, <uint32_t>number)
    return out + 8


cdef inline char *int2_field(char *out, int number) noexcept nogil:
    put32(out, 2)
    put16(out + 4, <uint32_t>number)
    return out + 6
