# SPDX-License-Identifier: Apache-2.0
"""Prices: a block of invoices in, what each of their acts is worth and why, in one call.

Members are read where their class keeps them, as the encoder does; the rules then run on integers without the lock. The invoices are
borrowed: the caller's tuple keeps them alive and they are frozen. A fault is `(invoice, act, code, field, given, expected)`.
"""
cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint64_t

from ext.checks cimport all_digits, digits, is_day, is_tooth
from ext.claim cimport day_of, load_word
from ext.fields cimport packed
from ext.members cimport *
from ext.prices cimport Prices
from ext.tariffs cimport *
from ext.worth cimport *

cdef extern from "Python.h":
    int PyUnicode_KIND(PyObject *item)

HEAD_NAMES = ("beneficiary", "amo", "amc", "created_on", "acts")
ACT_NAMES = ("code", "date", "quantity", "coefficient", "unit_price", "base", "rate", "amo", "fees", "amc", "exemption", "qualifier",
             "executor")

cdef enum:
    H_BENEFICIARY, H_AMO, H_AMC, H_CREATED, H_ACTS, HEADS

cdef enum:
    M_CODE, M_DATE, M_QUANTITY, M_COEFFICIENT, M_UNIT_PRICE, M_BASE, M_RATE, M_AMO, M_FEES, M_AMC, M_EXEMPTION, M_QUALIFIER, M_EXECUTOR
    ACT_MEMBERS

cdef enum:
    MOST_MONEY = 99999999
    MOST_QUANTITY = 999
    MOST_COEFFICIENT = 9999999

cdef uint64_t text_key(PyObject *item) except? 0:
    # A code of 1 to 7 characters, 0 for any other.
    cdef char[16] word
    cdef Py_ssize_t size
    if not PyUnicode_CheckExact(item):
        raise TypeError("a code is a text")
    size = PyUnicode_GET_LENGTH(item)
    if not 1 <= size <= 7 or not PyUnicode_IS_ASCII(item):
        return 0
    load_word(word, <const char *>PyUnicode_DATA(item), <unsigned int>size)
    return packed(word, <int>size)


cdef int one_character(PyObject *item) except -1:
    # The place of a code of one character: 0 for none, 127 for what is no code.
    if not PyUnicode_CheckExact(item):
        raise TypeError("a code is a text")
    if PyUnicode_GET_LENGTH(item) == 0:
        return 0
    if PyUnicode_GET_LENGTH(item) > 1 or not PyUnicode_IS_ASCII(item):
        return 127
    return (<const char *>PyUnicode_DATA(item))[0]


@cython.cdivision(True)
cdef int64_t day_number(PyObject *item) except -2:
    # An ISO day as yyyymmdd, ABSENT when it is none.
    cdef char[16] word
    cdef uint64_t day
    if not PyUnicode_CheckExact(item) or PyUnicode_GET_LENGTH(item) != 10 or not PyUnicode_IS_ASCII(item):
        return ABSENT
    load_word(word, <const char *>PyUnicode_DATA(item), 10)
    day = day_of(word)
    return <int64_t>day if is_day(<int>(day // 10000), <int>(day // 100 % 100), <int>(day % 100)) else ABSENT


cdef int64_t digits_key(PyObject *item, Py_ssize_t least, Py_ssize_t most) except -2:
    # The number that a text of digits is, ABSENT for any other.
    cdef Py_ssize_t size
    if not PyUnicode_CheckExact(item):
        raise TypeError("a number is a text of digits")
    size = PyUnicode_GET_LENGTH(item)
    if not least <= size <= most or not PyUnicode_IS_ASCII(item) or not all_digits(<const char *>PyUnicode_DATA(item), size):
        return ABSENT
    return <int64_t>digits(<const char *>PyUnicode_DATA(item), size)


@cython.overflowcheck(False)
cdef uint64_t executor_key(PyObject *item) except? 0:
    # Any text by its bytes as Python keeps them, which equal texts share; two of nine digits are the same only when they are equal.
    cdef uint64_t key = <uint64_t>14695981039346656037, prime = <uint64_t>1099511628211
    cdef const unsigned char *text
    cdef Py_ssize_t i
    cdef int64_t number = digits_key(item, 9, 9)
    if number >= 0:
        return <uint64_t>number
    text = <const unsigned char *>PyUnicode_DATA(item)
    for i in range(PyUnicode_GET_LENGTH(item) * PyUnicode_KIND(item)):
        key = (key ^ text[i]) * prime
    return key | <uint64_t>1 << 63


@cython.final
cdef class Pricer:
    """The rules over one pack and the classes of invoices that it takes."""
    cdef Tariffs tariffs
    cdef tuple kept
    cdef PyObject *heads[2]
    cdef PyObject *acts[4]
    cdef PyObject *parts[4]
    cdef Py_ssize_t[2][HEADS] head_places
    cdef Py_ssize_t[4][ACT_MEMBERS] act_places
    cdef Py_ssize_t[4] groupings
    cdef Py_ssize_t[4] teeth
    cdef Py_ssize_t birth, nature, exemption, pathway, number, contract_type, executor_am, specialty

    def __cinit__(self, Tariffs tariffs not None, tuple heads not None, tuple acts not None, tuple parts not None):
        """Take two classes of invoices, four of acts (NGAP and CCAM of each), four of parts: beneficiary, insurer, complement, executor."""
        cdef int i, k
        if len(heads) != 2 or len(acts) != 4 or len(parts) != 4:
            raise ValueError("a pricer takes 2, 4 and 4 classes")
        self.tariffs, self.kept = tariffs, (heads, acts, parts)
        for i in range(2):
            self.heads[i] = <PyObject *>heads[i]
            for k in range(HEADS):
                self.head_places[i][k] = place_of(heads[i], HEAD_NAMES[k])
        for i in range(4):
            self.acts[i], self.parts[i] = <PyObject *>acts[i], <PyObject *>parts[i]
            for k in range(ACT_MEMBERS):
                self.act_places[i][k] = place_of(acts[i], ACT_NAMES[k])
            if i & 1:
                self.groupings[i], self.teeth[i] = place_of(acts[i], "grouping"), place_of(acts[i], "teeth")
        self.birth = place_of(parts[0], "birth_date")
        self.nature, self.exemption = place_of(parts[1], "nature"), place_of(parts[1], "exemption")
        self.pathway = place_of(parts[1], "pathway")
        self.number, self.contract_type = place_of(parts[2], "number"), place_of(parts[2], "contract_type")
        self.executor_am, self.specialty = place_of(parts[3], "am"), place_of(parts[3], "specialty")

    cdef PyObject *part(self, PyObject *owner, Py_ssize_t place, int which) except NULL:
        cdef PyObject *found = member(owner, place)
        if <PyObject *>Py_TYPE(found) != self.parts[which]:
            raise TypeError("a part of an invoice is of another class")
        return found

    cdef int which_head(self, PyObject *invoice) except -1:
        cdef int i
        for i in range(2):
            if <PyObject *>Py_TYPE(invoice) == self.heads[i]:
                return i
        raise TypeError("what is priced is an invoice")

    cdef int read_head(self, PyObject *invoice, const Py_ssize_t *places, int64_t today, Cover *cover) except -2:
        # ABSENT, or the field that is out of range.
        cdef PyObject *amo = self.part(invoice, places[H_AMO], 1)
        cdef PyObject *amc = member(invoice, places[H_AMC])
        cdef PyObject *created = member(invoice, places[H_CREATED])
        cdef int64_t nature
        cover.birth = digits_key(member(self.part(invoice, places[H_BENEFICIARY], 0), self.birth), 8, 8)
        cover.made_on = today if created == Py_None else day_number(created)
        nature = number_of(member(amo, self.nature))
        cover.exemption = one_character(member(amo, self.exemption))
        cover.pathway = one_character(member(amo, self.pathway))
        cover.complement, cover.number, cover.contract_type = amc != Py_None, -1, -2
        if cover.complement:
            amc = self.part(invoice, places[H_AMC], 2)
            cover.number = digits_key(member(amc, self.number), 1, 10)
            cover.contract_type = <int32_t>max(digits_key(member(amc, self.contract_type), 2, 2), -2)
            if cover.contract_type < 0:
                cover.contract_type = -2
        cover.nature = <int32_t>nature if 0 <= nature < NATURES else 0
        if cover.birth < 0:
            return F_BIRTH
        if cover.made_on < 0:
            return F_CREATED
        return ABSENT if 0 <= nature < NATURES else F_NATURE

    cdef int read_act(self, PyObject *item, int64_t on, Given *act) except -1:
        cdef int i, which = -1
        cdef const Py_ssize_t *places
        cdef PyObject *executor
        for i in range(4):
            if <PyObject *>Py_TYPE(item) == self.acts[i]:
                which = i
        if which < 0:
            raise TypeError("an act of an invoice is of another class")
        places = &self.act_places[which][0]
        act.ccam, act.wrong = which & 1, ABSENT
        act.code = text_key(member(item, places[M_CODE]))
        act.price_code = act.code
        act.teeth = 0
        if act.ccam:
            act.code = text_key(member(item, self.groupings[which]))
            act.teeth = read_teeth(member(item, self.teeth[which]))
        executor = self.part(item, places[M_EXECUTOR], 3)
        act.executor, act.specialty = executor_key(member(executor, self.executor_am)), text_key(member(executor, self.specialty))
        act.exemption, act.qualifier = one_character(member(item, places[M_EXEMPTION])), one_character(member(item, places[M_QUALIFIER]))
        act.day = day_number(member(item, places[M_DATE])) if on == 0 else on
        act.quantity, act.coefficient = number_of(member(item, places[M_QUANTITY])), number_of(member(item, places[M_COEFFICIENT]))
        act.unit_price, act.base = number_of(member(item, places[M_UNIT_PRICE])), number_of(member(item, places[M_BASE]))
        act.rate, act.amo = number_of(member(item, places[M_RATE])), number_of(member(item, places[M_AMO]))
        act.fees, act.amc = number_of(member(item, places[M_FEES])), number_of(member(item, places[M_AMC]))
        look_at_ranges(act)
        return 0

    def price(self, tuple invoices not None, int64_t on, int64_t today, bint allow_late):
        """Return what every act is worth; `on` and `today` are days as yyyymmdd, `on` 0 to price each act on its own day."""
        cdef Prices prices
        cdef const Py_ssize_t *places
        cdef PyObject *invoice
        cdef PyObject *acts
        cdef Py_ssize_t i, k, count = 0
        for i in range(len(invoices)):
            invoice = PyTuple_GET_ITEM(<PyObject *>invoices, i)
            acts = member(invoice, self.head_places[self.which_head(invoice)][H_ACTS])
            if not PyTuple_CheckExact(acts):
                raise TypeError("the acts of an invoice are a tuple")
            count += PyTuple_GET_SIZE(acts)
        prices = Prices(len(invoices), count)
        for i in range(len(invoices)):
            invoice = PyTuple_GET_ITEM(<PyObject *>invoices, i)
            places = &self.head_places[self.which_head(invoice)][0]
            prices.wrong[i] = self.read_head(invoice, places, today, &prices.covers[i])
            acts = member(invoice, places[H_ACTS])
            prices.first[i + 1] = prices.first[i] + PyTuple_GET_SIZE(acts)
            for k in range(PyTuple_GET_SIZE(acts)):
                self.read_act(PyTuple_GET_ITEM(acts, k), on, &prices.given[prices.first[i] + k])
        with nogil:
            prices.price_all(self.tariffs, allow_late)
        return prices


cdef int64_t number_of(PyObject *item) except? -3:
    # ABSENT for None; below it for what no amount can be.
    cdef int beyond = 0
    cdef int64_t number
    if item == Py_None:
        return ABSENT
    if not PyLong_CheckExact(item):
        raise TypeError("an amount is an integer")
    number = small_long(item)
    if number >= 0:
        return number
    number = PyLong_AsLongLongAndOverflow(item, &beyond)
    return number if not beyond and number >= 0 else -2


cdef uint64_t read_teeth(PyObject *teeth) except? 0:
    cdef uint64_t mask = 0
    cdef PyObject *tooth
    cdef const char *text
    cdef Py_ssize_t i
    if not PyTuple_CheckExact(teeth):
        raise TypeError("the teeth of an act are a tuple")
    for i in range(PyTuple_GET_SIZE(teeth)):
        tooth = PyTuple_GET_ITEM(teeth, i)
        if not PyUnicode_CheckExact(tooth):
            raise TypeError("a tooth is a text")
        if PyUnicode_GET_LENGTH(tooth) == 2 and PyUnicode_IS_ASCII(tooth):
            text = <const char *>PyUnicode_DATA(tooth)
            if is_tooth(text):
                mask |= <uint64_t>1 << ((text[0] - 49) * 8 + text[1] - 49)
                continue
        # No basket is for a tooth that nobody has: the last bit is none of any.
        mask |= <uint64_t>1 << 63
    return mask


cdef void look_at_ranges(Given *act) noexcept nogil:
    # The first field, in the order of FIELDS, that no record could hold.
    if not ABSENT <= act.unit_price <= MOST_MONEY:
        act.wrong = F_UNIT_PRICE
    elif not ABSENT <= act.fees <= MOST_MONEY:
        act.wrong = F_FEES
    elif not ABSENT <= act.base <= MOST_MONEY:
        act.wrong = F_BASE
    elif not ABSENT <= act.rate <= 100:
        act.wrong = F_RATE
    elif not ABSENT <= act.amo <= MOST_MONEY:
        act.wrong = F_AMO
    elif not ABSENT <= act.amc <= MOST_MONEY:
        act.wrong = F_AMC
    elif act.day < 0:
        act.wrong = F_DATE
    elif not 1 <= act.quantity <= MOST_QUANTITY:
        act.wrong = F_QUANTITY
    elif not 1 <= act.coefficient <= MOST_COEFFICIENT:
        act.wrong = F_COEFFICIENT
