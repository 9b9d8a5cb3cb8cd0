# SPDX-License-Identifier: Apache-2.0
"""Checks of one value of a claim against its field: pure C, each answers with a reason, SOUND when it may be written."""
cimport cython
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy

from ext.checks cimport all_digits, digits, finess_key_holds, has_finess_form, has_nir_form, is_digit, is_iso_day, is_tooth, nir_key
from ext.lines cimport Value

cdef enum:
    CODES = 64

# What a check does with a value; the rows of checks name them. The lists come last.
cdef enum:
    INTEGER, CODE, FIXED, FIXED_OR_BLANK, NOT_ZERO, DAY, BIRTH, NIR, BILLER, FINESS, AMC, NAME, FLAG, ACCIDENT, MODIFIER_LIST, TOOTH_LIST

cdef enum:
    SOUND, MISSING, TOO_WIDE, BAD_CHAR, BAD_NUMERIC, BAD_DATE, BAD_VALUE, BAD_NIR, NIR_KEY, FINESS_KEY, AMOUNTS, DUPLICATE

cdef struct Check:
    Py_ssize_t place
    Py_ssize_t width
    uint64_t low
    uint64_t high
    uint64_t limit
    int slot
    int kind
    bint nullable
    bint required
    int codes
    uint64_t[CODES] code


cdef inline uint64_t packed(const char *text, Py_ssize_t size) noexcept nogil:
    # Up to 7 characters and, in the last byte, how many: a text of NUL is not the empty one.
    cdef uint64_t word = 0
    memcpy(&word, text, <size_t>size)
    (<char *>&word)[7] = <char>size
    return word


cdef inline bint listed(const Check *check, uint64_t word) noexcept nogil:
    cdef int i
    for i in range(check.codes):
        if check.code[i] == word:
            return True
    return False


@cython.overflowcheck(False)
cdef inline int check_code(const Check *check, const char *text, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    if size > check.width:
        return TOO_WIDE
    if check.codes:
        if size == 0 and check.required:
            return MISSING
        return SOUND if size < 8 and listed(check, packed(text, size)) else BAD_VALUE
    for i in range(size):
        if not (is_digit(text[i]) or 65 <= text[i] <= 90 or text[i] == 32):
            return BAD_CHAR
    if size == 0:
        return MISSING if check.required else SOUND
    # A space at an end would be lost among those that fill the field.
    return BAD_VALUE if text[0] == 32 or text[size - 1] == 32 else SOUND


cdef inline int check_fixed(const Check *check, const char *text, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    if size == 0 and check.kind == FIXED_OR_BLANK:
        return SOUND
    if size != check.width:
        return BAD_VALUE
    if not all_digits(text, size):
        return BAD_NUMERIC
    if check.kind == NOT_ZERO:
        for i in range(size):
            if text[i] != 48:
                return SOUND
        return BAD_VALUE
    return SOUND if check.codes == 0 or (size < 8 and listed(check, packed(text, size))) else BAD_VALUE


cdef inline int check_nir(const char *text, Py_ssize_t size) noexcept nogil:
    if size != 15 or not has_nir_form(text):
        return BAD_NIR
    return SOUND if nir_key(text) == digits(text + 13, 2) else NIR_KEY


cdef inline int check_finess(const char *text, Py_ssize_t size, bint biller) noexcept nogil:
    if size != 9 or not has_finess_form(text):
        return BAD_VALUE
    if biller and text[1] >= 65 and (text[2] != 48 or text[3] != 48):
        return BAD_VALUE
    # 2001 and 2002 are how the records spell 2A00 and 2B00.
    if biller and memcmp(text, b"200", 3) == 0 and (text[3] == 49 or text[3] == 50):
        return BAD_VALUE
    return SOUND if finess_key_holds(text) else FINESS_KEY


cdef inline int check_birth(const char *text, Py_ssize_t size) noexcept nogil:
    if size != 8 or not all_digits(text, 8):
        return BAD_DATE
    if digits(text + 2, 6) == 0:
        return BAD_DATE
    return SOUND if 18 <= digits(text, 2) <= 20 else BAD_DATE


cdef inline int check_amc(Value *value) noexcept nogil:
    if value.size == 1 and value.text[0] == 77:
        return SOUND
    if value.size > 10:
        return TOO_WIDE
    if not all_digits(value.text, value.size):
        return BAD_VALUE
    value.number = digits(value.text, value.size)
    return SOUND if value.number else BAD_VALUE


cdef inline int check_accident_kind(Value *value) noexcept nogil:
    # A number by which the rules tell the kinds apart: 1 work, 2 third party.
    if value.size == 4 and memcmp(value.text, b"work", 4) == 0:
        value.number = 1
    elif value.size == 11 and memcmp(value.text, b"third_party", 11) == 0:
        value.number = 2
    else:
        return BAD_VALUE
    return SOUND


cdef inline int check_number(const Check *check, uint64_t number) noexcept nogil:
    if number > check.limit:
        return TOO_WIDE
    if number < check.low or number > check.high:
        return BAD_VALUE
    return SOUND if check.codes == 0 or listed(check, number) else BAD_VALUE


cdef inline int check_text(const Check *check, Value *value) noexcept nogil:
    cdef int kind = check.kind
    if kind == CODE:
        return check_code(check, value.text, value.size)
    if kind == FIXED or kind == FIXED_OR_BLANK or kind == NOT_ZERO:
        return check_fixed(check, value.text, value.size)
    if kind == DAY:
        return SOUND if is_iso_day(value.text, value.size) else BAD_DATE
    if kind == NIR:
        return check_nir(value.text, value.size)
    if kind == BILLER or kind == FINESS:
        return check_finess(value.text, value.size, kind == BILLER)
    if kind == BIRTH:
        return check_birth(value.text, value.size)
    if kind == AMC:
        return check_amc(value)
    return check_accident_kind(value)


cdef inline int check_element(const Check *check, const Value *value) noexcept nogil:
    # A blank element would read as the end of its list.
    if check.kind == TOOTH_LIST:
        return SOUND if value.size == 2 and is_tooth(value.text) else BAD_VALUE
    return BAD_VALUE if value.size == 0 else check_code(check, value.text, value.size)


cdef inline bint is_written_so(const Value *value) noexcept nogil:
    # True for a name that transliteration leaves as it is: the common case, and it calls nothing.
    cdef Py_ssize_t i
    cdef bint gap = True
    for i in range(value.size):
        if value.text[i] == 32:
            if gap:
                return False
            gap = True
        elif is_digit(value.text[i]) or 65 <= value.text[i] <= 90:
            gap = False
        else:
            return False
    return value.size == 0 or not gap


cdef inline int check_name(const Check *check, const Value *value) noexcept nogil:
    if value.size == 0 and check.required:
        return MISSING
    return TOO_WIDE if value.size > check.width else SOUND
