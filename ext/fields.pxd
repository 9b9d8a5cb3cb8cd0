# SPDX-License-Identifier: Apache-2.0
"""Checks of one value of a claim against its field: pure C, each answers with a reason, SOUND when it may be written."""
cimport cython
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcmp, memset

from ext.checks cimport has_finess_form, has_nir_form, is_day, is_digit, is_tooth, nir_key
from ext.claim cimport Value, day_of, digits_of, eight, finess_key_is_right, load_word, not_digits, not_plain, shorten_day, spell_number
from ext.slots cimport CELLS

cdef enum:
    CODES = 64
    SHORT = 16

# What a check does with a value; the rows of checks name them. The lists come last.
cdef enum:
    INTEGER, CODE, FIXED, FIXED_OR_BLANK, NOT_ZERO, DAY, BIRTH, NIR, BILLER, FINESS, AMC, NAME, FLAG, ACCIDENT, MODIFIER_LIST, TOOTH_LIST

cdef enum:
    SOUND, MISSING, TOO_WIDE, BAD_CHAR, BAD_NUMERIC, BAD_DATE, BAD_VALUE, BAD_NIR, NIR_KEY, FINESS_KEY, AMOUNTS, DUPLICATE

cdef struct Check:
    Py_ssize_t place
    int32_t width
    int32_t slot
    int kind
    bint nullable
    bint required
    int codes
    uint64_t low
    uint64_t high
    uint64_t limit
    # Which code has each place: the factor was chosen so that no two codes share one.
    uint64_t factor
    uint8_t[256] hashed
    uint64_t[CODES] code


@cython.overflowcheck(False)
cdef inline uint64_t packed(const char *word, int size) noexcept nogil:
    # Up to 7 characters and, in the last byte, how many: a text that ends with a space is not the one without.
    return (eight(word) & <uint64_t>0x00FFFFFFFFFFFFFF) | <uint64_t>size << 56


@cython.overflowcheck(False)
cdef inline bint listed(const Check *check, uint64_t word) noexcept nogil:
    return check.code[check.hashed[word * check.factor >> 56]] == word


@cython.overflowcheck(False)
cdef inline int check_code(const Check *check, const Value *value) noexcept nogil:
    cdef int i, size = value.size
    if size > check.width:
        return TOO_WIDE
    if check.codes:
        if size == 0 and check.required:
            return MISSING
        return SOUND if size < 8 and listed(check, packed(value.word, size)) else BAD_VALUE
    if size <= SHORT:
        if not_plain(value.word, <unsigned int>size):
            return BAD_CHAR
    else:
        for i in range(size):
            if not (is_digit(value.text[i]) or 65 <= value.text[i] <= 90 or value.text[i] == 32):
                return BAD_CHAR
    if size == 0:
        return MISSING if check.required else SOUND
    # A space at an end would be lost among those that fill the field.
    return BAD_VALUE if value.text[0] == 32 or value.text[size - 1] == 32 else SOUND


cdef inline int check_fixed(const Check *check, Value *value) noexcept nogil:
    cdef int size = value.size
    if size == 0 and check.kind == FIXED_OR_BLANK:
        value.known = 0
        return SOUND
    if size != check.width or size > SHORT:
        return BAD_VALUE
    if not_digits(value.word, <unsigned int>size):
        return BAD_NUMERIC
    if check.kind == NOT_ZERO:
        return SOUND if digits_of(value.word, <unsigned int>size) else BAD_VALUE
    return SOUND if check.codes == 0 or (size < 8 and listed(check, packed(value.word, size))) else BAD_VALUE


@cython.overflowcheck(False)
@cython.cdivision(True)
cdef inline int check_nir(const Value *value) noexcept nogil:
    cdef uint64_t number
    if value.size != 15:
        return BAD_NIR
    if not_digits(value.word, 15):
        if not has_nir_form(value.word):
            return BAD_NIR
        number = nir_key(value.word)
    else:
        number = 97 - digits_of(value.word, 13) % 97
    return SOUND if number == <uint64_t>((value.word[13] - 48) * 10 + value.word[14] - 48) else NIR_KEY


cdef inline int check_finess(const Value *value, bint biller) noexcept nogil:
    cdef const char *text = &value.word[0]
    if value.size != 9 or not has_finess_form(text):
        return BAD_VALUE
    if biller and text[1] >= 65 and (text[2] != 48 or text[3] != 48):
        return BAD_VALUE
    # 2001 and 2002 are how the records spell 2A00 and 2B00.
    if biller and memcmp(text, b"200", 3) == 0 and (text[3] == 49 or text[3] == 50):
        return BAD_VALUE
    return SOUND if finess_key_is_right(text) else FINESS_KEY


cdef inline int check_birth(const Value *value) noexcept nogil:
    cdef char first = value.word[0], second = value.word[1]
    if value.size != 8 or not_digits(value.word, 8) or digits_of(value.word + 2, 6) == 0:
        return BAD_DATE
    return SOUND if (first == 49 and second >= 56) or (first == 50 and second == 48) else BAD_DATE


@cython.cdivision(True)
cdef inline int check_day(Value *value) noexcept nogil:
    # A day is kept as the six digits that records show; the text stays for who asks what was given.
    cdef uint64_t day
    if value.size != 10:
        return BAD_DATE
    day = day_of(value.word)
    if not is_day(<int>(day // 10000), <int>(day // 100 % 100), <int>(day % 100)):
        return BAD_DATE
    shorten_day(value.word)
    return SOUND


cdef inline int check_amc(Value *value) noexcept nogil:
    if value.size == 1 and value.text[0] == 77:
        return SOUND
    if value.size > 10:
        return TOO_WIDE
    if not_digits(value.word, <unsigned int>value.size):
        return BAD_VALUE
    value.number = digits_of(value.word, <unsigned int>value.size)
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


cdef inline bint is_allowed(const Check *check, uint64_t number) noexcept nogil:
    return number <= check.limit and check.low <= number <= check.high and (check.codes == 0 or listed(check, number))


cdef inline int take_number(const Check *check, uint64_t number, Value *value) noexcept nogil:
    value.text, value.number, value.known = NULL, number, 1
    if not is_allowed(check, number):
        return TOO_WIDE if number > check.limit else BAD_VALUE
    spell_number(value.word, number)
    return SOUND


cdef inline void hold_text(Value *value, const char *text, Py_ssize_t size) noexcept nogil:
    # A text longer than any field is as wrong at 1000 characters.
    value.text, value.size, value.number, value.known = text, <int32_t>min(size, <Py_ssize_t>1_000_000_000), 0, 1
    if value.size <= SHORT:
        load_word(value.word, text, <unsigned int>value.size)


cdef inline int take_text(const Check *check, const char *text, Py_ssize_t size, Value *value) noexcept nogil:
    hold_text(value, text, size)
    return check_held(check, value)


cdef inline int check_held(const Check *check, Value *value) noexcept nogil:
    if check.kind == CODE:
        return check_code(check, value)
    elif check.kind == FIXED or check.kind == FIXED_OR_BLANK or check.kind == NOT_ZERO:
        return check_fixed(check, value)
    elif check.kind == DAY:
        return check_day(value)
    elif check.kind == NIR:
        return check_nir(value)
    elif check.kind == BILLER or check.kind == FINESS:
        return check_finess(value, check.kind == BILLER)
    elif check.kind == BIRTH:
        return check_birth(value)
    elif check.kind == AMC:
        return check_amc(value)
    else:
        return check_accident_kind(value)


@cython.overflowcheck(False)
cdef inline int take_element(const Check *check, const char *text, Py_ssize_t size, char *cells, int index) noexcept nogil:
    # One of a list, to its cell. A blank element would read as the end of the list.
    cdef Value value
    cdef int i, reason
    hold_text(&value, text, size)
    if check.kind == TOOTH_LIST:
        reason = SOUND if size == 2 and is_tooth(text) else BAD_VALUE
    else:
        reason = BAD_VALUE if size == 0 else check_code(check, &value)
    if reason == SOUND:
        for i in range(value.size):
            cells[index * check.width + i] = text[i]
    return reason


cdef inline void clear_cells(char *cells) noexcept nogil:
    memset(cells, 32, CELLS)


cdef inline bint is_written_so(const Value *value) noexcept nogil:
    # True for a name that transliteration leaves as it is: the common case, and it calls nothing.
    cdef int i
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


@cython.overflowcheck(False)
cdef inline uint64_t wrapped(uint64_t one, uint64_t other) noexcept nogil:
    return one * other


cdef inline uint64_t scatter(const uint64_t *words, int count, int bits, uint8_t *places) except 0:
    # The factor by which no two words meet in so many bits of places, and which word has each place: the first where there is none.
    # With 64 words in 256 places one in some thousands is such.
    cdef uint64_t factor = 0x9E3779B97F4A7C15
    cdef int i, place
    cdef bint clash = True
    for _ in range(1_000_000):
        memset(places, 255, <size_t>1 << bits)
        clash = False
        for i in range(count):
            place = <int>(wrapped(words[i], factor) >> (64 - bits))
            clash = places[place] != 255
            if clash:
                break
            places[place] = <uint8_t>i
        if not clash:
            break
        factor = wrapped(factor, 0xD1342543DE82EF95) + 2 | 1
    if clash:
        raise ValueError("no two words of a list may look alike")
    for i in range(1 << bits):
        if places[i] == 255:
            places[i] = 0
    return factor
