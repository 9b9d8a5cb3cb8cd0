# SPDX-License-Identifier: Apache-2.0
"""Invoices as dictionaries, as a decoder of JSON makes them: their keys in the order in which they stand, their values borrowed.

A dictionary that is no sound invoice as it usually comes is a surprise, and goes the general way, which finds and tells every fault.
Nothing of Python runs while a dictionary is read, so nothing can change it meanwhile.
"""
cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memset

from ext.claim cimport LINE
from ext.draft cimport Act, Draft, Head, value_at
from ext.fields cimport *
from ext.fse cimport AGREEMENT, CCAM, INVOICE, MOST_ACTS, NGAP, THINGS, enter, most_room
from ext.loads cimport ascii_of, load_integer
from ext.members cimport *
from ext.schema cimport *
from ext.seen cimport Seen
from ext.sink cimport Block, Sink

cdef extern from "Python.h":
    bint PyDict_CheckExact(PyObject *item)
    bint PyList_CheckExact(PyObject *item)
    bint PyDict_Next(PyObject *item, Py_ssize_t *place, PyObject **key, PyObject **value)
    Py_ssize_t PySequence_Fast_GET_SIZE(PyObject *item)
    PyObject **PySequence_Fast_ITEMS(PyObject *item)


cdef struct Reading:
    # What one call reads: how many acts the invoice has, and which text each key was met as last. A decoder gives the same text each time,
    # which need not be ours. It is borrowed of a dictionary: once anything else has run it may be gone, and another one lie there.
    int count
    PyObject *met[THINGS * KEYS]
    Act[MOST_ACTS] acts


cdef inline bint is_sequence(PyObject *item) noexcept:
    return PyList_CheckExact(item) or PyTuple_CheckExact(item)


cdef inline const char *text_of(PyObject *item, Py_ssize_t *size) noexcept:
    # NULL for what is no text in ASCII.
    return ascii_of(item, size) if PyUnicode_CheckExact(item) and PyUnicode_IS_ASCII(item) else NULL


@cython.final
cdef class Mappings:
    """Dictionaries with the keys of a schema; it holds nothing of a call, so one serves every thread."""

    cdef readonly Schema schema

    def __cinit__(self, Schema schema not None):
        self.schema = schema

    cdef bint take_list(self, PyObject *item, const Check *check, char *cells) except -1:
        cdef Py_ssize_t i, size
        cdef const char *text
        clear_cells(cells)
        if not is_sequence(item) or PySequence_Fast_GET_SIZE(item) > <Py_ssize_t>check.high:
            return False
        for i in range(PySequence_Fast_GET_SIZE(item)):
            text = text_of(PySequence_Fast_ITEMS(item)[i], &size)
            if text == NULL or take_element(check, text, size, cells, <int>i) != SOUND:
                return False
        return True

    cdef bint take_value(self, Draft *d, Act *act, PyObject *item, const Check *check) except -1:
        cdef Value *value
        cdef Py_ssize_t size
        cdef const char *text
        if check.kind >= MODIFIER_LIST:
            return self.take_list(item, check, &act.teeth[0] if check.kind == TOOTH_LIST else &act.modifiers[0])
        value = value_at(d, act, check.slot)
        if item == Py_None:
            value.known = 0
            return check.nullable
        if check.kind == INTEGER:
            return load_integer(check, item, value) == SOUND
        if check.kind == FLAG:
            value.text, value.number, value.known = NULL, item == Py_True, 1
            return item == Py_True or item == Py_False
        text = text_of(item, &size)
        if text == NULL:
            return False
        if check.kind == NAME:
            hold_text(value, text, size)
            return is_written_so(value) and check_name(check, value) == SOUND
        return take_text(check, text, size, value) == SOUND

    cdef bint take_acts(self, Draft *d, PyObject *item, Reading *r) except -1:
        cdef Act *acts = r.acts
        cdef Py_ssize_t i
        if not is_sequence(item) or not 1 <= PySequence_Fast_GET_SIZE(item) <= MOST_ACTS:
            return False
        for i in range(PySequence_Fast_GET_SIZE(item)):
            acts[i].always, acts[i].ccam = 1, self.is_ccam(PySequence_Fast_ITEMS(item)[i])
            if not self.take_object(d, &acts[i], PySequence_Fast_ITEMS(item)[i], CCAM if acts[i].ccam else NGAP, r):
                return False
        r.count = <int>PySequence_Fast_GET_SIZE(item)
        return True

    cdef bint is_ccam(self, PyObject *item) noexcept:
        # The kind of an act usually stands first. A wrong guess is found out later.
        cdef Py_ssize_t place = 0, size
        cdef PyObject *key
        cdef PyObject *value
        cdef const char *text
        while PyDict_CheckExact(item) and PyDict_Next(item, &place, &key, &value):
            text = text_of(key, &size)
            if text != NULL and size == 4 and memcmp(text, b"kind", 4) == 0:
                text = text_of(value, &size)
                return text != NULL and size == 4 and text[0] == 99
        return False

    cdef bint take_under(self, Draft *d, Act *act, PyObject *item, int thing, const Key *key, Reading *r) except -1:
        cdef Py_ssize_t size
        cdef const char *text
        if key.role == VALUE:
            return self.take_value(d, act, item, &self.schema.encoder.checks[thing][key.target])
        if key.role == OBJECT:
            if key.target == AGREEMENT:
                act.agreed = item != Py_None
            if item != Py_None:
                return self.take_object(d, act, item, key.target, r)
            self.schema.encoder.forget(d, act, key.target)
            return key.nullable
        if key.role == ACTS:
            return self.take_acts(d, item, r)
        if key.role == UNWRITTEN:
            return PyUnicode_CheckExact(item)
        text = text_of(item, &size)
        if key.role == KIND:
            return text != NULL and size == 4 and memcmp(text, b"ccam" if thing == CCAM else b"ngap", 4) == 0
        return text != NULL and self.schema.chosen(key, text, size)

    cdef bint take_object(self, Draft *d, Act *act, PyObject *item, int thing, Reading *r) except -1:
        cdef const Keys *keys = &self.schema.things[thing]
        cdef uint64_t seen = 0
        cdef int expected = 0
        cdef Py_ssize_t place = 0, size
        cdef PyObject *name
        cdef PyObject *value
        cdef PyObject **met = &r.met[thing * KEYS]
        cdef const char *text
        if not PyDict_CheckExact(item):
            return False
        while PyDict_Next(item, &place, &name, &value):
            if expected >= keys.count or (name != met[expected] and name != keys.keys[expected].name):
                text = text_of(name, &size)
                expected = self.schema.find(thing, text, size) if text != NULL else -1
                if expected < 0:
                    return False
                met[expected] = name
            if not self.take_under(d, act, value, thing, &keys.keys[expected], r):
                return False
            seen |= <uint64_t>1 << expected
            expected += 1
        return seen == keys.all or self.schema.complete(d, act, thing, seen)

    cdef int take_all(self, tuple items, Draft *d, Reading *r, int flow, bint strict, general, Sink sink, Seen seen, list faults,
                      list odd) except -1:
        cdef Py_ssize_t i
        cdef PyObject *item
        cdef list kept = []
        for i in range(len(items)):
            item = PyTuple_GET_ITEM(<PyObject *>items, i)
            r.count = 0
            enter(d, flow, strict)
            if sink.room - sink.at < most_room():
                sink.grow(most_room())
            sink.open_row()
            if self.take_object(d, r.acts, item, INVOICE, r) and r.count \
                    and self.schema.encoder.put_all(d, r.acts, r.count, sink, seen):
                sink.close_row(<int64_t>d.fees, <int64_t>d.amo, <int64_t>d.amc)
                continue
            invoice = general(i)
            memset(r.met, 0, sizeof(r.met))
            if invoice is None:
                sink.close_row(0, 0, 0)
            else:
                odd.append((i, invoice))
                self.schema.encoder.encode_one(d, r.acts, <PyObject *>invoice, sink, seen, faults, kept)
        return 0

    def encode(self, tuple items not None, int flow, general, Seen used=None, bint strict=False, Block into=None):
        """Encode dictionaries and return `(data, starts, fees, amo, amc, faults, odd)`, as an encoder does.

        `general` takes the place of an item that is a surprise and returns its invoice, or None for what is none: such items have a row
        without records. `odd` holds the others: `(row, invoice)`.
        """
        cdef Py_ssize_t count = len(items)
        cdef Sink sink = Sink(count * 8 * LINE + most_room(), count, into)
        cdef Seen seen = Seen() if used is None else used
        cdef list faults = [], odd = []
        cdef Draft d
        cdef Head head
        cdef Reading *r = <Reading *>calloc(1, sizeof(Reading))
        seen.enter()
        try:
            if r == NULL:
                raise MemoryError
            d.names, d.head, d.memos = <PyObject *>self.schema.encoder.names, &head, NULL
            self.take_all(items, &d, r, flow, strict, general, sink, seen, faults, odd)
        finally:
            seen.busy = False
            free(r)
        return sink.close(), sink.columns_starts, sink.columns_fees, sink.columns_amo, sink.columns_amc, faults, odd
