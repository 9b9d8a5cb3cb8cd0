# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's binary COPY stream, read: one stream in, columns out.

A first pass without the GIL proves the stream whole and counts its rows; the second makes the columns. What cannot
be read raises with args `(row, column, reason)`, the column None when the row itself is at fault; never with the value.
"""
from cpython cimport array
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.datetime cimport date_new, datetime_new, import_datetime
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp

from ext.pgwire cimport (
    HEADER, KIND_BOOL, KIND_BYTEA, KIND_DATE, KIND_INT2, KIND_INT4, KIND_INT8, KIND_JSONB, KIND_TEXT, KIND_TIMESTAMPTZ, KIND_UUID,
    day_at, get16, get32, kinds_of, number_in, width_of,
)

import array
from datetime import timezone

import_datetime()

cdef enum:
    # 0001-01-01 and 9999-12-31, the calendar of Python.
    FIRST_DAY = -730119
    LAST_DAY = 2921939

cdef bytes SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
cdef array.array LONGS = array.array("q", [])
cdef object UTC = timezone.utc
cdef int64_t SECOND = 1_000_000
cdef int64_t DAY = 86_400_000_000
cdef uint32_t TRAILER = 0xFFFF
cdef uint32_t ABSENT = 0xFFFFFFFF

cdef struct Reader:
    const unsigned char *data
    Py_ssize_t size
    Py_ssize_t at


cdef Py_ssize_t open_stream(const unsigned char *data, Py_ssize_t size) except -1:
    # Where the rows begin. The high half of the flags changes the format, the low half may be ignored.
    cdef Py_ssize_t extension
    if size < HEADER or memcmp(data, PyBytes_AS_STRING(SIGNATURE), 11) != 0:
        raise ValueError("not a binary COPY stream")
    if get16(data + 11) != 0:
        raise ValueError("the stream uses a format that is not known")
    extension = get32(data + 15)
    if extension > size - HEADER:
        raise ValueError("the header passes the end of the stream")
    return HEADER + extension


cdef int check_field(const unsigned char *place, Py_ssize_t size, int kind, int width, Py_ssize_t row, int index) except -1 nogil:
    if width and size != width:
        raise ValueError(row, index, "field has another width than its kind")
    if kind == KIND_BOOL and place[0] > 1:
        raise ValueError(row, index, "field is no bool")
    if kind == KIND_JSONB and (size < 1 or place[0] != 1):
        raise ValueError(row, index, "field is no jsonb of version 1")
    return 0


cdef Py_ssize_t walk(Reader *reader, const unsigned char *kinds, const int *widths, int count, char *nulls) except -1 nogil:
    # Count the rows and prove the stream whole, so that the second pass reads without doubt.
    cdef Py_ssize_t rows = 0, size
    cdef int c
    cdef uint32_t fields, length
    while True:
        if reader.size - reader.at < 2:
            raise ValueError(rows, None, "the stream ends without its trailer")
        fields = get16(reader.data + reader.at)
        reader.at += 2
        if fields == TRAILER:
            break
        if fields != <uint32_t>count:
            raise ValueError(rows, None, "row has another number of fields")
        for c in range(count):
            if reader.size - reader.at < 4:
                raise ValueError(rows, c, "the stream ends inside a row")
            length = get32(reader.data + reader.at)
            reader.at += 4
            if length == ABSENT:
                nulls[c] = 1
                continue
            size = length
            if size > reader.size - reader.at:
                raise ValueError(rows, c, "the stream ends inside a field")
            check_field(reader.data + reader.at, size, kinds[c], widths[c], rows, c)
            reader.at += size
        rows += 1
    if reader.at != reader.size:
        raise ValueError(rows, None, "the stream goes on after its trailer")
    return rows


cdef object timestamp_in(int64_t microseconds):
    cdef int64_t days = microseconds // DAY, rest, seconds
    cdef int year = 0, month = 0, day = 0
    if days < FIRST_DAY or days > LAST_DAY:
        raise OverflowError("timestamp is beyond the calendar")
    rest = microseconds - days * DAY
    seconds = rest // SECOND
    day_at(days, &year, &month, &day)
    return datetime_new(
        year, month, day, <int>(seconds // 3600), <int>(seconds // 60 % 60), <int>(seconds % 60), <int>(rest % SECOND), UTC)


cdef object date_in(int64_t days):
    cdef int year = 0, month = 0, day = 0
    if days < FIRST_DAY or days > LAST_DAY:
        raise OverflowError("date is beyond the calendar")
    day_at(days, &year, &month, &day)
    return date_new(year, month, day)


cdef object text_in(const char *place, Py_ssize_t size):
    try:
        return PyUnicode_DecodeUTF8(place, size, NULL)
    except UnicodeDecodeError:
        # Its message would hold the text.
        raise ValueError("text is not UTF-8") from None


cdef object value_in(const unsigned char *place, Py_ssize_t size, int kind, int width):
    if kind == KIND_UUID or kind == KIND_BYTEA:
        return PyBytes_FromStringAndSize(<const char *>place, size)
    if kind == KIND_TEXT:
        return text_in(<const char *>place, size)
    if kind == KIND_JSONB:
        return PyBytes_FromStringAndSize(<const char *>place + 1, size - 1)
    if kind == KIND_BOOL:
        return place[0] == 1
    if kind == KIND_DATE:
        return date_in(number_in(place, 4))
    if kind == KIND_TIMESTAMPTZ:
        return timestamp_in(number_in(place, 8))
    return number_in(place, width)


cdef int read_rows(
    Reader *reader, tuple columns, const unsigned char *kinds, const int *widths, int64_t **packed, Py_ssize_t rows,
) except -1:
    cdef Py_ssize_t i = 0, size
    cdef int c = 0, count = <int>len(columns)
    cdef const unsigned char *place
    cdef uint32_t length
    try:
        for i in range(rows):
            reader.at += 2
            for c in range(count):
                length = get32(reader.data + reader.at)
                reader.at += 4
                if length == ABSENT:
                    continue
                size = length
                place = reader.data + reader.at
                if packed[c] != NULL:
                    packed[c][i] = number_in(place, widths[c])
                else:
                    (<list>columns[c])[i] = value_in(place, size, kinds[c], widths[c])
                reader.at += size
    except OverflowError as error:
        raise OverflowError(i, c, str(error)) from None
    except ValueError as error:
        raise ValueError(i, c, str(error)) from None
    return 0


cdef bint is_integer(int kind) noexcept nogil:
    return kind == KIND_INT2 or kind == KIND_INT4 or kind == KIND_INT8


def decode(bytes data not None, types not None) -> tuple:
    """Read a whole binary COPY stream whose fields are of the kinds `types`; one column for each.

    int2, int4 and int8 without NULL come as `array('q')`; every other column is a list with None for NULL: 16 bytes of a uuid,
    str, bytes, date, datetime in UTC, bool. Raises ValueError or OverflowError, with args `(row, column, reason)`
    once the rows have begun.
    """
    cdef bytes kinds = kinds_of(types)
    cdef int count = <int>len(kinds), c
    cdef const unsigned char *kind = <const unsigned char *>PyBytes_AS_STRING(kinds)
    cdef Reader reader = Reader(<const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), 0)
    cdef Py_ssize_t rows, start
    cdef int *widths = NULL
    cdef char *nulls = NULL
    cdef int64_t **packed = NULL
    cdef list columns = []
    cdef array.array numbers
    cdef tuple result
    try:
        widths = <int *>calloc(<size_t>count, sizeof(int))
        nulls = <char *>calloc(<size_t>count, 1)
        packed = <int64_t **>calloc(<size_t>count, sizeof(int64_t *))
        if widths == NULL or nulls == NULL or packed == NULL:
            raise MemoryError
        for c in range(count):
            widths[c] = width_of(kind[c])
        reader.at = start = open_stream(reader.data, reader.size)
        with nogil:
            rows = walk(&reader, kind, widths, count, nulls)
        for c in range(count):
            if is_integer(kind[c]) and not nulls[c]:
                # Every item is written below, so none is cleared first.
                numbers = array.clone(LONGS, rows, zero=False)
                packed[c] = <int64_t *>numbers.data.as_longlongs
                columns.append(numbers)
            else:
                columns.append([None] * rows)
        reader.at = start
        result = tuple(columns)
        read_rows(&reader, result, kind, widths, packed, rows)
        return result
    finally:
        free(widths)
        free(nulls)
        free(packed)
