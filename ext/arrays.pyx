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
from ext.draft cimport Act, Draft, Head
from ext.fields cimport *
from ext.fse cimport ACT_LINES, AGREEMENT, CCAM, EXECUTOR, INVOICE, MOST_ACTS, NGAP, PRESCRIBER, REFERRING, THINGS, enter
from ext.fse cimport most_room
from ext.schema cimport *
from ext.seen cimport Seen
from ext.sink cimport Block, Sink
from ext.slots cimport S_ACT_CODE

cdef enum:
    # Invoices that are filled key by key before they are written one by one; together they have no more acts than one may have.
    TILE = 24

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


cdef struct Work:
    Table[THINGS] tables
    Draft draft
    Head[TILE] heads
    Act[MOST_ACTS] acts
    int[TILE] first
    uint8_t[MOST_ACTS] kinds
    uint8_t[TILE] wrong
    uint8_t[MOST_ACTS] wrong_acts
    bint whole
    # For a row that goes the general way.
    Head spare
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
        cdef const Check *former
        cdef int thing, place
        for thing in range(THINGS):
            keys, tables[thing].opener = &self.schema.things[thing], -1
            for place in range(keys.count):
                if keys.keys[place].role != VALUE:
                    tables[thing].seen |= <uint64_t>1 << place
        for name, buffer in columns.items():
            view = views.take(buffer)
            former = NULL
            for thing, place in self.paths[name]:
                table = &tables[thing]
                column = &table.columns[table.count]
                column.key = &self.schema.things[thing].keys[place]
                column.check = &self.schema.encoder.checks[thing][column.key.target] if column.key.role == VALUE else NULL
                set_column(column, name, view, acts if thing >= NGAP else rows)
                agree(column, name)
                self.place(column, thing, former, acts if thing >= NGAP else rows)
                # An object is there when its first needed key is; an act is of the CCAM when it has a grouping code.
                if column.key.needed and table.opener < 0 and (REFERRING <= thing <= PRESCRIBER or name == "act.grouping"):
                    table.opener = table.count
                table.seen |= <uint64_t>1 << place
                former = column.check if thing == NGAP else NULL
                table.count += 1
        return 0

    cdef int place(self, Column *column, int thing, const Check *of_ngap, Py_ssize_t entries) except -1:
        # Acts of both kinds have their keys in one order, of which the code alone is checked in two ways: one column does for both.
        column.shared = thing == CCAM and of_ngap != NULL
        column.checks[0], column.checks[1] = of_ngap if column.shared else column.check, column.check
        column.place, column.roomy = 0, 0
        if column.form == TEXT and column.stride >= column.width > 0:
            column.roomy = max((entries - 1) * column.stride + column.width - SHORT, -1) // column.stride + 1
        if column.check != NULL and column.check.kind < MODIFIER_LIST:
            column.repeats = column.width <= SHORT and column.check.slot != S_ACT_CODE
            column.place = <Py_ssize_t>sizeof(Value) * (column.check.slot - (S_ACT_CODE if thing >= NGAP else 0))
            if self.schema.encoder.wide:
                rule_column(column)
        return 0

    @cython.cdivision(True)
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

    cdef void fill_texts(self, const Column *column, const Span *span) noexcept nogil:
        # Most rows repeat what the one before them has.
        cdef const char *text
        cdef const char *former = NULL
        cdef Value *value
        cdef Value *before = NULL
        cdef bint roomy
        cdef int i, k
        for k in range(span.count):
            i = span.rows[k]
            text, value = column.data + (span.first + i) * column.stride, <Value *>(span.base + i * span.pitch + column.place)
            roomy = span.first + i < column.roomy
            if before != NULL and roomy and same_short(text, former, column.width):
                value[0], before, former = before[0], value, text
            elif self.read_text(column, column.checks[span.kinds[i]], text, roomy, value):
                before, former = value if column.repeats else NULL, text
            else:
                span.wrong[i], before = 1, NULL

    cdef void fill_numbers(self, const Column *column, const Span *span) noexcept nogil:
        cdef Value *value
        cdef uint64_t number
        cdef bint sound
        cdef int i, k
        for k in range(span.count):
            i = span.rows[k]
            value = <Value *>(span.base + i * span.pitch + column.place)
            sound = number_of(column, span.first + i, &number)
            if column.form == FLAGGED:
                value.text, value.number, value.known = NULL, number != 0, 1
            else:
                sound = sound and take_number(column.check, number, value) == SOUND
            span.wrong[i] |= not sound

    cdef bint fill_at_once(self, const Column *column, const Span *span) noexcept nogil:
        cdef Rows rows = rows_of(column, span)
        return read_column(&rows, &column.rule)

    cdef void fill_column(self, const Column *column, const Span *span) noexcept nogil:
        cdef int i, k
        if column.rule.form and self.fill_at_once(column, span):
            return
        if column.form != TEXT:
            self.fill_numbers(column, span)
        elif column.check != NULL and column.check.kind < MODIFIER_LIST:
            self.fill_texts(column, span)
        else:
            for k in range(span.count):
                i = span.rows[k]
                span.wrong[i] |= not self.read_other(column, column.data + (span.first + i) * column.stride,
                                                     <Act *>(span.base + i * span.pitch))

    cdef void fill_optional(self, const Table *table, int thing, Work *w, const Span *all) noexcept nogil:
        cdef Span there, absent
        cdef int i
        divide(table, all, &there, &absent)
        for i in range(table.count):
            self.fill_column(&table.columns[i], &there)
            leave_column(&table.columns[i], &absent)
        for i in range(absent.count):
            w.draft.head = &w.heads[absent.rows[i]]
            self.schema.encoder.forget(&w.draft, w.acts, thing)
        if table.seen != self.schema.things[thing].all:
            for i in range(there.count):
                w.draft.head = &w.heads[there.rows[i]]
                all.wrong[there.rows[i]] |= not self.schema.complete(&w.draft, w.acts, thing, table.seen)

    cdef void fill_heads(self, Work *w, const Span *all) noexcept nogil:
        cdef int thing, i
        for thing in range(INVOICE, PRESCRIBER + 1):
            if w.tables[thing].count and thing >= REFERRING:
                self.fill_optional(&w.tables[thing], thing, w, all)
            elif w.tables[thing].count:
                for i in range(w.tables[thing].count):
                    self.fill_column(&w.tables[thing].columns[i], all)

    cdef void fill_acts(self, Work *w, const Span *all) noexcept nogil:
        cdef const Table *table = &w.tables[CCAM]
        cdef Span ccam, ngap
        cdef int thing, i
        divide(table, all, &ccam, &ngap)
        memset(all.kinds, 0, MOST_ACTS)
        for i in range(ccam.count):
            all.kinds[ccam.rows[i]] = 1
        for i in range(all.count):
            w.acts[i].ccam = all.kinds[i]
        for i in range(table.count):
            if table.columns[i].shared:
                self.fill_column(&table.columns[i], all)
            else:
                self.fill_column(&table.columns[i], &ccam)
                leave_column(&table.columns[i], &ngap)
        for thing in range(EXECUTOR, AGREEMENT + 1):
            for i in range(w.tables[thing].count):
                self.fill_column(&w.tables[thing].columns[i], all)

    @cython.cdivision(True)
    cdef void prepare(self, Work *w) noexcept nogil:
        # What no column gives is the same in every row. A key that is needed and has no column makes every row a surprise.
        cdef int i, thing
        w.whole = True
        for thing in range(THINGS):
            for i in range(MOST_ACTS if thing >= NGAP else TILE):
                w.acts[i].always, w.acts[i].agreed, w.draft.head = 1, w.tables[AGREEMENT].count > 0, &w.heads[i % TILE]
                if w.tables[thing].count == 0 and (REFERRING <= thing <= PRESCRIBER or thing == AGREEMENT):
                    self.schema.encoder.forget(&w.draft, &w.acts[i], thing)
                elif not REFERRING <= thing <= PRESCRIBER and (thing != CCAM or w.tables[CCAM].opener >= 0):
                    w.whole &= self.schema.complete(&w.draft, &w.acts[i], thing, w.tables[thing].seen)

    cdef void fill(self, Work *w, Py_ssize_t row, int rows, Py_ssize_t act, int acts) noexcept nogil:
        cdef Span span
        cdef int i
        for i in range(MOST_ACTS):
            span.rows[i] = <uint8_t>i
        memset(w.kinds, 0, MOST_ACTS)
        memset(w.wrong, 0, TILE)
        memset(w.wrong_acts, 0, MOST_ACTS)
        span.first, span.count, span.wrong, span.kinds = row, rows, w.wrong, w.kinds
        span.base, span.pitch = <char *>&w.heads[0].values[0], sizeof(Head)
        self.fill_heads(w, &span)
        span.first, span.count, span.wrong = act, acts, w.wrong_acts
        span.base, span.pitch = <char *>&w.acts[0].values[0], sizeof(Act)
        self.fill_acts(w, &span)

    cdef int read_tile(self, Work *w, const int64_t *acts, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        # How many rows from here on are filled: as many as have room for their acts, 0 when not even one has.
        cdef int count = 0, i
        cdef int64_t k
        while count < TILE and row + count < rows and acts[row + count + 1] - acts[row] <= MOST_ACTS:
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
        cdef int count, own, i
        cdef Draft *d = &w.draft
        while row[0] < rows:
            count = self.read_tile(w, acts, row[0], rows)
            if count == 0:
                sink.open_row()
                return SURPRISE
            for i in range(count):
                if sink.room - sink.at < most_room():
                    return ROOM
                d.head = &w.heads[i]
                enter(d, flow, strict)
                sink.open_row()
                own = <int>(acts[row[0] + 1] - acts[row[0]])
                if w.wrong[i] or not self.schema.encoder.put_all(d, &w.acts[w.first[i]], own, sink, seen):
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
        cdef Py_ssize_t rows = acts.shape[0] - 1, row = 0
        cdef Views views = Views(len(columns))
        cdef Seen seen = Seen() if used is None else used
        cdef list faults = [], odd = [], kept = []
        cdef int found = ROOM
        cdef Sink sink
        cdef Work *w
        if rows < 0 or acts[0] != 0 or goes_back(&acts[0], rows):
            raise ValueError("the places of acts begin at 0 and never go back")
        w = <Work *>calloc(1, sizeof(Work))
        seen.enter()
        try:
            if w == NULL:
                raise MemoryError
            self.compile(w.tables, columns, views, rows, <Py_ssize_t>acts[rows])
            # Only now is it known that there are so many acts.
            sink = Sink((rows * 3 + <Py_ssize_t>acts[rows] * ACT_LINES) * LINE + most_room(), rows, into)
            self.prepare(w)
            w.draft.flow, w.draft.strict, w.draft.names = flow, strict, <PyObject *>self.schema.encoder.names
            while found != DONE:
                with nogil:
                    found = self.read_rows(w, &acts[0], &row, rows, flow, strict, sink, seen)
                if found == ROOM:
                    sink.grow(most_room())
                elif found == SURPRISE:
                    invoice = general(row)
                    if invoice is None:
                        sink.close_row(0, 0, 0)
                    else:
                        odd.append((row, invoice))
                        w.draft.head = &w.spare
                        self.schema.encoder.encode_one(&w.draft, &w.spare_act, <PyObject *>invoice, sink, seen, faults, kept)
                    row += 1
        finally:
            seen.busy = False
            free(w)
        return sink.close(), sink.columns_starts, sink.columns_fees, sink.columns_amo, sink.columns_amc, faults, odd
