# SPDX-License-Identifier: Apache-2.0
"""Claims: a block of invoices in, the run of their records out, in one call.

Every position, width, kind and constant comes from the steps of the table compiler, every code list and every limit from the rows of
checks; here stand the order of the records, the computed values (`=rule`) and the rules between fields. Members of the invoices are read
at the place where their class keeps them, so that no attribute is looked up. A fault is the tuple `(invoice, reason, slot, act, value,
width)`: index of the invoice, one of REASONS, one of SLOTS, index of the act or -1, what was given, width or -1.

The invoices are borrowed: the caller's tuple keeps them alive and they are frozen, so what they hold stays while they are read.
"""
cimport cython
from cpython cimport array
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from ext.between cimport *
from ext.checks cimport digits
from ext.fields cimport *
from ext.invoice cimport RECORDS, Work, fault, refuse, set_number
from ext.lines cimport LINE, Line, Value, compile_line, share, write
from ext.loads cimport load
from ext.members cimport *
from ext.seen cimport Seen
from ext.slots cimport *

import array

cdef enum:
    CHECKS = 24

# Objects of the invoice in the order in which they are read and in which `classes` are given; an act is of one of two classes.
cdef enum:
    INVOICE, BENEFICIARY, INSURER, REFERRING, COMPLEMENT, HAPPENED, PRESCRIBER, NGAP, CCAM, EXECUTOR, AGREEMENT, THINGS

OBJECTS = (
    "invoice", "beneficiary", "amo", "referring_doctor", "amc", "accident", "prescriber", "ngap", "ccam", "executor", "prior_agreement",
)
LINES = ("2", "2S", "4", "4S", "4E", "4M", "5")

cdef enum:
    LINE_2, LINE_2S, LINE_4, LINE_4S, LINE_4E, LINE_4M, LINE_5

# The type, always written before, that each begins like.
cdef int[7] ALIKE = [LINE_2, LINE_2, LINE_2, LINE_2, LINE_4S, LINE_4S, LINE_2]

KINDS = {
    "integer": INTEGER, "code": CODE, "fixed": FIXED, "fixed_or_blank": FIXED_OR_BLANK, "not_zero": NOT_ZERO, "day": DAY, "birth": BIRTH,
    "nir": NIR, "biller": BILLER, "finess": FINESS, "amc": AMC, "name": NAME, "flag": FLAG, "accident": ACCIDENT,
    "modifiers": MODIFIER_LIST, "teeth": TOOTH_LIST,
}

REASONS = (
    "", "B2_MISSING", "B2_OVERFLOW", "B2_BAD_CHAR", "B2_BAD_NUMERIC", "B2_BAD_DATE", "B2_BAD_VALUE", "B2_BAD_NIR", "B2_NIR_KEY",
    "B2_FINESS_KEY", "B2_AMOUNTS", "B2_DUPLICATE_NUMBER",
)

SLOTS = {
    "number": S_NUMBER, "biller": S_BILLER, "insured_nir": S_NIR, "created_on": S_CREATED,
    "beneficiary.birth_date": S_BIRTH, "beneficiary.birth_rank": S_BIRTH_RANK, "beneficiary.rank": S_RANK, "beneficiary.nir": S_OWN_NIR,
    "amo.regime": S_REGIME, "amo.caisse": S_CAISSE, "amo.centre": S_CENTRE, "amo.rights_source": S_SOURCE, "amo.rights_from": S_RIGHTS,
    "amo.nature": S_NATURE, "amo.exemption": S_EXEMPTION, "amo.pathway": S_PATHWAY, "amo.treating_physician": S_TREATING,
    "referring_doctor.last_name": S_LAST_NAME, "referring_doctor.first_name": S_FIRST_NAME, "referring_doctor.am": S_REFERRING_AM,
    "amc.number": S_AMC_NUMBER, "amc.contract_type": S_CONTRACT, "amc.separate_claim": S_APART,
    "accident.kind": S_ACCIDENT_KIND, "accident.number": S_ACCIDENT_NUMBER, "accident.date": S_ACCIDENT_DATE,
    "prescriber.condition": S_PRESCRIBER_CONDITION, "prescriber.am": S_PRESCRIBER_AM, "prescriber.rpps": S_PRESCRIBER_RPPS,
    "prescriber.specialty": S_PRESCRIBER_SPECIALTY, "prescriber.origin": S_ORIGIN, "prescriber.structure": S_STRUCTURE,
    "prescriber.prescribed_on": S_PRESCRIBED,
    "=biller": S_BILLER_WRITTEN, "=accident": S_ACCIDENT_WRITTEN, "=split_flag": S_SPLIT, "=amc_number": S_AMC_WRITTEN,
    "=prescriber_specialty": S_SPECIALTY_WRITTEN, "=line_count": S_LINES, "=total_fees": S_TOTAL_FEES, "=total_amo": S_TOTAL_AMO,
    "=total_amc": S_TOTAL_AMC, "=total_insured_share": S_TOTAL_INSURED,
    "act.code": S_ACT_CODE, "act.complement": S_ACT_COMPLEMENT, "act.date": S_DATE, "act.quantity": S_QUANTITY,
    "act.coefficient": S_COEFFICIENT, "act.units": S_UNITS, "act.unit_price": S_UNIT_PRICE, "act.base": S_BASE, "act.rate": S_RATE,
    "act.amo": S_AMO, "act.fees": S_FEES, "act.amc": S_AMC, "act.exemption": S_ACT_EXEMPTION, "act.qualifier": S_QUALIFIER,
    "act.grouping": S_GROUPING, "act.activity": S_ACTIVITY, "act.phase": S_PHASE, "act.association": S_ASSOCIATION,
    "act.extension": S_EXTENSION, "act.conditional": S_CONDITIONAL, "act.supplement": S_SUPPLEMENT,
    "act.executor.am": S_EXECUTOR_AM, "act.executor.rpps": S_EXECUTOR_RPPS, "act.executor.specialty": S_EXECUTOR_SPECIALTY,
    "act.executor.condition": S_EXECUTOR_CONDITION, "act.executor.zone": S_ZONE,
    "act.prior_agreement.code": S_AGREEMENT_CODE, "act.prior_agreement.requested_on": S_AGREEMENT_DATE,
    "=act_code": S_CODE_WRITTEN, "=prior_agreement_code": S_AGREEMENT_WRITTEN, "=act_amc": S_AMC_AMOUNT,
    "act.modifiers": S_MODIFIERS, "act.teeth": S_TEETH,
    "beneficiary": S_BENEFICIARY, "amo": S_INSURER, "referring_doctor": S_REFERRING, "amc": S_COMPLEMENT, "accident": S_WHAT_HAPPENED,
    "prescriber": S_PRESCRIBER, "acts": S_ACTS, "act": S_ACT, "act.executor": S_EXECUTOR, "act.prior_agreement": S_AGREEMENT,
}

cdef array.array LONGS = array.array("q", [])
cdef int[7] OBJECT_SLOTS = [-1, S_BENEFICIARY, S_INSURER, S_REFERRING, S_COMPLEMENT, S_WHAT_HAPPENED, S_PRESCRIBER]


cdef class Encoder:
    """The compiled layouts and checks of one profile; it holds nothing of a call, so one serves every thread."""

    cdef Check[THINGS][CHECKS] checks
    cdef int[THINGS] counts
    cdef Py_ssize_t[THINGS] places
    cdef Py_ssize_t[2] executor
    cdef Py_ssize_t[2] agreement
    cdef Py_ssize_t acts
    cdef Py_ssize_t prescriber_rpps
    cdef Py_ssize_t structure
    cdef Py_ssize_t executor_rpps
    cdef PyObject *types[THINGS]
    cdef tuple classes
    cdef Line[RECORDS] lines
    cdef uint64_t most
    cdef object names

    def __cinit__(self, tuple classes not None, tuple checks not None, tuple programs not None, names not None):
        """Take the classes in the order of OBJECTS, rows of checks, the steps of LINES in order, and the transliteration of a name.

        A check is `(object, attribute, slot, kind, null, required, width, low, high, codes)`; null says whether None may stand there.
        """
        cdef int thing, i
        if len(classes) != THINGS or len(programs) != RECORDS:
            raise ValueError("an encoder takes 11 classes and 7 layouts")
        self.classes, self.names = classes, names
        for thing in range(THINGS):
            if not isinstance(classes[thing], type):
                raise TypeError("an encoder takes classes")
            self.types[thing] = <PyObject *>classes[thing]
            self.counts[thing] = 0
            if BENEFICIARY <= thing <= PRESCRIBER:
                self.places[thing] = place_of(classes[INVOICE], OBJECTS[thing])
        self.acts = place_of(classes[INVOICE], "acts")
        self.prescriber_rpps = place_of(classes[PRESCRIBER], "rpps")
        self.structure = place_of(classes[PRESCRIBER], "structure")
        self.executor_rpps = place_of(classes[EXECUTOR], "rpps")
        for i in range(2):
            self.executor[i] = place_of(classes[NGAP + i], "executor")
            self.agreement[i] = place_of(classes[NGAP + i], "prior_agreement")
        for row in checks:
            self.add_check(row)
        elements = {S_MODIFIERS: MODIFIERS, S_TEETH: TEETH}
        for i in range(RECORDS):
            compile_line(&self.lines[i], <tuple?>programs[i], SLOT_COUNT, elements)
        for i in range(LINE_2S, RECORDS):
            share(&self.lines[i], &self.lines[ALIKE[i]])
        self.most = 0
        for i in range(self.lines[LINE_5].count):
            if self.lines[LINE_5].steps[i].slot == S_LINES:
                self.most = <uint64_t>(10 ** self.lines[LINE_5].steps[i].width - 1)

    cdef int add_check(self, tuple row) except -1:
        cdef Check *check
        cdef bytes code
        name, attribute, slot, kind, null, required, width, low, high, codes = row
        cdef int thing = OBJECTS.index(name)
        if self.counts[thing] >= CHECKS or len(codes) > CODES or not 0 <= slot < SLOT_COUNT or not 1 <= width <= 256:
            raise ValueError("a check has no place, too many codes or no width")
        if kind == TOOTH_LIST or kind == MODIFIER_LIST:
            if slot != (S_TEETH if kind == TOOTH_LIST else S_MODIFIERS) or high > (TEETH if kind == TOOTH_LIST else MODIFIERS):
                raise ValueError("a list holds more than its values have places for")
        elif slot < S_NUMBER:
            raise ValueError("a value has the place of a list")
        check = &self.checks[thing][self.counts[thing]]
        check.place = place_of(self.classes[thing], attribute)
        check.slot, check.kind, check.nullable, check.required = slot, kind, null, required
        check.width, check.low, check.high, check.codes = width, low, high, 0
        check.limit = <uint64_t>(10 ** min(width, 18) - 1)
        for text in codes:
            code = text.encode("ascii")
            if len(code) > 7:
                raise ValueError("a code has at most 7 characters")
            check.code[check.codes] = <uint64_t>int(text) if kind == INTEGER else packed(code, len(code))
            check.codes += 1
        self.counts[thing] += 1
        return 0

    cdef int read(self, Work *w, PyObject *item, int thing) except -1:
        cdef int i, reason
        cdef Check *check
        cdef PyObject *found
        cdef Py_ssize_t width
        for i in range(self.counts[thing]):
            check = &self.checks[thing][i]
            found = member(item, check.place)
            reason = load(w, check, found, &w.values[check.slot])
            if reason:
                w.values[check.slot].known = False
                width = check.width
                if check.kind >= MODIFIER_LIST and PyTuple_CheckExact(found) and PyTuple_GET_SIZE(found) > <Py_ssize_t>check.high:
                    width = <Py_ssize_t>check.high
                fault(w, reason, check.slot, found, width if reason == TOO_WIDE else -1)
        return 0

    cdef bint read_object(self, Work *w, PyObject *item, int thing, int slot) except -1:
        # True when the object is there and was read. The values of one that is not are unknown.
        cdef int i
        if item != Py_None and <PyObject *>Py_TYPE(item) == self.types[thing]:
            self.read(w, item, thing)
            return True
        for i in range(self.counts[thing]):
            w.values[self.checks[thing][i].slot].known = False
        if item != Py_None or thing in (BENEFICIARY, INSURER, EXECUTOR):
            fault(w, BAD_VALUE, slot, NULL, -1)
        return False

    cdef int put_line(self, Work *w, int which) except -1:
        if w.room - w.at < LINE:
            raise ValueError("an invoice changed while it was read")
        w.records[which] = w.at
        if not write(w.out + w.at, &self.lines[which], w.values, w.out + w.records[ALIKE[which]]):
            raise ValueError("the layout has a field that is narrower than its check")
        w.at += LINE
        return 0

    cdef int take_act(self, Work *w, PyObject *act) except -1:
        cdef Value *values = w.values
        cdef bint ccam = <PyObject *>Py_TYPE(act) == self.types[CCAM]
        cdef bint agreed, known
        cdef int before = w.found
        if not ccam and <PyObject *>Py_TYPE(act) != self.types[NGAP]:
            return fault(w, BAD_VALUE, S_ACT, NULL, -1)
        self.read(w, act, CCAM if ccam else NGAP)
        self.read_object(w, member(act, self.executor[ccam]), EXECUTOR, S_EXECUTOR)
        agreed = self.read_object(w, member(act, self.agreement[ccam]), AGREEMENT, S_AGREEMENT)
        if w.found == before:
            check_act(w, agreed)
        known = values[S_PRESCRIBER_RPPS].known or values[S_STRUCTURE].known or values[S_EXECUTOR_RPPS].known
        w.lines += 2 + <uint64_t>known + <uint64_t>ccam
        if w.found:
            return 0
        values[S_CODE_WRITTEN] = values[S_GROUPING if ccam else S_ACT_CODE]
        set_number(&values[S_AGREEMENT_WRITTEN], values[S_AGREEMENT_CODE].number if agreed else NO_AGREEMENT)
        set_number(&values[S_AMC_AMOUNT], 0 if w.apart and w.flow == 1 else values[S_AMC].number)
        w.fees += values[S_FEES].number
        w.amo += values[S_AMO].number
        w.amc_sum += values[S_AMC_AMOUNT].number
        if w.lines > self.most:
            return 0
        self.put_line(w, LINE_4)
        self.put_line(w, LINE_4S)
        if known:
            self.put_line(w, LINE_4E)
        if ccam:
            self.put_line(w, LINE_4M)
        return 0

    cdef int take_acts(self, Work *w, PyObject *acts) except -1:
        cdef Py_ssize_t i, count
        if not PyTuple_CheckExact(acts) or PyTuple_GET_SIZE(acts) == 0:
            return fault(w, MISSING if PyTuple_CheckExact(acts) else BAD_VALUE, S_ACTS, NULL, -1)
        count = PyTuple_GET_SIZE(acts)
        for i in range(count):
            w.act = <int>i
            self.take_act(w, PyTuple_GET_ITEM(acts, i))
        w.act = -1
        return 0

    cdef int close(self, Work *w) except -1:
        # The totals, each against the width of its field, and the record that carries them.
        cdef Value *values = w.values
        cdef const Line *line = &self.lines[LINE_5]
        cdef object total
        cdef int i
        set_number(&values[S_LINES], w.lines)
        set_number(&values[S_TOTAL_FEES], w.fees)
        set_number(&values[S_TOTAL_AMO], w.amo)
        set_number(&values[S_TOTAL_AMC], w.amc_sum)
        set_number(&values[S_TOTAL_INSURED], w.fees - w.amo)
        for i in range(line.count):
            if S_LINES <= line.steps[i].slot <= S_TOTAL_INSURED and not fits(values[line.steps[i].slot].number, line.steps[i].width):
                total = values[line.steps[i].slot].number
                fault(w, TOO_WIDE, <int>line.steps[i].slot, <PyObject *>total, line.steps[i].width)
        return 0 if w.found else self.put_line(w, LINE_5)

    cdef int take_invoice(self, Work *w, PyObject *invoice, Seen seen) except -1:
        cdef Value *values = w.values
        cdef int thing
        w.act, w.found, w.lines, w.fees, w.amo, w.amc_sum = -1, 0, 0, 0, 0, 0
        self.read(w, invoice, INVOICE)
        for thing in range(BENEFICIARY, PRESCRIBER + 1):
            self.read_object(w, member(invoice, self.places[thing]), thing, OBJECT_SLOTS[thing])
        if values[S_BILLER].known:
            put_biller(w.biller, values[S_BILLER].text)
        if w.found == 0:
            check_insurers(w)
            check_accident(w)
            check_prescriber(w)
        if w.found == 0:
            compute(w)
            self.put_line(w, LINE_2)
            self.put_line(w, LINE_2S)
        self.take_acts(w, member(invoice, self.acts))
        if seen is not None and values[S_BILLER].known and values[S_NUMBER].known:
            # Both have nine digits at most.
            if not seen.add(digits(w.biller, 9) * 1000000000 + values[S_NUMBER].number):
                refuse(w, DUPLICATE, S_NUMBER)
        return 0 if w.found else self.close(w)

    cdef Py_ssize_t count_lines(self, PyObject *invoice) except -1:
        # Exactly the records of a sound invoice; of another one, some number.
        cdef PyObject *acts = member(invoice, self.acts)
        cdef PyObject *prescriber = member(invoice, self.places[PRESCRIBER])
        cdef PyObject *act
        cdef PyObject *executor
        cdef Py_ssize_t i, total = 0
        cdef bint ccam, known = False
        if not PyTuple_CheckExact(acts):
            return 3
        if <PyObject *>Py_TYPE(prescriber) == self.types[PRESCRIBER]:
            known = member(prescriber, self.prescriber_rpps) != Py_None or member(prescriber, self.structure) != Py_None
        for i in range(PyTuple_GET_SIZE(acts)):
            act = PyTuple_GET_ITEM(acts, i)
            ccam = <PyObject *>Py_TYPE(act) == self.types[CCAM]
            if ccam or <PyObject *>Py_TYPE(act) == self.types[NGAP]:
                executor = member(act, self.executor[ccam])
                total += 2 + ccam + (known or (<PyObject *>Py_TYPE(executor) == self.types[EXECUTOR]
                                               and member(executor, self.executor_rpps) != Py_None))
        return 3 + min(total, <Py_ssize_t>self.most)

    cdef Py_ssize_t count_all(self, tuple invoices) except -1:
        cdef Py_ssize_t i, total = 0
        cdef PyObject *item
        for i in range(PyTuple_GET_SIZE(<PyObject *>invoices)):
            item = PyTuple_GET_ITEM(<PyObject *>invoices, i)
            if not PyType_IsSubtype(Py_TYPE(item), <PyTypeObject *>self.types[INVOICE]):
                raise TypeError("an encoder takes invoices")
            total += self.count_lines(item)
        return total

    def encode(self, tuple invoices not None, int flow, Seen used=None):
        """Encode invoices and return `(data, starts, fees, amo, amc, faults)`; a faulty one has no record and its sums are zero.

        Flow 2 writes the AMC amounts of a claim apart, flow 1 zeros in their place. A number that is in `used` is a duplicate; those met
        here are added. Raises TypeError for what is no invoice.
        """
        cdef Py_ssize_t i, count = len(invoices), room = self.count_all(invoices) * LINE
        cdef array.array starts = array.clone(LONGS, count + 1, False), fees = array.clone(LONGS, count, False)
        cdef array.array amo = array.clone(LONGS, count, False), amc = array.clone(LONGS, count, False)
        cdef list faults = [], kept = []
        cdef Seen seen = Seen() if used is None and count > 1 else used
        cdef PyObject *block = raw_bytes(NULL, room)
        cdef Py_ssize_t start
        cdef Work w
        try:
            memset(&w, 0, sizeof(Work))
            w.faults, w.kept, w.flow = <PyObject *>faults, <PyObject *>kept, flow
            w.out, w.room, w.names = raw_text(block), room, <PyObject *>self.names
            for i in range(count):
                start, w.row = w.at, i
                starts.data.as_longlongs[i] = start
                self.take_invoice(&w, PyTuple_GET_ITEM(<PyObject *>invoices, i), seen)
                if w.found:
                    w.at, w.fees, w.amo, w.amc_sum = start, 0, 0, 0
                fees.data.as_longlongs[i], amo.data.as_longlongs[i] = <int64_t>w.fees, <int64_t>w.amo
                amc.data.as_longlongs[i] = <int64_t>w.amc_sum
                if kept:
                    kept.clear()
            starts.data.as_longlongs[count] = w.at
            resize_bytes(&block, w.at)
            data = <object>block
        finally:
            Py_XDECREF(block)
        return data, starts, fees, amo, amc, faults


@cython.overflowcheck(False)
cdef inline bint fits(uint64_t number, Py_ssize_t width) noexcept nogil:
    while width and number:
        number //= 10
        width -= 1
    return number == 0
