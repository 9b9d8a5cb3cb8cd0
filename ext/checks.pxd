# SPDX-License-Identifier: Apache-2.0
"""Checks of characters, dates and keys, shared by the kernels of claims: pure C, no Python object, cannot fail."""
from libc.stdint cimport uint64_t
cimport cython


cdef inline bint is_digit(char c) noexcept nogil:
    return 48 <= c <= 57


cdef inline bint all_digits(const char *text, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        if text[i] < 48 or text[i] > 57:
            return False
    return True


@cython.overflowcheck(False)
cdef inline uint64_t digits(const char *text, Py_ssize_t size) noexcept nogil:
    # The caller has seen that they are digits, 19 at most; of anything else the number is wrong, and nothing is raised without the lock.
    cdef uint64_t number = 0
    cdef Py_ssize_t i
    for i in range(size):
        number = number * 10 + <uint64_t>(text[i] - 48)
    return number


@cython.overflowcheck(False)
cdef inline int two(const char *text) noexcept nogil:
    if not is_digit(text[0]) or not is_digit(text[1]):
        return -1
    return (text[0] - 48) * 10 + text[1] - 48


cdef inline bint is_day(int year, int month, int day) noexcept nogil:
    # From 1970 to 2069 every fourth year is a leap year: 2000 was one.
    cdef int last = 31
    if year < 1970 or year > 2069 or month < 1 or month > 12:
        return False
    if month == 2:
        last = 29 if (year & 3) == 0 else 28
    elif month == 4 or month == 6 or month == 9 or month == 11:
        last = 30
    return 1 <= day <= last


@cython.overflowcheck(False)
cdef inline bint is_iso_day(const char *text, Py_ssize_t size) noexcept nogil:
    cdef int century, year
    if size != 10 or text[4] != 45 or text[7] != 45:
        return False
    century, year = two(text), two(text + 2)
    return century >= 0 and year >= 0 and is_day(century * 100 + year, two(text + 5), two(text + 8))


cdef inline bint has_nir_form(const char *text) noexcept nogil:
    # 15 characters: 13 and the key; a Corsican department keeps its letter.
    if not all_digits(text, 5) or not all_digits(text + 7, 8):
        return False
    return all_digits(text + 5, 2) or (text[5] == 50 and (text[6] == 65 or text[6] == 66))


@cython.overflowcheck(False)
cdef inline uint64_t nir_key(const char *text) noexcept nogil:
    # The key of 13 characters that have the form: 2A counts as 19, 2B as 18.
    cdef uint64_t number = digits(text, 5) * 100
    if text[6] == 65:
        number += 19
    elif text[6] == 66:
        number += 18
    else:
        number += digits(text + 5, 2)
    return 97 - (number * 1000000 + digits(text + 7, 6)) % 97


cdef inline bint has_finess_form(const char *text) noexcept nogil:
    if not is_digit(text[0]) or not all_digits(text + 2, 7):
        return False
    return is_digit(text[1]) or (text[0] == 50 and (text[1] == 65 or text[1] == 66))


@cython.overflowcheck(False)
cdef inline bint finess_key_holds(const char *text) noexcept nogil:
    # Luhn over the nine characters, where A counts as 1 and B as 2.
    cdef int total = 0, digit, i
    for i in range(9):
        digit = text[i] - 64 if text[i] >= 65 else text[i] - 48
        if i & 1:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0


cdef inline bint is_tooth(const char *text) noexcept nogil:
    # The two-digit notation of dentists: quadrants 1 to 4 have 8 teeth, 5 to 8 (milk teeth) have 5.
    if 49 <= text[0] <= 52:
        return 49 <= text[1] <= 56
    return 53 <= text[0] <= 56 and 49 <= text[1] <= 53
