# SPDX-License-Identifier: Apache-2.0
"""The invoice at hand in the encoder: its values, its sums, and the faults that are told of it."""
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memcmp

from ext.lines cimport Value
from ext.members cimport PyUnicode_DATA, PyUnicode_GET_LENGTH, PyUnicode_IS_ASCII
from ext.slots cimport SLOT_COUNT

cdef extern from *:
    """
    /* Stands for any text outside ASCII: NUL, a character of no alphabet, as many times as a field is wide. */
    static const char STRANGE[256];
    """
    const char *STRANGE

cdef enum:
    # More faults of one invoice tell no more, and a hostile body could hold millions.
    FAULTS = 20
    RECORDS = 7

cdef struct Work:
    Value[SLOT_COUNT] values
    char[9] biller
    char[9] accident
    char[10] amc
    # The lists of faults and of names written otherwise; both belong to the call.
    PyObject *faults
    PyObject *kept
    # The transliteration of a name.
    PyObject *names
    Py_ssize_t row
    int act
    int found
    int flow
    bint apart
    char *out
    Py_ssize_t at
    Py_ssize_t room
    # Where the last record of each type lies.
    Py_ssize_t[RECORDS] records
    uint64_t lines
    uint64_t fees
    uint64_t amo
    uint64_t amc_sum


cdef inline int text_of(PyObject *item, Value *value) except -1:
    value.known, value.number = True, 0
    value.size = PyUnicode_GET_LENGTH(item)
    if PyUnicode_IS_ASCII(item):
        value.text = <const char *>PyUnicode_DATA(item)
    else:
        value.text, value.size = STRANGE, min(value.size, 256)
    return 0


cdef inline int set_text(Value *value, const char *text, Py_ssize_t size) noexcept nogil:
    value.text, value.size, value.known = text, size, True
    return 0


cdef inline int set_number(Value *value, uint64_t number) noexcept nogil:
    value.text, value.number, value.known = NULL, number, True
    return 0


cdef inline bint is_letter(const Value *value, char letter) noexcept nogil:
    return value.known and value.size == 1 and value.text[0] == letter


cdef inline bint starts_with(const Value *value, const char *text, Py_ssize_t size) noexcept nogil:
    return value.known and value.size >= size and memcmp(value.text, text, <size_t>size) == 0


cdef inline int fault(Work *w, int reason, int slot, PyObject *value, Py_ssize_t width) except -1:
    w.found += 1
    if w.found <= FAULTS:
        (<list>w.faults).append((w.row, reason, slot, w.act, None if value == NULL else <object>value, width))
    return 0


cdef inline int refuse(Work *w, int reason, int slot) except -1:
    # A fault between fields, told at one of them.
    cdef const Value *value = &w.values[slot]
    cdef object given
    if slot >= SLOT_COUNT or not value.known:
        return fault(w, reason, slot, NULL, -1)
    given = value.number if value.text == NULL else value.text[:value.size].decode("ascii")
    return fault(w, reason, slot, <PyObject *>given, -1)
