# SPDX-License-Identifier: Apache-2.0
"""The zones of fixed-width records checked against layout tables, a block in one call.

No position, constant or code is known here: `Zones` take them as rows of checks, one list for each type.
"""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset
cimport cython

from ext.checks cimport all_digits, digits, finess_key_holds, has_finess_form, has_nir_form, is_day, nir_key, two
from ext.found cimport *
from ext.reader cimport *

cdef enum:
    CHECKS = 96
    CODES = 192
    FIELDS = 64
    ZERO = 48

OPS = (
    "same", "const", "filler", "number", "date", "digits", "text", "sign", "amc", "biller", "nir", "nir_or_blank", "finess", "codes",
    "not_zero", "sign_of_zero", "zero_beside",
)

cdef enum Op:
    SAME, CONST, FILLER, NUMBER, DATE, DIGITS, TEXT, SIGN, AMC, BILLER, NIR, NIR_OR_BLANK, FINESS, IN_CODES, NOT_ZERO, SIGN_OF_ZERO, \
        ZERO_BESIDE, OPS_END

cdef struct Check:
    int op
    bint required
    Py_ssize_t offset
    Py_ssize_t width
    int field
    Py_ssize_t other
    Py_ssize_t size
    Py_ssize_t first
    Py_ssize_t codes

cdef extern from *:
    """
    /* Where a mask is 255, a record must have the characters of another text, or digits: sixteen at a time. */
    typedef unsigned char desmos_chars __attribute__((vector_size(16)));

    static inline int desmos_is_plain(
        const char *record, const char *reference, const char *same, const char *fixed, const char *constant, const char *digit)
    {
        desmos_chars wrong = {0};
        unsigned long long half[2];
        for (int i = 0; i < 128; i += 16) {
            desmos_chars c, other, mask;
            memcpy(&c, record + i, 16);
            memcpy(&other, reference + i, 16);
            memcpy(&mask, same + i, 16);
            wrong |= (c ^ other) & mask;
            memcpy(&other, fixed + i, 16);
            memcpy(&mask, constant + i, 16);
            wrong |= (c ^ other) & mask;
            memcpy(&mask, digit + i, 16);
            wrong |= (desmos_chars)((desmos_chars)(c - '0') > 9) & mask;
        }
        memcpy(half, &wrong, 16);
        return (half[0] | half[1]) == 0;
    }
    """
    bint is_plain "desmos_is_plain"(
        const char *record, const char *reference, const char *same, const char *fixed, const char *constant, const char *digit,
    ) noexcept nogil

cdef struct Layout:
    int reference
    Py_ssize_t count
    # Most checks are of equal characters and of digits, which are made all at once; these are the others.
    Py_ssize_t others
    int[CHECKS] other
    char[WIDTH] same
    char[WIDTH] constant
    char[WIDTH] digit
    Py_ssize_t codes
    char[WIDTH] template
    Check[CHECKS] checks
    uint64_t[CODES] code

cdef inline uint64_t packed(const char *text, Py_ssize_t size) noexcept nogil:
    cdef uint64_t word = 0
    memcpy(&word, text, <size_t>size)
    return word


cdef int inside(Py_ssize_t offset, Py_ssize_t width) except -1:
    if offset < 0 or width < 1 or width > WIDTH or offset > WIDTH - width:
        raise ValueError("a zone lies outside its record")
    return 0


cdef class Zones:
    """The checks of the types of a profile; it holds nothing of a buffer, so one serves every thread."""

    cdef Layout *layouts
    cdef Py_ssize_t count

    def __cinit__(self):
        self.layouts = <Layout *>calloc(TYPES, sizeof(Layout))
        if self.layouts == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.layouts)

    def __init__(self, tuple layouts not None):
        """Take `(reference, template, checks)` for each type, in order of code.

        `reference` is the code of the type whose last record SAME compares with, -1 for none. A check is `(op, offset, width, required,
        field, other, size, codes)`. `other` is the offset in the reference (SAME), of the key (NIR), of the amount (SIGN_OF_ZERO), or of
        the zone that holds one of the codes (ZERO_BESIDE); `size` is the field of that key, or the width of that amount or zone.
        """
        if len(layouts) > TYPES:
            raise ValueError("at most 32 types have checks")
        self.count = len(layouts)
        for code, row in enumerate(layouts):
            self.add_layout(&self.layouts[<Py_ssize_t>code], <tuple?>row, len(layouts))

    cdef int add_layout(self, Layout *layout, tuple row, Py_ssize_t types) except -1:
        cdef bytes template, text
        cdef Check *check
        cdef Py_ssize_t offset, width, other, size
        cdef int op, field, reference
        reference, template, checks = row
        if len(template) != WIDTH or len(checks) > CHECKS or not -1 <= reference < types:
            raise ValueError("a layout has 128 characters, at most 96 checks and a reference that exists")
        layout.reference, layout.count, layout.codes = reference, 0, 0
        memcpy(layout.template, PyBytes_AS_STRING(template), WIDTH)
        for op, offset, width, required, field, other, size, codes in checks:
            inside(offset, width)
            if not 0 <= op < OPS_END or not 0 <= field < FIELDS or layout.codes + len(codes) > CODES:
                raise ValueError("a check is of no known kind, of no field or has too many codes")
            self.check_shape(op, width, other, size)
            if op != IN_CODES and op != ZERO_BESIDE and len(codes):
                raise ValueError("only a check of codes has codes")
            check = &layout.checks[layout.count]
            check.op, check.offset, check.width, check.required = op, offset, width, required
            check.field, check.other, check.size, check.first, check.codes = field, other, size, layout.codes, len(codes)
            for text in codes:
                if len(text) != (size if op == ZERO_BESIDE else width):
                    raise ValueError("a code is as wide as its zone")
                layout.code[layout.codes] = packed(PyBytes_AS_STRING(text), len(text))
                layout.codes += 1
            if not add_plain(layout, check):
                layout.other[layout.others] = <int>layout.count
                layout.others += 1
            layout.count += 1
        return 0

    cdef int check_shape(self, int op, Py_ssize_t width, Py_ssize_t other, Py_ssize_t size) except -1:
        if op == SAME:
            inside(other, width)
        elif op == NIR or op == NIR_OR_BLANK:
            inside(other, 2)
            if not 0 <= size < FIELDS:
                raise ValueError("a key is of no field")
        elif op == SIGN_OF_ZERO or op == ZERO_BESIDE:
            inside(other, size)
        if (op == DATE and width != 6) or (op == SIGN and width != 1) or (op == BILLER and width != 9) or (op == FINESS and width < 9):
            raise ValueError("a check has another width than its kind")
        if ((op == NIR or op == NIR_OR_BLANK) and width != 13) or (op == AMC and width != 10):
            raise ValueError("a check has another width than its kind")
        if (op == IN_CODES and width > 8) or (op == ZERO_BESIDE and size > 8):
            raise ValueError("a check has another width than its kind")
        return 0

    def check(self, Scan scan not None, Py_ssize_t limit):
        """Check the zones of every record that is not dead, in the order of its checks; return the faults and how many there are.

        A zone that has one fault is not checked further, and its record is dead afterwards.
        """
        cdef Found found
        open_found(&found, limit)
        with nogil:
            self.run(scan, &found)
        return close_found(&found)

    @cython.overflowcheck(False)
    cdef int run(self, Scan scan, Found *found) noexcept nogil:
        cdef Py_ssize_t i, c, k
        cdef Py_ssize_t[TYPES] last
        cdef const Layout *layout
        cdef const char *reference
        cdef uint64_t seen
        cdef int reason
        cdef bint plain
        for c in range(TYPES):
            last[c] = -1
        for i in range(scan.count):
            if scan.codes[i] >= self.count:
                continue
            last[scan.codes[i]] = i
            if scan.dead[i]:
                continue
            layout = &self.layouts[scan.codes[i]]
            reference = NULL
            if layout.reference >= 0:
                reference = repeated(scan, layout.reference, last[layout.reference])
            seen = 0
            plain = is_plain(
                scan.record(i), scan.record(i) if reference == NULL else reference, layout.same, layout.template, layout.constant,
                layout.digit,
            )
            for k in range(layout.others if plain else layout.count):
                c = layout.other[k] if plain else k
                if (seen >> layout.checks[c].field) & 1:
                    continue
                reason = zone(layout, &layout.checks[c], scan.record(i), reference)
                if reason:
                    seen |= <uint64_t>1 << layout.checks[c].field
                    note(found, i, reason, layout.checks[c].size if reason == NIR_KEY else layout.checks[c].field)
            if seen:
                scan.dead[i] = 2
        return 0


cdef bint add_plain(Layout *layout, const Check *check) noexcept:
    cdef char *mask
    if check.op == SAME and check.other == check.offset:
        mask = layout.same
    elif check.op == CONST or check.op == FILLER:
        mask = layout.constant
    elif check.op == NUMBER:
        mask = layout.digit
    else:
        return False
    memset(mask + check.offset, 0xFF, <size_t>check.width)
    return True


cdef inline const char *repeated(Scan scan, int code, Py_ssize_t last) noexcept nogil:
    # What a record should repeat is known unless that other record, which may stand before the block, could not be read.
    if last >= 0:
        return scan.record(last) if scan.dead[last] != 1 else NULL
    return scan.last[code].text if scan.last[code].usable else NULL


@cython.overflowcheck(False)
cdef int zone(const Layout *layout, const Check *check, const char *record, const char *reference) noexcept nogil:
    cdef const char *text = record + check.offset
    cdef int op = check.op
    if op == SAME:
        return MISMATCH if reference != NULL and memcmp(text, reference + check.other, <size_t>check.width) != 0 else SOUND
    if op == CONST or op == FILLER:
        if memcmp(text, layout.template + check.offset, <size_t>check.width) == 0:
            return SOUND
        return UNEXPECTED if op == CONST else BAD_FILLER
    if op == NUMBER:
        return SOUND if all_digits(text, check.width) else BAD_NUMERIC
    if op == TEXT:
        return words(check, text)
    if op == IN_CODES:
        return SOUND if is_code(layout, check, text, check.width) else BAD_VALUE
    if op == ZERO_BESIDE:
        if not is_code(layout, check, record + check.other, check.size):
            return SOUND
        return SOUND if is_filled(text, check.width, ZERO) else BAD_VALUE
    if op == NOT_ZERO:
        return BAD_VALUE if is_filled(text, check.width, ZERO) else SOUND
    if op == SIGN_OF_ZERO:
        return BAD_VALUE if text[0] == 45 and is_filled(record + check.other, check.size, ZERO) else SOUND
    if op == DATE or op == DIGITS:
        return day(check, text)
    return key(check, text, record)


@cython.overflowcheck(False)
cdef inline bint is_code(const Layout *layout, const Check *check, const char *text, Py_ssize_t size) noexcept nogil:
    cdef uint64_t word = packed(text, size)
    cdef Py_ssize_t i
    for i in range(check.first, check.first + check.codes):
        if layout.code[i] == word:
            return True
    return False


@cython.overflowcheck(False)
cdef inline int words(const Check *check, const char *text) noexcept nogil:
    cdef Py_ssize_t i, filled = 0
    for i in range(check.width):
        if text[i] == 43 or text[i] == 45:
            return BAD_CHAR
        filled += text[i] != 32
    if filled == 0:
        return MISSING if check.required else SOUND
    return BAD_VALUE if text[0] == 32 else SOUND


@cython.overflowcheck(False)
cdef inline int day(const Check *check, const char *text) noexcept nogil:
    cdef int year
    if not all_digits(text, check.width):
        return BAD_DATE
    if is_filled(text, check.width, ZERO):
        return BAD_DATE if check.required else SOUND
    if check.op == DIGITS:
        return SOUND
    year = two(text)
    return SOUND if is_day(year + (1900 if year >= 70 else 2000), two(text + 2), two(text + 4)) else BAD_DATE


@cython.overflowcheck(False)
cdef int key(const Check *check, const char *text, const char *record) noexcept nogil:
    cdef int op = check.op
    cdef char[9] lettered
    if op == SIGN:
        if text[0] == 32:
            return MISSING
        return SOUND if text[0] == 43 or text[0] == 45 else BAD_VALUE
    if op == BILLER:
        restore(text, lettered)
        return SOUND if finess_key_holds(lettered) else FINESS_KEY
    if op == AMC:
        if is_filled(text, 9, 32):
            return SOUND if text[9] == 32 or text[9] == 77 else BAD_VALUE
        return SOUND if all_digits(text, 10) and not is_filled(text, 10, ZERO) else BAD_VALUE
    if op == FINESS:
        if is_filled(text, check.width, 32):
            return SOUND
        if not has_finess_form(text) or not is_filled(text + 9, check.width - 9, 32):
            return BAD_VALUE
        return SOUND if finess_key_holds(text) else FINESS_KEY
    if op == NIR_OR_BLANK and is_filled(text, 13, 32):
        return SOUND if is_filled(record + check.other, 2, ZERO) else NIR_KEY
    # The form is of 15 characters, but the key is a field of its own, where a letter is the fault of that field.
    if not all_digits(record + check.other, 2):
        return SOUND
    return nir(text, record + check.other)


@cython.overflowcheck(False)
cdef inline int nir(const char *text, const char *tail) noexcept nogil:
    cdef char[15] whole
    memcpy(whole, text, 13)
    memcpy(whole + 13, tail, 2)
    if not has_nir_form(whole):
        return BAD_NIR
    return SOUND if nir_key(whole) == digits(tail, 2) else NIR_KEY


@cython.overflowcheck(False)
cdef inline void restore(const char *text, char *lettered) noexcept nogil:
    # A Corsican number is written with digits: 2001 stands for 2A00 and 2002 for 2B00.
    memcpy(lettered, text, 9)
    if memcmp(text, b"200", 3) == 0 and (text[3] == 49 or text[3] == 50):
        lettered[1] = <char>(text[3] + 16)
        lettered[3] = ZERO
