# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's binary COPY stream, written: columns in, one stream out.

A column is a list or tuple, an `array('q')` for integers, or one value that stands for every row. The columns are first
turned into plain C, which finds every fault and the exact size; the rows are then laid out without the GIL. A value
that does not fit raises with args `(row, column, reason)`, the row None when the column itself is at fault; never
with the value. None in a list is NULL.
"""
from cpython cimport array
from cpython.bool cimport PyBool_Check
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_AsStringAndSize, PyBytes_Check, PyBytes_FromStringAndSize
from cpython.datetime cimport (
    PyDate_Check, PyDateTime_Check, date_day, date_month, date_year, datetime_day, datetime_hour, datetime_microsecond, datetime_minute,
    datetime_month, datetime_second, datetime_tzinfo, datetime_year, import_datetime, timedelta_days, timedelta_microseconds,
    timedelta_seconds,
)
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport INT16_MAX, INT32_MAX, INT64_MAX, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr, memcpy

from ext.pgwire cimport (
    HEADER, KIND_BOOL, KIND_BYTEA, KIND_DATE, KIND_INT2, KIND_INT4, KIND_INT8, KIND_JSONB, KIND_TEXT, KIND_TIMESTAMPTZ, KIND_UUID, LONGEST,
    days_of, kinds_of, put16, put32, width_of,
)

import array
from datetime import timezone

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

import_datetime()

UUID, INT2, INT4, INT8, TEXT, BYTEA = KIND_UUID, KIND_INT2, KIND_INT4, KIND_INT8, KIND_TEXT, KIND_BYTEA
DATE, TIMESTAMPTZ, BOOL, JSONB = KIND_DATE, KIND_TIMESTAMPTZ, KIND_BOOL, KIND_JSONB

cdef bytes SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
cdef object UTC = timezone.utc
cdef int64_t SECOND = 1_000_000
cdef int64_t DAY = 86_400_000_000

cdef struct Column:
    int kind
    int width             # bytes of a value; 0 when they vary
    Py_ssize_t step       # 1, or 0 when one value stands for every row
    int64_t *numbers
    const char **places   # for kinds whose bytes are copied as they are
    Py_ssize_t *sizes     # of each value, version byte included; -1 is NULL


cdef inline bint is_blob(int kind) noexcept nogil:
    return kind == KIND_UUID or kind == KIND_TEXT or kind == KIND_BYTEA or kind == KIND_JSONB


cdef int64_t microseconds_of(object value) except? -1:
    cdef int64_t seconds = (datetime_hour(value) * 60 + datetime_minute(value)) * 60 + datetime_second(value)
    cdef int64_t total = days_of(datetime_year(value), datetime_month(value), datetime_day(value)) * DAY
    total += seconds * SECOND + datetime_microsecond(value)
    if datetime_tzinfo(value) is not UTC:
        offset = value.utcoffset()
        if offset is None:  # local time to one reader, UTC to another
            raise ValueError("timestamp has no offset")
        total -= timedelta_days(offset) * DAY + timedelta_seconds(offset) * SECOND + timedelta_microseconds(offset)
    return total


cdef inline int64_t highest(int width) noexcept nogil:
    return INT16_MAX if width == 2 else INT32_MAX if width == 4 else INT64_MAX


cdef int64_t integer_of(object value, int width) except? -1:
    cdef int overflow = 0
    cdef int64_t number, high = highest(width)
    if not PyLong_Check(value) or PyBool_Check(value):
        raise TypeError("not an integer")
    number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or number < -high - 1 or number > high:
        raise OverflowError("integer is too wide for its column")
    return number


cdef int64_t number_of(object value, int kind, int width) except? -1:
    if kind == KIND_DATE:
        if not PyDate_Check(value) or PyDateTime_Check(value):
            raise TypeError("not a date")
        return days_of(date_year(value), date_month(value), date_day(value))
    if kind == KIND_TIMESTAMPTZ:
        if not PyDateTime_Check(value):
            raise TypeError("not a timestamp")
        return microseconds_of(value)
    if kind == KIND_BOOL:
        if not PyBool_Check(value):
            raise TypeError("not a bool")
        return 1 if value is True else 0
    return integer_of(value, width)


cdef int blob_of(object value, int kind, const char **place, Py_ssize_t *size) except -1:
    cdef char *raw
    if kind == KIND_TEXT:
        if not PyUnicode_Check(value):
            raise TypeError("not a text")
        try:
            place[0] = PyUnicode_AsUTF8AndSize(value, size)
        except UnicodeEncodeError:
            # Its message would hold the text.
            place[0] = NULL
        if place[0] == NULL:
            raise ValueError("text is not Unicode")
        if memchr(place[0], 0, <size_t>size[0]) != NULL:
            raise ValueError("text holds a zero byte")
    else:
        if not PyBytes_Check(value):
            raise TypeError("not bytes")
        PyBytes_AsStringAndSize(value, &raw, size)
        place[0] = raw
        if kind == KIND_UUID and size[0] != 16:
            raise ValueError("a uuid has 16 bytes")
        if kind == KIND_JSONB:
            size[0] += 1
    if size[0] > LONGEST:
        raise OverflowError("value is too long for a field")
    return 0


cdef int load_values(Column *column, tuple values, int index) except -1:
    # One value when it stands for every row: then None is no value.
    cdef Py_ssize_t i = 0
    try:
        for i in range(len(values)):
            value = values[i]
            if value is None and column.step:
                column.sizes[i] = -1
            elif column.places != NULL:
                blob_of(value, column.kind, &column.places[i], &column.sizes[i])
            else:
                column.numbers[i] = number_of(value, column.kind, column.width)
                column.sizes[i] = column.width
    except TypeError as error:
        raise TypeError(i, index, str(error)) from None
    except OverflowError as error:
        raise OverflowError(i, index, str(error)) from None
    except ValueError as error:
        raise ValueError(i, index, str(error)) from None
    return 0


cdef int load_array(Column *column, array.array values, int index) except -1:
    cdef Py_ssize_t i
    cdef int64_t high = highest(column.width)
    cdef int64_t low = -high - 1
    cdef const int64_t[::1] view = values
    for i in range(view.shape[0]):
        if view[i] < low or view[i] > high:
            raise OverflowError(i, index, "integer is too wide for its column")
        column.numbers[i] = view[i]
        column.sizes[i] = column.width
    return 0


cdef tuple load(Column *column, int kind, object values, Py_ssize_t rows, int index):
    # Give back what must live as long as the column: it points into it.
    cdef bint packed = isinstance(values, array.array)
    cdef Py_ssize_t count = 1
    cdef tuple kept = ()
    column.kind, column.width = kind, width_of(kind)
    column.step = 1 if packed or isinstance(values, (list, tuple)) else 0
    if column.step:
        count = len(values)
        if count != rows:
            raise ValueError(None, index, "column has another number of rows")
    if packed and (values.typecode != "q" or kind not in (KIND_INT2, KIND_INT4, KIND_INT8)):
        raise TypeError(None, index, "array is not of 64-bit integers for an integer column")
    if count == 0:
        return kept
    column.sizes = <Py_ssize_t *>malloc(<size_t>count * sizeof(Py_ssize_t))
    if is_blob(kind):
        column.places = <const char **>malloc(<size_t>count * sizeof(char *))
    else:
        column.numbers = <int64_t *>malloc(<size_t>count * sizeof(int64_t))
    if column.sizes == NULL or (column.places == NULL and column.numbers == NULL):
        raise MemoryError
    if packed:
        load_array(column, values, index)
    else:
        kept = tuple(values) if column.step else (values,)
        load_values(column, kept, index)
    return kept


cdef Py_ssize_t size_of(const Column *columns, int count, Py_ssize_t rows) except -1:
    cdef Py_ssize_t total = HEADER + 2 + rows * 2, i
    cdef int c
    for c in range(count):
        for i in range(rows):
            total += 4
            if columns[c].sizes[i * columns[c].step] > 0:
                total += columns[c].sizes[i * columns[c].step]
    return total


cdef inline int put_value(const Column *column, Py_ssize_t at, Py_ssize_t size, char *out) except -1 nogil:
    cdef uint64_t bits
    if column.kind == KIND_JSONB:
        out[0] = 1
        memcpy(out + 1, column.places[at], <size_t>(size - 1))
    elif column.places != NULL:
        memcpy(out, column.places[at], <size_t>size)
    else:
        bits = <uint64_t>column.numbers[at]
        if size == 8:
            put32(out, <uint32_t>(bits >> 32))
            put32(out + 4, <uint32_t>bits)
        elif size == 4:
            put32(out, <uint32_t>bits)
        elif size == 2:
            put16(out, <uint32_t>bits)
        else:
            out[0] = <char>bits
    return 0


cdef int write_rows(const Column *columns, int count, Py_ssize_t rows, char *out, Py_ssize_t room) except -1 nogil:
    # `room` counts down what is left of the stream, so that a wrong size can never write past it.
    cdef Py_ssize_t i, at, size
    cdef int c
    for i in range(rows):
        if room < 2:
            raise OverflowError("the stream is too small")
        put16(out, <uint32_t>count)
        out += 2
        room -= 2
        for c in range(count):
            at = i * columns[c].step
            size = columns[c].sizes[at]
            if room < 4 or size > room - 4:
                raise OverflowError("the stream is too small")
            put32(out, <uint32_t>size)
            out += 4
            room -= 4
            if size >= 0:
                put_value(&columns[c], at, size, out)
                out += size
                room -= size
    if room != 2:
        raise OverflowError("the stream is too large")
    put16(out, 0xFFFF)
    return 0


def encode(types not None, tuple columns not None, Py_ssize_t rows) -> bytes:
    """Lay out `columns` of the kinds `types` as one binary COPY stream of `rows` rows, header and trailer included.

    uuid: 16 bytes; int2, int4, int8: int or array('q'); text: str; bytea, jsonb: bytes; date; timestamptz: aware datetime; bool.
    Columns are read in order, each to its end: the first fault of the first faulty column is raised, as ValueError,
    OverflowError or TypeError with args `(row, column, reason)`.
    """
    cdef bytes kinds = kinds_of(types)
    cdef int count = <int>len(kinds), c
    cdef list kept = []
    cdef Column *loaded
    cdef bytes stream
    cdef char *out
    cdef Py_ssize_t size
    if len(columns) != count:
        raise ValueError("columns and types differ in number")
    if rows < 0:
        raise ValueError("the number of rows is negative")
    loaded = <Column *>calloc(<size_t>count, sizeof(Column))
    if loaded == NULL:
        raise MemoryError
    try:
        for c in range(count):
            kept.append(load(&loaded[c], kinds[c], columns[c], rows, c))
        size = size_of(loaded, count, rows)
        stream = PyBytes_FromStringAndSize(NULL, size)
        out = PyBytes_AS_STRING(stream)
        memcpy(out, PyBytes_AS_STRING(SIGNATURE), 11)
        put32(out + 11, 0)
        put32(out + 15, 0)
        with nogil:
            write_rows(loaded, count, rows, out + HEADER, size - HEADER)
        return stream
    finally:
        for c in range(count):
            free(loaded[c].numbers)
            free(loaded[c].places)
            free(loaded[c].sizes)
        free(loaded)
