# SPDX-License-Identifier: Apache-2.0
"""Members of the invoice taken as values, each checked on its own."""
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t

from ext.claim cimport Value
from ext.draft cimport Act, Draft
from ext.fields cimport *
from ext.members cimport *
from ext.slots cimport MODIFIERS, TEETH

cdef extern from *:
    """
    /* Stands for any text outside ASCII: NUL, a character of no alphabet, as many times as a field is wide. */
    static const char DESMOS_STRANGE[256];
    """
    const char *STRANGE "DESMOS_STRANGE"


cdef inline const char *ascii_of(PyObject *item, Py_ssize_t *size) noexcept:
    size[0] = PyUnicode_GET_LENGTH(item)
    if PyUnicode_IS_ASCII(item):
        return <const char *>PyUnicode_DATA(item)
    size[0] = min(size[0], 256)
    return STRANGE


cdef inline int load(Draft *d, Act *act, const Check *check, PyObject *item, Value *value, list kept) except -1:
    # For a list, the value is none of the draft's: its cells are the act's.
    cdef int kind = check.kind
    cdef Py_ssize_t size
    cdef const char *text
    value.known = 0
    if item == Py_None:
        return SOUND if check.nullable else BAD_VALUE
    if kind == INTEGER:
        return load_integer(check, item, value)
    if kind == FLAG:
        value.text, value.number, value.known = NULL, item == Py_True, 1
        return SOUND if item == Py_True or item == Py_False else BAD_VALUE
    if kind >= MODIFIER_LIST:
        return load_list(check, item, &act.teeth[0] if kind == TOOTH_LIST else &act.modifiers[0])
    if not PyUnicode_CheckExact(item):
        return BAD_VALUE
    if kind == NAME:
        return load_name(d, check, item, value, kept)
    text = ascii_of(item, &size)
    return take_text(check, text, size, value)


cdef inline int load_integer(const Check *check, PyObject *item, Value *value) except -1:
    cdef int beyond = 0
    cdef long long number
    if not PyLong_CheckExact(item):
        return BAD_VALUE
    number = small_long(item)
    if number < 0:
        number = PyLong_AsLongLongAndOverflow(item, &beyond)
        if beyond < 0 or (beyond == 0 and number < 0):
            return BAD_VALUE
        if beyond:
            return TOO_WIDE
    return take_number(check, <uint64_t>number, value)


cdef inline int load_list(const Check *check, PyObject *item, char *cells) except -1:
    cdef Py_ssize_t i, count, size
    cdef const char *text
    cdef PyObject *element
    cdef int reason = SOUND
    clear_cells(cells)
    if not PyTuple_CheckExact(item):
        return BAD_VALUE
    count = PyTuple_GET_SIZE(item)
    if count > <Py_ssize_t>check.high:
        return TOO_WIDE
    for i in range(count):
        element = PyTuple_GET_ITEM(item, i)
        if not PyUnicode_CheckExact(element):
            return BAD_VALUE
        text = ascii_of(element, &size)
        reason = take_element(check, text, size, cells, <int>i)
        if reason:
            break
    return reason


cdef inline int load_name(Draft *d, const Check *check, PyObject *item, Value *value, list kept) except -1:
    cdef Py_ssize_t size
    cdef const char *text = ascii_of(item, &size)
    hold_text(value, text, size)
    if not is_written_so(value):
        if d.strict:
            return BAD_VALUE
        name = (<object>d.names)(<object>item)
        if name is None:
            return BAD_CHAR
        # The invoice keeps its own texts alive; this one is ours to keep until its records are written.
        kept.append(<str?>name)
        text = ascii_of(<PyObject *>name, &size)
        hold_text(value, text, size)
    return check_name(check, value)
