# SPDX-License-Identifier: Apache-2.0
"""What is said of a line that is settled, as JSON and as names of accounts: pieces of text, each written where it is told.

Every text that comes in is plain ASCII without quote or backslash (`Settlement` sees to that), so JSON is written as it will stand.
"""
cimport cython
from libc.stdint cimport int64_t

from ext.pgrow cimport decimal, raw, word
from ext.pgwire cimport day_at, number_in
from ext.settle cimport BILLER_AT, NAMED, NO_LOT, NUMBER_AT, PARKED, PART_AT, PAYER_AT, Line


cdef inline int64_t due_of(const Line *line) noexcept nogil:
    return line.amount if line.amount < line.due else line.due


cdef inline const char *rule_of(const Line *line) noexcept nogil:
    return b"A1" if line.flags & NAMED else b"A2"


cdef inline const char *outcome_of(const Line *line) noexcept nogil:
    return b"paid" if line.amount == line.due else b"partial" if line.amount < line.due else b"overpaid"


cdef inline const char *state_of(const Line *line) noexcept nogil:
    # Of a share on which nothing stood before, and whose order the bank has not paid.
    return b"settled" if line.due == 0 else b"announced" if line.amount >= line.due else b"announced_part"


cdef inline char *text_in(char *out, const char *text) noexcept nogil:
    # A text of a key: its length stands before it.
    return raw(out, text + 1, text[0])


cdef inline char *left_in(char *out, const Line *line, const char *texts) noexcept nogil:
    return raw(out, texts + line.name, line.name_size)


cdef inline char *invoice_in(char *out, const char *key) noexcept nogil:
    out = text_in(out, key + BILLER_AT)
    out[0] = 47
    return decimal(out + 1, number_in(<const unsigned char *>key + NUMBER_AT, 8))


cdef inline const char *part_of(const char *key) noexcept nogil:
    return b"amo" if key[PART_AT] == 111 else b"amc"


cdef inline char *right_in(char *out, const char *key) noexcept nogil:
    out = invoice_in(out, key)
    out[0] = 47
    return word(out + 1, part_of(key))


@cython.overflowcheck(False)
cdef inline char *digits_in(char *out, int number, int width) noexcept nogil:
    cdef int i
    for i in range(width - 1, -1, -1):
        out[i] = <char>(48 + number % 10)
        number //= 10
    return out + width


cdef inline char *day_in(char *out, int day) noexcept nogil:
    cdef int year = 0, month = 0, of_month = 0
    day_at(day, &year, &month, &of_month)
    out = digits_in(out, year, 4)
    out[0] = 45
    out = digits_in(out + 1, month, 2)
    out[0] = 45
    return digits_in(out + 1, of_month, 2)


@cython.overflowcheck(False)
cdef inline char *hex_in(char *out, const unsigned char *source, int size) noexcept nogil:
    cdef const char *digits = b"0123456789abcdef"
    cdef int i
    for i in range(size):
        out[2 * i], out[2 * i + 1] = digits[source[i] >> 4], digits[source[i] & 15]
    return out + 2 * size


@cython.overflowcheck(False)
cdef inline char *uuid_in(char *out, const unsigned char *source) noexcept nogil:
    cdef int i
    out = hex_in(out, source, 4)
    for i in range(4, 10, 2):
        out[0] = 45
        out = hex_in(out + 1, source + i, 2)
    out[0] = 45
    return hex_in(out + 1, source + 10, 6)


@cython.overflowcheck(False)
cdef inline char *again(char *out, const char *start) noexcept nogil:
    # What stands from `start` on, once more behind a comma: both sides of a comparison are the same.
    cdef Py_ssize_t size = out - start
    out[0] = 44
    return raw(out + 1, start, size)


@cython.overflowcheck(False)
cdef inline char *evidence_in(char *out, const Line *line, const char *key, const char *settings) noexcept nogil:
    cdef char *start
    cdef bint named = line.flags & NAMED != 0, lot = line.lot != NO_LOT
    out = word(out, b'{"fields":["biller","invoice_number",')
    out = word(out, b'"nir",' if named else b"")
    out = word(out, b'"care_date","part","payer"')
    out = word(out, b',"lot"' if lot else b"")
    out = word(out, b'],"values":{"biller":[')
    start = out
    out = again(word(text_in(word(out, b'"'), key + BILLER_AT), b'"'), start)
    out = word(out, b'],"invoice_number":[')
    start = out
    out = again(decimal(out, number_in(<const unsigned char *>key + NUMBER_AT, 8)), start)
    out = word(out, b'],"nir":["***","***"],"care_date":[' if named else b'],"care_date":[')
    start = out
    out = again(word(day_in(word(out, b'"'), line.care), b'"'), start)
    out = word(out, b'],"part":[')
    start = out
    out = again(word(word(word(out, b'"'), part_of(key)), b'"'), start)
    out = word(out, b'],"payer":[')
    start = out
    out = again(word(text_in(word(out, b'"'), key + PAYER_AT), b'"'), start)
    if lot:
        out = word(out, b'],"lot":[')
        start = out
        out = word(out, b'"')
        out = digits_in(out, line.lot, 3) if line.lot < 1000 else decimal(out, line.lot)
        out = again(word(out, b'"'), start)
    out = decimal(word(out, b'],"amount":['), line.amount)
    out = decimal(word(out, b","), line.due)
    out = right_in(word(out, b']},"candidates":1,"candidate_ids":["'), key)
    out = word(word(out, b'"],"solutions":1,"unique":true,"settings":"'), settings)
    return word(out, b'"}')


cdef inline char *account_in(char *out, const char *account, const char *key, bint invoice) noexcept nogil:
    out = text_in(word(out, account), key + PAYER_AT)
    if invoice:
        out[0] = 58
        out = invoice_in(out + 1, key)
    return out


cdef inline char *move_in(char *out, const char *account, const char *key, bint invoice, int64_t debit, int64_t credit) noexcept nogil:
    out = account_in(word(out, b'["'), account, key, invoice)
    out = decimal(word(out, b'",'), debit)
    out = decimal(word(out, b","), credit)
    return word(out, b"]")


cdef inline const char *event_of(const Line *line) noexcept nogil:
    if line.flags & PARKED:
        return b"line.invoiced_later"
    return b"line.overpaid" if line.amount > line.due else b"line.matched"


cdef inline const char *source_of(const Line *line) noexcept nogil:
    return b"hors_facture:" if line.flags & PARKED else b"attente:"


@cython.overflowcheck(False)
cdef inline char *canonical_in(char *out, const Line *line, const char *key, const char *texts) noexcept nogil:
    # What is hashed of an entry.
    cdef int64_t due = due_of(line)
    out = word(word(word(out, b'["'), event_of(line)), b'","')
    out = word(left_in(out, line, texts), b'",[')
    out = move_in(out, source_of(line), key, False, line.amount, 0)
    if due:
        out = move_in(word(out, b","), b"creance:", key, True, 0, due)
    if line.amount > due:
        out = move_in(word(out, b","), b"trop_percu:", key, False, 0, line.amount - due)
    return word(out, b"]]")
