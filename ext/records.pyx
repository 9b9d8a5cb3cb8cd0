# SPDX-License-Identifier: Apache-2.0
"""Flat records: rows of values in, one run of fixed-width lines out, driven by a field program.

A program is a tuple of steps `(offset, width, kind, required, slot, start, stop, const)`, in order of
position: `kind` is one of the numbers below, `slot` the place of the value in each row (-1 where the step
has a constant), `start` and `stop` the part of a text value to write (stop -1: all of it).
The place of an element in a list (stop -2) has no meaning here and is refused.
A value that cannot be written raises with args `(row, step, reason)`; nothing is ever clipped.
"""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.bool cimport PyBool_Check
from cpython.long cimport PyLong_Check
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    bint PyUnicode_IS_ASCII(object text)

cdef enum:
    CONST = 0
    FILLER = 1
    NUMBER = 2
    MAGNITUDE = 3
    DATE = 4
    TEXT = 5
    SIGN = 6
    STEPS = 64
    LINE_MAX = 4096

cdef struct Step:
    Py_ssize_t offset
    Py_ssize_t width
    int kind
    bint required
    Py_ssize_t slot
    Py_ssize_t start
    Py_ssize_t stop

cdef int[13] DAYS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


cdef class Program:
    """The compiled layout of one record type: a template line and the steps that fill it."""

    cdef Step[STEPS] steps
    cdef Py_ssize_t count
    cdef Py_ssize_t width
    cdef Py_ssize_t slots
    cdef bytes template

    # Not __init__: a program that was never filled, or is filled twice, must not exist.
    def __cinit__(self, tuple steps not None, Py_ssize_t width, Py_ssize_t slots):
        cdef Py_ssize_t index, position = 0
        cdef bytes const
        if width < 1 or width > LINE_MAX or slots < 0:
            raise ValueError("a line has 1 to 4096 characters and no negative slot")
        if len(steps) > STEPS:
            raise OverflowError("a program has at most 64 steps")
        line = bytearray(b" " * width + b"\n")
        self.count, self.width, self.slots = len(steps), width, slots
        for index in range(self.count):
            offset, length, kind, required, slot, start, stop, const = <tuple?>steps[index]
            self.steps[index] = Step(offset, length, kind, required, slot, start, stop)
            if offset < position or length < 1 or offset > width or length > width - offset or not CONST <= kind <= SIGN:
                raise ValueError("a step lies outside its line, on another, or is of no known kind")
            if stop != -1 and not 0 <= start <= stop:
                raise ValueError("a step reads a part that no text has")
            # These two are written whole, whatever the step says.
            if (kind == DATE and length != 6) or (kind == SIGN and length != 1):
                raise ValueError("a date has six characters and a sign one")
            position = offset + length
            if kind == CONST:
                if const is None or len(const) > length:
                    raise ValueError("a constant is missing or wider than its field")
                line[offset:offset + len(const)] = const
            elif kind != FILLER and not 0 <= slot < slots:
                raise ValueError("a step reads a slot that rows do not have")
        self.template = bytes(line)


cdef int put_number(char *out, Py_ssize_t width, object value, bint magnitude) except -1:
    # 0 when written; else 1 overflow, 2 not digits, 3 negative, 4 of a wrong type.
    cdef Py_ssize_t size, i
    cdef const char *text
    cdef int64_t number
    if value is None:
        memset(out, 48, <size_t>width)
        return 0
    if PyUnicode_Check(value):
        if not PyUnicode_IS_ASCII(value):
            return 2
        text = PyUnicode_AsUTF8AndSize(value, &size)
        for i in range(size):
            if text[i] < 48 or text[i] > 57:
                return 2
        if size > width:
            return 1
        memset(out, 48, <size_t>(width - size))
        memcpy(out + width - size, text, <size_t>size)
        return 0
    if not PyLong_Check(value) or PyBool_Check(value):
        return 4
    if magnitude:
        value = abs(value)
    elif value < 0:
        return 3
    if value > 9223372036854775807:
        return 1
    number = value
    i = width
    while i > 0:
        i -= 1
        out[i] = <char>(48 + number % 10)
        number //= 10
    return 1 if number else 0


cdef int put_text(char *out, Py_ssize_t width, object value, const Step *step) except -1:
    # 0 when written; else 1 overflow, 4 of a wrong type, 5 outside the alphabet, 6 leading space, 7 blank.
    cdef Py_ssize_t size, i, first = 0
    cdef const char *text
    cdef bint blank = True
    if value is None:
        return 7 if step.required else 0
    if not PyUnicode_Check(value):
        return 4
    if not PyUnicode_IS_ASCII(value):
        return 5
    text = PyUnicode_AsUTF8AndSize(value, &size)
    if step.stop >= 0:
        first = min(step.start, size)
        size = min(step.stop, size) - first
    for i in range(size):
        if text[first + i] != 32:
            blank = False
            if not (48 <= text[first + i] <= 57 or 65 <= text[first + i] <= 90):
                return 5
    if blank:
        return 7 if step.required else 0
    if text[first] == 32:
        return 6
    if size > width:
        return 1
    memcpy(out, text + first, <size_t>size)
    return 0


@cython.overflowcheck(False)
cdef int two(const char *text) noexcept nogil:
    if text[0] < 48 or text[0] > 57 or text[1] < 48 or text[1] > 57:
        return -1
    return (text[0] - 48) * 10 + text[1] - 48


cdef int put_date(char *out, object value, bint required) except -1:
    # 0 when written; else 4 of a wrong type, 8 not a real day from 1970 to 2069.
    cdef Py_ssize_t size
    cdef const char *text
    cdef int century, year, month, day, last
    if value is None:
        memset(out, 48, 6)
        return 8 if required else 0
    if not PyUnicode_Check(value):
        return 4
    if not PyUnicode_IS_ASCII(value):
        return 8
    text = PyUnicode_AsUTF8AndSize(value, &size)
    if size != 10 or text[4] != 45 or text[7] != 45:
        return 8
    century, year, month, day = two(text), two(text + 2), two(text + 5), two(text + 8)
    if century < 0 or year < 0 or not 1 <= month <= 12:
        return 8
    # From 1970 to 2069 every fourth year is a leap year: 2000 was one.
    last = DAYS[month] + (1 if month == 2 and year % 4 == 0 else 0)
    if not 1 <= day <= last or not 1970 <= century * 100 + year <= 2069:
        return 8
    memcpy(out, text + 2, 2)
    memcpy(out + 2, text + 5, 2)
    memcpy(out + 4, text + 8, 2)
    return 0


cdef int put_sign(char *out, object value) except -1:
    if PyBool_Check(value):
        out[0] = 43 if value else 45
    elif PyLong_Check(value):
        out[0] = 45 if value < 0 else 43
    else:
        return 4
    return 0


cdef int put(char *line, const Step *step, object value) except -1:
    cdef char *out = line + step.offset
    if step.kind == NUMBER or step.kind == MAGNITUDE:
        if step.stop >= 0 and PyUnicode_Check(value):
            value = value[step.start:step.stop]
        return put_number(out, step.width, value, step.kind == MAGNITUDE)
    if step.kind == TEXT:
        return put_text(out, step.width, value, step)
    if step.kind == DATE:
        return put_date(out, value, step.required)
    if step.kind == SIGN:
        return put_sign(out, value)
    return 0


cdef tuple REASONS = ("", "overflow", "bad_numeric", "bad_value", "bad_value", "bad_char", "bad_value", "missing", "bad_date")


def write(Program program not None, list rows not None) -> bytes:
    """Write one line for each row, LF included, in one exact allocation.

    A row is a tuple with a value for each slot: int, text, bool or None. Raises OverflowError (wider than
    its field) or ValueError (anything else) with args `(row, step, reason)`.
    """
    cdef Py_ssize_t row, index, count = len(rows), width = program.width + 1
    cdef bytes block = PyBytes_FromStringAndSize(NULL, count * width)
    cdef char *line = PyBytes_AS_STRING(block)
    cdef const char *template = PyBytes_AS_STRING(program.template)
    cdef tuple values
    cdef int fault
    for row in range(count):
        values = <tuple?>rows[row]
        if len(values) != program.slots:
            raise ValueError(row, -1, "bad_value")
        memcpy(line, template, <size_t>width)
        for index in range(program.count):
            if program.steps[index].kind <= FILLER:
                continue
            fault = put(line, &program.steps[index], values[program.steps[index].slot])
            if fault == 1:
                raise OverflowError(row, index, "overflow")
            if fault:
                raise ValueError(row, index, REASONS[fault])
        line += width
    return block
