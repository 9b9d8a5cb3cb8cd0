# SPDX-License-Identifier: Apache-2.0
"""Pieces of a line of JSON: each takes where it begins and the end of the line, and returns the place after it, NULL for a surprise."""
cimport cython
from libc.stdint cimport uint64_t
from libc.string cimport memcmp

from ext.fields cimport SOUND, Check, Value, clear_cells, is_allowed, take_element, take_number

cdef extern from "ext/scan.h" nogil:
    bint same_key "desmos_same_key"(const char *text, const char *spelt, const char *mask)
    bint same_start "desmos_same_start"(const char *text, const char *other, int size)
    void keep_start "desmos_keep_start"(char *kept, const char *text)
    Py_ssize_t plain_text "desmos_plain_text"(const char *text, Py_ssize_t room)
    Py_ssize_t short_text "desmos_short_text"(const char *text, char *word)
    Py_ssize_t any_text "desmos_any_text"(const char *text, Py_ssize_t room)
    int short_number "desmos_short_number"(const char *text, char *word, uint64_t *number)


cdef enum:
    # The longest value that is remembered, and the worth at which it is not any more.
    REMEMBERED = 32
    WORTHLESS = -16

# A value as it was last written under a key, and what came of it. Most values of a line are those of the line before: to compare a few
# characters is all that it takes to know that they are sound again.
cdef struct Memo:
    char[REMEMBERED] text
    Value value
    # How many characters it has, and how many tell it from others: a number ends where another character stands.
    int size
    int telling
    # Rises when it serves and falls when it does not: what never repeats is soon no longer looked at.
    int worth


cdef inline const char *skip(const char *at, const char *end) noexcept nogil:
    while at < end and (at[0] == 32 or at[0] == 9 or at[0] == 13):
        at += 1
    return at


cdef inline const char *take(const char *at, const char *end, char c) noexcept nogil:
    # The next character that is no space.
    if at < end and at[0] == c:
        return at + 1
    at = skip(at, end)
    return at + 1 if at < end and at[0] == c else NULL


@cython.overflowcheck(False)
cdef inline const char *word_at(const char *at, const char *end, const char *word, Py_ssize_t size) noexcept nogil:
    return at + size if end - at >= size and memcmp(at, word, <size_t>size) == 0 else NULL


@cython.overflowcheck(False)
cdef inline const char *text_at(const char *at, const char *end, Py_ssize_t *size) noexcept nogil:
    # The characters after the quote that comes next, plain ASCII up to their own; NULL for any other text.
    at = take(at, end, 34)
    if at == NULL:
        return NULL
    size[0] = plain_text(at, end - at)
    return at if size[0] >= 0 else NULL


@cython.overflowcheck(False)
cdef inline const char *longer_integer_at(const char *at, const char *end, const Check *check, Value *value) noexcept nogil:
    cdef const char *start = at
    cdef uint64_t number = 0
    while at < end and 48 <= at[0] <= 57:
        number = number * 10 + <uint64_t>(at[0] - 48)
        at += 1
    if at == start or at - start > 18 or (start[0] == 48 and at - start > 1) or at == end:
        return NULL
    if at[0] == 46 or at[0] == 101 or at[0] == 69:
        return NULL
    return at if take_number(check, number, value) == SOUND else NULL


@cython.overflowcheck(False)
cdef inline const char *integer_at(const char *at, const char *end, const Check *check, Value *value) noexcept nogil:
    # Digits and nothing that would make them another number than they say.
    cdef const char *start = at
    cdef uint64_t number = 0
    cdef int size
    if end - at >= 16:
        size = short_number(at, value.word, &number)
        at += size
        if size == 0 or size > 8 or (size > 1 and start[0] == 48) or at[0] == 46 or at[0] == 101 or at[0] == 69:
            return longer_integer_at(start, end, check, value)
        value.text, value.number, value.known = NULL, number, 1
        return at if is_allowed(check, number) else NULL
    return longer_integer_at(start, end, check, value)


@cython.overflowcheck(False)
cdef inline const char *list_at(const char *at, const char *end, const Check *check, char *cells) noexcept nogil:
    cdef Py_ssize_t size
    cdef const char *next
    cdef int index = 0
    clear_cells(cells)
    at = take(at, end, 91)
    if at == NULL:
        return NULL
    next = take(at, end, 93)
    while next == NULL and index < <int>check.high:
        at = text_at(at, end, &size)
        if at == NULL or take_element(check, at, size, cells, index) != SOUND:
            return NULL
        index += 1
        at += size + 1
        next = take(at, end, 93)
        if next == NULL:
            at = take(at, end, 44)
            if at == NULL:
                return NULL
    return next
