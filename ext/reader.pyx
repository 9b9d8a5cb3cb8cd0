# SPDX-License-Identifier: Apache-2.0
"""Fixed-width files: a block of bytes in, its records, their types and their order out, a whole block in each call.

No position and no type is known here: `Types` take them as rows, a `Grammar` takes the order of types as a table of moves. A fault
is the tuple `(record, reason, place)`: record of the block from 0, a code of `ext.found`, and the index of a field, or the offset in
the block where the fault is no field's. Records that hold a fault are dead: later calls leave them out.
"""
from cpython cimport array
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcmp, memcpy, memset
cimport cython

from ext.checks cimport is_digit
from ext.found cimport *

import array

cdef enum:
    MARKS = 4
    NONE = 255
    LF = 10
    CR = 13
    # A line of this length is no record, wherever it ends: it is left unread.
    LONG_LINE = 4096
    # So many records are in no invoice, whose 5 counts 999: what is carried from block to block has an end.
    LONGEST = 65536

# What the three parts of the first pass find.
PASSES = ((BAD_LENGTH, BAD_LENGTH), (BAD_CHAR, BAD_CHAR), (UNKNOWN, UNSUPPORTED))

cdef array.array LONGS = array.array("q", [])

cdef uint8_t[256] ALPHABET
memset(ALPHABET, 1, 256)
for _c in bytearray(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 +-"):
    ALPHABET[_c] = 0


cdef extern from *:
    """
    /* Sixteen characters at a time, with whatever the machine has for that: A-Z, 0-9, space, + and - are those of the format. */
    typedef unsigned char desmos_chars __attribute__((vector_size(16)));

    static inline int desmos_is_strange(const char *record) {
        desmos_chars strange = {0};
        unsigned long long half[2];
        for (int i = 0; i < 128; i += 16) {
            desmos_chars c;
            memcpy(&c, record + i, 16);
            strange |= (desmos_chars)((desmos_chars)(c - 'A') > 25) & (desmos_chars)((desmos_chars)(c - '0') > 9)
                & (desmos_chars)(c != ' ') & (desmos_chars)(c != '+') & (desmos_chars)(c != '-');
        }
        memcpy(half, &strange, 16);
        return (half[0] | half[1]) != 0;
    }
    """
    bint is_strange "desmos_is_strange"(const char *record) noexcept nogil


cdef class Types:
    """How the types of a profile are told; it holds nothing of a buffer, so one serves every thread."""

    def __init__(self, tuple types not None):
        """Take types `(code, read, prefix, marks)` in the order of trial.

        A mark is `(place, letter)`, an empty letter asks for a digit. A type that is not read is refused by name.
        """
        if len(types) > TYPES:
            raise ValueError("at most 32 types can be told apart")
        self.count = 0
        memset(self.first, 0xFF, 256 * sizeof(Py_ssize_t))
        for row in types:
            self.add_type(<tuple?>row)

    cdef int add_type(self, tuple row) except -1:
        cdef Type *kind = &self.types[self.count]
        cdef bytes prefix, letter
        code, read, prefix, marks = row
        if not 0 <= code < TYPES or not 1 <= len(prefix) <= 4 or len(marks) > MARKS:
            raise ValueError("a type has a known code, a prefix of 1 to 4 characters and at most 4 marks")
        kind.code, kind.read, kind.size, kind.marks = code, read, len(prefix), 0
        memcpy(kind.prefix, PyBytes_AS_STRING(prefix), <size_t>len(prefix))
        for place, letter in marks:
            if not 0 <= place < WIDTH:
                raise ValueError("a mark lies outside its record")
            kind.mark[kind.marks] = Mark(place, letter[0] if letter else 0)
            kind.marks += 1
        kind.following = -1
        self.chain(<uint8_t>kind.prefix[0])[0] = self.count
        self.count += 1
        return 0

    cdef Py_ssize_t *chain(self, uint8_t letter) noexcept:
        # The end of the types that begin with a character, in the order of trial.
        cdef Py_ssize_t *link = &self.first[letter]
        while link[0] >= 0:
            link = &self.types[link[0]].following
        return link

    @cython.overflowcheck(False)
    cdef uint8_t told(self, const char *record, int *reason) noexcept nogil:
        cdef Py_ssize_t i = self.first[<uint8_t>record[0]], m
        cdef const Type *kind
        cdef char c
        while i >= 0:
            kind = &self.types[i]
            i = kind.following
            if kind.size > 1 and memcmp(record, kind.prefix, <size_t>kind.size) != 0:
                continue
            for m in range(kind.marks):
                c = record[kind.mark[m].place]
                if (kind.mark[m].letter == 0 and not is_digit(c)) or (kind.mark[m].letter != 0 and c != kind.mark[m].letter):
                    break
            else:
                reason[0] = SOUND if kind.read else UNSUPPORTED
                return kind.code if kind.read else NONE
        reason[0] = UNKNOWN
        return NONE


cdef class Grammar:
    """Which type may follow which: states and moves between them, for one kind of file."""

    def __init__(self, bytes moves not None, bytes resume not None, bytes within not None, bytes final not None, int opener):
        """Take moves (states x types, state 0 first), the state to go on from after a fault for each type (255: none), and for each
        state whether it lies within a unit and whether a file may end there; `opener` is the type that opens a unit.
        """
        cdef Py_ssize_t i, states = len(within)
        self.types = len(resume)
        if self.types == 0 or self.types > TYPES or states == 0 or len(moves) != states * self.types or len(final) != states:
            raise ValueError("a grammar has a move for each state and type")
        for i in range(len(moves)):
            if moves[i] != NONE and moves[i] >= states:
                raise ValueError("a move leads nowhere")
        for i in range(self.types):
            if resume[i] != NONE and resume[i] >= states:
                raise ValueError("a fault leads nowhere")
        self.tables, self.opener = (moves, resume, within, final), opener
        self.moves, self.resume = <const uint8_t *>PyBytes_AS_STRING(moves), <const uint8_t *>PyBytes_AS_STRING(resume)
        self.within, self.final = <const uint8_t *>PyBytes_AS_STRING(within), <const uint8_t *>PyBytes_AS_STRING(final)


@cython.final
cdef class Scan:
    """The records of one input, block after block: where they start, their type and whether they hold a fault.

    `records` and `offset` are the records and the bytes before the block, `count` the records of the block and `used` their bytes:
    what follows them begins the next block.
    """

    def __cinit__(self):
        self.starts, self.codes, self.dead, self.flaws = NULL, NULL, NULL, NULL
        memset(self.last, 0, TYPES * sizeof(Last))

    def __init__(self, bint lines):
        """Take whether records end at a LF, where they lose one CR before it; without, they are 128 bytes each."""
        self.lines, self.data = lines, b""

    def __dealloc__(self):
        free(self.starts)
        free(self.codes)
        free(self.dead)
        free(self.flaws)

    def feed(self, Types types not None, bytes data not None, bint final):
        """Take the next block, cut it into records and tell their types.

        It begins with what the block before left over; the `final` one has all that is left.
        """
        self.leave()
        self.data, self.text, self.size, self.final = data, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), final
        self.skipped = self.skipping
        self.widen(self.size // WIDTH + 2)
        with nogil:
            self.cut(types)

    def unfeed(self):
        """Take the block back: the next one begins as it did."""
        self.count, self.used, self.skipping = 0, 0, self.skipped

    @cython.overflowcheck(False)
    cdef int leave(self) noexcept nogil:
        cdef Py_ssize_t i, c
        cdef Py_ssize_t[TYPES] last
        for c in range(TYPES):
            last[c] = -1
        for i in range(self.count):
            if self.codes[i] < TYPES:
                last[self.codes[i]] = i
        for c in range(TYPES):
            if last[c] >= 0:
                self.last[c].usable = self.dead[last[c]] != 1
                memcpy(self.last[c].text, self.record(last[c]), WIDTH)
        self.records += self.count
        self.offset += self.used
        self.count, self.used, self.flawed = 0, 0, False
        return 0

    cdef int widen(self, Py_ssize_t room) except -1 nogil:
        cdef int64_t *starts
        cdef uint8_t *bytes_
        cdef uint8_t **column
        cdef int i
        if room <= self.room:
            return 0
        starts = <int64_t *>realloc(self.starts, <size_t>room * sizeof(int64_t))
        if starts != NULL:
            self.starts = starts
        for i in range(3):
            column = &self.codes if i == 0 else &self.dead if i == 1 else &self.flaws
            bytes_ = <uint8_t *>realloc(column[0], <size_t>room)
            if bytes_ == NULL or starts == NULL:
                with gil:
                    raise MemoryError
            column[0] = bytes_
        self.room = room
        return 0

    @cython.overflowcheck(False)
    cdef int cut(self, Types types) except -1 nogil:
        cdef Py_ssize_t at = 0, end, length
        cdef const char *stop
        if self.skipping:
            stop = <const char *>memchr(self.text, LF, <size_t>self.size)
            self.skipping = stop == NULL
            at = self.size if stop == NULL else stop - self.text + 1
        while at < self.size:
            if self.lines:
                stop = <const char *>memchr(self.text + at, LF, <size_t>(self.size - at))
                end = self.size if stop == NULL else stop - self.text
                length = end - at
                if stop == NULL and not self.final:
                    if length < LONG_LINE:
                        break
                    self.skipping = True
                if stop != NULL and length > 0 and self.text[end - 1] == CR:
                    length -= 1
            else:
                end = min(self.size, at + WIDTH) - 1
                length = end + 1 - at
                if length < WIDTH and not self.final:
                    break
            self.put(types, at, length)
            at = min(end + 1, self.size)
        self.used = at
        return 0

    @cython.overflowcheck(False)
    cdef int put(self, Types types, Py_ssize_t at, Py_ssize_t length) except -1 nogil:
        cdef Py_ssize_t i = self.count
        cdef int reason = BAD_LENGTH
        cdef bint strange = False
        if i == self.room:
            self.widen(2 * self.room)
        self.starts[i], self.codes[i], self.dead[i], self.flaws[i] = at, NONE, 0, SOUND
        self.count += 1
        if length == WIDTH:
            strange = is_strange(self.text + at)
            self.codes[i] = types.told(self.text + at, &reason)
        if strange:
            # It may still tell its type, so that one letter does not break the order of a whole file.
            reason = BAD_CHAR
            self.dead[i] = 2
        if self.codes[i] == NONE:
            self.dead[i] = 1
        self.flaws[i] = <uint8_t>reason
        self.flawed |= reason != SOUND
        return 0

    def faults(self, Py_ssize_t limit):
        """Return the faults of lengths, of characters, and of types, each as `(faults, how many there are)`."""
        return tuple(self.flaws_of(limit, one, other) for one, other in PASSES)

    cdef tuple flaws_of(self, Py_ssize_t limit, int one, int other):
        cdef Found found
        cdef Py_ssize_t i, j
        open_found(&found, limit)
        with nogil:
            for i in range(self.count):
                if self.flaws[i] == one or self.flaws[i] == other:
                    j = 0
                    if one == BAD_CHAR:
                        while j < WIDTH - 1 and ALPHABET[<uint8_t>self.record(i)[j]] == 0:
                            j += 1
                    note(&found, i, self.flaws[i], self.starts[i] + j)
        return close_found(&found)

    @property
    def codes_of_types(self):
        """The type of each record as one byte, 255 where it has none."""
        return (<const char *>self.codes)[:self.count] if self.count else b""

    @property
    def sound(self):
        """Whether no record is dead."""
        return self.count == 0 or memchr(self.dead, 1, <size_t>self.count) == NULL and memchr(self.dead, 2, <size_t>self.count) == NULL

    def start(self, Py_ssize_t record):
        """Return the offset of a record in the block; IndexError when there is none."""
        if record < 0 or record >= self.count:
            raise IndexError("no such record")
        return self.starts[record]

    def is_dead(self, Py_ssize_t first, Py_ssize_t stop):
        """Say whether a record from `first` to before `stop` holds a fault."""
        if first < 0 or stop < first or stop > self.count:
            raise IndexError("no such records")
        return not is_filled(<const char *>self.dead + first, stop - first, 0)

    def order(self, Grammar grammar not None, Py_ssize_t limit):
        """Follow the types through a grammar; return the first records and the ends of the units, the faults and how many there are.

        A unit that lacks a record or holds a dead one is left out and dead. One that the block does not end is left for the next
        block, unless it is final. A fault at the end of the input has the number of records as its record.
        """
        cdef Found found
        cdef Py_ssize_t i, openers = 0, units = 0
        cdef array.array firsts, stops
        with nogil:
            for i in range(self.count):
                openers += self.codes[i] == grammar.opener
        firsts, stops = array.clone(LONGS, openers, False), array.clone(LONGS, openers, False)
        cdef int64_t[::1] first_column = firsts, stop_column = stops
        open_found(&found, limit)
        try:
            with nogil:
                units = self.follow(grammar, first_column, stop_column, &found)
        finally:
            faults = close_found(&found)
        # An array that lends its memory cannot change its size.
        first_column, stop_column = None, None
        array.resize(firsts, units)
        array.resize(stops, units)
        return firsts, stops, faults

    cdef Py_ssize_t follow(self, Grammar grammar, int64_t[::1] firsts, int64_t[::1] stops, Found *found) except -1 nogil:
        cdef Py_ssize_t i, first = -1, units = 0
        cdef int state = self.state, to, state_before = 0
        cdef uint8_t code
        # Lost: after a fault nothing is expected until a type from which to go on.
        cdef bint lost = self.lost, lost_before = False
        cdef Found before = found[0], now
        for i in range(self.count):
            code = self.codes[i]
            now = found[0]
            to = NONE
            if code < grammar.types and not lost:
                if first < 0 or i - first < LONGEST:
                    to = grammar.moves[state * grammar.types + code]
                if to == NONE:
                    note(found, i, BAD_ORDER, self.starts[i])
            if code == grammar.opener:
                before, state_before, lost_before = now, state, lost
            if to == NONE:
                self.bury(first, i)
                first = -1
                to = grammar.resume[code] if code < grammar.types else NONE
                lost = to == NONE
                if lost:
                    self.dead[i] = max(self.dead[i], 1)
                    continue
            state = to
            if code == grammar.opener:
                first = i
            if first >= 0 and not grammar.within[state]:
                if is_filled(<const char *>self.dead + first, i + 1 - first, 0):
                    firsts[units], stops[units] = first, i + 1
                    units += 1
                else:
                    self.bury(first, i + 1)
                first = -1
        if first >= 0 and not self.final:
            self.used, self.count = self.starts[first], first
            found[0], state, lost = before, state_before, lost_before
        self.state, self.lost = state, lost
        if self.final:
            self.bury(first, self.count)
            if not lost and not grammar.final[state]:
                note(found, self.count, BAD_ORDER, -1)
        return units

    cdef int bury(self, Py_ssize_t first, Py_ssize_t stop) noexcept nogil:
        cdef Py_ssize_t i
        if first >= 0:
            for i in range(first, stop):
                if self.dead[i] == 0:
                    self.dead[i] = 1
        return 0
