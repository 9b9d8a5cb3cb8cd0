# SPDX-License-Identifier: Apache-2.0
"""Records of one type in, a tuple of values for each out, in one call: numbers, dates, texts and keys as Python holds them.

The zones have been checked before; a zone that is not what its step expects is a ValueError. A text that repeats the record before
it is the same object, so the names, dates and keys that fill a file are made once.
"""
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.string cimport memcmp, memcpy

from ext.checks cimport all_digits, digits
from ext.reader cimport WIDTH, Scan, is_filled

cdef extern from "Python.h":
    object PyUnicode_DecodeLatin1(const char *text, Py_ssize_t size, const char *errors)

cdef enum:
    STEPS = 48

READS = ("number", "text", "digits", "known_digits", "date", "signed", "sign", "biller")

cdef enum Read:
    NUMBER, TEXT, DIGITS, KNOWN_DIGITS, DATE, SIGNED, SIGN, BILLER, READS_END

cdef struct Step:
    int read
    Py_ssize_t offset
    Py_ssize_t width
    Py_ssize_t other


cdef class Columns:
    """What to read of a type: steps `(read, offset, width, other)`, `other` being the place of the sign of a signed number.

    number: int; text: without the spaces that follow; digits: as they stand; known_digits: as they stand, None when all are zero;
    date: ISO, None when zero; signed: int; sign: True for `+`; biller: nine characters with their Corsican letter.
    """

    cdef Step[STEPS] steps
    cdef Py_ssize_t count

    def __init__(self, tuple steps not None):
        if len(steps) > STEPS:
            raise ValueError("columns have at most 48 steps")
        self.count = 0
        for read, offset, width, other in steps:
            if not 0 <= read < READS_END or offset < 0 or width < 1 or offset > WIDTH or width > WIDTH - offset or not 0 <= other < WIDTH:
                raise ValueError("a step is of no known kind or outside its record")
            if (read == DATE and width != 6) or (read == BILLER and width != 9) or ((read == NUMBER or read == SIGNED) and width > 18):
                raise ValueError("a step has another width than its kind")
            self.steps[self.count] = Step(read, offset, width, other)
            self.count += 1

    def rows(self, Scan scan not None, int code, Py_ssize_t first, Py_ssize_t stop):
        """Read every record of a type from `first` to before `stop` that is not dead: `(record, value, ...)`, record from 0."""
        cdef Py_ssize_t i, s
        cdef const char *record
        cdef const char *former = NULL
        cdef list rows = []
        cdef tuple row, last = None
        if first < 0 or stop > scan.count:
            raise IndexError("no such records")
        for i in range(first, stop):
            if scan.codes[i] != code or scan.dead[i]:
                continue
            record = scan.record(i)
            row = PyTuple_New(self.count + 1)
            place(row, 0, i)
            for s in range(self.count):
                if former != NULL and self.steps[s].read != SIGNED and is_again(&self.steps[s], record, former):
                    place(row, s + 1, last[s + 1])
                else:
                    place(row, s + 1, value(&self.steps[s], record))
            former, last = record, row
            rows.append(row)
        return rows


cdef inline int place(tuple row, Py_ssize_t at, object value) except -1:
    Py_INCREF(value)
    PyTuple_SET_ITEM(row, at, value)
    return 0


cdef inline bint is_again(const Step *step, const char *record, const char *former) noexcept nogil:
    return memcmp(record + step.offset, former + step.offset, <size_t>step.width) == 0


cdef inline object ascii_text(const char *text, Py_ssize_t size):
    return PyUnicode_DecodeLatin1(text, size, NULL)


cdef object value(const Step *step, const char *record):
    cdef const char *text = record + step.offset
    cdef Py_ssize_t size = step.width
    cdef int read = step.read
    cdef char[9] lettered
    if read == TEXT:
        while size and text[size - 1] == 32:
            size -= 1
        return ascii_text(text, size)
    if read == SIGN:
        return text[0] == 43
    if not all_digits(text, size):
        raise ValueError("a zone of digits holds something else")
    if read == NUMBER:
        return digits(text, size)
    if read == SIGNED:
        return -<object>digits(text, size) if record[step.other] == 45 else digits(text, size)
    if read == DIGITS:
        return ascii_text(text, size)
    if read == BILLER:
        memcpy(lettered, text, 9)
        if memcmp(text, b"200", 3) == 0 and (text[3] == 49 or text[3] == 50):
            lettered[1], lettered[3] = <char>(text[3] + 16), 48
        return ascii_text(lettered, 9)
    if is_filled(text, size, 48):
        return None
    return ascii_text(text, size) if read == KNOWN_DIGITS else date(text)


cdef object date(const char *text):
    cdef char[10] iso
    memcpy(iso, b"19" if text[0] >= 55 else b"20", 2)
    memcpy(iso + 2, text, 2)
    iso[4] = iso[7] = 45
    memcpy(iso + 5, text + 2, 2)
    memcpy(iso + 8, text + 4, 2)
    return ascii_text(iso, 10)
