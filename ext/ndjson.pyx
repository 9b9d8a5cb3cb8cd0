# SPDX-License-Identifier: Apache-2.0
"""Invoices as lines of JSON, read without a Python object: from the bytes of a key straight to the characters of a record.

A line is read as it is usually written: each key is compared with the one that is expected next, its value is taken where it stands.
Keys in another order, absent keys and spaces cost a search. What is no sound invoice at all, and the rare spelling that JSON allows
besides (an escaped character, a number with an exponent, a name outside ASCII), is a surprise: the line is given to the caller, who
reads it the general way, and the lines after it go on.
"""
cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcmp, memset

from ext.claim cimport LINE
from ext.draft cimport Act, Draft, tell, value_at
from ext.fields cimport *
from ext.fse cimport ACT_LINES, AGREEMENT, CCAM, INVOICE, NGAP, Encoder, enter
from ext.schema cimport *
from ext.seen cimport Seen
from ext.sink cimport Block, Sink
from ext.slots cimport *

cdef extern from "ext/scan.h" nogil:
    bint same_key "desmos_same_key"(const char *text, const char *spelt, const char *mask)
    Py_ssize_t plain_text "desmos_plain_text"(const char *text, Py_ssize_t room)
    Py_ssize_t any_text "desmos_any_text"(const char *text, Py_ssize_t room)

cdef enum:
    # An invoice with more acts goes the general way.
    MOST_ACTS = 64

cdef enum:
    DONE, SURPRISE, ROOM

cdef struct Reader:
    const char *at
    const char *end
    Draft draft
    Act *acts
    int count


cdef inline void skip(Reader *r) noexcept nogil:
    while r.at < r.end and (r.at[0] == 32 or r.at[0] == 9 or r.at[0] == 13):
        r.at += 1


cdef inline bint take(Reader *r, char c) noexcept nogil:
    # The next character that is no space.
    if r.at < r.end and r.at[0] == c:
        r.at += 1
        return True
    skip(r)
    if r.at < r.end and r.at[0] == c:
        r.at += 1
        return True
    return False


@cython.overflowcheck(False)
cdef inline bint is_next(Reader *r, const char *word, Py_ssize_t size) noexcept nogil:
    if r.end - r.at < size or memcmp(r.at, word, <size_t>size) != 0:
        return False
    r.at += size
    return True


@cython.overflowcheck(False)
cdef inline const char *text_at(Reader *r, Py_ssize_t *size) noexcept nogil:
    # The characters between two quotes, plain ASCII; NULL for any other text.
    cdef const char *start
    if not take(r, 34):
        return NULL
    start = r.at
    size[0] = plain_text(start, r.end - start)
    if size[0] < 0:
        return NULL
    r.at = start + size[0] + 1
    return start


@cython.overflowcheck(False)
cdef inline bint number_at(Reader *r, uint64_t *number) noexcept nogil:
    # Digits and nothing that would make them another number than they say.
    cdef const char *start = r.at
    cdef uint64_t found = 0
    while r.at < r.end and 48 <= r.at[0] <= 57:
        found = found * 10 + <uint64_t>(r.at[0] - 48)
        r.at += 1
    number[0] = found
    if r.at == start or r.at - start > 18 or (start[0] == 48 and r.at - start > 1) or r.at == r.end:
        return False
    return r.at[0] != 46 and r.at[0] != 101 and r.at[0] != 69


# Distances between places of the input are all there is to compute, and their check takes no pointers.
@cython.overflowcheck(False)
cdef class Lines:
    """Lines of JSON with the keys of a schema; it holds nothing of a call, so one serves every thread."""

    cdef readonly Schema schema

    def __cinit__(self, Schema schema not None):
        self.schema = schema

    cdef bint read_list(self, Reader *r, const Check *check, char *cells) noexcept nogil:
        cdef Py_ssize_t size
        cdef const char *text
        cdef int index = 0
        clear_cells(cells)
        if not take(r, 91):
            return False
        if take(r, 93):
            return True
        while index < <int>check.high:
            text = text_at(r, &size)
            if text == NULL or take_element(check, text, size, cells, index) != SOUND:
                return False
            index += 1
            if not take(r, 44):
                return take(r, 93)
        return False

    cdef bint read_value(self, Reader *r, Act *act, const Check *check) noexcept nogil:
        cdef Value *value
        cdef const char *text
        cdef Py_ssize_t size
        cdef uint64_t number
        if check.kind >= MODIFIER_LIST:
            return self.read_list(r, check, &act.teeth[0] if check.kind == TOOTH_LIST else &act.modifiers[0])
        value = value_at(&r.draft, act, check.slot)
        if r.at < r.end and r.at[0] <= 32:
            skip(r)
        if r.at == r.end:
            return False
        if r.at[0] == 34:
            text = text_at(r, &size)
            if text == NULL or check.kind == INTEGER or check.kind == FLAG:
                return False
            if check.kind == NAME:
                hold_text(value, text, size)
                return is_written_so(value) and check_name(check, value) == SOUND
            return take_text(check, text, size, value) == SOUND
        if check.kind == INTEGER:
            return number_at(r, &number) and take_number(check, number, value) == SOUND
        if check.kind == FLAG:
            value.text, value.number, value.known = NULL, r.at[0] == 116, 1
            return is_next(r, b"true", 4) or is_next(r, b"false", 5)
        value.known = 0
        return check.nullable and is_next(r, b"null", 4)

    cdef bint read_kind(self, Reader *r, int thing) noexcept nogil:
        cdef Py_ssize_t size
        cdef const char *text = text_at(r, &size)
        return text != NULL and size == 4 and memcmp(text, b"ccam" if thing == CCAM else b"ngap", 4) == 0

    cdef bint read_unwritten(self, Reader *r) noexcept nogil:
        # A text that no record holds: whatever characters it has, as long as they are characters.
        cdef Py_ssize_t size
        if not take(r, 34):
            return False
        size = any_text(r.at, r.end - r.at)
        if size < 0:
            return False
        r.at += size + 1
        return True

    cdef bint read_choice(self, Reader *r, const Key *key) noexcept nogil:
        cdef Py_ssize_t size
        cdef const char *text = text_at(r, &size)
        return text != NULL and self.schema.chosen(key, text, size)

    cdef bint read_part(self, Reader *r, Act *act, const Key *key) noexcept nogil:
        # An object of the invoice or of an act, which may be null unless it is needed.
        if not key.nullable or not is_next(r, b"null", 4):
            if key.nullable and r.at < r.end and r.at[0] <= 32:
                skip(r)
                if is_next(r, b"null", 4):
                    self.schema.encoder.forget(&r.draft, act, key.target)
                    if key.target == AGREEMENT:
                        act.agreed = False
                    return True
            if key.target == AGREEMENT:
                act.agreed = True
            return self.read_object(r, act, key.target)
        self.schema.encoder.forget(&r.draft, act, key.target)
        if key.target == AGREEMENT:
            act.agreed = False
        return True

    cdef bint read_acts(self, Reader *r) noexcept nogil:
        cdef Act *act
        if not take(r, 91):
            return False
        while r.count < MOST_ACTS:
            act = &r.acts[r.count]
            act.always = 1
            act.ccam = self.is_ccam(r)
            if not self.read_object(r, act, CCAM if act.ccam else NGAP):
                return False
            r.count += 1
            if not take(r, 44):
                return take(r, 93)
        return False

    cdef bint is_ccam(self, Reader *r) noexcept nogil:
        # The kind of the act at hand, which decides what its keys may hold; it usually comes first. A wrong guess is found out later.
        cdef const char *at = r.at
        cdef int depth = 0
        cdef Py_ssize_t size
        while at < r.end:
            if at[0] == 34:
                size = any_text(at + 1, r.end - at - 1)
                if size < 0:
                    return False
                if depth == 1 and size == 4 and memcmp(at + 1, b"kind", 4) == 0:
                    at += 6
                    while at < r.end and (at[0] <= 32 or at[0] == 58):
                        at += 1
                    return r.end - at > 1 and at[1] == 99
                at += size + 1
            elif at[0] == 123 or at[0] == 91:
                depth += 1
            elif at[0] == 125 or at[0] == 93:
                depth -= 1
                if depth <= 0:
                    return False
            at += 1
        return False

    cdef bint read_under(self, Reader *r, Act *act, int thing, const Key *key) noexcept nogil:
        if key.role == VALUE:
            return self.read_value(r, act, &self.schema.encoder.checks[thing][key.target])
        if key.role == OBJECT:
            return self.read_part(r, act, key)
        if key.role == ACTS:
            return self.read_acts(r)
        if key.role == KIND:
            return self.read_kind(r, thing)
        if key.role == UNWRITTEN:
            return self.read_unwritten(r)
        return self.read_choice(r, key)

    cdef int search_key(self, Reader *r, int thing) noexcept nogil:
        # The place of the key at hand, -1 for none of this object's.
        cdef Py_ssize_t size
        cdef const char *name = text_at(r, &size)
        if name == NULL or not take(r, 58):
            return -1
        return self.schema.find(thing, name, size)

    cdef bint read_object(self, Reader *r, Act *act, int thing) noexcept nogil:
        cdef const Keys *keys = &self.schema.things[thing]
        cdef uint64_t seen = 0
        cdef int expected = 0, place
        if not take(r, 123):
            return False
        if take(r, 125):
            return self.schema.complete(&r.draft, act, thing, seen)
        while True:
            if expected < keys.count and r.end - r.at >= SPELT and same_key(r.at, keys.keys[expected].spelt, keys.keys[expected].mask):
                place = expected
                r.at += keys.keys[place].size
            else:
                place = self.search_key(r, thing)
                if place < 0:
                    return False
            if seen >> place & 1 or not self.read_under(r, act, thing, &keys.keys[place]):
                return False
            seen |= <uint64_t>1 << place
            expected = place + 1
            if not take(r, 44):
                return take(r, 125) and self.schema.complete(&r.draft, act, thing, seen)

    cdef int read_line(self, Reader *r, int flow, bint strict) noexcept nogil:
        # One object and nothing but spaces up to the end of its line.
        enter(&r.draft, flow, strict)
        r.count = 0
        if not self.read_object(r, &r.acts[0], INVOICE) or r.count == 0:
            return False
        skip(r)
        return r.at == r.end

    cdef int read_lines(self, Reader *r, const char *stop, int64_t *number, int flow, bint strict, Sink sink, Seen seen) except -1 nogil:
        # On to the end, to a line that is a surprise, or to where there is no room; `at` is then the start of that line.
        cdef const char *start
        cdef const char *end
        while r.at < stop:
            start = r.at
            end = <const char *>memchr(start, 10, <size_t>(stop - start))
            r.end = stop if end == NULL else end
            skip(r)
            if r.at < r.end:
                if sink.room - sink.at < (3 + ACT_LINES * MOST_ACTS) * LINE or sink.count == sink.rows:
                    r.at = start
                    return ROOM
                r.at = start
                sink.open_row()
                if not self.read_line(r, flow, strict) or not self.schema.encoder.put_all(&r.draft, r.acts, r.count, sink, seen):
                    r.at = start
                    return SURPRISE
                sink.close_row(<int64_t>r.draft.fees, <int64_t>r.draft.amo, <int64_t>r.draft.amc)
            number[0] += 1
            r.at = r.end + 1 if r.end < stop else stop
        return DONE

    def encode(self, const unsigned char[::1] data not None, int flow, general, Seen used=None, bint strict=False, Block into=None,
               int64_t first=1):
        """Encode the invoices of lines and return `(data, starts, fees, amo, amc, faults, odd)`, as an encoder does.

        `general` takes a line that is a surprise and its number, counted from `first`, and returns its invoice or None; only such lines
        have a row in `odd`: `(row, line, invoice)`. Blank lines are counted and give nothing.
        """
        cdef Py_ssize_t size = data.shape[0]
        cdef const char *start = <const char *>&data[0] if size else NULL
        cdef Sink sink = Sink(size + (3 + ACT_LINES * MOST_ACTS) * LINE, size // 512 + 16, into)
        cdef Seen seen = Seen() if used is None else used
        cdef list faults = [], odd = [], kept = []
        cdef Encoder encoder = self.schema.encoder
        cdef int64_t number = first
        cdef int found = ROOM
        cdef Reader *r = <Reader *>malloc(sizeof(Reader))
        cdef Act *acts = <Act *>malloc(MOST_ACTS * sizeof(Act))
        seen.enter()
        try:
            if r == NULL or acts == NULL:
                raise MemoryError
            memset(r, 0, sizeof(Reader))
            memset(acts, 32, MOST_ACTS * sizeof(Act))
            r.at, r.acts, r.draft.names = start, acts, <PyObject *>encoder.names
            while found != DONE:
                with nogil:
                    found = self.read_lines(r, start + size, &number, flow, strict, sink, seen)
                if found == ROOM:
                    sink.grow((3 + ACT_LINES * MOST_ACTS) * LINE)
                    sink.grow_rows()
                elif found == SURPRISE:
                    invoice = general(r.at[:r.end - r.at], number)
                    if invoice is not None:
                        odd.append((sink.count, number, invoice))
                        encoder.encode_one(&r.draft, acts, <PyObject *>invoice, sink, seen, faults, kept)
                    number += 1
                    r.at = r.end + 1 if r.end < start + size else r.end
        finally:
            seen.busy = False
            free(acts)
            free(r)
        return (*sink.result(), faults, odd)
