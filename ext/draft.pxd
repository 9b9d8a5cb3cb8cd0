# SPDX-License-Identifier: Apache-2.0
"""An invoice on its way to its records: the values of its head and of its acts, its sums, and the faults that are told of it.

Nothing here needs a Python object, so that it can be filled and written without the lock. A fault keeps what was given as a borrowed
object or as a copy of the value; `tell` makes the tuples, with the lock, once the invoice is done.
"""
cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcmp

from ext.claim cimport Value, spell_number
from ext.slots cimport ACT_SLOTS, CELLS, HEAD_SLOTS, S_ACT_CODE, SLOT_COUNT

cdef enum:
    # More faults of one invoice tell no more, and a hostile body could hold millions.
    FAULTS = 20
    RECORDS = 7

cdef struct Head:
    Value[HEAD_SLOTS] values

cdef struct Act:
    Value[ACT_SLOTS] values
    char[CELLS] modifiers
    char[CELLS] teeth
    # Lists are always known: what is not there is a space.
    int32_t always
    bint ccam
    bint agreed

cdef struct Told:
    int reason
    int slot
    int act
    Py_ssize_t width
    PyObject *item
    Value value

# The object that a check met last, and what came of it: defaults and small numbers are the same objects again and again.
cdef struct Memo:
    PyObject *item
    Value value

cdef struct Draft:
    # The values of the head lie elsewhere, close together where several invoices are filled at once.
    Head *head
    char[9] accident
    # Where the last record of each type lies.
    Py_ssize_t[RECORDS] records
    Told[FAULTS] told
    int found
    # The act that faults are told of, -1 outside of them.
    int at_act
    int flow
    bint strict
    bint apart
    # The transliteration of a name, or NULL where names are taken as they are.
    PyObject *names
    # One for each check of each object, or NULL. The objects must outlive them.
    Memo *memos
    uint64_t lines
    uint64_t fees
    uint64_t amo
    uint64_t amc


@cython.overflowcheck(False)
cdef inline Value *value_at(Draft *d, Act *act, int slot) noexcept nogil:
    return &d.head.values[slot] if slot < S_ACT_CODE else &act.values[slot - S_ACT_CODE]


cdef inline void set_number(Value *value, uint64_t number) noexcept nogil:
    value.text, value.number, value.known = NULL, number, 1
    spell_number(value.word, number)


cdef inline bint is_letter(const Value *value, char letter) noexcept nogil:
    return value.known and value.size == 1 and value.text[0] == letter


cdef inline bint starts_with(const Value *value, const char *text, int size) noexcept nogil:
    return value.known and value.size >= size and memcmp(value.text, text, <size_t>size) == 0


@cython.overflowcheck(False)
cdef inline void fault(Draft *d, int reason, int slot, PyObject *item, Py_ssize_t width) noexcept nogil:
    cdef Told *told
    if d.found < FAULTS:
        told = &d.told[d.found]
        told.reason, told.slot, told.act, told.item, told.width, told.value.known = reason, slot, d.at_act, item, width, 0
    d.found += 1


@cython.overflowcheck(False)
cdef inline void refuse(Draft *d, const Value *value, int reason, int slot) noexcept nogil:
    # A fault between fields, told at one of them.
    if d.found < FAULTS:
        fault(d, reason, slot, NULL, -1)
        d.told[d.found - 1].value = value[0]
    else:
        d.found += 1


cdef inline int tell(const Draft *d, Py_ssize_t row, list faults) except -1:
    cdef int i
    cdef const Told *told
    cdef object given
    for i in range(min(d.found, <int>FAULTS)):
        told = &d.told[i]
        given = None if told.item == NULL else <object>told.item
        if told.value.known:
            given = told.value.number if told.value.text == NULL else told.value.text[:told.value.size].decode("ascii")
        faults.append((row, told.reason, told.slot, told.act, given, told.width))
    return 0
