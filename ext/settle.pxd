# SPDX-License-Identifier: Apache-2.0
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from ext.join cimport Table

cdef enum:
    # A key: biller, number, payer, part; a text has its length before it and zeros behind.
    KEY = 48
    BILLER_AT = 0
    BILLER_ROOM = 15
    NUMBER_AT = 16
    PAYER_AT = 24
    PAYER_ROOM = 22
    PART_AT = 47
    LONGEST_REF = 200
    NO_LOT = -1

# What is known of a line.
cdef enum:
    NAMED = 1     # it names its patient
    PARKED = 2    # its amount waits in the books
    FIT = 4       # all that is compared is there and can be told
    TAKEN = 8     # one share agrees with it
    SHARED = 16   # and with another line too

cdef struct Line:
    unsigned char[16] order_id
    unsigned char[16] invoice_id
    unsigned char[16] match_id
    unsigned char[16] entry_id
    unsigned char[32] insured
    int64_t amount
    int64_t due           # the amount of the share
    uint64_t[3] touches   # what else it may pay: invoices by its own biller and number, by its order's, by its patient and day; 0 for none
    uint64_t patient      # the patient and day of its invoice
    size_t name           # its order's reference, `#` and its number, among the texts
    int32_t name_size
    int32_t line
    int32_t care
    int16_t lot
    uint8_t flags


cdef class Settlement:
    cdef Line *lines
    cdef char *keys
    cdef char *texts
    cdef Py_ssize_t count, room
    cdef size_t texts_size, texts_room
    cdef Table table
    cdef uint32_t *chosen         # rows of the lines that are settled, by name
    cdef readonly Py_ssize_t settled
    cdef bytes rest               # the beginning of a row whose end is still to come
    cdef int stage                # which stream is being read
    cdef bint begun, ended
    cdef int take(self, bytes data, int stage) except -1
    cdef int open_stream(self, const char *data, Py_ssize_t size, Py_ssize_t *at) except -1
    cdef int close_stream(self) except -1
    cdef int read_lines(self, const char *data, Py_ssize_t size, Py_ssize_t *at) noexcept nogil
    cdef int read_shares(self, const char *data, Py_ssize_t size, Py_ssize_t *at) noexcept nogil
    cdef int fit_rows(self) noexcept nogil
    cdef int fit_texts(self, Py_ssize_t size) noexcept nogil
    cdef int choose(self) noexcept nogil
