# SPDX-License-Identifier: Apache-2.0
"""Members of Python objects read where their class keeps them, and the few calls of the C API that need no reference."""
from cpython.object cimport PyObject

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        pass
    PyTypeObject PyMemberDescr_Type
    PyTypeObject *Py_TYPE(PyObject *item)
    bint PyType_IsSubtype(PyTypeObject *one, PyTypeObject *other)
    bint PyUnicode_CheckExact(PyObject *item)
    bint PyUnicode_IS_ASCII(PyObject *item)
    void *PyUnicode_DATA(PyObject *item)
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *item)
    bint PyLong_CheckExact(PyObject *item)
    long long PyLong_AsLongLongAndOverflow(PyObject *item, int *overflow) except? -1
    bint PyTuple_CheckExact(PyObject *item)
    Py_ssize_t PyTuple_GET_SIZE(PyObject *item)
    PyObject *PyTuple_GET_ITEM(PyObject *item, Py_ssize_t index)
    PyObject *Py_None
    PyObject *Py_True
    PyObject *Py_False
    PyObject *raw_bytes "PyBytes_FromStringAndSize"(const char *text, Py_ssize_t size) except NULL
    int resize_bytes "_PyBytes_Resize"(PyObject **item, Py_ssize_t size) except -1
    char *raw_text "PyBytes_AS_STRING"(PyObject *item)
    void Py_XDECREF(PyObject *item)

cdef extern from *:
    """
    /* An integer of one digit of CPython's, which most are; -1 for any other. */
    static inline long long desmos_small_long(PyObject *item) {
    #if PY_VERSION_HEX >= 0x030C0000
        long long value;
        if (!PyUnstable_Long_IsCompact((PyLongObject *)item))
            return -1;
        value = PyUnstable_Long_CompactValue((PyLongObject *)item);
        return value < 0 ? -1 : value;
    #else
        Py_ssize_t size = Py_SIZE(item);
        return size == 0 ? 0 : size == 1 ? (long long)((PyLongObject *)item)->ob_digit[0] : -1;
    #endif
    }
    """
    long long small_long "desmos_small_long"(PyObject *item)

cdef extern from "structmember.h":
    ctypedef struct PyMemberDef:
        int type
        Py_ssize_t offset
    ctypedef struct PyMemberDescrObject:
        PyMemberDef *d_member
    int T_OBJECT_EX


cdef inline Py_ssize_t place_of(object cls, str name) except -1:
    # Where instances keep a member: what its descriptor does, without a call for each read.
    cdef object member = getattr(cls, name)
    cdef PyMemberDescrObject *found = <PyMemberDescrObject *><PyObject *>member
    if Py_TYPE(<PyObject *>member) != &PyMemberDescr_Type or found.d_member.type != T_OBJECT_EX:
        raise TypeError("a class of the invoice keeps no members at fixed places")
    return found.d_member.offset


cdef inline PyObject *member(PyObject *item, Py_ssize_t place) except NULL:
    cdef PyObject *found = (<PyObject **>(<char *>item + place))[0]
    if found == NULL:
        raise TypeError("an object of the invoice lacks a member")
    return found
