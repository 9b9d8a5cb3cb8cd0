# SPDX-License-Identifier: Apache-2.0
"""Members of the invoice taken as values, each checked on its own."""
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t

from ext.fields cimport *
from ext.invoice cimport Work, text_of
from ext.lines cimport Value
from ext.members cimport *
from ext.slots cimport MODIFIERS, TEETH


cdef inline int load(Work *w, const Check *check, PyObject *item, Value *value) except -1:
    cdef int kind = check.kind
    value.known = False
    if item == Py_None:
        return SOUND if check.nullable else BAD_VALUE
    if kind == INTEGER:
        return load_integer(check, item, value)
    if kind == FLAG:
        value.text, value.number, value.known = NULL, item == Py_True, True
        return SOUND if item == Py_True or item == Py_False else BAD_VALUE
    if kind == MODIFIER_LIST or kind == TOOTH_LIST:
        return load_list(check, item, value)
    if not PyUnicode_CheckExact(item):
        return BAD_VALUE
    if kind == NAME:
        return load_name(w, check, item, value)
    text_of(item, value)
    return check_text(check, value)


cdef inline int load_integer(const Check *check, PyObject *item, Value *value) except -1:
    cdef int beyond = 0
    cdef long long number
    if not PyLong_CheckExact(item):
        return BAD_VALUE
    number = PyLong_AsLongLongAndOverflow(item, &beyond)
    if beyond < 0 or (beyond == 0 and number < 0):
        return BAD_VALUE
    value.text, value.number, value.known = NULL, <uint64_t>number, True
    return TOO_WIDE if beyond else check_number(check, value.number)


cdef inline int load_list(const Check *check, PyObject *item, Value *value) except -1:
    cdef Py_ssize_t i, count, places = TEETH if check.kind == TOOTH_LIST else MODIFIERS
    cdef PyObject *element
    cdef int reason = SOUND
    for i in range(places):
        value[i].known = False
    if not PyTuple_CheckExact(item):
        return BAD_VALUE
    count = PyTuple_GET_SIZE(item)
    if count > <Py_ssize_t>check.high:
        return TOO_WIDE
    for i in range(count):
        element = PyTuple_GET_ITEM(item, i)
        if not PyUnicode_CheckExact(element):
            return BAD_VALUE
        text_of(element, &value[i])
        reason = check_element(check, &value[i])
        if reason:
            break
    return reason


cdef inline int load_name(Work *w, const Check *check, PyObject *item, Value *value) except -1:
    text_of(item, value)
    if not is_written_so(value):
        name = (<object>w.names)(<object>item)
        if name is None:
            return BAD_CHAR
        # The invoice keeps its own texts alive; this one is ours to keep until its records are written.
        (<list>w.kept).append(<str?>name)
        text_of(<PyObject *>name, value)
    return check_name(check, value)
