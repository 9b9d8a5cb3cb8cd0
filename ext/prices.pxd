# SPDX-License-Identifier: Apache-2.0
cimport cython
from libc.stdint cimport int32_t, int64_t

from ext.tariffs cimport Tariffs
from ext.worth cimport Cover, Given, Worth

cdef struct Told:
    int32_t invoice
    int32_t act
    int32_t code
    int32_t field
    int64_t given
    int64_t expected


@cython.final
cdef class Prices:
    cdef readonly Py_ssize_t count
    cdef Cover *covers
    cdef int *wrong
    # Where the acts of each invoice begin, and where the last ones end.
    cdef Py_ssize_t *first
    cdef Given *given
    cdef Worth *worths
    cdef Told *told
    cdef Py_ssize_t faulty
    cdef Py_ssize_t told_room
    cdef bint full
    cdef void tell(self, Py_ssize_t invoice, Py_ssize_t act, int code, int field, int64_t given, int64_t expected) noexcept nogil
    cdef void tell_amounts(self, Py_ssize_t i, int k, const Given *act, Worth *w) noexcept nogil
    cdef void tell_act(self, Py_ssize_t i, int k, bint late) noexcept nogil
    cdef void price_act(self, Py_ssize_t i, int k, const Worth *main) noexcept nogil
    cdef void price_invoice(self, Tariffs tariffs, Py_ssize_t i, bint allow_late) noexcept nogil
    cdef int price_all(self, Tariffs tariffs, bint allow_late) except -1 nogil
