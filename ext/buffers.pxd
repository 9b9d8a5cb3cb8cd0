# SPDX-License-Identifier: Apache-2.0
"""Columns as buffers show them: what an entry is, and how it is read; no more than the buffer has."""
cimport cython
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from ext.fields cimport *
from ext.fse cimport MOST_ACTS
from ext.schema cimport KEYS, Key
from ext.rule cimport *
from ext.tile cimport *

cdef extern from "ext/scan.h" nogil:
    int filled_text "desmos_filled_text"(const char *text, int width, bint roomy, char *word)
    int filled_size "desmos_filled_size"(const char *text, int width)
    bint empty_short "desmos_empty_short"(const char *text, int width)
    bint same_short "desmos_same_short"(const char *text, const char *other, int width)

# How an entry is read: a text, a flag, or an integer with or without a sign.
cdef enum:
    ABSENT, TEXT, FLAGGED, SIGNED, UNSIGNED

cdef enum:
    # Bytes of a text, of which a wider column would lose some.
    WIDEST = 4096

cdef struct Column:
    const char *data
    Py_ssize_t stride
    # The rows from whose start sixteen bytes can be read.
    Py_ssize_t roomy
    int width
    int form
    # Acts of both kinds have it.
    bint shared
    # A row may repeat the one before.
    bint repeats
    # How far the value is from the first of its row.
    Py_ssize_t place
    const Key *key
    const Check *check
    # For an act of either kind.
    const Check *checks[2]
    # How the rows of a tile are read at once.
    Rule rule

cdef struct Table:
    Column[KEYS] columns
    int count
    # The keys that need no default: those with a column, and those that are no values.
    uint64_t seen
    # The column that says whether the object is there, -1 when it has none.
    int opener

# Rows whose values are filled key by key, so that what a key needs is decided once for all of them.
cdef struct Span:
    Py_ssize_t first
    # Which of the rows from the first one on.
    uint8_t[MOST_ACTS] rows
    int count
    # Where the values of a row are, and how far it is to those of the next one.
    char *base
    Py_ssize_t pitch
    # The rows with something that is not as it should be, and those that are acts of the CCAM.
    uint8_t *wrong
    uint8_t *kinds


@cython.overflowcheck(False)
cdef inline bint number_of(const Column *column, Py_ssize_t row, uint64_t *number) noexcept nogil:
    # False for a negative one. An entry may lie anywhere: a field of a packed record is not aligned.
    cdef const char *at = column.data + row * column.stride
    number[0] = 0
    if column.width == 8:
        memcpy(number, at, 8)
    elif column.width == 4:
        memcpy(number, at, 4)
    elif column.width == 2:
        memcpy(number, at, 2)
    else:
        memcpy(number, at, 1)
    return column.form != SIGNED or number[0] >> (8 * column.width - 1) == 0


cdef inline int agree(const Column *column, str name) except -1:
    # What a column holds is what its key takes.
    cdef int kind = CODE if column.check == NULL else column.check.kind
    cdef int wanted = FLAGGED if kind == FLAG else SIGNED if kind == INTEGER else TEXT
    if wanted != (SIGNED if column.form == UNSIGNED else column.form):
        raise TypeError(f"column {name} holds {('', 'texts', 'flags', 'integers')[min(column.form, 3)]}, which its key does not take")
    return 0


cdef inline int set_column(Column *column, str name, const Py_buffer *view, Py_ssize_t rows) except -1:
    cdef bytes format = b"B" if view.format == NULL else view.format
    cdef int dimensions = view.ndim
    if format[:1] in b"<=@|" and len(format) > 1:
        format = format[1:]
    if dimensions < 1 or view.shape[0] != rows:
        raise ValueError(f"column {name} has {view.shape[0] if dimensions else 0} entries, and {rows} are expected")
    column.data, column.stride, column.width = <const char *>view.buf, view.strides[0], <int>min(view.itemsize, <Py_ssize_t>WIDEST)
    if dimensions == 1 and (format.endswith(b"s") or format == b"c") and view.itemsize <= WIDEST:
        column.form = TEXT
    elif dimensions == 2 and format in (b"B", b"c", b"b") and view.strides[1] == 1 and view.shape[1] <= WIDEST:
        column.form, column.width = TEXT, <int>view.shape[1]
    elif dimensions == 1 and format == b"?":
        column.form = FLAGGED
    elif dimensions == 1 and len(format) == 1 and format in b"bhilqn":
        column.form = SIGNED
    elif dimensions == 1 and len(format) == 1 and format in b"BHILQN":
        column.form = UNSIGNED
    else:
        raise TypeError(f"column {name} holds neither texts of one width, nor integers, nor flags of this machine: {format.decode()!r}")
    return 0


@cython.overflowcheck(False)
cdef inline bint goes_back(const int64_t *places, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(rows):
        if places[i] > places[i + 1]:
            return True
    return False


cdef inline bint same_codes(const Check *one, const Check *other) noexcept nogil:
    # Whether what both allow differs by the most characters of a code alone.
    cdef int i
    if one.kind != other.kind or one.codes != other.codes or (one.kind != CODE and one.width != other.width):
        return False
    for i in range(one.codes):
        if one.code[i] != other.code[i]:
            return False
    return True


@cython.overflowcheck(False)
cdef inline void rule_column(Column *column) noexcept nogil:
    cdef Rule *rule = &column.rule
    if column.form == FLAGGED or (column.form == TEXT and not 1 <= column.width <= SHORT):
        return
    if same_codes(column.checks[0], column.checks[1]):
        make_rule(rule, column.check)
        rule.width, rule.needed, rule.blank = column.width, column.key.needed, &column.key.blank
        if column.check.kind == CODE:
            rule.sizes[0] = column.checks[0].width
        # A negative number of fewer bytes looks like one above their half.
        if column.form == SIGNED:
            rule.high = min(rule.high, (<uint64_t>1 << (8 * column.width - 1)) - 1)


@cython.overflowcheck(False)
cdef inline Rows rows_of(const Column *column, const Span *span) noexcept nogil:
    cdef Rows rows
    rows.data, rows.stride = column.data + span.first * column.stride, column.stride
    rows.base, rows.pitch = span.base + column.place, span.pitch
    rows.kinds, rows.count = span.kinds, span.count
    rows.rows = &span.rows[0]
    rows.whole = span.count == 0 or span.rows[span.count - 1] == span.count - 1
    return rows


@cython.overflowcheck(False)
cdef inline bint is_blank(const Column *column, Py_ssize_t row) noexcept nogil:
    cdef uint64_t number
    if column.form == TEXT:
        if row < column.roomy and column.width <= SHORT:
            return empty_short(column.data + row * column.stride, column.width)
        return filled_size(column.data + row * column.stride, column.width) == 0
    return number_of(column, row, &number) and number == 0


@cython.overflowcheck(False)
cdef inline uint64_t blank_rows(const Column *column, const Span *span) noexcept nogil:
    # A bit for each row, counted as they are listed.
    cdef Rows rows
    cdef uint64_t found = 0
    cdef int k
    if column.rule.form and column.form == TEXT:
        rows = rows_of(column, span)
        return which_blank(&rows, column.width)
    for k in range(span.count):
        found |= <uint64_t>is_blank(column, span.first + span.rows[k]) << k
    return found


cdef inline void leave_column(const Column *column, const Span *span) noexcept nogil:
    # What belongs to an object that is not there must not be lost.
    cdef uint64_t blank = blank_rows(column, span)
    cdef int k
    for k in range(span.count):
        span.wrong[span.rows[k]] |= not blank >> k & 1


@cython.overflowcheck(False)
cdef inline void divide(const Table *table, const Span *all, Span *there, Span *absent) noexcept nogil:
    # The rows in which an object is there, and the others.
    cdef uint64_t blank = ~<uint64_t>0 if table.opener < 0 else blank_rows(&table.columns[table.opener], all)
    cdef int i
    there[0] = all[0]
    absent[0] = all[0]
    there.count = absent.count = 0
    for i in range(all.count):
        there.rows[there.count] = absent.rows[absent.count] = <uint8_t>i
        there.count += not blank >> i & 1
        absent.count += <int>(blank >> i & 1)
