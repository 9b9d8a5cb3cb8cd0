# SPDX-License-Identifier: Apache-2.0
"""Claims: a block of invoices in, the run of their records out, in one call.

Every position, width, kind and constant comes from the steps of the table compiler, every code list and every limit from the rows of
checks; here stand the order of the records, the computed values (`=rule`) and the rules between fields. Members of the invoices are read
at the place where their class keeps them, so that no attribute is looked up. A fault is the tuple `(invoice, reason, slot, act, value,
width)`: index of the invoice, one of REASONS, one of SLOTS, index of the act or -1, what was given, width or -1.

The invoices are borrowed: the caller's tuple keeps them alive and they are frozen, so what they hold stays while they are read.
"""
cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from ext.between cimport check_act, check_head, compute_act, compute_head, spell_biller
from ext.claim cimport LINE, digits_of, has_wide, write_line
from ext.draft cimport *
from ext.fields cimport *
from ext.loads cimport load
from ext.members cimport *
from ext.seen cimport Seen
from ext.sink cimport Block, Sink
from ext.slots cimport *
from ext.steps cimport Shape, compile_line, derive, part, shape_of, share

include "names.pxi"

cdef enum:
    LINE_2, LINE_2S, LINE_4, LINE_4S, LINE_4E, LINE_4M, LINE_5

# The type, always written before, that each begins like.
cdef int[7] ALIKE = [LINE_2, LINE_2, LINE_2, LINE_2, LINE_4S, LINE_4S, LINE_2]

cdef int[7] OBJECT_SLOTS = [-1, S_BENEFICIARY, S_INSURER, S_REFERRING, S_COMPLEMENT, S_WHAT_HAPPENED, S_PRESCRIBER]


cdef int enter(Draft *d, int flow, bint strict) noexcept nogil:
    # What the last invoice left is forgotten.
    d.at_act, d.found, d.flow, d.strict, d.lines, d.fees, d.amo, d.amc = -1, 0, flow, strict, 0, 0, 0, 0
    return 0


@cython.overflowcheck(False)
cdef uint64_t number_word(const Draft *d) noexcept nogil:
    # Biller and number, nine digits at most each.
    return digits_of(d.head.values[S_BILLER_WRITTEN].word, 9) * 1000000000 + d.head.values[S_NUMBER].number


@cython.final
cdef class Encoder:
    """The compiled layouts and checks of one profile; it holds nothing of a call, so one serves every thread."""

    def __cinit__(self, tuple classes not None, tuple checks not None, tuple programs not None, names not None):
        """Take the classes in the order of OBJECTS, rows of checks, the steps of LINES in order, and the transliteration of a name.

        A check is `(object, attribute, slot, kind, null, required, width, low, high, codes)`; null says whether None may stand there.
        """
        cdef int thing, i
        if len(classes) != THINGS or len(programs) != RECORDS or S_MODIFIERS - S_ACT_CODE != ACT_SLOTS:
            raise ValueError("an encoder takes 11 classes and 7 layouts")
        self.classes, self.names, self.wide = classes, names, has_wide()
        for thing in range(THINGS):
            if not isinstance(classes[thing], type):
                raise TypeError("an encoder takes classes")
            self.types[thing] = <PyObject *>classes[thing]
            self.counts[thing] = 0
            if BENEFICIARY <= thing <= PRESCRIBER:
                self.places[thing] = place_of(classes[INVOICE], OBJECTS[thing])
        self.acts, self.prescriber_rpps = place_of(classes[INVOICE], "acts"), place_of(classes[PRESCRIBER], "rpps")
        self.structure, self.executor_rpps = place_of(classes[PRESCRIBER], "structure"), place_of(classes[EXECUTOR], "rpps")
        for i in range(2):
            self.executor[i] = place_of(classes[NGAP + i], "executor")
            self.agreement[i] = place_of(classes[NGAP + i], "prior_agreement")
        for row in checks:
            self.add_check(row)
        self.compile(programs)

    cdef int add_check(self, tuple row) except -1:
        cdef Check *check
        cdef bytes code
        cdef char[8] word
        cdef uint64_t value
        name, attribute, slot, kind, null, required, width, low, high, codes = row
        cdef int thing = OBJECTS.index(name)
        if self.counts[thing] >= CHECKS or len(codes) > CODES or not 0 <= slot < SLOT_COUNT or not 1 <= width <= 256:
            raise ValueError("a check has no place, too many codes or no width")
        if kind == TOOTH_LIST or kind == MODIFIER_LIST:
            if slot != (S_TEETH if kind == TOOTH_LIST else S_MODIFIERS) or high > (TEETH if kind == TOOTH_LIST else MODIFIERS):
                raise ValueError("a list holds more than its values have places for")
            if width * high > CELLS - SHORT:
                raise ValueError("the values of a list are too wide for their places")
        elif slot >= S_MODIFIERS:
            raise ValueError("a value has the place of a list")
        if kind == INTEGER and width > SHORT or (kind in (FIXED, FIXED_OR_BLANK, NOT_ZERO) and width > SHORT and width < 256):
            raise ValueError("a number has more than sixteen digits")
        check = &self.checks[thing][self.counts[thing]]
        check.place = place_of(self.classes[thing], attribute)
        check.slot, check.kind, check.nullable, check.required = slot, kind, null, required
        check.width, check.low, check.high, check.codes = width, low, high, 0
        check.limit = <uint64_t>(10 ** min(width, 18) - 1)
        for text in codes:
            code = text.encode("ascii")
            if len(code) > 7:
                raise ValueError("a code has at most 7 characters")
            memset(word, 32, 8)
            for i in range(len(code)):
                word[i] = code[i]
            value = <uint64_t>int(text) if kind == INTEGER else packed(word, <int>len(code))
            # A number may be listed in two spellings.
            if value not in check.code[:check.codes]:
                check.code[check.codes] = value
                check.codes += 1
        check.factor = scatter(check.code, check.codes, 8, check.hashed)
        self.counts[thing] += 1
        return 0

    cdef int compile(self, tuple programs) except -1:
        cdef Shape[SLOT_COUNT] shapes
        cdef Shape shape
        cdef const Check *check
        cdef int thing, i
        lists = {}
        memset(shapes, 0, sizeof(shapes))
        for thing in range(THINGS):
            for i in range(self.counts[thing]):
                check = &self.checks[thing][i]
                if check.slot >= S_MODIFIERS:
                    lists[check.slot] = (check.high, check.width)
                    continue
                shape = shape_of(check)
                shape.size = max(shape.size, shapes[check.slot].size)
                shapes[check.slot] = shape
        derive(shapes)
        for i in range(RECORDS):
            compile_line(&self.lines[i], <tuple?>programs[i], shapes, lists)
            if i:
                share(&self.lines[i], &self.lines[ALIKE[i]])
        # Each is compared with the steps of another as they stand in its table.
        for i in range(RECORDS):
            part(&self.lines[i])
        # A number of records that a `5` does not say has no limit but this one.
        self.totals, self.most = 0, 999_999_999
        for _, width, _, _, slot, _, _, _, _ in programs[LINE_5]:
            if S_LINES <= slot <= S_TOTAL_INSURED and self.totals < TOTALS:
                self.total_slots[self.totals], self.total_widths[self.totals] = slot, width
                self.total_limits[self.totals] = <uint64_t>(10 ** min(width, SHORT) - 1)
                self.totals += 1
                if slot == S_LINES:
                    self.most = <uint64_t>(10 ** min(width, 9) - 1)
        return 0

    cdef void forget(self, Draft *d, Act *act, int thing) noexcept nogil:
        # The values of an object that is not there.
        cdef int i
        for i in range(self.counts[thing]):
            value_at(d, act, self.checks[thing][i].slot).known = 0

    cdef int read(self, Draft *d, Act *act, PyObject *item, int thing, list kept) except -1:
        cdef int i, reason
        cdef const Check *check
        cdef PyObject *found
        cdef Value cells
        cdef Value *value
        cdef Memo *memo = NULL if d.memos == NULL else d.memos + thing * CHECKS
        cdef Py_ssize_t width
        for i in range(self.counts[thing]):
            check = &self.checks[thing][i]
            found = member(item, check.place)
            value = value_at(d, act, check.slot) if check.kind < MODIFIER_LIST else &cells
            if memo != NULL and memo[i].item == found:
                value[0] = memo[i].value
                continue
            reason = load(d, act, check, found, value, kept)
            # A list lies elsewhere, and a name may have been written anew for this invoice alone.
            if memo != NULL and reason == SOUND and check.kind != NAME and check.kind < MODIFIER_LIST:
                memo[i].item, memo[i].value = found, value[0]
            if reason:
                value.known = 0
                width = check.width
                if check.kind >= MODIFIER_LIST and PyTuple_CheckExact(found) and PyTuple_GET_SIZE(found) > <Py_ssize_t>check.high:
                    width = <Py_ssize_t>check.high
                fault(d, reason, check.slot, found, width if reason == TOO_WIDE else -1)
        return 0

    cdef bint read_object(self, Draft *d, Act *act, PyObject *item, int thing, int slot, list kept) except -1:
        # True when the object is there and was read.
        if item != Py_None and <PyObject *>Py_TYPE(item) == self.types[thing]:
            self.read(d, act, item, thing, kept)
            return True
        self.forget(d, act, thing)
        if item != Py_None or thing in (BENEFICIARY, INSURER, EXECUTOR):
            fault(d, BAD_VALUE, slot, NULL, -1)
        return False

    @cython.overflowcheck(False)
    cdef void put(self, int line, Draft *d, Act *act, Sink sink) noexcept nogil:
        cdef const char *sides[2]
        sides[0], sides[1], d.records[line] = <const char *>d.head, <const char *>act, sink.at
        if not write_line(self.wide, sink.out + sink.at, &self.lines[line], sink.out + d.records[ALIKE[line]], sides):
            fault(d, TOO_WIDE, S_ACTS, NULL, -1)
        sink.at += LINE

    cdef void put_head(self, Draft *d, Sink sink) noexcept nogil:
        compute_head(d)
        self.put(LINE_2, d, NULL, sink)
        self.put(LINE_2S, d, NULL, sink)

    @cython.overflowcheck(False)
    cdef bint put_act(self, Draft *d, Act *act, Sink sink) noexcept nogil:
        # The records of an act that is sound, or, when the invoice is not, only their count. False when there is no room for them.
        cdef const Value *head = d.head.values
        cdef bint known = head[S_PRESCRIBER_RPPS].known or head[S_STRUCTURE].known or act.values[S_EXECUTOR_RPPS - S_ACT_CODE].known
        cdef Py_ssize_t count = 2 + known + act.ccam
        d.lines += <uint64_t>count
        if d.found:
            return True
        compute_act(d, act)
        if d.lines > self.most:
            return True
        # One more record closes the invoice.
        if sink.room - sink.at < (count + 1) * LINE:
            return False
        self.put(LINE_4, d, act, sink)
        self.put(LINE_4S, d, act, sink)
        if known:
            self.put(LINE_4E, d, act, sink)
        if act.ccam:
            self.put(LINE_4M, d, act, sink)
        return True

    @cython.overflowcheck(False)
    cdef int close(self, Draft *d) noexcept nogil:
        # The totals, each against the width of its field.
        cdef Value *values = d.head.values
        cdef int i
        set_number(&values[S_LINES], d.lines)
        set_number(&values[S_TOTAL_FEES], d.fees)
        set_number(&values[S_TOTAL_AMO], d.amo)
        set_number(&values[S_TOTAL_AMC], d.amc)
        set_number(&values[S_TOTAL_INSURED], d.fees - d.amo)
        for i in range(self.totals):
            if values[self.total_slots[i]].number > self.total_limits[i]:
                refuse(d, &values[self.total_slots[i]], TOO_WIDE, self.total_slots[i])
                if d.found <= FAULTS:
                    d.told[d.found - 1].width = self.total_widths[i]
        return 0

    cdef int put_all(self, Draft *d, Act *acts, int count, Sink sink, Seen seen) except -1 nogil:
        # An invoice that has been filled without a fault: 1 when it is written, 0 when something is wrong between its fields. The
        # caller has made room. Its number counts as used only when all else is sound, so that it can be told again elsewhere.
        cdef Py_ssize_t start = sink.at
        cdef int i
        check_head(d)
        for i in range(count):
            check_act(d, &acts[i])
        if d.found == 0:
            spell_biller(d)
            self.put_head(d, sink)
            for i in range(count):
                if not self.put_act(d, &acts[i], sink):
                    fault(d, TOO_WIDE, S_ACTS, NULL, -1)
            self.close(d)
        if d.found == 0:
            self.put(LINE_5, d, NULL, sink)
            if d.found == 0 and (seen is None or seen.add(number_word(d))):
                return 1
        sink.at = start
        return 0

    cdef int take_act(self, Draft *d, Act *act, PyObject *item, Sink sink, list kept) except -1:
        cdef int before = d.found
        act.ccam = <PyObject *>Py_TYPE(item) == self.types[CCAM]
        if not act.ccam and <PyObject *>Py_TYPE(item) != self.types[NGAP]:
            fault(d, BAD_VALUE, S_ACT, NULL, -1)
            return 0
        self.read(d, act, item, CCAM if act.ccam else NGAP, kept)
        self.read_object(d, act, member(item, self.executor[act.ccam]), EXECUTOR, S_EXECUTOR, kept)
        act.agreed = self.read_object(d, act, member(item, self.agreement[act.ccam]), AGREEMENT, S_AGREEMENT, kept)
        if d.found == before:
            check_act(d, act)
        if not self.put_act(d, act, sink):
            raise ValueError("an invoice changed while it was read")
        return 0

    cdef int take_invoice(self, Draft *d, Act *act, PyObject *invoice, Sink sink, Seen seen, list kept) except -1:
        cdef const Value *values = d.head.values
        cdef PyObject *acts = member(invoice, self.acts)
        cdef Py_ssize_t i, thing
        self.read(d, act, invoice, INVOICE, kept)
        for thing in range(BENEFICIARY, PRESCRIBER + 1):
            self.read_object(d, act, member(invoice, self.places[thing]), <int>thing, OBJECT_SLOTS[thing], kept)
        spell_biller(d)
        if d.found == 0:
            check_head(d)
        if d.found == 0:
            self.put_head(d, sink)
        if not PyTuple_CheckExact(acts) or PyTuple_GET_SIZE(acts) == 0:
            fault(d, MISSING if PyTuple_CheckExact(acts) else BAD_VALUE, S_ACTS, NULL, -1)
        else:
            for i in range(PyTuple_GET_SIZE(acts)):
                d.at_act = <int>i
                self.take_act(d, act, PyTuple_GET_ITEM(acts, i), sink, kept)
            d.at_act = -1
        if seen is not None and values[S_BILLER].known and values[S_NUMBER].known and not seen.add(number_word(d)):
            refuse(d, &values[S_NUMBER], DUPLICATE, S_NUMBER)
        if d.found == 0:
            self.close(d)
        if d.found == 0:
            self.put(LINE_5, d, NULL, sink)
        return 0

    cdef Py_ssize_t count_records(self, PyObject *invoice) except -1:
        # Those of a sound invoice; of another one, some number, but never too few for what is written of it.
        cdef PyObject *acts
        cdef PyObject *act
        cdef PyObject *executor
        cdef PyObject *prescriber
        cdef Py_ssize_t i, total = 0
        cdef bint ccam, known = False
        if not PyType_IsSubtype(Py_TYPE(invoice), <PyTypeObject *>self.types[INVOICE]):
            raise TypeError("an encoder takes invoices")
        acts, prescriber = member(invoice, self.acts), member(invoice, self.places[PRESCRIBER])
        if <PyObject *>Py_TYPE(prescriber) == self.types[PRESCRIBER]:
            known = member(prescriber, self.prescriber_rpps) != Py_None or member(prescriber, self.structure) != Py_None
        for i in range(PyTuple_GET_SIZE(acts) if PyTuple_CheckExact(acts) else 0):
            act = PyTuple_GET_ITEM(acts, i)
            ccam = <PyObject *>Py_TYPE(act) == self.types[CCAM]
            if ccam or <PyObject *>Py_TYPE(act) == self.types[NGAP]:
                executor = member(act, self.executor[ccam])
                total += 2 + ccam + (known or (<PyObject *>Py_TYPE(executor) == self.types[EXECUTOR]
                                               and member(executor, self.executor_rpps) != Py_None))
        return 3 + min(total, <Py_ssize_t>self.most)

    cdef int encode_one(self, Draft *d, Act *act, PyObject *invoice, Sink sink, Seen seen, list faults, list kept) except -1:
        cdef Py_ssize_t start = sink.at, room = self.count_records(invoice) * LINE
        if sink.room - sink.at < room:
            sink.grow(room)
        if sink.count == sink.rows:
            sink.grow_rows()
        sink.open_row()
        enter(d, d.flow, d.strict)
        act.always = 1
        self.take_invoice(d, act, invoice, sink, seen, kept)
        if d.found:
            tell(d, sink.count, faults)
            sink.at, d.fees, d.amo, d.amc = start, 0, 0, 0
        sink.close_row(<int64_t>d.fees, <int64_t>d.amo, <int64_t>d.amc)
        if kept:
            kept.clear()
        return 0

    def encode_alone(self, invoice, int flow, bint strict=False):
        """Encode one invoice and return `(data, faults)`; of a faulty one there are no data."""
        cdef Sink sink = Sink(self.count_records(<PyObject *>invoice) * LINE, -1)
        cdef list faults = [], kept = []
        cdef Draft d
        cdef Head head
        cdef Act act
        d.names, d.head, d.memos, act.always = <PyObject *>self.names, &head, NULL, 1
        enter(&d, flow, strict)
        self.take_invoice(&d, &act, <PyObject *>invoice, sink, None, kept)
        if d.found:
            tell(&d, 0, faults)
            sink.at = 0
        return sink.close(), faults

    def encode(self, tuple invoices not None, int flow, Seen used=None, bint strict=False, Block into=None):
        """Encode invoices and return `(data, starts, fees, amo, amc, faults)`; a faulty one has no record and its sums are zero.

        Flow 2 writes the AMC amounts of a claim apart, flow 1 zeros in their place. A number that is in `used` is a duplicate; those met
        here are added. `strict` refuses a name that would be written otherwise. Data is a view of the block when there is one. Raises
        TypeError for what is no invoice.
        """
        cdef Py_ssize_t i, count = len(invoices), room = 0
        cdef list faults = [], kept = []
        cdef Seen seen = Seen() if used is None and count > 1 else used
        cdef Sink sink
        cdef Draft d
        cdef Head head
        cdef Act act
        for i in range(count):
            room += self.count_records(PyTuple_GET_ITEM(<PyObject *>invoices, i))
        sink = Sink(room * LINE, count, into)
        d.names, d.head, d.memos = <PyObject *>self.names, &head, NULL
        d.flow, d.strict = flow, strict
        if seen is not None:
            seen.enter()
        try:
            if count > FEW:
                d.memos = <Memo *>calloc(THINGS * CHECKS, sizeof(Memo))
            for i in range(count):
                self.encode_one(&d, &act, PyTuple_GET_ITEM(<PyObject *>invoices, i), sink, seen, faults, kept)
        finally:
            free(d.memos)
            if seen is not None:
                seen.busy = False
        return sink.close(), sink.columns_starts, sink.columns_fees, sink.columns_amo, sink.columns_amc, faults
