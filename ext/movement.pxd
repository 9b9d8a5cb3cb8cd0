# SPDX-License-Identifier: Apache-2.0
"""One movement of a CFONB 120 statement: its 04, what its 05 say, and the bank line that they become."""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy

from ext.bankfields cimport is_amount
from ext.rows cimport WIDTH
from ext.statement cimport (
    SHORTEST_RUN, WIDEST, Out, Run, Runs, hash_of, leading, need, put, put_number, put_text, trimmed, word,
)

cdef enum:
    INFORMATION = 70

# Where a detail goes in the line: texts that may hold references, those of the remittance among them; a field of its own; or as it stands.
cdef enum:
    REMITTANCE, REFERENCE, END_TO_END, PAYER_NAME, PAYER_ID, AS_FOUND
    PLACES

# What was odd in a detail.
cdef enum:
    NOTHING_ODD, OLDER_LAYOUT, STRANGE_QUALIFIER

cdef struct Detail:
    int place
    int size
    int code_size
    char[3] code
    char[WIDEST] text

cdef struct Movement:
    char[WIDTH] record
    int64_t number
    int64_t amount
    char[10] booked
    char[10] valued
    bint has_value_date
    # Records, and what they gave.
    int taken
    int count
    int room
    Detail *details
    # The first line of a remittance that a second one may follow, and the details with a field of their own; -1 for none.
    int first_line
    int[PLACES] own
    Runs runs


@cython.overflowcheck(False)
cdef inline bint among(const char *codes, int count, const char *code) noexcept nogil:
    cdef int place
    for place in range(count):
        if memcmp(codes + 3 * place, code, 3) == 0:
            return True
    return False


cdef inline void free_movement(Movement *m) noexcept nogil:
    free(m.details)
    free(m.runs.found)
    free(m.runs.slots)


cdef inline void begin(Movement *m, const char *record, int64_t number) noexcept nogil:
    cdef int place
    memcpy(m.record, record, WIDTH)
    m.number, m.taken, m.count, m.first_line = number, 0, 0, -1
    for place in range(PLACES):
        m.own[place] = -1


@cython.overflowcheck(False)
cdef inline Detail *new_detail(Movement *m, int place, const char *text, int size) except NULL nogil:
    cdef Detail *details
    cdef Detail *detail
    if m.count == m.room:
        details = <Detail *>realloc(m.details, <size_t>(m.room * 2 + 16) * sizeof(Detail))
        if details == NULL:
            with gil:
                raise MemoryError
        m.details, m.room = details, m.room * 2 + 16
    detail = &m.details[m.count]
    m.count += 1
    detail.place, detail.size, detail.code_size = place, size, 0
    memcpy(detail.text, text, <size_t>size)
    return detail


cdef inline int add_own(Movement *m, const uint8_t *classes, int place, const char *text, int width) except -1 nogil:
    # A field that is blank stays free for a later detail; so does an end-to-end id that says it is none.
    cdef int before = leading(classes, text, width)
    cdef int size = trimmed(classes, text + before, width - before)
    if size and not (place == END_TO_END and size == 11 and memcmp(text + before, "NOTPROVIDED", 11) == 0):
        m.own[place] = m.count
        new_detail(m, place, text + before, size)
    return 0


cdef inline int add_remittance(Movement *m, const uint8_t *classes, const char *code, const char *text) except -1 nogil:
    cdef Detail *detail
    if memcmp(code, "LC2", 3) == 0 and m.first_line >= 0:
        # One remittance of 140 characters in two records: a reference may run over the cut.
        detail = &m.details[m.first_line]
        memcpy(&detail.text[INFORMATION], text, INFORMATION)
        detail.size, m.first_line = trimmed(classes, detail.text, 2 * INFORMATION), -1
        return 0
    if memcmp(code, "LCC", 3) == 0:
        m.first_line = m.count
    detail = new_detail(m, REMITTANCE, text, 35 if memcmp(code, "LCS", 3) == 0 else INFORMATION)
    detail.size = trimmed(classes, detail.text, detail.size)
    return 0


cdef inline int add_kept(Movement *m, const uint8_t *classes, const char *code, int code_size, const char *text, int width) except -1 nogil:
    cdef Detail *detail = new_detail(m, AS_FOUND, text, trimmed(classes, text, width))
    detail.code_size = code_size
    memcpy(detail.code, code, <size_t>code_size)
    return 0


cdef inline int add_detail(Movement *m, const uint8_t *classes, const char *text) except -1 nogil:
    # Take one 05 and return what was odd in it.
    cdef int before = leading(classes, text + 45, 3), place = AS_FOUND
    cdef const char *code = text + 45 + before
    cdef int size = trimmed(classes, code, 3 - before)
    cdef bint nowhere = size == 3 and among("NBEIBENPOIPONBUIBUMMOCBERUMCPYFEE", 11, code)
    cdef bint known = nowhere or size == 3 and among("LIBLCCLC2LCSREFNPYIPYRCN", 8, code)
    cdef bint reserved = trimmed(classes, text + 40, 5) > 0
    if reserved and not known or is_amount(text + 90) and (reserved or not known):
        add_kept(m, classes, code, 0, text + 40, 78)
        return OLDER_LAYOUT
    if not known:
        add_kept(m, classes, code, size, text + 48, INFORMATION)
        return STRANGE_QUALIFIER
    if nowhere:
        return NOTHING_ODD
    if among("LIBLCCLC2LCS", 4, code):
        add_remittance(m, classes, code, text + 48)
        return NOTHING_ODD
    if among("REF", 1, code):
        new_detail(m, REFERENCE, text + 48, 35)
        new_detail(m, REFERENCE, text + 83, 35)
        return NOTHING_ODD
    place = PAYER_NAME if among("NPY", 1, code) else PAYER_ID if among("IPY", 1, code) else END_TO_END
    if m.own[place] < 0:
        add_own(m, classes, place, text + 48, INFORMATION if place == PAYER_NAME else 35)
    else:
        add_kept(m, classes, code, size, text + 48, INFORMATION)
    return NOTHING_ODD


@cython.overflowcheck(False)
cdef inline int spread(Runs *runs, uint32_t size) except -1 nogil:
    # Lay the table out anew with so many slots.
    cdef int32_t *slots = <int32_t *>calloc(size, sizeof(int32_t))
    cdef uint32_t slot
    cdef int place
    if slots == NULL:
        with gil:
            raise MemoryError
    for place in range(runs.count):
        slot = hash_of(runs.found[place].text, runs.found[place].size) & (size - 1)
        while slots[slot]:
            slot = (slot + 1) & (size - 1)
        slots[slot], runs.found[place].slot = place + 1, slot
    free(runs.slots)
    runs.slots, runs.size = slots, size
    return 0


@cython.overflowcheck(False)
cdef inline int add_run(Runs *runs, const char *text, int size) except -1 nogil:
    cdef uint32_t slot
    cdef Run *found
    if <uint32_t>(runs.count + 1) * 2 > runs.size:
        spread(runs, runs.size * 2 if runs.size else 64)
    slot = hash_of(text, size) & (runs.size - 1)
    while runs.slots[slot]:
        found = &runs.found[runs.slots[slot] - 1]
        if found.size == size and memcmp(found.text, text, <size_t>size) == 0:
            return 0
        slot = (slot + 1) & (runs.size - 1)
    if runs.count == runs.room:
        found = <Run *>realloc(runs.found, <size_t>(runs.room * 2 + 32) * sizeof(Run))
        if found == NULL:
            with gil:
                raise MemoryError
        runs.found, runs.room = found, runs.room * 2 + 32
    found = &runs.found[runs.count]
    runs.count += 1
    found.text, found.size, found.slot, runs.slots[slot] = text, size, slot, runs.count
    return 0


cdef inline int add_runs(Runs *runs, const char *text, int size) except -1 nogil:
    # Every run of digits that is long enough, once.
    cdef int place = 0, start
    while place < size:
        start = place
        while place < size and 48 <= text[place] <= 57:
            place += 1
        if place - start >= SHORTEST_RUN:
            add_run(runs, text + start, place - start)
        place += 1
    return 0


@cython.overflowcheck(False)
cdef inline int put_references(Out *out, Movement *m) except -1 nogil:
    cdef int place
    add_runs(&m.runs, &m.record[48], 31)
    for place in range(m.count):
        if m.details[place].place <= END_TO_END:
            add_runs(&m.runs, m.details[place].text, m.details[place].size)
    for place in range(m.runs.count):
        need(out, m.runs.found[place].size + 3)
        word(out, ',"' if place else '"')
        put(out, m.runs.found[place].text, m.runs.found[place].size)
        word(out, '"')
    # The table is left empty for the next movement.
    for place in range(m.runs.count):
        m.runs.slots[m.runs.found[place].slot] = 0
    m.runs.count = 0
    return 0


cdef inline int put_own(Out *out, const uint8_t *classes, const Movement *m, const char *key, int place) except -1 nogil:
    need(out, 64)
    word(out, key)
    if m.own[place] < 0:
        word(out, "null")
        return 0
    return put_text(out, classes, m.details[m.own[place]].text, m.details[m.own[place]].size)


cdef inline int put_details(Out *out, const uint8_t *classes, const Movement *m, int wanted) except -1 nogil:
    # Texts, or pairs of a code and a text.
    cdef const Detail *detail
    cdef bint another = False
    cdef int place
    for place in range(m.count):
        detail = &m.details[place]
        if detail.place != wanted:
            continue
        need(out, 4)
        if another:
            word(out, ",")
        if wanted == AS_FOUND:
            word(out, "[")
            put_text(out, classes, detail.code, detail.code_size)
            need(out, 2)
            word(out, ",")
        put_text(out, classes, detail.text, detail.size)
        need(out, 2)
        if wanted == AS_FOUND:
            word(out, "]")
        another = True
    return 0


cdef inline void put_date(Out *out, const char *key, const char *day, bint given) noexcept nogil:
    word(out, key)
    if not given:
        word(out, "null")
        return
    word(out, '"')
    put(out, day, 10)
    word(out, '"')


cdef inline int put_head(
    Out *out, const uint8_t *classes, const Movement *m, const char *sha256, const char *account, int account_size, const char *currency
) except -1 nogil:
    cdef int before = leading(classes, &m.record[32], 2)
    cdef int size = trimmed(classes, &m.record[32 + before], 2 - before)
    need(out, 512)
    word(out, '{"id":"')
    put(out, sha256, 16)
    word(out, ":")
    put_number(out, m.number)
    word(out, '","account":')
    put_text(out, classes, account, account_size)
    need(out, 512)
    put_date(out, ',"booking_date":', m.booked, True)
    put_date(out, ',"value_date":', m.valued, m.has_value_date)
    word(out, ',"amount":')
    put_number(out, m.amount)
    word(out, ',"currency":"')
    put(out, currency, 3)
    word(out, '","operation_code":')
    if size:
        put_text(out, classes, &m.record[32 + before], size)
    else:
        word(out, "null")
    need(out, 64)
    word(out, ',"label":')
    return put_text(out, classes, &m.record[48], trimmed(classes, &m.record[48], 31))


cdef inline int put_line(
    Out *out, const uint8_t *classes, Movement *m, const char *sha256, const char *account, int account_size, const char *currency
) except -1 nogil:
    # The whole line with its LF.
    put_head(out, classes, m, sha256, account, account_size, currency)
    need(out, 64)
    word(out, ',"remittance":[')
    put_details(out, classes, m, REMITTANCE)
    put_own(out, classes, m, '],"end_to_end_id":', END_TO_END)
    put_own(out, classes, m, ',"payer_name":', PAYER_NAME)
    put_own(out, classes, m, ',"payer_id":', PAYER_ID)
    need(out, 64)
    word(out, ',"references":[')
    put_references(out, m)
    need(out, 64)
    word(out, '],"qualifiers":[')
    put_details(out, classes, m, AS_FOUND)
    need(out, 256)
    word(out, '],"status":"booked","source":{"file_sha256":"')
    put(out, sha256, 64)
    word(out, '","line":')
    put_number(out, m.number)
    word(out, ',"format":"cfonb120"}}\n')
    return 0
