# SPDX-License-Identifier: Apache-2.0
"""Counts of requests in memory that other processes read: one writer, no lock, no Python object for a count.

A record for each pair of method and route: its name, how long requests took by upper bound, their sum, and how many had each status.
What a process that died counted stays in the memory, and the next writer goes on from it.
"""
cimport cython
from cpython.buffer cimport PyBUF_CONTIG, PyBUF_CONTIG_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.dict cimport PyDict_GetItemWithError
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #define published() __atomic_thread_fence(__ATOMIC_RELEASE)
    #define seen() __atomic_thread_fence(__ATOMIC_ACQUIRE)
    """
    void published() noexcept nogil
    void seen() noexcept nogil

cdef enum:
    MARK = 0x1D5F0001
    BOUNDS = 15
    NAME = 152
    STATUSES = 500
    RECORDS = 1024
    OUTCOMES = 4

cdef struct Record:
    uint32_t method
    uint32_t route
    char name[NAME]
    uint64_t buckets[BOUNDS + 1]
    double seconds
    uint64_t statuses[STATUSES]

cdef struct Table:
    uint32_t mark
    uint32_t used
    int64_t running
    uint64_t outcomes[OUTCOMES]
    Record records[RECORDS]

SIZE = sizeof(Table)


cdef class Tally:
    """Counts of one process, in a writable memory of SIZE bytes.

    `bounds` are upper bounds of seconds, at most 15, the lowest first; `methods` those that are told apart, all others count as OTHER.
    A request that was answered well but took more than `slow_s` counts as bad, one of status `shed` too.
    """

    cdef Py_buffer view
    cdef Table *table
    cdef dict places
    cdef frozenset methods
    cdef double bounds[BOUNDS]
    cdef int bound_count
    cdef double slow_s
    cdef int shed

    def __cinit__(self, memory not None, tuple bounds not None, frozenset methods not None, double slow_s, int shed):
        cdef int i
        self.table = NULL
        if not 0 < len(bounds) <= BOUNDS or list(bounds) != sorted(set(bounds)):
            raise ValueError("bounds are 1 to 15 numbers, the lowest first")
        PyObject_GetBuffer(memory, &self.view, PyBUF_CONTIG)
        if <size_t>self.view.len != sizeof(Table) or (<size_t>self.view.buf) % 8:
            PyBuffer_Release(&self.view)
            raise ValueError("the memory of a tally has SIZE bytes, aligned as numbers are")
        self.table = <Table *>self.view.buf
        self.bound_count = <int>len(bounds)
        for i in range(self.bound_count):
            self.bounds[i] = bounds[i]
        self.methods, self.slow_s, self.shed, self.places = methods, slow_s, shed, {}
        if self.table.mark != MARK:
            # What another version wrote has other places.
            self.table.used = 0
            self.table.mark = MARK
        self.table.running = 0
        for i in range(<int>min(self.table.used, <uint32_t>RECORDS)):
            method, route = named(&self.table.records[i])
            self.places.setdefault(route, {})[method] = i

    def __dealloc__(self):
        if self.table != NULL:
            PyBuffer_Release(&self.view)

    @cython.overflowcheck(False)
    def begin(self):
        """Count one request that runs."""
        self.table.running += 1

    @cython.overflowcheck(False)
    def end(self):
        """Count one request less that runs."""
        self.table.running -= 1

    @cython.overflowcheck(False)
    def observe(self, str method not None, str route not None, int status, double seconds):
        """Count one answered request. Raises OverflowError when there is no room for another name."""
        cdef PyObject *found = PyDict_GetItemWithError(self.places, route)
        cdef Record *record
        cdef int i = 0
        if not 100 <= status < 100 + STATUSES:
            raise ValueError("a status has three digits")
        if found != NULL:
            found = PyDict_GetItemWithError(<dict>found, method)
        record = &self.table.records[<int>(<object>found) if found != NULL else self.place(method, route)]
        while i < self.bound_count and seconds > self.bounds[i]:
            i += 1
        record.buckets[i] += 1
        record.seconds += seconds
        record.statuses[status - 100] += 1

    @cython.overflowcheck(False)
    def outcome(self, int status, double seconds, bint is_open):
        """Count one request for availability, unless it was wrong itself."""
        cdef bint bad = status >= 400 or seconds > self.slow_s
        if status < 400 or status >= 500 or status == self.shed:
            self.table.outcomes[2 * is_open + bad] += 1

    cdef int place(self, str method, str route) except -1:
        cdef dict of_route = self.places.setdefault(route, {})
        cdef uint32_t used = self.table.used
        cdef bytes first, second
        if method not in self.methods:
            method = "OTHER"
        if method in of_route:
            return of_route[method]
        first, second = method.encode(), route.encode()
        if used >= RECORDS or len(first) + len(second) > NAME:
            raise OverflowError("there is no room for another route")
        cdef Record *record = &self.table.records[used]
        memcpy(record.name, <char *>first, len(first))
        memcpy(record.name + len(first), <char *>second, len(second))
        record.method, record.route = <uint32_t>len(first), <uint32_t>len(second)
        of_route[method] = <int>used
        # Who reads must not see the record before its name.
        published()
        self.table.used = used + 1
        return <int>used


cdef tuple named(Record *record):
    cdef size_t method = min(record.method, <uint32_t>NAME)
    cdef size_t route = min(record.route, <uint32_t>(NAME - method))
    return record.name[:method].decode("utf-8", "replace"), record.name[method:method + route].decode("utf-8", "replace")


def read(list memories not None, int bounds):
    """Return what all tallies of `bounds` bounds counted together.

    That is by method and route the counts by bound, the sum of seconds and the counts by status; the requests that run; and the four
    outcomes: closed and good, closed and bad, open and good, open and bad.
    """
    cdef Py_buffer view
    cdef Table *table
    cdef dict merged = {}
    cdef list outcomes = [0] * OUTCOMES
    cdef int64_t running = 0
    cdef int i
    if not 0 < bounds <= BOUNDS:
        raise ValueError("bounds are 1 to 15")
    for memory in memories:
        PyObject_GetBuffer(memory, &view, PyBUF_CONTIG_RO)
        try:
            if <size_t>view.len != sizeof(Table) or (<size_t>view.buf) % 8:
                raise ValueError("the memory of a tally has SIZE bytes, aligned as numbers are")
            table = <Table *>view.buf
            if table.mark == MARK:
                running += table.running
                for i in range(OUTCOMES):
                    outcomes[i] += table.outcomes[i]
                gather(table, merged, bounds)
        finally:
            PyBuffer_Release(&view)
    return {name: tuple(entry) for name, entry in merged.items()}, running, tuple(outcomes)


cdef int gather(Table *table, dict merged, int bounds) except -1:
    cdef uint32_t used = min(table.used, <uint32_t>RECORDS)
    cdef Record *record
    cdef uint32_t i
    cdef int j
    seen()
    for i in range(used):
        record = &table.records[i]
        name = named(record)
        entry = merged.get(name)
        if entry is None:
            entry = merged[name] = [[0] * (bounds + 1), 0.0, {}]
        counts, statuses = <list>(<list>entry)[0], <dict>(<list>entry)[2]
        for j in range(bounds + 1):
            if record.buckets[j]:
                counts[j] += record.buckets[j]
        entry[1] += record.seconds
        for j in range(STATUSES):
            if record.statuses[j]:
                statuses[100 + j] = statuses.get(100 + j, 0) + record.statuses[j]
    return 0
