# SPDX-License-Identifier: Apache-2.0
"""Claims as JSON lines: a block of invoices in, one line for each out, in one call.

No key and no position is known here: programs say what to write, step by step. A step writes its literal, then a zone of one of the
records of the invoice in one of the ways of WRITES. The zones have been checked before; whatever they hold, nothing is read outside its
record or written outside the block.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy
cimport cython

from ext.checks cimport digits, two
from ext.apart cimport *
from ext.claims cimport Act, Claims, Place, Z_AMC, Z_LOT_FLOW, is_unit
from ext.reader cimport WIDTH, Scan, is_filled

cdef enum:
    STEPS = 64
    CHOICES = 4
    WORD = 16
    ZERO = 48
    BLANK = 32
    QUOTE = 34
    # What a zone may take besides its own characters: quotes, dashes, a century, or the name of a kind of accident.
    MORE = 40

WRITES = (
    "nothing", "number", "text", "raw", "known", "zone", "date", "biller", "birth", "choice", "accident", "list",
    "null_if_blank", "null_if_nine", "skip_if_none",
)
RECORDS = ("2", "2S", "4", "4S", "4E", "4M", "1", "4 with the amounts of the complementary insurer")

ctypedef const char *Record

cdef enum Write:
    W_NOTHING, W_NUMBER, W_TEXT, W_RAW, W_KNOWN, W_ZONE, W_DATE, W_BILLER, W_BIRTH, W_CHOICE, W_ACCIDENT, W_LIST, \
        W_NULL_IF_BLANK, W_NULL_IF_NINE, W_SKIP_IF_NONE, WRITES_END

cdef enum:
    R_2, R_2S, R_4, R_4S, R_4E, R_4M, R_1, R_4_AMC, SOURCES

cdef struct Choice:
    char letter
    Py_ssize_t size
    char[WORD] word

cdef struct Step:
    int write
    int source
    Py_ssize_t offset
    Py_ssize_t width
    # How many zones (list), how many steps to leave out (null and skip), or the place of another zone (birth, accident).
    Py_ssize_t other
    Py_ssize_t before
    Py_ssize_t size
    Py_ssize_t choices
    Choice[CHOICES] choice

cdef struct Program:
    Step[STEPS] steps
    Py_ssize_t count
    # The most that it writes.
    Py_ssize_t most


cdef class Wire:
    """The programs of one profile; it holds nothing of a buffer, so one serves every thread."""

    cdef Program head
    cdef Program ngap
    cdef Program ccam
    cdef const char *text
    cdef bytes literals

    def __init__(self, tuple head not None, tuple ngap not None, tuple ccam not None):
        """Take the steps of what comes before the acts, of an act without a 4M and of one with it.

        A step is `(literal, write, source, offset, width, other, choices)`; a choice is `(letter, word)`.
        """
        literals = bytearray()
        add_steps(&self.head, head, literals)
        add_steps(&self.ngap, ngap, literals)
        add_steps(&self.ccam, ccam, literals)
        self.literals = bytes(literals)
        self.text = PyBytes_AS_STRING(self.literals)

    def lines(
        self, Claims claims not None, Scan scan not None, const int64_t[::1] firsts not None, const int64_t[::1] stops not None,
        Apart apart not None, Py_ssize_t begin, Py_ssize_t end,
    ):
        """Write the invoices `begin` to before `end`, one line each; one that stands in both flows comes once, where it stands first.

        `firsts` and `stops` are what `Scan.order` returned, `apart` what `Sums` has after the whole input.
        """
        cdef Py_ssize_t units = firsts.shape[0], i, acts = 0, most
        if stops.shape[0] != units or begin < 0 or end < begin or end > units:
            raise ValueError("the columns of the invoices have not one length, or there are no such invoices")
        for i in range(begin, end):
            if not is_unit(scan, firsts[i], stops[i]):
                raise ValueError("an invoice lies outside its buffer")
            acts += (stops[i] - firsts[i] - 3) // 2
        most = (end - begin) * (self.head.most + 8) + acts * (max(self.ngap.most, self.ccam.most) + 1)
        block = PyBytes_FromStringAndSize(NULL, most)
        cdef char *start = PyBytes_AS_STRING(block)
        cdef char *out = start
        if begin < end:
            with nogil:
                out = self.write(claims, scan, firsts[begin:end], stops[begin:end], apart, out)
        return block[: written(start, out)]

    @cython.overflowcheck(False)
    cdef char *write(
        self, Claims claims, Scan scan, const int64_t[::1] firsts, const int64_t[::1] stops, Apart apart, char *out,
    ) except NULL nogil:
        cdef const char *lot = lot_before(claims, scan, firsts[0])
        cdef const Place *flow = &claims.places[<int>Z_LOT_FLOW]
        cdef Py_ssize_t i, first, at = firsts[0]
        cdef uint64_t *entry
        for i in range(firsts.shape[0]):
            first = firsts[i]
            while at < first:
                if scan.codes[at] == claims.lot:
                    lot = scan.record(at)
                at += 1
            entry = NULL
            if lot != NULL and claims.is_apart(scan, first):
                entry = apart.find(claims.word(scan, first))
            if entry != NULL and entry[<int>H_PAIRED]:
                if entry[<int>H_FLOW] != digits(lot + flow.offset, flow.width):
                    continue
                # Of two claims, the one of flow 02 has the amounts.
                if entry[<int>H_FLOW] != 1:
                    entry = NULL
            else:
                entry = NULL
            out = self.invoice(claims, scan, first, stops[i] - 1, lot, entry, out)
        return out

    @cython.overflowcheck(False)
    cdef char *invoice(
        self, Claims claims, Scan scan, Py_ssize_t first, Py_ssize_t last, const char *lot, const uint64_t *entry, char *out,
    ) noexcept nogil:
        cdef Record[SOURCES] records
        cdef char[WIDTH] amounts
        cdef Act act
        cdef Py_ssize_t line = first + 2
        records[R_2], records[R_2S], records[R_1] = scan.record(first), scan.record(first + 1), lot
        act = claims.act_at(scan, line, last)
        fill(scan, records, &act)
        out = self.run(&self.head, records, out)
        while line < last:
            act = claims.act_at(scan, line, last)
            fill(scan, records, &act)
            if entry != NULL and <uint64_t>(line - first) < entry[<int>H_RECORDS]:
                spell(entry[HEAD + line - first], &claims.places[<int>Z_AMC], amounts)
                records[R_4_AMC] = amounts
            out = self.run(&self.ngap if act.m < 0 else &self.ccam, records, out)
            line = act.after
            if line < last:
                out[0] = 44
                out += 1
        memcpy(out, b"]}\n", 3)
        return out + 3

    @cython.overflowcheck(False)
    cdef char *run(self, const Program *program, Record *records, char *out) noexcept nogil:
        cdef Py_ssize_t s = 0
        cdef const Step *step
        cdef const char *record
        while s < program.count:
            step = &program.steps[s]
            record = records[step.source]
            s += 1
            if step.write == W_SKIP_IF_NONE:
                if record == NULL:
                    s += step.other
                continue
            memcpy(out, self.text + step.before, <size_t>step.size)
            out += step.size
            if step.write == W_NULL_IF_BLANK or step.write == W_NULL_IF_NINE:
                if record == NULL or is_filled(record + step.offset, step.width, BLANK if step.write == W_NULL_IF_BLANK else 57):
                    out = null(out)
                    s += step.other
            elif record == NULL:
                out = null(out)
            elif step.write == W_BIRTH:
                out = birth(record + step.offset, step.width, records[R_4] + step.other, out)
            elif step.write != W_NOTHING:
                out = value(step, record, out)
        return out


@cython.overflowcheck(False)
cdef inline Py_ssize_t written(const char *start, const char *stop) noexcept nogil:
    return stop - start


@cython.overflowcheck(False)
cdef const char *lot_before(Claims claims, Scan scan, Py_ssize_t record) noexcept nogil:
    # The `1` of the lot in which a record stands; it may stand before the block.
    while record > 0:
        record -= 1
        if scan.codes[record] == claims.lot:
            return scan.record(record)
    return scan.last[claims.lot].text if scan.last[claims.lot].usable else NULL


@cython.overflowcheck(False)
cdef inline void spell(uint64_t amount, const Place *place, char *record) noexcept nogil:
    cdef Py_ssize_t i = place.offset + place.width
    while i > place.offset:
        i -= 1
        record[i] = <char>(ZERO + amount % 10)
        amount //= 10


cdef int add_steps(Program *program, tuple steps, literals) except -1:
    cdef Step *step
    cdef int code, source
    cdef Py_ssize_t offset, width, other, i
    if len(steps) > STEPS:
        raise ValueError("a program has at most 64 steps")
    program.count, program.most = 0, 0
    for literal, code, source, offset, width, other, choices in steps:
        if not 0 <= code < WRITES_END or not 0 <= source < SOURCES or len(choices) > CHOICES:
            raise ValueError("a step writes in no known way or from no known record")
        if offset < 0 or width < 0 or offset > WIDTH or width > WIDTH - offset or not 0 <= other <= WIDTH:
            raise ValueError("a step reads outside its record")
        if code == W_LIST and (width == 0 or other > (WIDTH - offset) // width):
            raise ValueError("a list is longer than its record")
        check_width(code, offset, width, other)
        step = &program.steps[program.count]
        step.write, step.source, step.offset, step.width, step.other = code, source, offset, width, other
        step.before, step.size, step.choices = len(literals), len(literal), len(choices)
        literals += literal
        for i, (letter, word) in enumerate(choices):
            if len(word) > WORD:
                raise ValueError("the word of a choice is too long")
            step.choice[i].letter, step.choice[i].size = letter, len(word)
            memcpy(step.choice[i].word, PyBytes_AS_STRING(word), <size_t>len(word))
        program.most += step.size + MORE + (other * (width + 3) if code == W_LIST else width)
        program.count += 1
    return 0


cdef int check_width(int code, Py_ssize_t offset, Py_ssize_t width, Py_ssize_t other) except -1:
    if (code == W_DATE or code == W_BIRTH) and width != 6 or code == W_BILLER and width != 9 or code == W_ACCIDENT and width != 9:
        raise ValueError("a step has another width than its kind")
    if (code == W_BIRTH or code == W_ACCIDENT) and other > WIDTH - 2:
        raise ValueError("a step reads outside its record")
    return 0


cdef inline char *null(char *out) noexcept nogil:
    memcpy(out, b"null", 4)
    return out + 4


@cython.overflowcheck(False)
cdef inline char *quoted(const char *text, Py_ssize_t size, char *out) noexcept nogil:
    out[0] = QUOTE
    memcpy(out + 1, text, <size_t>size)
    out[size + 1] = QUOTE
    return out + size + 2


@cython.overflowcheck(False)
cdef char *value(const Step *step, const char *record, char *out) noexcept nogil:
    cdef const char *text = record + step.offset
    cdef Py_ssize_t size = step.width
    cdef int write = step.write
    if write == W_NUMBER:
        while size > 1 and text[0] == ZERO:
            text += 1
            size -= 1
        memcpy(out, text, <size_t>size)
        return out + size
    if write == W_RAW:
        memcpy(out, text, <size_t>size)
        return out + size
    if write == W_TEXT:
        return trimmed(text, size, out)
    if write == W_CHOICE:
        return chosen(step, text[0], out)
    if write == W_LIST:
        return listed(text, size, step.other, out)
    if write == W_ACCIDENT:
        return accident(text, record + step.other, out)
    if write == W_BILLER:
        return biller(text, out)
    if is_filled(text, size, ZERO):
        return quoted(text, 0, out) if write == W_ZONE else null(out)
    return date(text, out) if write == W_DATE else quoted(text, size, out)


@cython.overflowcheck(False)
cdef inline char *trimmed(const char *text, Py_ssize_t size, char *out) noexcept nogil:
    while size and text[size - 1] == BLANK:
        size -= 1
    while size and text[0] == BLANK:
        text += 1
        size -= 1
    return quoted(text, size, out)


cdef inline char *chosen(const Step *step, char letter, char *out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(step.choices):
        if step.choice[i].letter == letter:
            memcpy(out, step.choice[i].word, <size_t>step.choice[i].size)
            return out + step.choice[i].size
    return null(out)


@cython.overflowcheck(False)
cdef char *listed(const char *text, Py_ssize_t size, Py_ssize_t count, char *out) noexcept nogil:
    cdef Py_ssize_t i
    out[0] = 91
    out += 1
    for i in range(count):
        if is_filled(text, size, BLANK):
            break
        if i:
            out[0] = 44
            out += 1
        out = trimmed(text, size, out)
        text += size
    out[0] = 93
    return out + 1


@cython.overflowcheck(False)
cdef char *accident(const char *text, const char *nature, char *out) noexcept nogil:
    # Zeros, a number of nine digits, or 000 and a date; only an accident at work (nature 41) has a number.
    if is_filled(text, 9, ZERO):
        return null(out)
    if memcmp(nature, b"41", 2) == 0:
        memcpy(out, b'{"kind":"work",', 15)
        out += 15
    else:
        memcpy(out, b'{"kind":"third_party",', 22)
        out += 22
    if memcmp(text, b"000", 3) == 0:
        memcpy(out, b'"date":', 7)
        out = date(text + 3, out + 7)
    else:
        memcpy(out, b'"number":', 9)
        out = quoted(text, 9, out + 9)
    out[0] = 125
    return out + 1


@cython.overflowcheck(False)
cdef inline char *biller(const char *text, char *out) noexcept nogil:
    # A Corsican number is written with digits: 2001 stands for 2A00 and 2002 for 2B00.
    cdef char *end = quoted(text, 9, out)
    if memcmp(text, b"200", 3) == 0 and (text[3] == 49 or text[3] == 50):
        out[2] = <char>(text[3] + 16)
        out[4] = ZERO
    return end


cdef inline char *date(const char *text, char *out) noexcept nogil:
    memcpy(out, b'"1900-00-00"', 12)
    if text[0] < 55:
        memcpy(out + 1, b"20", 2)
    memcpy(out + 3, text, 2)
    memcpy(out + 6, text + 2, 2)
    memcpy(out + 9, text + 4, 2)
    return out + 12


@cython.overflowcheck(False)
cdef inline char *birth(const char *text, Py_ssize_t size, const char *care, char *out) noexcept nogil:
    # The records leave the century out: it is 20 when 20AA is not after the year of care.
    cdef int year = two(care)
    memcpy(out, b'"20', 3)
    if 2000 + two(text) > year + (1900 if year >= 70 else 2000):
        memcpy(out, b'"19', 3)
    memcpy(out + 3, text, <size_t>size)
    out[3 + size] = QUOTE
    return out + size + 4


@cython.overflowcheck(False)
cdef inline int fill(Scan scan, Record *records, const Act *act) noexcept nogil:
    records[R_4], records[R_4S] = scan.record(act.line), scan.record(act.line + 1)
    records[R_4E], records[R_4M] = NULL, NULL
    if act.e >= 0:
        records[R_4E] = scan.record(act.e)
    if act.m >= 0:
        records[R_4M] = scan.record(act.m)
    records[R_4_AMC] = records[R_4]
    return 0
