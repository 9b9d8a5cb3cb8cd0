# SPDX-License-Identifier: Apache-2.0
"""Columns as buffers show them: what an entry is, and how it is read; no more than the buffer has."""
cimport cython
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from ext.fields cimport CODE, FLAG, INTEGER, Check
from ext.schema cimport KEYS, Key

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

cdef struct Table:
    Column[KEYS] columns
    int count
    # The keys that need no default: those with a column, and those that are no values.
    uint64_t seen
    # The column that says whether the object is there, -1 when it has none.
    int opener


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
