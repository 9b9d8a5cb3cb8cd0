# SPDX-License-Identifier: Apache-2.0
"""Invoices as columns: one buffer a key, as NumPy and the tables of analysts keep them; a block in one call, without the lock.

Texts are of one width, filled with NUL or spaces; an empty one is an absent one. Columns of the head have one entry an invoice, those of
acts one an act, and the acts of an invoice follow each other from its place in `acts` to the next. An object is there when its first key
is; an act is of the CCAM when it has a grouping code. A row that is no sound invoice is a surprise and goes the general way.
"""
cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.object cimport PyObject
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from ext.claim cimport LINE
from ext.draft cimport Act, Draft, value_at
from ext.fields cimport *
from ext.fse cimport ACT_LINES, AGREEMENT, CCAM, EXECUTOR, INVOICE, NGAP, PRESCRIBER, REFERRING, THINGS, Encoder, enter
from ext.schema cimport *
from ext.seen cimport Seen
from ext.sink cimport Block, Sink

cdef extern from "ext/scan.h" nogil:
    int filled_text "desmos_filled_text"(const char *text, int width, bint roomy, char *word)
    int filled_size "desmos_filled_size"(const char *text, int width)

cdef enum:
    # An invoice with more acts goes the general way.
    MOST_ACTS = 64

cdef enum:
    DONE, SURPRISE, ROOM

# How an entry is read: a text, a flag, or an integer with or without a sign.
cdef enum:
    ABSENT, TEXT, FLAGGED, SIGNED, UNSIGNED

cdef struct Column:
    const char *data
    Py_ssize_t stride
    # The rows from whose start sixteen bytes can be read.
    Py_ssize_t roomy
    int width
    int form
    # Only an act of the CCAM has it.
    bint only
    const Key *key
    const Check *check

cdef struct Table:
    Column[KEYS] columns
    int count
    # The keys that need no default: those with a column, and those that are no values.
    uint64_t seen
    # The column that says whether the object is there, -1 when it has none.
    int opener


@cython.overflowcheck(False)
cdef inline bint number_of(const Column *column, Py_ssize_t row, uint64_t *number) noexcept nogil:
    # False for a negative one.
    cdef const char *at = column.data + row * column.stride
    cdef int64_t signed
    if column.form == SIGNED:
        if column.width == 8:
            signed = (<const int64_t *>at)[0]
        elif column.width == 4:
            signed = (<const int32_t *>at)[0]
        elif column.width == 2:
            signed = (<const int16_t *>at)[0]
        else:
            signed = (<const int8_t *>at)[0]
        number[0] = <uint64_t>signed
        return signed >= 0
    if column.width == 8:
        number[0] = (<const uint64_t *>at)[0]
    elif column.width == 4:
        number[0] = (<const uint32_t *>at)[0]
    elif column.width == 2:
        number[0] = (<const uint16_t *>at)[0]
    else:
        number[0] = (<const uint8_t *>at)[0]
    return True


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
    Act[MOST_ACTS] acts


cdef int agree(const Column *column, str name) except -1:
    # What a column holds is what its key takes.
    cdef int wanted = TEXT if column.check == NULL else FLAGGED if column.check.kind == FLAG else SIGNED if column.check.kind == INTEGER else TEXT
    if wanted != (SIGNED if column.form == UNSIGNED else column.form):
        raise TypeError(f"column {name} holds {('', 'texts', 'flags', 'integers')[min(column.form, 3)]}, which its key does not take")
    return 0


cdef int set_column(Column *column, str name, const Py_buffer *view, Py_ssize_t rows) except -1:
    cdef bytes format = b"B" if view.format == NULL else view.format
    cdef int dimensions = view.ndim
    if format[:1] in b"<=@|" and len(format) > 1:
        format = format[1:]
    if dimensions < 1 or view.shape[0] != rows:
        raise ValueError(f"column {name} has {view.shape[0] if dimensions else 0} entries, and {rows} are expected")
    column.data, column.stride, column.width = <const char *>view.buf, view.strides[0], <int>min(view.itemsize, <Py_ssize_t>4096)
    if dimensions == 1 and (format.endswith(b"s") or format == b"c"):
        column.form = TEXT
    elif dimensions == 2 and format in (b"B", b"c", b"b") and view.strides[1] == 1 and view.shape[1] <= 4096:
        column.form, column.width = TEXT, <int>view.shape[1]
    elif dimensions == 1 and format == b"?":
        column.form = FLAGGED
    elif dimensions == 1 and len(format) == 1 and format in b"bhilqn":
        column.form = SIGNED
    elif dimensions == 1 and len(format) == 1 and format in b"BHILQN":
        column.form = UNSIGNED
    else:
        raise TypeError(f"column {name} holds neither texts of one width, nor integers, nor flags of this machine: {format.decode()!r}")
    return 0


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
                column.only = thing == CCAM and len(self.paths[name]) == 1
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

    cdef bint read_text(self, const Column *column, Py_ssize_t row, Draft *d, Act *act) noexcept nogil:
        cdef const char *text = column.data + row * column.stride
        cdef const Check *check = column.check
        cdef Value spare
        cdef Value *value = &spare
        cdef int size
        if check != NULL and check.kind < MODIFIER_LIST:
            value = value_at(d, act, check.slot)
        size = filled_text(text, column.width, row < column.roomy, value.word)
        if size < 0:
            return False
        if check == NULL:
            return size == 0 or column.key.role == UNWRITTEN or self.schema.chosen(column.key, text, size)
        if check.kind >= MODIFIER_LIST:
            return self.read_cells(column, text, size, act)
        if size == 0:
            value[0] = column.key.blank
            return not column.key.needed
        value.text, value.size, value.number, value.known = text, size, 0, 1
        if check.kind == NAME:
            return is_written_so(value) and check_name(check, value) == SOUND
        return check_held(check, value) == SOUND

    cdef bint read_column(self, const Column *column, Py_ssize_t row, Draft *d, Act *act) noexcept nogil:
        cdef Value *value
        cdef uint64_t number
        if column.form == TEXT:
            return self.read_text(column, row, d, act)
        value = value_at(d, act, column.check.slot)
        if not number_of(column, row, &number):
            return False
        if column.form == FLAGGED:
            value.text, value.number, value.known = NULL, number != 0, 1
            return True
        return take_number(column.check, number, value) == SOUND

    cdef bint is_blank(self, const Column *column, Py_ssize_t row) noexcept nogil:
        cdef uint64_t number
        if column.form == TEXT:
            return filled_size(column.data + row * column.stride, column.width) == 0
        return number_of(column, row, &number) and number == 0

    cdef bint read_thing(self, const Table *table, int thing, Py_ssize_t row, Draft *d, Act *act) noexcept nogil:
        cdef int i
        if REFERRING <= thing <= PRESCRIBER and (table.opener < 0 or self.is_blank(&table.columns[table.opener], row)):
            self.schema.encoder.forget(d, act, thing)
            for i in range(table.count):
                if not self.is_blank(&table.columns[i], row):
                    return False
            return True
        for i in range(table.count):
            if not self.read_column(&table.columns[i], row, d, act):
                return False
        return table.seen == self.schema.things[thing].all or self.schema.complete(d, act, thing, table.seen)

    cdef bint read_act(self, const Table *tables, Py_ssize_t row, Draft *d, Act *act) noexcept nogil:
        cdef const Table *ccam = &tables[CCAM]
        cdef int i
        act.always, act.ccam = 1, ccam.opener >= 0 and not self.is_blank(&ccam.columns[ccam.opener], row)
        act.agreed = tables[AGREEMENT].count > 0
        if not act.ccam:
            # What only an act of the CCAM has must not be lost.
            for i in range(ccam.count):
                if ccam.columns[i].only and not self.is_blank(&ccam.columns[i], row):
                    return False
        if not self.read_thing(&tables[CCAM if act.ccam else NGAP], CCAM if act.ccam else NGAP, row, d, act):
            return False
        if not act.agreed:
            self.schema.encoder.forget(d, act, AGREEMENT)
        elif not self.read_thing(&tables[AGREEMENT], AGREEMENT, row, d, act):
            return False
        return self.read_thing(&tables[EXECUTOR], EXECUTOR, row, d, act)

    cdef bint read_row(self, const Table *tables, const int64_t *acts, Py_ssize_t row, Draft *d, Act *own, int *count) noexcept nogil:
        cdef int thing
        cdef int64_t i
        if not 1 <= acts[row + 1] - acts[row] <= MOST_ACTS:
            return False
        for thing in range(INVOICE, PRESCRIBER + 1):
            if not self.read_thing(&tables[thing], thing, row, d, own):
                return False
        count[0] = 0
        for i in range(acts[row], acts[row + 1]):
            if not self.read_act(tables, <Py_ssize_t>i, d, &own[count[0]]):
                return False
            count[0] += 1
        return True

    cdef int read_rows(self, const Table *tables, const int64_t *acts, Py_ssize_t *row, Py_ssize_t rows, int flow, bint strict,
                       Draft *d, Act *own, Sink sink, Seen seen) except -1 nogil:
        # On to the end, to a row that is a surprise, or to where there is no room.
        cdef int count = 0
        while row[0] < rows:
            if sink.room - sink.at < (3 + ACT_LINES * MOST_ACTS) * LINE:
                return ROOM
            enter(d, flow, strict)
            sink.open_row()
            if not self.read_row(tables, acts, row[0], d, own, &count) or not self.schema.encoder.put_all(d, own, count, sink, seen):
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
        sink = Sink((rows * 3 + <Py_ssize_t>acts[rows] * ACT_LINES + 3 + ACT_LINES * MOST_ACTS) * LINE, rows, into)
        w = <Work *>calloc(1, sizeof(Work))
        seen.enter()
        try:
            if w == NULL:
                raise MemoryError
            w.draft.names = <PyObject *>self.schema.encoder.names
            self.compile(w.tables, columns, views, rows, <Py_ssize_t>acts[rows])
            while found != DONE:
                with nogil:
                    found = self.read_rows(w.tables, &acts[0], &row, rows, flow, strict, &w.draft, w.acts, sink, seen)
                if found == ROOM:
                    sink.grow((3 + ACT_LINES * MOST_ACTS) * LINE)
                elif found == SURPRISE:
                    invoice = general(row)
                    if invoice is None:
                        sink.close_row(0, 0, 0)
                    else:
                        odd.append((row, invoice))
                        self.schema.encoder.encode_one(&w.draft, w.acts, <PyObject *>invoice, sink, seen, faults, kept)
                    row += 1
        finally:
            seen.busy = False
            free(w)
        return sink.close(), sink.columns_starts, sink.columns_fees, sink.columns_amo, sink.columns_amc, faults, odd
