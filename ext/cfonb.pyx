# SPDX-License-Identifier: Apache-2.0
"""CFONB 120 statements, block after block: the records of rows that are sound, as bank lines of JSON.

Of each round of checks (types, order, fields, sums) the first fault is kept, with its record and the opening balance of its block; the
caller words it. What is kept does not grow with the input, but for what the caller has not taken yet.
"""
cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset

from ext.bankfields cimport *
from ext.movement cimport Movement, OLDER_LAYOUT, add_detail, begin, free_movement, put_line
from ext.rows cimport WIDTH, is_empty, row_end
from ext.statement cimport Out, class_of, trimmed

# What is told, in the order of these numbers; `KINDS` names them for the caller.
cdef enum:
    NO_FAULT
    UNKNOWN_RECORD
    NO_OPENING, UNCLOSED, ENDED, ORPHAN_DETAIL, TOO_MANY_DETAILS
    BRANCH, NUMBER, CURRENCY_FORM, DECIMALS_FORM, OTHER_CURRENCY, NO_DAY, DATE_FORM, AMOUNT_FORM, PARTS_OF_UNIT
    UNBALANCED
    DEFAULT_CURRENCY, UNKNOWN_OPERATION, OLD_DETAIL, UNKNOWN_QUALIFIER

# The rounds of checks: the first fault of the first round that has one is the answer.
cdef enum:
    TYPES, ORDER, FIELDS, SUMS, ROUNDS

cdef enum:
    MOST_DETAILS = 10_000

# Sums are kept in two parts, for a sum beyond 64 bits to be told too.
cdef int64_t PART = 1_000_000_000

KINDS = (
    "", "unknown_record", "no_opening", "unclosed", "ended", "orphan_detail", "too_many_details", "branch", "number", "currency_form",
    "decimals_form", "other_currency", "no_day", "date_form", "amount_form", "parts_of_unit", "unbalanced", "default_currency",
    "unknown_operation", "old_detail", "unknown_qualifier",
)
MOST = MOST_DETAILS

cdef uint8_t[256] CLASSES
cdef int _code
for _code in range(256):
    CLASSES[_code] = class_of(_code)


@cython.final
cdef class Reader:
    """The records of a file whose rows are sound, as JSON lines."""

    cdef Money money
    cdef Movement movement
    cdef Out out
    cdef Span span
    cdef bytes sha256, operations, units
    cdef const char *hash
    cdef const char *known
    cdef const char *odd_units
    cdef Py_ssize_t operation_count, unit_count
    cdef int fill, kept
    cdef bint open, moving
    cdef readonly int64_t records, lines, warned
    cdef int64_t high, low
    cdef char[WIDTH] piece
    cdef char[WIDTH] last
    cdef char[WIDTH] opening
    cdef Note[ROUNDS] faults
    cdef Note *notes
    cdef Span *spans
    cdef int note_count, note_room, span_count, span_room

    def __cinit__(self):
        memset(&self.movement, 0, sizeof(Movement))
        memset(&self.out, 0, sizeof(Out))
        memset(&self.faults, 0, sizeof(self.faults))
        self.notes, self.spans = NULL, NULL

    def __init__(self, bytes sha256 not None, bytes operations not None, bytes units not None, int kept):
        """Take the file's SHA-256 (64 hexadecimal digits), known operation codes (2 characters each), currencies whose minor unit is no
        hundredth (3 letters and a digit each), and how many warnings are kept."""
        if len(sha256) != 64 or len(operations) % 2 or len(units) % 4 or kept < 0:
            raise ValueError("a hash, codes of two characters, currencies of three with a digit")
        self.sha256, self.operations, self.units, self.kept = sha256, operations, units, kept
        self.hash, self.known, self.odd_units = sha256, operations, units
        self.operation_count, self.unit_count = len(operations) // 2, len(units) // 4
        self.fill, self.open, self.moving = 0, False, False
        self.records = self.lines = self.warned = self.high = self.low = 0
        self.note_count = self.note_room = self.span_count = self.span_room = 0

    def __dealloc__(self):
        free_movement(&self.movement)
        free(self.out.data)
        free(self.notes)
        free(self.spans)

    def feed(self, const unsigned char[::1] data not None):
        """Read the next block and return the lines that are whole."""
        if data.shape[0]:
            with nogil:
                self.walk(<const char *>&data[0], data.shape[0])
        return self.take()

    def close(self):
        """Return the last lines; nothing follows."""
        with nogil:
            self.end_row()
            if self.open and not self.faults[ORDER].kind:
                self.tell(ORDER, ENDED, 1, self.last)
        return self.take()

    cdef bytes take(self):
        cdef bytes lines = PyBytes_FromStringAndSize(self.out.data, self.out.at) if self.out.at else b""
        self.out.at = 0
        return lines

    @property
    def fault(self):
        """The first fault of the first round that has one, with the block that it is in; None when there is none.

        Its kind, position, record number and record; number and record of the opening balance; sum of the movements, both balances.
        """
        cdef Note note
        cdef int place
        for place in range(ROUNDS):
            note = self.faults[place]
            if note.kind:
                return (
                    KINDS[note.kind], note.position, note.number, note.record[:WIDTH], note.opened, note.opening[:WIDTH],
                    <object>note.high * PART + note.low, note.before, note.after,
                )
        return None

    def warnings(self):
        """Return kind, position, record number and record of each warning kept since the last call."""
        cdef list found = []
        cdef Note note
        cdef int place
        for place in range(self.note_count):
            note = self.notes[place]
            found.append((KINDS[note.kind], note.position, note.number, note.record[:WIDTH]))
        self.note_count = 0
        return found

    def blocks(self):
        """Return account, currency, both dates with their balances, and number of the opening record of each block since the last call."""
        cdef list found = []
        cdef Span span
        cdef int place
        for place in range(self.span_count):
            span = self.spans[place]
            found.append((
                span.account[:span.account_size], span.currency[:3], span.opening_date[:10], span.opening, span.closing_date[:10],
                span.closing, span.number,
            ))
        self.span_count = 0
        return found

    @cython.overflowcheck(False)
    cdef int walk(self, const char *data, Py_ssize_t size) except -1 nogil:
        cdef Py_ssize_t at = 0, stop, some, feed = -1, back = -1
        while at < size:
            stop = row_end(data, at, size, &feed, &back)
            while at < stop:
                if not self.fill and stop - at >= WIDTH:
                    self.record(data + at)
                    at += WIDTH
                    continue
                some = min(<Py_ssize_t>WIDTH - self.fill, stop - at)
                memcpy(&self.piece[self.fill], data + at, <size_t>some)
                self.fill += <int>some
                at += some
                if self.fill == WIDTH:
                    self.fill = 0
                    self.record(self.piece)
            if stop < size:
                self.end_row()
                at = stop + 1
        return 0

    cdef int end_row(self) except -1 nogil:
        # A last record may lack its blanks.
        if self.fill:
            memset(&self.piece[self.fill], 32, <size_t>(WIDTH - self.fill))
            self.fill = 0
            self.record(self.piece)
        return 0

    cdef int tell(self, int where, int kind, int position, const char *record) except -1 nogil:
        # Only the first of a round is kept.
        cdef Note *note = &self.faults[where]
        if not note.kind:
            self.write_note(note, kind, position, record)
        return 0

    cdef void write_note(self, Note *note, int kind, int position, const char *record) noexcept nogil:
        note.kind, note.position, note.number, note.opened = kind, position, self.records, self.span.number
        memcpy(note.record, record, WIDTH)
        memcpy(note.opening, self.opening, WIDTH)
        note.high, note.low, note.before, note.after = self.high, self.low, self.span.opening, self.span.closing

    cdef int warn(self, int kind, int position, const char *record) except -1 nogil:
        cdef Note *notes
        self.warned += 1
        if self.warned > self.kept:
            return 0
        if self.note_count == self.note_room:
            notes = <Note *>realloc(self.notes, <size_t>(self.note_room * 2 + 16) * sizeof(Note))
            if notes == NULL:
                with gil:
                    raise MemoryError
            self.notes, self.note_room = notes, self.note_room * 2 + 16
        self.write_note(&self.notes[self.note_count], kind, position, record)
        self.note_count += 1
        return 0

    cdef bint sound(self) noexcept nogil:
        return not (self.faults[TYPES].kind or self.faults[ORDER].kind or self.faults[FIELDS].kind)

    cdef int record(self, const char *text) except -1 nogil:
        # Types first, then order; what the fields hold matters only as long as both are right.
        cdef int kind = text[1] - 48 if text[0] == 48 else 0
        if not kind and is_empty(text, WIDTH):
            return 0
        self.records += 1
        if kind != 1 and kind != 4 and kind != 5 and kind != 7:
            return self.tell(TYPES, UNKNOWN_RECORD, 1, text)
        memcpy(self.last, text, WIDTH)
        if self.faults[TYPES].kind or self.faults[ORDER].kind:
            return 0
        if kind == 5:
            return self.detail(text)
        if kind == 1 and self.open:
            return self.tell(ORDER, UNCLOSED, 1, text)
        if kind != 1 and not self.open:
            return self.tell(ORDER, NO_OPENING, 1, text)
        if kind == 1:
            return self.open_block(text)
        self.end_movement()
        if kind == 7:
            return self.close_block(text)
        begin(&self.movement, text, self.records)
        self.moving = True
        return self.begin_movement(text) if self.sound() else 0

    cdef int open_block(self, const char *text) except -1 nogil:
        self.open, self.moving, self.span.number, self.high, self.low = True, False, self.records, 0, 0
        self.span.opening = self.span.closing = 0
        memcpy(self.opening, text, WIDTH)
        if not self.sound():
            return 0
        self.span.account_size = account_of(text, self.span.account)
        if self.read_money(text, True) and self.read_date(text, 35, self.span.opening_date):
            self.read_amount(text, &self.span.opening)
            memcpy(self.span.currency, self.money.currency, 3)
        return 0

    cdef int begin_movement(self, const char *text) except -1 nogil:
        cdef Movement *m = &self.movement
        if not self.same_account(text) or not self.read_money(text, False):
            return 0
        if not self.is_known_operation(text + 32):
            self.warn(UNKNOWN_OPERATION, 33, text)
        m.has_value_date = trimmed(CLASSES, text + 42, 6) > 0
        if not self.read_date(text, 35, m.booked) or m.has_value_date and not self.read_date(text, 43, m.valued):
            return 0
        if self.read_amount(text, &m.amount):
            self.add(m.amount)
        return 0

    cdef int detail(self, const char *text) except -1 nogil:
        cdef int odd
        if not self.open or not self.moving:
            return self.tell(ORDER, ORPHAN_DETAIL, 1, text)
        self.movement.taken += 1
        if self.movement.taken > MOST_DETAILS:
            return self.tell(ORDER, TOO_MANY_DETAILS, 1, text)
        if self.sound() and self.same_account(text):
            odd = add_detail(&self.movement, CLASSES, text)
            if odd:
                self.warn(OLD_DETAIL if odd == OLDER_LAYOUT else UNKNOWN_QUALIFIER, 41 if odd == OLDER_LAYOUT else 46, text)
        return 0

    cdef int end_movement(self) except -1 nogil:
        if self.moving and self.sound():
            put_line(
                &self.out, CLASSES, &self.movement, self.hash, self.span.account, self.span.account_size, self.span.currency)
            self.lines += 1
        self.moving = False
        return 0

    cdef int close_block(self, const char *text) except -1 nogil:
        self.open = False
        if not self.sound() or not self.same_account(text) or not self.read_money(text, False):
            return 0
        if not self.read_date(text, 35, self.span.closing_date) or not self.read_amount(text, &self.span.closing):
            return 0
        if not self.balanced():
            return self.tell(SUMS, UNBALANCED, 91, text)
        return self.keep_block()

    cdef int keep_block(self) except -1 nogil:
        cdef Span *spans
        if self.span_count == self.span_room:
            spans = <Span *>realloc(self.spans, <size_t>(self.span_room * 2 + 16) * sizeof(Span))
            if spans == NULL:
                with gil:
                    raise MemoryError
            self.spans, self.span_room = spans, self.span_room * 2 + 16
        self.spans[self.span_count] = self.span
        self.span_count += 1
        return 0

    @cython.overflowcheck(False)
    @cython.cdivision(True)
    cdef void add(self, int64_t amount) noexcept nogil:
        self.high += amount // PART
        self.low += amount % PART

    @cython.overflowcheck(False)
    @cython.cdivision(True)
    cdef bint balanced(self) noexcept nogil:
        # Of balances below 10^18 the difference fits; a sum whose high part is wider is no such difference.
        cdef int64_t high = self.high + self.low // PART, low = self.low % PART
        return -PART * 4 < high < PART * 4 and high * PART + low == self.span.closing - self.span.opening

    @cython.overflowcheck(False)
    cdef bint is_known_operation(self, const char *code) noexcept nogil:
        # Blanks around a code of one character do not count, as in the line.
        cdef Py_ssize_t place
        for place in range(self.operation_count):
            if memcmp(self.known + 2 * place, code, 2) == 0:
                return True
        return False

    cdef bint same_account(self, const char *text) except -1 nogil:
        # The bank code is left out: banks that merged write both codes in one block.
        if memcmp(text + 11, &self.opening[11], 5) != 0:
            self.tell(FIELDS, BRANCH, 12, text)
        elif memcmp(text + 21, &self.opening[21], 11) != 0:
            self.tell(FIELDS, NUMBER, 22, text)
        else:
            return True
        return False

    cdef bint read_date(self, const char *text, int first, char *day) except -1 nogil:
        cdef int odd = date_at(text + first - 1, day)
        if odd:
            self.tell(FIELDS, NO_DAY if odd == NO_SUCH_DAY else DATE_FORM, first, text)
        return not odd

    cdef bint read_amount(self, const char *text, int64_t *amount) except -1 nogil:
        cdef int odd = amount_at(text, &self.money, amount)
        if odd:
            self.tell(FIELDS, AMOUNT_FORM if odd == NO_AMOUNT else PARTS_OF_UNIT, 91, text)
        return not odd

    cdef bint read_money(self, const char *text, bint opening) except -1 nogil:
        # The opening balance rules what follows; only balances may leave theirs blank.
        cdef char[3] currency
        cdef int size = currency_at(text + 16, currency)
        cdef bint balance = text[1] != 52, blank = text[19] == 32
        if opening:
            memcpy(self.money.currency, b"EUR", 3)
        if balance and (size == 0 or blank):
            self.warn(DEFAULT_CURRENCY, 17, text)
        if balance and size == 0:
            size = 3
            memcpy(currency, self.money.currency, 3)
        if size != 3 or not is_currency(currency):
            self.tell(FIELDS, CURRENCY_FORM, 17, text)
        elif not (48 <= text[19] <= 57 or balance and blank):
            self.tell(FIELDS, DECIMALS_FORM, 20, text)
        elif not opening and memcmp(currency, self.money.currency, 3) != 0:
            self.tell(FIELDS, OTHER_CURRENCY, 17, text)
        else:
            if opening:
                memcpy(self.money.currency, currency, 3)
                self.money.units = units_of(currency, self.odd_units, self.unit_count)
                self.money.decimals = 2 if blank else text[19] - 48
            return True
        return False
