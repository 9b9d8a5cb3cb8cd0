# SPDX-License-Identifier: Apache-2.0
"""The acts of a block of invoices, their worth and their faults, in plain memory; the rules run over it without the lock."""
cimport cython
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, realloc

from ext.tariffs cimport *
from ext.worth cimport *

# In the order of their numbers in the kernel.
CODES = ("out_of_range", "amount_missing", "amount_mismatch", "excess_not_allowed", "fee_above_cap", "exemption_needed", "age_not_covered",
         "line_order", "work_accident_only", "care_too_old")
FIELDS = ("unit_price", "fees", "base", "rate", "amo", "amc", "date", "quantity", "coefficient", "exemption", "code",
          "beneficiary.birth_date", "created_on", "amo.nature")
PRICE_RULES = ("", "given", "row", "atd")
RATE_RULES = ("", "unreimbursed", "nature", "exemption", "heavy", "exempt_act", "dental_check", "row", "given")
AMC_RULES = ("", "none", "unreimbursed", "contract", "off_path", "forfait_left")


cdef inline bint same_sitting(const Given *one, const Given *other) noexcept nogil:
    return one.day == other.day and one.executor == other.executor


cdef inline bint is_main(const Worth *w) noexcept nogil:
    return w.role == ACT or w.role == UNKNOWN


@cython.overflowcheck(False)
cdef inline int64_t rest(const Worth *w) noexcept nogil:
    # What is left to the patient.
    return w.fees if w.unreimbursed else w.fees - w.amo - w.amc


@cython.overflowcheck(False)
cdef bint is_in_order(const Given *acts, const Worth *worths, int k, int count) noexcept nogil:
    cdef const Worth *w = worths + k
    cdef int n
    if w.role == MAJORATION or w.role == ATD:
        return k > 0 and worths[k - 1].role != FORFAIT and same_sitting(&acts[k - 1], &acts[k])
    if w.role == FORFAIT:
        for n in range(k + 1, count):
            if is_main(&worths[n]) and same_sitting(&acts[n], &acts[k]):
                return True
        return False
    if w.role == ACT and w.rate_rule == R_EXEMPT_ACT:
        # In the order of the lines, so that a heavy act before it is met first.
        for n in range(count):
            if worths[n].role == ACT and worths[n].heavy and same_sitting(&acts[n], &acts[k]):
                return n < k
    return True


@cython.final
cdef class Prices:
    """What the acts of a block are worth."""

    def __cinit__(self, Py_ssize_t invoices, Py_ssize_t acts):
        """Make room for so many invoices and acts."""
        if invoices < 0 or acts < 0 or invoices > 1 << 30 or acts > 1 << 30:
            raise ValueError("a block has at most 2^30 invoices")
        self.count, self.told_room = invoices, 16
        self.covers, self.wrong = <Cover *>room(invoices, sizeof(Cover)), <int *>room(invoices, sizeof(int))
        self.first = <Py_ssize_t *>room(invoices + 1, sizeof(Py_ssize_t))
        self.given, self.worths = <Given *>room(acts, sizeof(Given)), <Worth *>room(acts, sizeof(Worth))
        self.told = <Told *>room(self.told_room, sizeof(Told))

    def __dealloc__(self):
        free(self.covers)
        free(self.wrong)
        free(self.first)
        free(self.given)
        free(self.worths)
        free(self.told)

    @cython.overflowcheck(False)
    cdef void tell(self, Py_ssize_t invoice, Py_ssize_t act, int code, int field, int64_t given, int64_t expected) noexcept nogil:
        cdef Told *more
        if self.faulty == self.told_room:
            more = <Told *>realloc(self.told, 2 * self.told_room * sizeof(Told))
            if more == NULL:
                self.full = True
                return
            self.told, self.told_room = more, 2 * self.told_room
        self.told[self.faulty] = Told(<int32_t>invoice, <int32_t>act, code, field, given, expected)
        self.faulty += 1

    @cython.overflowcheck(False)
    cdef void tell_amounts(self, Py_ssize_t i, int k, const Given *act, Worth *w) noexcept nogil:
        if act.base != ABSENT and act.base != w.base:
            self.tell(i, k, AMOUNT_MISMATCH, F_BASE, act.base, w.base)
        if act.rate != ABSENT and act.rate != w.rate:
            self.tell(i, k, AMOUNT_MISMATCH, F_RATE, act.rate, w.rate)
        if act.amo != ABSENT and act.amo != w.amo:
            self.tell(i, k, AMOUNT_MISMATCH, F_AMO, act.amo, w.amo)
        if act.amc == ABSENT or w.amc <= act.amc <= w.amc + w.slack:
            w.amc = w.amc if act.amc == ABSENT else act.amc
        else:
            self.tell(i, k, AMOUNT_MISMATCH, F_AMC, act.amc, w.amc)

    @cython.overflowcheck(False)
    cdef void tell_act(self, Py_ssize_t i, int k, bint late) noexcept nogil:
        # What is wrong with a priced act beyond its amounts.
        cdef const Given *acts = self.given + self.first[i]
        cdef const Worth *worths = self.worths + self.first[i]
        cdef const Worth *w = worths + k
        if not excess_is_allowed(&acts[k], w):
            self.tell(i, k, EXCESS_NOT_ALLOWED, F_FEES, w.fees, w.base)
        if w.cap != ABSENT and w.fees > w.cap and not w.unreimbursed:
            self.tell(i, k, FEE_ABOVE_CAP, F_FEES, w.fees, w.cap)
        if w.rate_rule == R_DENTAL_CHECK:
            self.tell(i, k, EXEMPTION_NEEDED, F_EXEMPTION, ABSENT, ABSENT)
        if w.age_refused:
            self.tell(i, k, AGE_NOT_COVERED, F_CODE, ABSENT, ABSENT)
        if not is_in_order(acts, worths, k, <int>(self.first[i + 1] - self.first[i])):
            self.tell(i, k, LINE_ORDER, F_CODE, ABSENT, ABSENT)
        if w.role == ATD and self.covers[i].nature != 41:
            self.tell(i, k, WORK_ACCIDENT_ONLY, F_CODE, ABSENT, ABSENT)
        if late and w.epoch.values[V_LATE].row and is_late(acts[k].day, self.covers[i].made_on, w.epoch.values[V_LATE].value):
            self.tell(i, k, CARE_TOO_OLD, F_DATE, ABSENT, ABSENT)

    @cython.overflowcheck(False)
    cdef void price_act(self, Py_ssize_t i, int k, const Worth *main) noexcept nogil:
        cdef const Cover *cover = self.covers + i
        cdef const Given *acts = self.given + self.first[i]
        cdef Worth *worths = self.worths + self.first[i]
        cdef Worth *w = worths + k
        w.unreimbursed = w.epoch.qualifiers[acts[k].qualifier].effect in (UNREIMBURSED, FREE)
        w.off_path = w.epoch.pathways[cover.pathway].effect == 1
        if acts[k].wrong != ABSENT or not find_base(&acts[k], main, w) or not find_rate(cover, &acts[k], w):
            return
        w.priced = True
        leave_forfait(cover, &acts[k], acts, worths, k, w)
        w.contract = find_contract(w.epoch, cover) if cover.complement else NULL
        share_complement(cover, &acts[k], w)
        take_part(cover, &acts[k], acts, worths, k, w)

    @cython.overflowcheck(False)
    cdef void price_invoice(self, Tariffs tariffs, Py_ssize_t i, bint allow_late) noexcept nogil:
        cdef const Given *acts = self.given + self.first[i]
        cdef Worth *worths = self.worths + self.first[i]
        cdef const Worth *main = NULL
        cdef int k, count = <int>(self.first[i + 1] - self.first[i])
        if self.wrong[i] != ABSENT:
            self.tell(i, -1, OUT_OF_RANGE, self.wrong[i], ABSENT, ABSENT)
            return
        for k in range(count):
            worths[k].missing = ABSENT
            worths[k].epoch = worths[k - 1].epoch if k and acts[k].day == acts[k - 1].day else tariffs.at(acts[k].day)
            find_act(&self.covers[i], &acts[k], &worths[k])
        for k in range(count):
            self.price_act(i, k, main)
            if is_main(&worths[k]):
                main = &worths[k]
        for k in range(count):
            if acts[k].wrong != ABSENT:
                self.tell(i, k, OUT_OF_RANGE, acts[k].wrong, ABSENT, ABSENT)
            elif worths[k].missing != ABSENT:
                self.tell(i, k, AMOUNT_MISSING, worths[k].missing, ABSENT, ABSENT)
            elif worths[k].priced:
                self.tell_amounts(i, k, &acts[k], &worths[k])
                self.tell_act(i, k, not allow_late)

    cdef int price_all(self, Tariffs tariffs, bint allow_late) except -1 nogil:
        cdef Py_ssize_t i
        for i in range(self.count):
            self.price_invoice(tariffs, i, allow_late)
        if self.full:
            with gil:
                raise MemoryError
        return 0

    @property
    def faults(self):
        """List the faults as `(invoice, act, code, field, given, expected, atd)`, numbers of CODES and FIELDS, -1 for what is not there."""
        cdef Py_ssize_t i
        cdef Told *one
        found = []
        for i in range(self.faulty):
            one = &self.told[i]
            atd = one.act >= 0 and self.worths[self.first[one.invoice] + one.act].role == ATD
            found.append((one.invoice, one.act, one.code, one.field, one.given, one.expected, atd))
        return found

    def acts(self, Py_ssize_t invoice):
        """Return what each act of an invoice is worth, in the order of the fields of a priced act; None for one that is not priced."""
        cdef const Worth *worths = worths_of(self, invoice)
        cdef const Worth *w
        cdef Py_ssize_t k
        found = []
        for k in range(self.first[invoice + 1] - self.first[invoice]):
            w = &worths[k]
            if not w.priced:
                found.append(None)
                continue
            found.append((
                w.unit_price, w.tariff, w.base, w.rate, w.amo, w.fees, w.amc, rest(w),
                w.forfait, w.participation, PRICE_RULES[w.price_rule], RATE_RULES[w.rate_rule], AMC_RULES[w.amc_rule],
                w.act_row, w.price_row, w.rate_row, w.cause_row, w.path_rate_row, w.forfait_row, w.basket_row, w.contract_row,
                w.participation_row,
            ))
        return found

    def wanted(self, Py_ssize_t invoice, tuple instead not None):
        """Return by the places of acts what `instead` has by the number of the row of their basket, of those of which it has something."""
        cdef const Worth *worths = worths_of(self, invoice)
        cdef Py_ssize_t k
        return {
            k: instead[worths[k].basket_row]
            for k in range(self.first[invoice + 1] - self.first[invoice])
            if worths[k].priced and instead[worths[k].basket_row]
        }

    def quoted(self, Py_ssize_t invoice, tuple acts not None, tuple shown not None, dict others not None):
        """Return what a quote says of an invoice: `(acts, until, fees, amo, amc, patient, participation)`, `until` the first of the last
        days of the rows that made it worth that.

        `acts` are those that were entered; `shown` the classes of a quoted act and of its shares, then by the number of a row the labels,
        baskets and last days; `others` by place what is to be proposed instead. An act that is not priced is left out.
        """
        cdef const Worth *worths = worths_of(self, invoice)
        cdef const Given *given = self.given + self.first[invoice]
        cdef int64_t fees = 0, amo = 0, amc = 0, patient = 0, participation = 0
        cdef tuple labels, baskets, ends
        cdef const Worth *w
        cdef Py_ssize_t k
        act_class, shares_class, labels, baskets, ends = shown
        made, until = [], None
        if len(acts) != self.first[invoice + 1] - self.first[invoice]:
            raise ValueError("these are the acts of another invoice")
        for k in range(len(acts)):
            w = &worths[k]
            if w.priced:
                act = acts[k]
                shares = shares_class(w.fees, w.base, w.rate, w.amo, w.amc, rest(w))
                teeth = act.teeth if given[k].ccam else ()
                made.append(act_class(
                    act.code, labels[w.act_row], act.date, teeth, baskets[w.basket_row], shares, w.participation, others.get(k),
                ))
                until = first_end(w, ends, until)
                fees, amo, amc = fees + w.fees, amo + w.amo, amc + w.amc
                patient, participation = patient + rest(w), participation + w.participation
        return made, until, fees, amo, amc, patient, participation


cdef const Worth *worths_of(Prices prices, Py_ssize_t invoice) except NULL:
    # Those of the acts of an invoice; there is room for one where there is no act.
    if not 0 <= invoice < prices.count:
        raise IndexError(invoice)
    return prices.worths + prices.first[invoice]


cdef object first_end(const Worth *w, tuple ends, object until):
    # The first of `until` and the last days of the rows that made an act worth what it is.
    cdef int32_t[9] rows = [
        w.act_row, w.price_row, w.rate_row, w.cause_row, w.path_rate_row, w.forfait_row, w.basket_row, w.contract_row, w.participation_row,
    ]
    cdef int i
    for i in range(9):
        end = ends[rows[i]]
        if end is not None and (until is None or end < until):
            until = end
    return until
