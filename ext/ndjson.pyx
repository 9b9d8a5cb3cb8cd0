# SPDX-License-Identifier: Apache-2.0
"""Invoices as lines of JSON, read without a Python object: from the bytes of a key straight to the characters of a record.

A line is read as it is usually written: each key is compared with the one that is expected next, its value is taken where it stands.
Keys in another order, absent keys and spaces cost a search. What is no sound invoice at all, and the rare spelling that JSON allows
besides (an escaped character, a number with an exponent, a name outside ASCII), is a surprise: the line is given to the caller, who
reads it the general way, and the lines after it go on.
"""
cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr, memcmp, memset

from ext.draft cimport Act, Draft, Head, value_at
from ext.fields cimport *
from ext.fse cimport AGREEMENT, CCAM, CHECKS, INVOICE, MOST_ACTS, NGAP, THINGS, Encoder, enter, most_room
from ext.jsontext cimport WORTHLESS, Memo, any_text, integer_at, keep_start, list_at, plain_text
from ext.jsontext cimport same_key, same_start, short_text, skip, take, text_at, word_at
from ext.line cimport Entry, Index, Place, has_index, index_line, make_entries, read_values
from ext.schema cimport *
from ext.seen cimport Seen
from ext.sink cimport Block, Sink
from ext.slots cimport *

cdef enum:
    DONE, SURPRISE, ROOM

# The invoice at hand. What reads a part of its line takes the place where it begins and returns the one after it, NULL for a surprise.
cdef struct Reader:
    # Of the line, and of all lines.
    const char *end
    const char *stop
    # Keys of the invoice that may be absent although they are needed.
    uint64_t excused
    Draft draft
    Head head
    Act *acts
    int count
    # How many acts were ever begun.
    int opened
    Memo[THINGS][CHECKS] memos
    # The key that came last time after each, and first of all: lines of one file have one order.
    uint8_t[THINGS][KEYS + 1] follows
    Index index
    # Rises with each value that is read beforehand and falls with each attempt: lines in another order are soon read as they come.
    int worth


cdef Reader *new_reader(Encoder encoder) except NULL:
    cdef int thing, place
    cdef Reader *r = <Reader *>calloc(1, sizeof(Reader))
    if r != NULL:
        r.acts, r.draft.names, r.draft.head = <Act *>malloc(MOST_ACTS * sizeof(Act)), <PyObject *>encoder.names, &r.head
    if r == NULL or r.acts == NULL:
        free(r)
        raise MemoryError
    for thing in range(THINGS):
        for place in range(KEYS):
            r.follows[thing][place] = <uint8_t>place
    return r


cdef inline const char *after(const Reader *r, const char *stop) noexcept nogil:
    # The start of the next line.
    return r.end + 1 if r.end < stop else stop


# Distances between places of the input are all there is to compute, and their check takes no pointers.
@cython.final
@cython.overflowcheck(False)
cdef class Lines:
    """Lines of JSON with the keys of a schema; it holds nothing of a call, so one serves every thread."""

    cdef readonly Schema schema
    # How the values under each key are read, where the processor can read them at once.
    cdef Entry[THINGS][KEYS + 1] entries
    cdef bint at_once

    def __cinit__(self, Schema schema not None):
        self.schema, self.at_once = schema, schema.encoder.wide and has_index()
        make_entries(&self.entries[0][0], &schema.things[0], schema.encoder)

    cdef inline const char *read_text(self, const Reader *r, const char *at, const Check *check, Value *value) noexcept nogil:
        # From after the quote on.
        cdef Py_ssize_t size = short_text(at, value.word) if r.end - at >= 16 else -1
        if size < 0:
            size = plain_text(at, r.end - at)
            if size < 0:
                return NULL
            hold_text(value, at, size)
        else:
            value.text, value.size, value.number, value.known = at, <int32_t>size, 0, 1
        if check.kind == NAME:
            return at + size + 1 if is_written_so(value) and check_name(check, value) == SOUND else NULL
        if check.kind == INTEGER or check.kind == FLAG:
            return NULL
        return at + size + 1 if check_held(check, value) == SOUND else NULL

    cdef const char *read_value(self, Reader *r, const char *at, Act *act, const Check *check, Memo *memo) noexcept nogil:
        cdef Value *value
        cdef const char *next
        cdef Py_ssize_t room
        if check.kind >= MODIFIER_LIST:
            return list_at(at, r.end, check, &act.teeth[0] if check.kind == TOOTH_LIST else &act.modifiers[0])
        value = value_at(&r.draft, act, check.slot)
        if at < r.end and at[0] <= 32:
            at = skip(at, r.end)
        room = r.end - at
        if memo.worth > WORTHLESS and room >= SPELT:
            if memo.telling and same_start(at, memo.text, memo.telling):
                memo.worth = min(memo.worth + 1, -WORTHLESS)
                value[0] = memo.value
                return at + memo.size
            memo.worth -= 1
        next = self.read_new(r, at, check, value)
        if memo.worth > WORTHLESS and room >= SPELT and next != NULL and next - at < SPELT:
            memo.size = <int>(next - at)
            memo.telling = memo.size + (check.kind == INTEGER)
            keep_start(memo.text, at)
            memo.value = value[0]
        return next

    cdef inline const char *read_new(self, const Reader *r, const char *at, const Check *check, Value *value) noexcept nogil:
        cdef const char *next
        if at == r.end:
            return NULL
        if at[0] == 34:
            return self.read_text(r, at + 1, check, value)
        if check.kind == INTEGER:
            return integer_at(at, r.end, check, value)
        if check.kind == FLAG:
            value.text, value.number, value.known = NULL, at[0] == 116, 1
            next = word_at(at, r.end, b"true", 4)
            return next if next != NULL else word_at(at, r.end, b"false", 5)
        value.known = 0
        return word_at(at, r.end, b"null", 4) if check.nullable else NULL

    cdef const char *read_kind(self, const Reader *r, const char *at, int thing) noexcept nogil:
        cdef Py_ssize_t size
        at = text_at(at, r.end, &size)
        if at == NULL or size != 4 or memcmp(at, b"ccam" if thing == CCAM else b"ngap", 4) != 0:
            return NULL
        return at + 5

    cdef const char *read_unwritten(self, const Reader *r, const char *at) noexcept nogil:
        # A text that no record holds: whatever characters it has, as long as they are characters.
        cdef Py_ssize_t size
        at = take(at, r.end, 34)
        size = any_text(at, r.end - at) if at != NULL else -1
        return at + size + 1 if size >= 0 else NULL

    cdef const char *read_choice(self, const Reader *r, const char *at, const Key *key) noexcept nogil:
        cdef Py_ssize_t size
        at = text_at(at, r.end, &size)
        return at + size + 1 if at != NULL and self.schema.chosen(key, at, size) else NULL

    cdef const char *read_part(self, Reader *r, const char *at, Act *act, const Key *key) noexcept nogil:
        # An object of the invoice or of an act, which may be null unless it is needed.
        cdef const char *next = NULL
        if key.nullable:
            next = word_at(skip(at, r.end), r.end, b"null", 4)
        if key.target == AGREEMENT:
            act.agreed = next == NULL
        if next == NULL:
            return self.read_object(r, at, act, key.target)
        self.schema.encoder.forget(&r.draft, act, key.target)
        return next

    cdef const char *read_acts(self, Reader *r, const char *at) noexcept nogil:
        cdef Act *act
        cdef const char *next
        at = take(at, r.end, 91)
        while at != NULL and r.count < MOST_ACTS:
            act = &r.acts[r.count]
            if r.count == r.opened:
                # To clear the room for all of them takes longer than to read one.
                memset(act, 0, sizeof(Act))
                r.opened += 1
            act.always = 1
            act.ccam = self.is_ccam(r, at)
            at = self.read_object(r, at, act, CCAM if act.ccam else NGAP)
            if at == NULL:
                return NULL
            r.count += 1
            next = take(at, r.end, 93)
            if next != NULL:
                return next
            at = take(at, r.end, 44)
        return NULL

    cdef bint is_ccam(self, const Reader *r, const char *at) noexcept nogil:
        # The kind of the act at hand, which decides what its keys may hold; it usually comes first. A wrong guess is found out later.
        cdef int depth = 0
        cdef Py_ssize_t size
        if r.end - at > 10 and memcmp(at, b'{"kind":"', 9) == 0:
            return at[9] == 99
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

    cdef inline const char *read_under(self, Reader *r, const char *at, Act *act, int thing, const Key *key) noexcept nogil:
        if key.role == VALUE:
            return self.read_value(r, at, act, &self.schema.encoder.checks[thing][key.target], &r.memos[thing][key.target])
        if key.role == OBJECT:
            return self.read_part(r, at, act, key)
        if key.role == ACTS:
            return self.read_acts(r, at)
        if key.role == KIND:
            return self.read_kind(r, at, thing)
        if key.role == UNWRITTEN:
            return self.read_unwritten(r, at)
        return self.read_choice(r, at, key)

    cdef const char *search_key(self, const Reader *r, const char *at, int thing, int *place) noexcept nogil:
        # Past the key at hand, which is one of this object's or a surprise.
        cdef Py_ssize_t size
        at = text_at(at, r.end, &size)
        if at == NULL:
            return NULL
        place[0] = self.schema.find(thing, at, size)
        return take(at + size + 1, r.end, 58) if place[0] >= 0 else NULL

    cdef const char *read_object(self, Reader *r, const char *at, Act *act, int thing) noexcept nogil:
        cdef const Keys *keys = &self.schema.things[thing]
        cdef const Key *key
        cdef const char *next
        cdef uint8_t *follows = &r.follows[thing][0]
        cdef Place here
        cdef int place, last
        here.seen, here.last, here.ended = 0, 0, False
        here.side = <char *>act if thing >= NGAP else <char *>r.draft.head
        at = take(at, r.end, 123)
        if at == NULL:
            return NULL
        next = take(at, r.end, 125)
        while next == NULL:
            here.ended = False
            if r.worth > WORTHLESS and r.index.count:
                last = here.last
                at = read_values(at, r.stop, &r.index, &self.entries[thing][0], &here)
                r.worth = min(r.worth + here.last - last - 1, -WORTHLESS)
            if not here.ended:
                if at < r.end and at[0] <= 32:
                    at = skip(at, r.end)
                place = follows[here.last]
                key = &keys.keys[place]
                if place < keys.count and r.end - at >= SPELT and same_key(at, key.spelt, key.mask):
                    at += key.size
                else:
                    at = self.search_key(r, at, thing, &place)
                    if at == NULL:
                        return NULL
                    key = &keys.keys[place]
                    follows[here.last] = <uint8_t>place
                if here.seen >> place & 1:
                    return NULL
                at = self.read_under(r, at, act, thing, key)
                if at == NULL:
                    return NULL
                here.seen |= <uint64_t>1 << place
                here.last = place + 1
            if at < r.end and at[0] == 44:
                at += 1
                continue
            next = take(at, r.end, 125)
            if next == NULL:
                at = take(at, r.end, 44)
                if at == NULL:
                    return NULL
        return next if self.is_whole(r, act, thing, here.seen) else NULL

    cdef inline bint is_whole(self, Reader *r, Act *act, int thing, uint64_t seen) noexcept nogil:
        if thing == INVOICE:
            seen |= r.excused
        return seen == self.schema.things[thing].all or self.schema.complete(&r.draft, act, thing, seen)

    cdef inline void find_end(self, Reader *r, const char *at) noexcept nogil:
        cdef const char *end
        if r.worth > WORTHLESS:
            r.end = index_line(at, r.stop, &r.index)
        else:
            end = <const char *>memchr(at, 10, <size_t>(r.stop - at))
            r.end = r.stop if end == NULL else end

    cdef bint read_line(self, Reader *r, const char *at, int flow, bint strict) noexcept nogil:
        # One object and nothing but spaces up to the end of its line.
        enter(&r.draft, flow, strict)
        r.count = 0
        at = self.read_object(r, at, &r.acts[0], INVOICE)
        return at != NULL and r.count > 0 and skip(at, r.end) == r.end

    cdef int read_lines(self, Reader *r, const char **at, const char *stop, int64_t *number, int flow, bint strict, Sink sink,
                        Seen seen) except -1 nogil:
        # On to the end, to a line that is a surprise, or to where there is no room; `at` is then the start of that line.
        while at[0] < stop:
            self.find_end(r, at[0])
            if skip(at[0], r.end) < r.end:
                if sink.room - sink.at < most_room() or sink.count == sink.rows:
                    return ROOM
                sink.open_row()
                if not self.read_line(r, at[0], flow, strict) or not self.schema.encoder.put_all(&r.draft, r.acts, r.count, sink, seen):
                    return SURPRISE
                sink.close_row(<int64_t>r.draft.fees, <int64_t>r.draft.amo, <int64_t>r.draft.amc)
            number[0] += 1
            at[0] = after(r, stop)
        return DONE

    def surprises(self, const unsigned char[::1] data not None, str excused=""):
        """Return `(start, stop, number)` of each line that has no sound invoice as it is usually written, counted from 1.

        Nothing is written, and no rule between fields looked at. The key `excused` may be absent.
        """
        cdef Py_ssize_t size = data.shape[0]
        cdef const char *start = <const char *>&data[0] if size else NULL
        cdef const char *at = start
        cdef const char *stop = start + size
        cdef bytes name = excused.encode("ascii")
        cdef int place = self.schema.find(INVOICE, name, len(name)) if excused else -1
        cdef int64_t number = 1
        cdef bint sound
        cdef list found = []
        cdef Reader *r = new_reader(self.schema.encoder)
        try:
            r.excused = <uint64_t>1 << place if place >= 0 else 0
            r.stop, r.worth = stop, 0 if self.at_once else WORTHLESS
            while at < stop:
                with nogil:
                    sound = True
                    while sound and at < stop:
                        self.find_end(r, at)
                        sound = skip(at, r.end) == r.end or self.read_line(r, at, 1, False)
                        if sound:
                            at, number = after(r, stop), number + 1
                if not sound:
                    found.append((at - start, r.end - start, number))
                    at, number = after(r, stop), number + 1
        finally:
            free(r.acts)
            free(r)
        return found

    def encode(self, const unsigned char[::1] data not None, int flow, general, Seen used=None, bint strict=False, Block into=None,
               int64_t first=1):
        """Encode the invoices of lines and return `(data, starts, fees, amo, amc, faults, odd)`, as an encoder does.

        `general` takes a line that is a surprise and its number, counted from `first`, and returns its invoice or None; only such lines
        have a row in `odd`: `(row, line, invoice)`. Blank lines are counted and give nothing.
        """
        cdef Py_ssize_t size = data.shape[0]
        cdef const char *at = <const char *>&data[0] if size else NULL
        cdef const char *stop = at + size
        cdef Sink sink = Sink(size + most_room(), size // 512 + 16, into)
        cdef Seen seen = Seen() if used is None else used
        cdef list faults = [], odd = [], kept = []
        cdef Encoder encoder = self.schema.encoder
        cdef int64_t number = first
        cdef int found = ROOM
        cdef Reader *r = NULL
        seen.enter()
        try:
            r = new_reader(encoder)
            r.stop, r.worth = stop, 0 if self.at_once else WORTHLESS
            while found != DONE:
                with nogil:
                    found = self.read_lines(r, &at, stop, &number, flow, strict, sink, seen)
                if found == ROOM:
                    sink.grow(most_room())
                    sink.grow_rows()
                elif found == SURPRISE:
                    invoice = general(at[:r.end - at], number)
                    if invoice is not None:
                        odd.append((sink.count, number, invoice))
                        encoder.encode_one(&r.draft, r.acts, <PyObject *>invoice, sink, seen, faults, kept)
                    number += 1
                    at = after(r, stop)
        finally:
            seen.busy = False
            if r != NULL:
                free(r.acts)
                free(r)
        return sink.close(), sink.columns_starts, sink.columns_fees, sink.columns_amo, sink.columns_amc, faults, odd
