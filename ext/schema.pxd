# SPDX-License-Identifier: Apache-2.0
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint64_t

from ext.claim cimport Value
from ext.draft cimport Act, Draft
from ext.fse cimport THINGS, Encoder

cdef enum:
    KEYS = 40
    CHOICES = 4
    # The longest `"key":` that is compared at once.
    SPELT = 32

# What stands under a key: a value with a check, an object, the acts, the kind of an act, a text that no record holds, one of a few words.
cdef enum:
    VALUE, OBJECT, ACTS, KIND, UNWRITTEN, CHOICE

cdef struct Key:
    # As it is written without spaces, quotes and colon included, and ones where there is a character.
    char[SPELT] spelt
    char[SPELT] mask
    int size
    int role
    int target
    bint needed
    bint nullable
    PyObject *name
    # What an absent key means, and its text.
    Value blank
    char[16] held
    int choices
    char[CHOICES][16] choice
    int[CHOICES] choice_size

cdef struct Keys:
    Key[KEYS] keys
    int count
    # A bit for each key.
    uint64_t all
    uint64_t factor
    uint8_t[64] hashed


cdef class Schema:
    cdef readonly Encoder encoder
    cdef Keys[THINGS] things
    cdef tuple names
    cdef int add_key(self, int thing, tuple row) except -1
    cdef int set_blank(self, Key *key, int thing, object default) except -1
    cdef int spread(self, Keys *keys) except -1
    cdef int find(self, int thing, const char *name, Py_ssize_t size) noexcept nogil
    cdef bint complete(self, Draft *d, Act *act, int thing, uint64_t seen) noexcept nogil
    cdef bint chosen(self, const Key *key, const char *text, Py_ssize_t size) noexcept nogil
