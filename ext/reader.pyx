# SPDX-License-Identifier: Apache-2.0
"""Fixed-width files: a buffer in, its records, their types and their order out, a whole buffer in each call.

No position and no type is known here: `Types` take them as rows, a `Grammar` takes the order of types as a table of moves. A fault
is the tuple `(record, reason, place)`: record from 0, one of REASONS, and the index of a field, or the offset in the buffer where
the fault is no field's. Records that hold a fault are dead: later calls leave them out.
"""
from cpython cimport array
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr, memcmp, memcpy, memset
cimport cython

from ext.checks cimport is_digit

import array

cdef enum:
    MARKS = 4
    NONE = 255
    LF = 10
    CR = 13

REASONS = (
    "", "B2_BAD_LENGTH", "B2_BAD_CHAR", "B2_UNKNOWN_RECORD", "B2_UNSUPPORTED_RECORD", "B2_BAD_ORDER", "B2_HEADER_MISMATCH",
    "B2_UNEXPECTED_VALUE", "B2_BAD_FILLER", "B2_BAD_NUMERIC", "B2_BAD_DATE", "B2_BAD_VALUE", "B2_MISSING", "B2_BAD_NIR", "B2_NIR_KEY",
    "B2_FINESS_KEY", "B2_LIST_GAP", "B2_MIXED_PRESCRIBER", "B2_COUNT_MISMATCH", "B2_BAD_TOTAL", "B2_SPLIT_AMOUNT", "B2_AMOUNTS",
    "B2_LOT_MISMATCH", "B2_DUPLICATE_NUMBER", "B2_DUPLICATE_LOT",
)

cdef array.array LONGS = array.array("q", [])

cdef struct Mark:
    Py_ssize_t place
    char letter         # 0 asks for a digit

cdef struct Type:
    uint8_t code
    bint read
    Py_ssize_t size
    char[4] prefix
    Py_ssize_t marks
    Mark[MARKS] mark

cdef uint8_t[256] ALPHABET
memset(ALPHABET, 1, 256)
for _c in bytearray(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 +-"):
    ALPHABET[_c] = 0


cdef int open_found(Found *found, Py_ssize_t limit) except -1:
    if limit < 1 or limit > 1_000_000:
        raise ValueError("a pass keeps 1 to 1000000 faults")
    found.rows = <int64_t *>malloc(<size_t>limit * 3 * sizeof(int64_t))
    if found.rows == NULL:
        raise MemoryError
    found.count, found.limit = 0, limit
    return 0


cdef list close_found(Found *found):
    cdef Py_ssize_t i
    cdef list faults = []
    try:
        for i in range(found.count):
            faults.append((found.rows[3 * i], REASONS[found.rows[3 * i + 1]], found.rows[3 * i + 2]))
    finally:
        free(found.rows)
    return faults


cdef class Types:
    """How the types of a profile are told; it holds nothing of a buffer, so one serves every thread."""

    cdef Type[TYPES] types
    cdef Py_ssize_t count

    def __init__(self, tuple types not None):
        """Take types `(code, read, prefix, marks)` in the order of trial.

        A mark is `(place, letter)`, an empty letter asks for a digit. A type that is not read is refused by name.
        """
        if len(types) > TYPES:
            raise ValueError("at most 32 types can be told apart")
        self.count = 0
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
        self.count += 1
        return 0

    @cython.overflowcheck(False)
    cdef uint8_t told(self, const char *record, int *reason) noexcept nogil:
        cdef Py_ssize_t i, m
        cdef const Type *kind
        cdef char c
        for i in range(self.count):
            kind = &self.types[i]
            if record[0] != kind.prefix[0] or memcmp(record, kind.prefix, <size_t>kind.size) != 0:
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

    def scan(self, bytes data not None, Py_ssize_t limit):
        """Cut a buffer into records and tell their types: a `Scan` and the faults of lengths, then characters, then types.

        With a LF in the buffer, records end at LF and lose one CR before it; without one they are 128 bytes each. After `limit`
        records of another length the rest is left unread.
        """
        cdef Scan scan = Scan.__new__(Scan)
        cdef Found lengths, characters, kinds
        scan.hold(data, limit)
        open_found(&lengths, limit)
        with nogil:
            scan.cut(&lengths)
        faults = close_found(&lengths)
        open_found(&characters, limit)
        with nogil:
            scan.spell(&characters)
        faults += close_found(&characters)
        open_found(&kinds, limit)
        with nogil:
            self.tell(scan, &kinds)
        return scan, faults + close_found(&kinds)

    @cython.overflowcheck(False)
    cdef int tell(self, Scan scan, Found *found) noexcept nogil:
        cdef Py_ssize_t i
        cdef int reason = SOUND
        for i in range(scan.count):
            if scan.dead[i] == 1:
                scan.codes[i] = NONE
                continue
            scan.codes[i] = self.told(scan.record(i), &reason)
            if scan.codes[i] == NONE:
                if scan.dead[i] == 0:
                    note(found, i, reason, scan.starts[i])
                scan.dead[i] = 1
        return 0

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
    """The records of one buffer: where they start, their type and whether they hold a fault."""

    def __cinit__(self):
        self.starts, self.codes, self.dead = NULL, NULL, NULL
        self.count = 0

    def __dealloc__(self):
        free(self.starts)
        free(self.codes)
        free(self.dead)

    cdef int hold(self, bytes data, Py_ssize_t limit) except -1:
        # Every piece has 128 bytes but `limit` of them at most, and what follows the last LF.
        cdef size_t room = <size_t>(PyBytes_GET_SIZE(data) // WIDTH + limit + 2)
        if limit < 1 or limit > 1_000_000:
            raise ValueError("a pass keeps 1 to 1000000 faults")
        self.data, self.text, self.size = data, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)
        self.starts = <int64_t *>malloc(room * sizeof(int64_t))
        self.codes = <uint8_t *>malloc(room)
        self.dead = <uint8_t *>calloc(room, 1)
        if self.starts == NULL or self.codes == NULL or self.dead == NULL:
            raise MemoryError
        return 0

    @cython.overflowcheck(False)
    cdef int cut(self, Found *found) noexcept nogil:
        cdef Py_ssize_t at = 0, size = self.size, end, length
        cdef bint lines = memchr(self.text, LF, <size_t>size) != NULL
        cdef const char *stop
        while at < size and found.count < found.limit:
            if lines:
                stop = <const char *>memchr(self.text + at, LF, <size_t>(size - at))
                end = size if stop == NULL else stop - self.text
                length = end - at
                if stop != NULL and length > 0 and self.text[end - 1] == CR:
                    length -= 1
            else:
                end = min(size, at + WIDTH) - 1
                length = end + 1 - at
            self.starts[self.count] = at
            if length != WIDTH:
                note(found, self.count, BAD_LENGTH, at)
                self.dead[self.count] = 1
            self.count += 1
            at = end + 1
        return 0

    @cython.overflowcheck(False)
    cdef int spell(self, Found *found) noexcept nogil:
        cdef Py_ssize_t i, j
        cdef const char *record
        cdef uint8_t strange
        for i in range(self.count):
            if self.dead[i]:
                continue
            record = self.record(i)
            strange = 0
            for j in range(WIDTH):
                strange |= ALPHABET[<uint8_t>record[j]]
            if strange:
                j = 0
                while ALPHABET[<uint8_t>record[j]] == 0:
                    j += 1
                note(found, i, BAD_CHAR, self.starts[i] + j)
                # It may still tell its type, so that one letter does not break the order of a whole file.
                self.dead[i] = 2
        return 0

    @property
    def codes_of_types(self):
        """The type of each record as one byte, 255 where it has none."""
        return (<const char *>self.codes)[:self.count] if self.count else b""

    @property
    def sound(self):
        """Whether no record is dead."""
        return self.count == 0 or memchr(self.dead, 1, <size_t>self.count) == NULL and memchr(self.dead, 2, <size_t>self.count) == NULL

    def start(self, Py_ssize_t record):
        """Return the offset of a record in the buffer; IndexError when there is none."""
        if record < 0 or record >= self.count:
            raise IndexError("no such record")
        return self.starts[record]

    def is_dead(self, Py_ssize_t first, Py_ssize_t stop):
        """Say whether a record from `first` to before `stop` holds a fault."""
        if first < 0 or stop < first or stop > self.count:
            raise IndexError("no such records")
        return not is_filled(<const char *>self.dead + first, stop - first, 0)

    def order(self, Grammar grammar not None, Py_ssize_t limit):
        """Follow the types through a grammar; return the first records and the ends of the units, and the faults.

        A unit that lacks a record or holds a dead one is left out and dead. A fault at the end of the input has the number of records
        as its record.
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
        cdef int state = 0, to
        cdef uint8_t code
        # Lost: after a fault nothing is expected until a type from which to go on.
        cdef bint lost = False
        for i in range(self.count):
            code = self.codes[i]
            to = NONE
            if code < grammar.types and not lost:
                to = grammar.moves[state * grammar.types + code]
                if to == NONE:
                    note(found, i, BAD_ORDER, self.starts[i])
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
