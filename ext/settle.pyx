# SPDX-License-Identifier: Apache-2.0
"""Order lines that one share answers to the letter, found while both stream out of the database; no Python object a row.

The lines come first and stay as plain C, by a packed key of biller, number, payer and part; each share is then looked up as it comes by,
and its day, patient and lot are compared. What is told by less than that, or touches what is, is left to the passes that know how to doubt.
"""
import os

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int16_t, int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from ext.join cimport GROUP, MORE, ROW, Side, Table, build, close_table, look_up, mixed, open_table
from ext.pages cimport mixed_product
from ext.pgrow cimport BROKEN, END, WHOLE, Field, decimal, is_word, raw, row_at
from ext.pgwire cimport HEADER, get16, get32, number_in
from ext.settle_order cimport sorted_rows
from ext.touched cimport is_touched, touch

cdef enum:
    LINES, SHARES, DECIDED
    NO_MEMORY = -2
    FIRST_ROOM = 1024

# Fields of a line.
cdef enum:
    L_ORDER, L_LINE, L_REF, L_BILLER, L_ORDER_BILLER, L_PART, L_PAYER, L_AMOUNT, L_NUMBER, L_LOT, L_INSURED, L_CARE, L_PARKED, L_PLAIN
    LINE_FIELDS

# Fields of a share.
cdef enum:
    S_INVOICE, S_BILLER, S_NUMBER, S_PART, S_PAYER, S_AMOUNT, S_LOT, S_INSURED, S_CARE
    SHARE_FIELDS

cdef enum:
    # 0001-01-01 and 9999-12-31.
    FIRST_DAY = -730119
    LAST_DAY = 2921939
    HASHED = 32
    LONGEST_NUMBER = 12

cdef int[14] LINE_WIDTHS = [16, 4, 0, 0, 0, 0, 0, 8, 8, 0, 0, 4, 1, 1]
cdef int[9] SHARE_WIDTHS = [16, 0, 8, 0, 0, 8, 2, 0, 4]
cdef bytes SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
# Drawn, so that nobody can choose what collides.
cdef uint64_t ODD = int.from_bytes(os.urandom(8), "little") | 1


cdef inline int64_t number_of(const Field *field) noexcept nogil:
    return number_in(<const unsigned char *>field.at, <int>field.size)


cdef bint agreed(const Field *fields, const int *widths, int count) noexcept nogil:
    cdef int i
    for i in range(count):
        if widths[i] and fields[i].size >= 0 and fields[i].size != widths[i]:
            return False
    return True


cdef bint is_plain(const Field *text, Py_ssize_t longest) noexcept nogil:
    # Such a text stands in JSON as it is.
    cdef Py_ssize_t i
    if not 0 < text.size <= longest:
        return False
    for i in range(text.size):
        if not 32 <= text.at[i] < 127 or text.at[i] == 34 or text.at[i] == 92:
            return False
    return True


@cython.overflowcheck(False)
cdef bint packed(char *key, const Field *biller, const Field *number, const Field *payer, const Field *part) noexcept nogil:
    memset(key, 0, KEY)
    if not is_plain(biller, BILLER_ROOM) or not is_plain(payer, PAYER_ROOM) or number.size != 8:
        return False
    if not is_word(part, b"amo") and not is_word(part, b"amc"):
        return False
    key[BILLER_AT] = <char>biller.size
    memcpy(key + BILLER_AT + 1, biller.at, <size_t>biller.size)
    memcpy(key + NUMBER_AT, number.at, 8)
    key[PAYER_AT] = <char>payer.size
    memcpy(key + PAYER_AT + 1, payer.at, <size_t>payer.size)
    key[PART_AT] = part.at[2]
    return True


# A hash that is equal by chance leaves a line to the other passes, and does no more. Products that wrap around are meant here.
@cython.overflowcheck(False)
cdef uint64_t hashed(const Field *one, const Field *other, const Field *third) noexcept nogil:
    cdef uint64_t found = ODD
    if one.size < 0 or other.size < 0:
        return 0
    found = mixed_product(found ^ mixed(one.at, one.size, ODD), ODD)
    found = mixed_product(found ^ mixed(other.at, other.size, ODD), ODD)
    if third != NULL:
        if third.size < 0:
            return 0
        found = mixed_product(found ^ mixed(third.at, third.size, ODD), ODD)
    return found | 1


@cython.overflowcheck(False)
cdef int lot_of(const Field *lot) noexcept nogil:
    # The number of a lot as it is written: three digits, or more without a zero before them; -2 for any other text.
    cdef int number = 0
    cdef Py_ssize_t i
    if lot.size < 0:
        return NO_LOT
    if not 3 <= lot.size <= 5 or (lot.size > 3 and lot.at[0] == 48):
        return -2
    for i in range(lot.size):
        if not 48 <= lot.at[i] <= 57:
            return -2
        number = number * 10 + (lot.at[i] - 48)
    return number if number <= 32767 else -2


# --- rows


cdef void read_line(Line *line, char *key, const Field *fields) noexcept nogil:
    cdef int lot = lot_of(&fields[L_LOT])
    line.touches[0] = hashed(&fields[L_BILLER], &fields[L_NUMBER], NULL)
    line.touches[1] = hashed(&fields[L_ORDER_BILLER], &fields[L_NUMBER], NULL)
    line.touches[2] = hashed(&fields[L_BILLER], &fields[L_INSURED], &fields[L_CARE])
    memcpy(line.order_id, fields[L_ORDER].at, 16)
    line.line, line.amount = <int32_t>number_of(&fields[L_LINE]), number_of(&fields[L_AMOUNT])
    line.flags = PARKED if fields[L_PARKED].at[0] else 0
    if not packed(key, &fields[L_BILLER], &fields[L_NUMBER], &fields[L_PAYER], &fields[L_PART]):
        return
    if not fields[L_PLAIN].at[0] or line.amount < 0 or lot < NO_LOT or fields[L_CARE].size < 0 or not is_plain(&fields[L_REF], LONGEST_REF):
        return
    line.care, line.lot = <int32_t>number_of(&fields[L_CARE]), <int16_t>lot
    if not FIRST_DAY <= line.care <= LAST_DAY or (fields[L_INSURED].size >= 0 and fields[L_INSURED].size != HASHED):
        return
    if fields[L_INSURED].size == HASHED:
        memcpy(line.insured, fields[L_INSURED].at, HASHED)
        line.flags |= NAMED
    line.flags |= FIT


@cython.overflowcheck(False)
cdef void name_line(Line *line, char *texts, size_t *size, const Field *ref) noexcept nogil:
    cdef char *start = texts + size[0]
    cdef char *out = raw(start, ref.at, ref.size)
    out[0] = 35
    out = decimal(out + 1, line.line)
    line.name, line.name_size = size[0], <int32_t>(out - start)
    size[0] += <size_t>line.name_size


cdef bint whole_share(const Field *fields) noexcept nogil:
    cdef int i
    for i in range(SHARE_FIELDS):
        if fields[i].size < 0 and i != S_LOT:
            return False
    # What is owed below nothing would be written as a debt turned over: no share of the database is so.
    return fields[S_INSURED].size == HASHED and number_of(&fields[S_AMOUNT]) >= 0


cdef bint agrees(const Line *line, const Field *share) noexcept nogil:
    if not line.flags & FIT or line.care != number_of(&share[S_CARE]):
        return False
    if line.flags & NAMED and memcmp(line.insured, share[S_INSURED].at, HASHED) != 0:
        return False
    return line.lot == NO_LOT or (share[S_LOT].size >= 0 and line.lot == number_of(&share[S_LOT]))


@cython.overflowcheck(False)
cdef void pay(Line *lines, uint32_t first, const uint32_t *following, const Field *share) noexcept nogil:
    # The lines of a share that several agree with are left to who can say which comes first.
    cdef uint32_t at = first & ROW
    cdef int found = 0
    cdef Line *only = NULL
    cdef Line *line
    while at:
        line = lines + (at - 1)
        if agrees(line, share):
            found += 1
            line.flags |= SHARED if only != NULL or line.flags & TAKEN else TAKEN
            only = line if only == NULL else only
        at = following[at] if first & MORE else 0
    if found > 1:
        only.flags |= SHARED
    elif found:
        memcpy(only.invoice_id, share[S_INVOICE].at, 16)
        only.due = number_of(&share[S_AMOUNT])
        only.patient = hashed(&share[S_BILLER], &share[S_INSURED], &share[S_CARE])


cdef int build_lines(Table *table, const char *keys, Py_ssize_t count) noexcept nogil:
    cdef Side lines = Side(keys, count, KEY)
    return build(table, &lines)


cdef class Settlement:
    """The lines of one run that a share answers to the letter: `take_lines`, `take_shares`, `decide`, each when the one before is done."""

    def __cinit__(self):
        self.rest, self.stage = b"", LINES

    def __dealloc__(self):
        free(self.lines)
        free(self.keys)
        free(self.texts)
        free(self.chosen)
        close_table(&self.table)

    def take_lines(self, bytes data not None) -> None:
        """Take a piece of the stream of lines. Raises ValueError for what is no such stream."""
        self.take(data, LINES)

    def take_shares(self, bytes data not None) -> None:
        """Take a piece of the stream of shares, all lines being there. Raises ValueError for what is no such stream."""
        if self.stage == LINES:
            self.close_stream()
            open_table(&self.table, self.count)
            with nogil:
                done = build_lines(&self.table, self.keys, self.count)
            if done < 0:
                raise MemoryError
        self.take(data, SHARES)

    def decide(self) -> int:
        """Choose the lines that are settled, and return how many. Raises ValueError when a stream has not ended."""
        cdef int done
        if self.stage != SHARES:
            raise ValueError("lines and shares come first")
        self.close_stream()
        with nogil:
            done = self.choose()
        if done < 0:
            raise MemoryError
        close_table(&self.table)
        return self.settled

    cdef int take(self, bytes data, int stage) except -1:
        cdef Py_ssize_t at = 0
        cdef int done
        if self.stage != stage or (self.ended and data):
            raise ValueError("this stream has ended")
        if not data:
            return 0
        if self.rest:
            data = self.rest + data
        cdef const char *place = PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        if self.begun or self.open_stream(place, size, &at):
            with nogil:
                done = self.read_lines(place, size, &at) if stage == LINES else self.read_shares(place, size, &at)
            if done == NO_MEMORY:
                raise MemoryError
            if done == BROKEN or (done == END and at != size):
                raise ValueError("a row is not what was asked for")
            self.ended = done == END
        self.rest = PyBytes_FromStringAndSize(place + at, size - at)
        return 0

    cdef int open_stream(self, const char *data, Py_ssize_t size, Py_ssize_t *at) except -1:
        cdef const unsigned char *place = <const unsigned char *>data
        if size < HEADER:
            return 0
        if memcmp(data, PyBytes_AS_STRING(SIGNATURE), 11) != 0 or get16(place + 11) != 0 or get32(place + 15) != 0:
            raise ValueError("not a stream of rows")
        at[0], self.begun = HEADER, True
        return 1

    cdef int close_stream(self) except -1:
        if not self.ended:
            raise ValueError("the stream has not ended")
        self.stage, self.begun, self.ended, self.rest = self.stage + 1, False, False, b""

    # Rows are at most ROW, and what they take lies in memory: their products cannot overflow, here and below.
    @cython.overflowcheck(False)
    cdef int fit_rows(self) noexcept nogil:
        cdef Py_ssize_t room = self.room * 2 if self.room else FIRST_ROOM
        cdef void *wider
        if self.count < self.room:
            return 0
        if room > ROW:
            return NO_MEMORY
        wider = realloc(self.lines, <size_t>room * sizeof(Line))
        if wider == NULL:
            return NO_MEMORY
        self.lines = <Line *>wider
        wider = realloc(self.keys, <size_t>room * KEY)
        if wider == NULL:
            return NO_MEMORY
        self.keys, self.room = <char *>wider, room
        return 0

    @cython.overflowcheck(False)
    cdef int fit_texts(self, Py_ssize_t size) noexcept nogil:
        cdef size_t room = self.texts_room * 2 + <size_t>size
        cdef void *wider
        if self.texts_room - self.texts_size >= <size_t>size:
            return 0
        wider = realloc(self.texts, room)
        if wider == NULL:
            return NO_MEMORY
        self.texts, self.texts_room = <char *>wider, room
        return 0

    @cython.overflowcheck(False)
    cdef int read_lines(self, const char *data, Py_ssize_t size, Py_ssize_t *at) noexcept nogil:
        cdef Field[14] fields
        cdef Line *line
        cdef int found
        while True:
            found = row_at(data, size, at, fields, LINE_FIELDS)
            if found != WHOLE:
                return found
            if not agreed(fields, LINE_WIDTHS, LINE_FIELDS) or fields[L_ORDER].size < 0 or fields[L_LINE].size < 0:
                return BROKEN
            if fields[L_REF].size < 0 or fields[L_AMOUNT].size < 0 or fields[L_PARKED].size < 0 or fields[L_PLAIN].size < 0:
                return BROKEN
            if self.fit_rows() < 0 or self.fit_texts(LONGEST_REF + LONGEST_NUMBER) < 0:
                return NO_MEMORY
            line = self.lines + self.count
            read_line(line, self.keys + self.count * KEY, fields)
            if line.flags & FIT:
                name_line(line, self.texts, &self.texts_size, &fields[L_REF])
            self.count += 1

    @cython.overflowcheck(False)
    cdef int read_shares(self, const char *data, Py_ssize_t size, Py_ssize_t *at) noexcept nogil:
        cdef Field[GROUP][9] fields
        cdef char[GROUP * KEY] keys
        cdef uint32_t[GROUP] found
        cdef Side shares = Side(&keys[0], 0, KEY), lines = Side(self.keys, self.count, KEY)
        cdef int status = WHOLE, i
        while status == WHOLE:
            shares.rows = 0
            while status == WHOLE and shares.rows < GROUP:
                status = row_at(data, size, at, fields[shares.rows], SHARE_FIELDS)
                if status != WHOLE:
                    break
                if not agreed(fields[shares.rows], SHARE_WIDTHS, SHARE_FIELDS) or not whole_share(fields[shares.rows]):
                    return BROKEN
                # A key that cannot be packed is that of no line that fits.
                if packed(
                    keys + shares.rows * KEY, &fields[shares.rows][S_BILLER], &fields[shares.rows][S_NUMBER],
                    &fields[shares.rows][S_PAYER], &fields[shares.rows][S_PART],
                ):
                    shares.rows += 1
            look_up(&self.table, &shares, &lines, found)
            for i in range(<int>shares.rows):
                if found[i]:
                    pay(self.lines, found[i], self.table.following, fields[i])
        return status

    @cython.overflowcheck(False)
    cdef int choose(self) noexcept nogil:
        cdef Py_ssize_t i, others = 0
        cdef uint64_t mask = 1
        cdef uint64_t *touched
        cdef uint32_t *spare
        cdef Line *line
        for i in range(self.count):
            if (self.lines[i].flags & (FIT | TAKEN | SHARED)) != FIT | TAKEN:
                others += 1
        while mask < <uint64_t>(others * 6):
            mask *= 2
        touched = <uint64_t *>calloc(<size_t>mask, sizeof(uint64_t))
        self.chosen = <uint32_t *>malloc(<size_t>(self.count + 1) * sizeof(uint32_t))
        spare = <uint32_t *>malloc(<size_t>(self.count + 1) * sizeof(uint32_t))
        if touched != NULL and self.chosen != NULL and spare != NULL:
            for i in range(self.count):
                line = self.lines + i
                if (line.flags & (FIT | TAKEN | SHARED)) != FIT | TAKEN:
                    touch(touched, mask - 1, line.touches)
            for i in range(self.count):
                line = self.lines + i
                if (line.flags & (FIT | TAKEN | SHARED)) != FIT | TAKEN:
                    continue
                if not is_touched(touched, mask - 1, line.touches[0]) and not is_touched(touched, mask - 1, line.patient):
                    self.chosen[self.settled] = <uint32_t>i
                    self.settled += 1
            sorted_rows(self.chosen, spare, self.settled, self.lines, self.texts)
            others = -1
        free(touched)
        free(spare)
        return 0 if others == -1 else NO_MEMORY
