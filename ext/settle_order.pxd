# SPDX-License-Identifier: Apache-2.0
"""Lines in order of their names."""
cimport cython
from libc.stdint cimport uint32_t
from libc.string cimport memcmp, memcpy

from ext.settle cimport Line


@cython.overflowcheck(False)
cdef inline int compared(const Line *one, const Line *other, const char *texts) noexcept nogil:
    cdef int shorter = one.name_size if one.name_size < other.name_size else other.name_size
    cdef int found = memcmp(texts + one.name, texts + other.name, <size_t>shorter)
    return found if found else one.name_size - other.name_size


@cython.overflowcheck(False)
cdef inline void sorted_rows(uint32_t *rows, uint32_t *spare, Py_ssize_t count, const Line *lines, const char *texts) noexcept nogil:
    # By merging, from pairs upwards; what is in order already is only copied.
    cdef Py_ssize_t width = 1, start, middle, end, left, right, at
    cdef uint32_t *source = rows
    cdef uint32_t *target = spare
    while width < count:
        start = 0
        while start < count:
            middle = start + width if count - start > width else count
            end = middle + width if count - middle > width else count
            left, right = start, middle
            for at in range(start, end):
                if left < middle and (right == end or compared(lines + source[left], lines + source[right], texts) <= 0):
                    target[at] = source[left]
                    left += 1
                else:
                    target[at] = source[right]
                    right += 1
            start = end
        source, target = target, source
        width *= 2
    if source != rows:
        memcpy(rows, source, <size_t>count * sizeof(uint32_t))
