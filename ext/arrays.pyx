# SPDX-License-Identifier: Apache-2.0
"""Invoices as columns: one buffer a key, as NumPy and the tables of analysts keep them; a block in one call, without the lock.

Texts are of one width, filled with NUL or spaces; an empty one is an absent one. Columns of the head have one entry an invoice, those of
acts one an act, and the acts of an invoice follow each other from its place in `acts` to the next. An object is there when its first key
is; an act is of the CCAM when it has a grouping code. A row that is no sound invoice is a surprise and goes the general way.
"""
cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from ext.buffers cimport *
from ext.claim cimport LINE
from ext.draft cimport Act, Draft, value_at
from ext.fields cimport *
from ext.fse cimport ACT_LINES, AGREEMENT, CCAM, EXECUTOR, INVOICE, NGAP, PRESCRIBER, REFERRING, THINGS, Encoder, enter
from ext.schema cimport *
from ext.seen cimport Seen
from ext.sink cimport Block, Sink
from ext.slots cimport S_ACT_CODE

cdef enum:
    # Invoices that are filled key by key before they are written one by one, and their acts; one with more acts goes the general way.
    TILE = 16
    TILE_ACTS = 64

cdef enum:
    DONE, SURPRISE, ROOM

cdef class Views:
    # The buffers of one call, given back when it ends.
    cdef Py_buffer *views
    cdef Py_ssize_t count

    def __cinit__(self, Py_ssize_t room):
        self.count = 0
        self.views = <Py_buffer *>calloc(<size_t>room + 1, sizeof(Py_buffer))
        if self.views == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.count):
            PyBuffer_Release(&self.views[i])
        free(self.views)

    cdef Py_buffer *take(self, object buffer) except NULL:
        cdef Py_buffer *view = &self.views[self.count]
        PyObject_GetBuffer(buffer, view, PyBUF_FORMAT | PyBUF_STRIDES)
        self.count += 1
        return view


# A run of rows whose values are filled key by key.
cdef struct Span:
    Py_ssize_t first
    int count
    # Where the values of a row are, how far it is to those of the next one, and which slot the first one has.
    char *base
    Py_ssize_t pitch
    int slot
    # The rows that have the object at hand, and those with something that is not as it should be.
    uint8_t *there
    uint8_t *wrong

cdef struct Work:
    Table[THINGS] tables
    Draft[TILE] drafts
    Act[TILE_ACTS] acts
    int[TILE] first
    uint8_t[TILE_ACTS] there
    uint8_t[TILE] wrong
    uint8_t[TILE_ACTS] wrong_acts
    bint whole
    # For a row that goes the general way.
    Draft spare
    Act spare_act


@cython.final
@cython.overflowcheck(False)
cdef class Arrays:
    """Columns with the keys of a schema; it holds nothing of a call, so one serves every thread."""

    cdef readonly Schema schema
    cdef readonly dict paths

    def __cinit__(self, Schema schema not None, dict paths not None):
        """Take where each key stands: its path to `(object, key)`; the key of an object that says whether it is there comes first."""
        self.schema, self.paths = schema, paths

    cdef int compile(self, Table *tables, dict columns, Views views, Py_ssize_t rows, Py_ssize_t acts) except -1:
        cdef const Keys *keys
        cdef Table *table
        cdef Column *column
        cdef Py_buffer *view
        cdef int thing, place
        for thing in range(THINGS):
            keys, tables[thing].opener = &self.schema.things[thing], -1
            for place in range(keys.count):
                if keys.keys[place].role != VALUE:
                    tables[thing].seen |= <uint64_t>1 << place
        for name, buffer in columns.items():
            view = views.take(buffer)
            for thing, place in self.paths[name]:
                table = &tables[thing]
                column = &table.columns[table.count]
                column.key = &self.schema.things[thing].keys[place]
                column.check = &self.schema.encoder.checks[thing][column.key.target] if column.key.role == VALUE else NULL
                set_column(column, name, view, acts if thing >= NGAP else rows)
                agree(column, name)
                if column.form == TEXT and column.stride >= column.width > 0:
                    column.roomy = max(((acts if thing >= NGAP else rows) - 1) * column.stride + column.width - SHORT, -1) // column.stride + 1
                column.shared = len(self.paths[name]) > 1
                # An object is there when its first needed key is; an act is of the CCAM when it has a grouping code.
                if column.key.needed and table.opener < 0 and (REFERRING <= thing <= PRESCRIBER or name == "act.grouping"):
                    table.opener = table.count
                table.seen |= <uint64_t>1 << place
                table.count += 1
        return 0

    cdef bint read_cells(self, const Column *column, const char *text, int size, Act *act) noexcept nogil:
        cdef char *cells = &act.teeth[0] if column.check.kind == TOOTH_LIST else &act.modifiers[0]
        cdef int i, count = size // column.check.width
        clear_cells(cells)
        if size != count * column.check.width or count > <int>column.check.high:
            return False
        for i in range(count):
            if take_element(column.check, text + i * column.check.width, column.check.width, cells, i) != SOUND:
                return False
        return True

    cdef bint read_text(self, const Column *column, const Check *check, const char *text, bint roomy, Value *value) noexcept nogil:
        # A text that becomes a value.
        cdef int size = filled_text(text, column.width, roomy, value.word)
        if size <= 0:
            value[0] = column.key.blank
            return size == 0 and not column.key.needed
        value.text, value.size, value.number, value.known = text, size, 0, 1
        if check.kind == NAME:
            return is_written_so(value) and check_name(check, value) == SOUND
        return check_held(check, value) == SOUND

    cdef bint read_other(self, const Column *column, const char *text, Act *act) noexcept nogil:
        # A list, or a text that no record holds.
        cdef char[16] word
        cdef int size = filled_text(text, column.width, False, word)
        if column.check != NULL:
            return size >= 0 and self.read_cells(column, text, size, act)
        return size == 0 or (size > 0 and (column.key.role == UNWRITTEN or self.schema.chosen(column.key, text, size)))

    cdef bint is_blank(self, const Column *column, Py_ssize_t row) noexcept nogil:
        cdef uint64_t number
        if column.form == TEXT:
            return filled_size(column.data + row * column.stride, column.width) == 0
        return number_of(column, row, &number) and number == 0

    cdef void fill_values(self, const Column *column, const Span *span) noexcept nogil:
        # A text of a run of rows, so that what it needs is decided once. Most rows repeat what the row before them has.
        cdef Py_ssize_t row = span.first, last = span.first + span.count
        cdef const char *text = column.data + row * column.stride
        cdef Value *value = <Value *>(span.base + (column.check.slot - span.slot) * <Py_ssize_t>sizeof(Value))
        cdef Value *before = NULL
        cdef uint8_t *there = span.there
        cdef uint8_t *wrong = span.wrong
        while row < last:
            if not there[0]:
                # What belongs to an object that is not there must not be lost.
                wrong[0] |= not (column.shared or self.is_blank(column, row))
            elif before != NULL and row < column.roomy and same_short(text, text - column.stride, column.width):
                value[0] = before[0]
            elif self.read_text(column, column.check, text, row < column.roomy, value):
                before = value if column.width <= SHORT else NULL
            else:
                wrong[0], before = 1, NULL
            if not there[0]:
                before = NULL
            elif before != NULL:
                before = value
            row, there, wrong, text = row + 1, there + 1, wrong + 1, text + column.stride
            value = <Value *>(<char *>value + span.pitch)

    cdef void fill_numbers(self, const Column *column, const Span *span) noexcept nogil:
        cdef Value *value = <Value *>(span.base + (column.check.slot - span.slot) * <Py_ssize_t>sizeof(Value))
        cdef Value *before = NULL
        cdef uint64_t number, former = 0
        cdef bint sound
        cdef int i
        for i in range(span.count):
            sound = number_of(column, span.first + i, &number)
            if not span.there[i]:
                sound, before = column.shared or (sound and number == 0), NULL
            elif sound and before != NULL and number == former:
                value[0], before = before[0], value
            elif sound and column.form == FLAGGED:
                value.text, value.number, value.known = NULL, number != 0, 1
            elif sound:
                sound = take_number(column.check, number, value) == SOUND
                before, former = value if sound else NULL, number
            span.wrong[i] |= not sound
            value = <Value *>(<char *>value + span.pitch)

    cdef void fill_column(self, const Column *column, const Span *span) noexcept nogil:
        cdef char *at = span.base
        cdef int i
        if column.form != TEXT:
            self.fill_numbers(column, span)
        elif column.check != NULL and column.check.kind < MODIFIER_LIST:
            self.fill_values(column, span)
        else:
            for i in range(span.count):
                if span.there[i]:
                    span.wrong[i] |= not self.read_other(column, column.data + (span.first + i) * column.stride, <Act *>at)
                else:
                    span.wrong[i] |= not (column.shared or self.is_blank(column, span.first + i))
                at += span.pitch

    cdef void fill_thing(self, const Table *table, int thing, Work *w, Span *span) noexcept nogil:
        cdef int i
        for i in range(span.count):
            span.there[i] = thing < REFERRING or (table.opener >= 0 and not self.is_blank(&table.columns[table.opener], span.first + i))
        self.fill_there(table, thing, w, span)

    cdef void fill_there(self, const Table *table, int thing, Work *w, Span *span) noexcept nogil:
        # The rows in which the object is there, and only them.
        cdef int i
        for i in range(table.count):
            self.fill_column(&table.columns[i], span)
        if not REFERRING <= thing <= PRESCRIBER or table.count == 0:
            return
        for i in range(span.count):
            if not span.there[i]:
                self.schema.encoder.forget(&w.drafts[i], w.acts, thing)
            elif table.seen != self.schema.things[thing].all:
                span.wrong[i] |= not self.schema.complete(&w.drafts[i], w.acts, thing, table.seen)

    cdef void prepare(self, Work *w) noexcept nogil:
        # What no column gives is the same in every row. A key that is needed and has no column makes every row a surprise.
        cdef int i, thing
        w.whole = True
        for thing in range(THINGS):
            for i in range(TILE_ACTS if thing >= NGAP else TILE):
                w.acts[i].always, w.acts[i].agreed = 1, w.tables[AGREEMENT].count > 0
                if w.tables[thing].count == 0 and (REFERRING <= thing <= PRESCRIBER or thing == AGREEMENT):
                    self.schema.encoder.forget(&w.drafts[i % TILE], &w.acts[i], thing)
                elif not REFERRING <= thing <= PRESCRIBER and (thing != CCAM or w.tables[CCAM].opener >= 0):
                    w.whole &= self.schema.complete(&w.drafts[i % TILE], &w.acts[i], thing, w.tables[thing].seen)

    cdef void fill_acts(self, const Table *tables, Work *w, Span *span) noexcept nogil:
        cdef const Table *ccam = &tables[CCAM]
        cdef int i
        for i in range(span.count):
            w.acts[i].ccam = ccam.opener >= 0 and not self.is_blank(&ccam.columns[ccam.opener], span.first + i)
            span.there[i] = not w.acts[i].ccam
        self.fill_there(&tables[NGAP], NGAP, w, span)
        for i in range(span.count):
            span.there[i] = w.acts[i].ccam
        self.fill_there(ccam, CCAM, w, span)
        memset(span.there, 1, TILE_ACTS)
        self.fill_there(&tables[AGREEMENT], AGREEMENT, w, span)
        self.fill_there(&tables[EXECUTOR], EXECUTOR, w, span)

    cdef void fill(self, Work *w, Py_ssize_t row, int rows, Py_ssize_t act, int acts) noexcept nogil:
        cdef Span span
        cdef int thing
        memset(w.wrong, 0, TILE)
        memset(w.wrong_acts, 0, TILE_ACTS)
        span.first, span.count, span.slot, span.there, span.wrong = row, rows, 0, w.there, w.wrong
        span.base, span.pitch = <char *>&w.drafts[0].head.values[0], sizeof(Draft)
        for thing in range(INVOICE, PRESCRIBER + 1):
            self.fill_thing(&w.tables[thing], thing, w, &span)
        span.first, span.count, span.slot, span.wrong = act, acts, S_ACT_CODE, w.wrong_acts
        span.base, span.pitch = <char *>&w.acts[0].values[0], sizeof(Act)
        self.fill_acts(w.tables, w, &span)

    cdef int read_tile(self, Work *w, const int64_t *acts, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        # How many rows from here on are filled: as many as have room for their acts, 0 when not even one has.
        cdef int count = 0, i
        cdef int64_t k
        while count < TILE and row + count < rows and acts[row + count + 1] - acts[row] <= TILE_ACTS:
            count += 1
        if count:
            self.fill(w, row, count, <Py_ssize_t>acts[row], <int>(acts[row + count] - acts[row]))
            for i in range(count):
                w.first[i] = <int>(acts[row + i] - acts[row])
                w.wrong[i] |= not w.whole or acts[row + i] == acts[row + i + 1]
                for k in range(acts[row + i] - acts[row], acts[row + i + 1] - acts[row]):
                    w.wrong[i] |= w.wrong_acts[k]
        return count

    cdef int read_rows(self, Work *w, const int64_t *acts, Py_ssize_t *row, Py_ssize_t rows, int flow, bint strict, Sink sink,
                       Seen seen) except -1 nogil:
        # On to the end, to a row that is a surprise, or to where there is no room.
        cdef int count, i
        cdef Draft *d
        while row[0] < rows:
            count = self.read_tile(w, acts, row[0], rows)
            if count == 0:
                sink.open_row()
                return SURPRISE
            for i in range(count):
                if sink.room - sink.at < (3 + ACT_LINES * TILE_ACTS) * LINE:
                    return ROOM
                d = &w.drafts[i]
                enter(d, flow, strict)
                sink.open_row()
                if w.wrong[i] or not self.schema.encoder.put_all(d, &w.acts[w.first[i]], <int>(acts[row[0] + 1] - acts[row[0]]), sink, seen):
                    return SURPRISE
                sink.close_row(<int64_t>d.fees, <int64_t>d.amo, <int64_t>d.amc)
                row[0] += 1
        return DONE

    def encode(self, dict columns not None, const int64_t[::1] acts not None, int flow, general, Seen used=None, bint strict=False,
               Block into=None):
        """Encode rows and return `(data, starts, fees, amo, amc, faults, odd)`, as an encoder does.

        `columns` has the keys of `paths`; `acts` has one entry more than there are invoices. `general` takes a row that is a surprise
        and returns its invoice or None. Raises TypeError and ValueError for a column of another form or length than its key takes.
        """
        cdef Py_ssize_t rows = acts.shape[0] - 1, row = 0, i
        cdef Views views = Views(len(columns))
        cdef Seen seen = Seen() if used is None else used
        cdef list faults = [], odd = [], kept = []
        cdef int found = ROOM
        cdef Sink sink
        cdef Work *w
        if rows < 0 or acts[0] != 0 or any(acts[i] > acts[i + 1] for i in range(rows)):
            raise ValueError("the places of acts begin at 0 and never go back")
        sink = Sink((rows * 3 + <Py_ssize_t>acts[rows] * ACT_LINES + 3 + ACT_LINES * TILE_ACTS) * LINE, rows, into)
        w = <Work *>calloc(1, sizeof(Work))
        seen.enter()
        try:
            if w == NULL:
                raise MemoryError
            self.compile(w.tables, columns, views, rows, <Py_ssize_t>acts[rows])
            self.prepare(w)
            w.spare.flow, w.spare.strict, w.spare.names = flow, strict, <PyObject *>self.schema.encoder.names
            while found != DONE:
                with nogil:
                    found = self.read_rows(w, &acts[0], &row, rows, flow, strict, sink, seen)
                if found == ROOM:
                    sink.grow((3 + ACT_LINES * TILE_ACTS) * LINE)
                elif found == SURPRISE:
                    invoice = general(row)
                    if invoice is None:
                        sink.close_row(0, 0, 0)
                    else:
                        odd.append((row, invoice))
                        self.schema.encoder.encode_one(&w.spare, &w.spare_act, <PyObject *>invoice, sink, seen, faults, kept)
                    row += 1
        finally:
            seen.busy = False
            free(w)
        return sink.close(), sink.columns_starts, sink.columns_fees, sink.columns_amo, sink.columns_amc, faults, odd
