# SPDX-License-Identifier: Apache-2.0
"""The fields of a CFONB 120 record: currency, dates, amounts whose last character is a digit and the sign, the account."""
cimport cython
from libc.stdint cimport int64_t
from libc.string cimport memcmp, memcpy

from ext.rows cimport WIDTH

cdef enum:
    ACCOUNT = 21

# What is wrong with a date or an amount.
cdef enum:
    NOTHING_WRONG, NO_SUCH_DAY, NO_DIGITS, NO_AMOUNT, NO_WHOLE_UNITS

# Of one block: its currency, how many decimals an amount has that does not say, and how many its minor unit has.
cdef struct Money:
    char[3] currency
    int decimals
    int units

# A fault or a warning.
cdef struct Note:
    int kind
    int position
    # Of the record, and of the opening balance of its block.
    int64_t number
    int64_t opened
    char[WIDTH] record
    char[WIDTH] opening
    # The sum of the movements in its two parts, and both balances.
    int64_t high
    int64_t low
    int64_t before
    int64_t after

# A block from its opening to its closing balance.
cdef struct Span:
    char[ACCOUNT] account
    int account_size
    char[3] currency
    char[10] opening_date
    char[10] closing_date
    int64_t opening
    int64_t closing
    int64_t number


cdef inline bint is_blank(char code) noexcept nogil:
    # The blanks of Unicode in Latin-1.
    cdef unsigned char c = <unsigned char>code
    return c == 32 or 9 <= c <= 13 or 28 <= c <= 31 or c == 133 or c == 160


cdef inline bint is_amount(const char *text) noexcept nogil:
    # 13 digits, then the last digit and the sign in one character.
    cdef int place
    for place in range(13):
        if not 48 <= text[place] <= 57:
            return False
    return text[13] == 123 or text[13] == 125 or 65 <= text[13] <= 82


@cython.overflowcheck(False)
cdef inline int two(const char *text) noexcept nogil:
    return (text[0] - 48) * 10 + text[1] - 48


cdef inline int date_at(const char *text, char *day) noexcept nogil:
    # JJMMAA becomes 20AA-MM-JJ.
    cdef int place, days, month
    for place in range(6):
        if not 48 <= text[place] <= 57:
            return NO_DIGITS
    month = two(text + 2)
    days = 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31
    if month == 2:
        days = 28 if two(text + 4) & 3 else 29
    if month < 1 or month > 12 or two(text) < 1 or two(text) > days:
        return NO_SUCH_DAY
    memcpy(day, "20  -  -  ", 10)
    memcpy(day + 2, text + 4, 2)
    memcpy(day + 5, text + 2, 2)
    memcpy(day + 8, text, 2)
    return NOTHING_WRONG


@cython.overflowcheck(False)
cdef inline int currency_at(const char *text, char *currency) noexcept nogil:
    # Return how many characters there are between blanks; they are in capitals.
    cdef int place, first = 0, last = 3
    while first < 3 and is_blank(text[first]):
        first += 1
    while last > first and is_blank(text[last - 1]):
        last -= 1
    for place in range(first, last):
        currency[place - first] = text[place] - 32 if 97 <= text[place] <= 122 else text[place]
    return last - first


cdef inline bint is_currency(const char *currency) noexcept nogil:
    return 65 <= currency[0] <= 90 and 65 <= currency[1] <= 90 and 65 <= currency[2] <= 90


@cython.overflowcheck(False)
cdef inline int units_of(const char *currency, const char *odd, Py_ssize_t count) noexcept nogil:
    # Two, or what the table of others says.
    cdef Py_ssize_t place
    for place in range(count):
        if memcmp(odd + 4 * place, currency, 3) == 0:
            return odd[4 * place + 3] - 48
    return 2


@cython.overflowcheck(False)
@cython.cdivision(True)
cdef inline int amount_at(const char *record, const Money *money, int64_t *amount) noexcept nogil:
    # Positions 91 to 104, in minor units: with 14 digits and at most three zeros more it fits.
    cdef const char *text = record + 90
    cdef int place, _, decimals = money.decimals if record[19] == 32 else record[19] - 48
    cdef int64_t found = 0, parts = 1
    cdef bint negative = False
    if not is_amount(text):
        return NO_AMOUNT
    for place in range(13):
        found = found * 10 + text[place] - 48
    found *= 10
    if 65 <= text[13] <= 73:
        found += text[13] - 64
    elif text[13] != 123:
        negative = True
        found += 0 if text[13] == 125 else text[13] - 73
    for _ in range(money.units - decimals):
        found *= 10
    for _ in range(decimals - money.units):
        parts *= 10
    if found % parts:
        return NO_WHOLE_UNITS
    amount[0] = -(found // parts) if negative else found // parts
    return NOTHING_WRONG


@cython.overflowcheck(False)
cdef inline int account_of(const char *record, char *account) noexcept nogil:
    # Code banque, code guichet and account number without blanks; return the length.
    cdef int place, size = 0
    for place in range(2, 32):
        if (place < 7 or 11 <= place < 16 or place >= 21) and not is_blank(record[place]):
            account[size] = record[place]
            size += 1
    return size
