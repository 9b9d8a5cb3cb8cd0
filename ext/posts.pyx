# SPDX-License-Identifier: Apache-2.0
"""What follows from lines that are settled: matches with their evidence as columns of text, the rest as streams for COPY.

All come in blocks: each call gives the next one, and none once it has ended. What is said of a line is the same in each.
"""
import os

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy

from ext.ids cimport (
    EVP_MD, EVP_MD_CTX, EVP_DigestFinal_ex, EVP_DigestInit_ex, EVP_DigestUpdate, EVP_MD_CTX_free, EVP_MD_CTX_new, EVP_MD_fetch, EVP_MD_free,
    Ids,
    make_id,
)
from ext.pgrow cimport (
    bytes_field, close, decimal, int2_field, int8_field, raw, row, word, word_field,
)
from ext.pgwire cimport put16, put32
from ext.said cimport (
    account_in, canonical_in, due_of, event_of, evidence_in, hex_in, left_in, outcome_of, part_of, right_in, rule_of, source_of, state_of,
    uuid_in,
)
from ext.settle cimport KEY, NAMED, Line, Settlement

cdef enum:
    MATCHES, EVENTS, ENTRIES, ENTRY_LINES
    COLUMNS = 14
    DIGEST = 32
    # A row of any stream is shorter: its texts are bounded, and the longest holds none of them more than six times.
    ROOM = 4096
    BLOCK = 1048576
    FAILED = -1
    LONGEST_WORD = 100
    WORD = 101
    LONGEST_OTHER = 1000

# The most that a value takes in each column of matches, with the end of its line.
cdef int[14] ROOMS = [37, 12, 37, 17, 3, 213, 48, 21, 21, 9, 1024, 37, 4, 15]
cdef bytes SIGNATURE = b"PGCOPY\n\xff\r\n\x00"

cdef int keep_word(char *place, bytes text) except -1:
    if len(text) > LONGEST_WORD or 0 in text:
        raise ValueError("not a short word")
    memcpy(place, PyBytes_AS_STRING(text), <size_t>len(text) + 1)
    return 0


@cython.overflowcheck(False)
cdef str text_of(const char *start, const char *end):
    return PyUnicode_DecodeASCII(start, end - start, NULL)


cdef class Posts:
    """What one run writes of the lines of a settlement. `now` is in microseconds from 2000 on, `milliseconds` from 1970 on.

    `settings`, `actor` name what was in force and who asked: plain ASCII without quote or backslash.
    """

    cdef Settlement of
    cdef char[16] tenant
    cdef char[WORD] settings
    cdef char[WORD] actor
    cdef int64_t now
    cdef Ids ids
    cdef EVP_MD *kind
    cdef EVP_MD_CTX *hashing
    cdef Py_ssize_t[4] places
    cdef bint[4] ended
    cdef int64_t seq
    cdef unsigned char[DIGEST] previous
    # What stands among the entries, and how many of it are given.
    cdef list others
    cdef Py_ssize_t other
    cdef const char *ref
    cdef Py_ssize_t ref_size
    cdef bint waiting
    cdef readonly Py_ssize_t named, nameless, entries, entry_lines
    cdef readonly int64_t named_cents, nameless_cents

    def __cinit__(self, Settlement of not None, bytes tenant not None, str settings not None, str actor not None, now, milliseconds):
        """Name matches and entries. Raises ValueError for a tenant that is no uuid."""
        if len(tenant) != 16:
            raise ValueError("a uuid has 16 bytes")
        self.of, self.now = of, now
        memcpy(self.tenant, PyBytes_AS_STRING(tenant), 16)
        keep_word(self.settings, settings.encode("ascii"))
        keep_word(self.actor, actor.encode("ascii"))
        self.ids.milliseconds, self.ids.left = milliseconds, 0
        self.ids.counter = int.from_bytes(os.urandom(5), "little")
        self.kind, self.hashing = EVP_MD_fetch(NULL, b"SHA256", NULL), EVP_MD_CTX_new()
        if self.kind == NULL or self.hashing == NULL:
            raise MemoryError
        if self.name_all() < 0:
            raise RuntimeError("OpenSSL refused to work")

    def __dealloc__(self):
        EVP_MD_CTX_free(self.hashing)
        EVP_MD_free(self.kind)

    cdef int name_all(self) except? FAILED nogil:
        cdef Py_ssize_t i
        cdef Line *line
        for i in range(self.of.settled):
            line = self.of.lines + self.of.chosen[i]
            if make_id(&self.ids, line.match_id) < 0:
                return FAILED
            if line.amount:
                self.entries += 1
                self.entry_lines += 1 + (line.due > 0) + (line.amount > line.due)
                if make_id(&self.ids, line.entry_id) < 0:
                    return FAILED
            if line.flags & NAMED:
                self.named += 1
                self.named_cents += line.amount
            else:
                self.nameless += 1
                self.nameless_cents += line.amount
        return 0

    def matches(self, Py_ssize_t most) -> tuple:
        """Give at most so many more as columns of text, a line for each, and how many; none once all are given.

        order_id, line, match_id, match_key, rule, left, right, amount, residual, outcome, evidence, invoice_id, part, state.
        """
        cdef char *starts[COLUMNS]
        cdef char *ends[COLUMNS]
        cdef Py_ssize_t rows = self.of.settled - self.places[MATCHES]
        cdef int c
        cdef bint done = True
        rows = most if rows > most else rows
        if rows <= 0:
            return (0,)
        for c in range(COLUMNS):
            starts[c] = ends[c] = NULL
        try:
            for c in range(COLUMNS):
                starts[c] = ends[c] = <char *>malloc(<size_t>(rows * ROOMS[c]))
                if starts[c] == NULL:
                    raise MemoryError
            with nogil:
                done = self.fill_columns(ends, rows)
            if not done:
                raise RuntimeError("OpenSSL refused to work")
            return (rows, *[text_of(starts[c], ends[c]) for c in range(COLUMNS)])
        finally:
            for c in range(COLUMNS):
                free(starts[c])

    def events(self) -> bytes:
        """Give rows of tenant_id, id, name, invoice_id, subject, part, detail, happened_at, actor."""
        return self.block(EVENTS)

    def chain(self, bytes previous not None, int64_t first, list others not None) -> None:
        """Say after which hash and at which number the entries begin, and which others stand among them.

        An entry of `others` is its id, event, ref and canonical form, all bytes; they come in order of their ref, as those of lines do.
        """
        if len(previous) != DIGEST:
            raise ValueError("a link of the chain has 32 bytes")
        for row_id, event, ref, _said in others:
            if len(row_id) != 16 or len(ref) > LONGEST_OTHER or len(event) > LONGEST_WORD:
                raise ValueError("not an entry")
        memcpy(self.previous, PyBytes_AS_STRING(previous), DIGEST)
        self.seq, self.others = first, others
        self.turn_to(0)

    cdef int turn_to(self, Py_ssize_t other) except -1:
        cdef bytes ref
        self.other, self.waiting, self.ref = other, False, NULL
        if other < len(self.others):
            ref = self.others[other][2]
            self.ref, self.ref_size = PyBytes_AS_STRING(ref), PyBytes_GET_SIZE(ref)
        return 0

    def ledger_entries(self) -> bytes:
        """Give rows of tenant_id, id, seq, event, ref, posted_at, hash, once the chain is known."""
        if self.seq < 1:
            raise ValueError("the chain is not known")
        return self.block(ENTRIES)

    def last_hash(self) -> bytes:
        """Return the end of the chain, all entries being given."""
        if not self.ended[ENTRIES]:
            raise ValueError("entries are still to be given")
        return self.previous[:DIGEST]

    def ledger_lines(self) -> bytes:
        """Give rows of tenant_id, entry_id, line, account, debit, credit."""
        return self.block(ENTRY_LINES)

    @cython.overflowcheck(False)
    cdef bytes block(self, int stream):
        cdef char *start
        cdef char *out
        if self.ended[stream]:
            return b""
        start = <char *>malloc(BLOCK + ROOM)
        if start == NULL:
            raise MemoryError
        try:
            out = start
            if self.places[stream] == 0:
                out = raw(out, PyBytes_AS_STRING(SIGNATURE), 11)
                put32(out, 0)
                put32(out + 4, 0)
                out += 8
            while True:
                with nogil:
                    out = self.fill(stream, out, start + BLOCK)
                if out != NULL and stream == ENTRIES and self.waiting:
                    out = self.other_row(out)
                    self.turn_to(self.other + 1)
                    if out != NULL and out < start + BLOCK:
                        continue
                if out == NULL:
                    raise RuntimeError("OpenSSL refused to work")
                return start[:out - start]
        finally:
            free(start)

    cdef char *fill(self, int stream, char *out, const char *end) except? NULL nogil:
        cdef Py_ssize_t place
        cdef uint32_t at
        while out != NULL and out < end:
            place = self.places[stream]
            if stream == ENTRIES and self.ref != NULL and (
                place == self.of.settled or self.goes_first(self.of.lines + self.of.chosen[place])
            ):
                self.waiting = True
                return out
            if place == self.of.settled:
                put16(out, 0xFFFF)
                self.ended[stream] = True
                return out + 2
            at = self.of.chosen[place]
            self.places[stream] += 1
            if stream == EVENTS:
                out = self.event_rows(out, self.of.lines + at, self.of.keys + at * KEY)
            elif not self.of.lines[at].amount:
                continue
            elif stream == ENTRIES:
                out = self.entry_row(out, self.of.lines + at, self.of.keys + at * KEY)
            else:
                out = self.line_rows(out, self.of.lines + at, self.of.keys + at * KEY)
        return out

    cdef int digest(self, const unsigned char *before, const char *text, Py_ssize_t size, unsigned char *out) noexcept nogil:
        cdef unsigned int written = 0
        if EVP_DigestInit_ex(self.hashing, self.kind, NULL) != 1:
            return FAILED
        if before != NULL and EVP_DigestUpdate(self.hashing, before, DIGEST) != 1:
            return FAILED
        if EVP_DigestUpdate(self.hashing, text, <size_t>size) != 1 or EVP_DigestFinal_ex(self.hashing, out, &written) != 1:
            return FAILED
        return 0 if written == DIGEST else FAILED

    @cython.overflowcheck(False)
    cdef char *match_key(self, char *out, const Line *line, const char *key) noexcept nogil:
        cdef char[ROOM] text
        cdef char *end
        cdef unsigned char[DIGEST] found
        end = word(word(word(text, b'["A","'), rule_of(line)), b'",["')
        end = word(left_in(end, line, self.of.texts), b'"],["')
        end = word(right_in(end, key), b'"]]')
        if self.digest(NULL, text, end - text, found) < 0:
            return NULL
        return hex_in(out, found, 8)

    cdef bint fill_columns(self, char **out, Py_ssize_t rows) except -1 nogil:
        cdef Py_ssize_t i
        cdef uint32_t at
        cdef int c
        for i in range(rows):
            at = self.of.chosen[self.places[MATCHES] + i]
            if not self.match_in(out, self.of.lines + at, self.of.keys + at * KEY):
                return False
            for c in range(COLUMNS):
                if i < rows - 1:
                    out[c][0] = 10
                    out[c] += 1
        self.places[MATCHES] += rows
        return True

    cdef bint match_in(self, char **out, const Line *line, const char *key) except -1 nogil:
        out[0] = uuid_in(out[0], line.order_id)
        out[1] = decimal(out[1], line.line)
        out[2] = uuid_in(out[2], line.match_id)
        out[3] = self.match_key(out[3], line, key)
        if out[3] == NULL:
            return False
        out[4] = word(out[4], rule_of(line))
        out[5] = left_in(out[5], line, self.of.texts)
        out[6] = right_in(out[6], key)
        out[7] = decimal(out[7], line.amount)
        out[8] = decimal(out[8], line.amount - due_of(line))
        out[9] = word(out[9], outcome_of(line))
        out[10] = evidence_in(out[10], line, key, self.settings)
        out[11] = uuid_in(out[11], line.invoice_id)
        out[12] = word(out[12], part_of(key))
        out[13] = word(out[13], state_of(line))
        return True

    cdef char *event_head(self, char *out, const char *name, const Line *line, const unsigned char *subject) noexcept nogil:
        cdef unsigned char[16] own
        if make_id(&self.ids, own) < 0:
            return NULL
        out = bytes_field(bytes_field(row(out, 9), self.tenant, 16), own, 16)
        out = bytes_field(word_field(out, name), line.invoice_id, 16)
        return bytes_field(out, subject, 16)

    cdef char *event_tail(self, char *out) noexcept nogil:
        out = int8_field(out, self.now)
        return word_field(out, self.actor)

    cdef char *event_rows(self, char *out, const Line *line, const char *key) noexcept nogil:
        cdef char *start
        out = self.event_head(out, b"match.confirmed", line, line.match_id)
        if out == NULL:
            return NULL
        start = word_field(out, part_of(key))
        start[4] = 1
        out = self.match_key(word(start + 5, b'{"match":"'), line, key)
        if out == NULL:
            return NULL
        out = word(word(word(out, b'","rule":"'), rule_of(line)), b'","order_line":"')
        out = decimal(word(left_in(out, line, self.of.texts), b'","amount":'), line.amount)
        out = word(word(word(out, b',"outcome":"'), outcome_of(line)), b'"}')
        close(start, out)
        out = self.event_head(self.event_tail(out), b"share.announced" if line.due else b"share.settled", line, line.invoice_id)
        if out == NULL:
            return NULL
        start = word_field(out, part_of(key))
        start[4] = 1
        out = word(word(word(start + 5, b'{"state":"'), state_of(line)), b'","announced":')
        out = word(decimal(out, line.amount), b',"credited":0,"reject_code":null}')
        close(start, out)
        return self.event_tail(out)

    @cython.overflowcheck(False)
    cdef char *entry_row(self, char *out, const Line *line, const char *key) noexcept nogil:
        cdef char[ROOM] text
        cdef char *end = canonical_in(text, line, key, self.of.texts)
        cdef char *start
        if self.digest(self.previous, text, end - text, self.previous) < 0:
            return NULL
        out = bytes_field(bytes_field(row(out, 7), self.tenant, 16), line.entry_id, 16)
        start = word_field(int8_field(out, self.seq), event_of(line))
        self.seq += 1
        out = left_in(start + 4, line, self.of.texts)
        close(start, out)
        return bytes_field(int8_field(out, self.now), self.previous, DIGEST)

    @cython.overflowcheck(False)
    cdef bint goes_first(self, const Line *line) noexcept nogil:
        # Whether the entry that stands among the others has a smaller name than the line.
        cdef Py_ssize_t shorter = self.ref_size if self.ref_size < line.name_size else line.name_size
        cdef int found = memcmp(self.ref, self.of.texts + line.name, <size_t>shorter)
        return found < 0 or (found == 0 and self.ref_size < line.name_size)

    cdef char *other_row(self, char *out) except? NULL:
        cdef bytes row_id, event, ref, said
        row_id, event, ref, said = self.others[self.other]
        if self.digest(self.previous, PyBytes_AS_STRING(said), PyBytes_GET_SIZE(said), self.previous) < 0:
            return NULL
        out = bytes_field(bytes_field(row(out, 7), self.tenant, 16), PyBytes_AS_STRING(row_id), 16)
        out = bytes_field(int8_field(out, self.seq), PyBytes_AS_STRING(event), PyBytes_GET_SIZE(event))
        self.seq += 1
        out = bytes_field(out, PyBytes_AS_STRING(ref), PyBytes_GET_SIZE(ref))
        return bytes_field(int8_field(out, self.now), self.previous, DIGEST)

    cdef char *line_row(
        self, char *out, const Line *line, const char *key, int number, const char *account, bint invoice, int64_t debit, int64_t credit
    ) noexcept nogil:
        cdef char *start
        out = bytes_field(bytes_field(row(out, 6), self.tenant, 16), line.entry_id, 16)
        start = int2_field(out, number)
        out = account_in(start + 4, account, key, invoice)
        close(start, out)
        return int8_field(int8_field(out, debit), credit)

    cdef char *line_rows(self, char *out, const Line *line, const char *key) except? NULL nogil:
        cdef int64_t due = due_of(line)
        out = self.line_row(out, line, key, 1, source_of(line), False, line.amount, 0)
        if due:
            out = self.line_row(out, line, key, 2, b"creance:", True, 0, due)
        if line.amount > due:
            out = self.line_row(out, line, key, 3 if due else 2, b"trop_percu:", False, 0, line.amount - due)
        return out
