# SPDX-License-Identifier: Apache-2.0
"""The table of an exact join, for kernels that look rows up as they come."""
cimport cython
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from ext.pages cimport mixed_product

cdef enum:
    # Rows that go through together.
    GROUP = 32
    ROW = 0x7FFFFFFF

cdef extern from *:
    """
    #define DESMOS_MORE 0x80000000u
    #define DESMOS_TAG 0xFFFFFFFF00000000u
    """
    # Set in a slot, and in what is found there, when other rows follow the first.
    uint32_t MORE "DESMOS_MORE"
    uint64_t TAG "DESMOS_TAG"

cdef struct Side:
    const char *keys
    Py_ssize_t rows
    Py_ssize_t width

cdef struct Table:
    uint64_t *slots       # tag, and the first row of the key counted from one; 0 is free
    uint64_t capacity
    uint64_t odd          # drawn, so that nobody can choose keys that collide
    uint32_t *following   # the next row with the same key, or 0; NULL while no key came twice


@cython.overflowcheck(False)
cdef inline uint64_t word_at(const char *key, Py_ssize_t width) noexcept nogil:
    cdef uint64_t word = 0
    if width == 8:
        memcpy(&word, key, 8)
    else:
        memcpy(&word, key, <size_t>width)
    return word


# Products that wrap around are meant here.
@cython.overflowcheck(False)
cdef inline uint64_t mixed(const char *key, Py_ssize_t width, uint64_t odd) noexcept nogil:
    cdef uint64_t h = odd ^ <uint64_t>width
    while width > 8:
        h = mixed_product(h ^ word_at(key, 8), odd)
        key += 8
        width -= 8
    return mixed_product(h ^ word_at(key, width), odd)


cdef int open_table(Table *table, Py_ssize_t rows) except -1
cdef void close_table(Table *table) noexcept nogil
# Each row of the right side, once; -1 when there is no memory for the chains.
cdef int build(Table *table, const Side *right) noexcept nogil
# The first right row of each left one, counted from one, 0 for none, with MORE set where others follow in the table's chains.
cdef void look_up(const Table *table, const Side *left, const Side *right, uint32_t *found) noexcept nogil
