# SPDX-License-Identifier: Apache-2.0
"""Bank lines as JSON, written from Latin-1 text: a buffer that grows, texts, numbers, and the digit runs of a movement."""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy, strlen

cdef enum:
    # The longest text of a movement: two details that are one remittance.
    WIDEST = 140
    # The shortest run of digits that may be a reference.
    SHORTEST_RUN = 5

# What a character is to JSON and to the norm: written as it is, after a backslash, by its number, or as two bytes; blank or not.
cdef enum:
    PLAIN, ESCAPED, NUMBERED, WIDE
    BLANK = 8

cdef struct Out:
    char *data
    Py_ssize_t at
    Py_ssize_t room

# A run of digits, and its place in the table that tells whether it was there before.
cdef struct Run:
    const char *text
    int size
    uint32_t slot

cdef struct Runs:
    Run *found
    int count
    int room
    int32_t *slots
    uint32_t size


cdef inline uint8_t class_of(int code) noexcept nogil:
    # Blanks are those of Unicode in Latin-1.
    cdef uint8_t found = WIDE if code >= 128 else PLAIN
    if code == 34 or code == 92 or code == 8 or code == 9 or code == 10 or code == 12 or code == 13:
        found = ESCAPED
    elif code < 32:
        found = NUMBERED
    if 9 <= code <= 13 or 28 <= code <= 32 or code == 133 or code == 160:
        found |= BLANK
    return found


cdef inline char escape_of(char code) noexcept nogil:
    if code == 8:
        return c"b"
    if code == 9:
        return c"t"
    if code == 10:
        return c"n"
    if code == 12:
        return c"f"
    if code == 13:
        return c"r"
    return code


@cython.overflowcheck(False)
cdef inline int need(Out *out, Py_ssize_t more) except -1 nogil:
    # Room for so many bytes more.
    cdef Py_ssize_t room
    cdef char *data
    if out.room - out.at < more:
        room = out.room * 2 + more
        data = <char *>realloc(out.data, <size_t>room)
        if data == NULL:
            with gil:
                raise MemoryError
        out.data, out.room = data, room
    return 0


@cython.overflowcheck(False)
cdef inline void put(Out *out, const char *text, Py_ssize_t size) noexcept nogil:
    memcpy(out.data + out.at, text, <size_t>size)
    out.at += size


cdef inline void word(Out *out, const char *text) noexcept nogil:
    put(out, text, <Py_ssize_t>strlen(text))


@cython.overflowcheck(False)
cdef inline int put_text(Out *out, const uint8_t *classes, const char *text, Py_ssize_t size) except -1 nogil:
    # A JSON string with its quotes.
    cdef Py_ssize_t place
    cdef uint8_t code, found
    cdef char *to
    need(out, 6 * size + 2)
    to = out.data + out.at
    to[0] = c'"'
    to += 1
    for place in range(size):
        code = <uint8_t>text[place]
        found = classes[code] & 7
        if found == PLAIN:
            to[0] = <char>code
            to += 1
        elif found == WIDE:
            to[0], to[1] = <char>(0xC0 | (code >> 6)), <char>(0x80 | (code & 0x3F))
            to += 2
        elif found == ESCAPED:
            to[0], to[1] = c"\\", escape_of(<char>code)
            to += 2
        else:
            memcpy(to, b"\\u00", 4)
            to[4] = <char>(48 + (code >> 4))
            to[5] = <char>((48 if code & 15 < 10 else 87) + (code & 15))
            to += 6
    to[0] = c'"'
    out.at = to + 1 - out.data
    return 0


@cython.overflowcheck(False)
@cython.cdivision(True)
cdef inline void put_number(Out *out, int64_t number) noexcept nogil:
    # At most 20 characters.
    cdef char[20] digits
    cdef int place = 20
    cdef bint negative = number < 0
    if negative:
        number = -number
    while True:
        place -= 1
        digits[place] = <char>(48 + number % 10)
        number //= 10
        if number == 0:
            break
    if negative:
        place -= 1
        digits[place] = c"-"
    put(out, &digits[place], 20 - place)


@cython.overflowcheck(False)
cdef inline uint32_t hash_of(const char *text, int size) noexcept nogil:
    cdef uint32_t found = 2166136261
    cdef int place
    for place in range(size):
        found = (found ^ <uint8_t>text[place]) * 16777619
    return found


@cython.overflowcheck(False)
cdef inline int trimmed(const uint8_t *classes, const char *text, int size) noexcept nogil:
    # The length without the blanks at the end.
    while size and classes[<uint8_t>text[size - 1]] & BLANK:
        size -= 1
    return size


@cython.overflowcheck(False)
cdef inline int leading(const uint8_t *classes, const char *text, int size) noexcept nogil:
    # How many blanks stand before the text.
    cdef int place = 0
    while place < size and classes[<uint8_t>text[place]] & BLANK:
        place += 1
    return place
