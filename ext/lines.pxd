# SPDX-License-Identifier: Apache-2.0
"""Fixed-width lines in C: a template with its constants, and the steps that write values over it."""
cimport cython
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

cdef enum:
    CONST = 0
    FILLER = 1
    NUMBER = 2
    DATE = 4
    TEXT = 5
    ELEMENT = -2
    STEPS = 64
    WIDTH = 128
    LINE = 129

cdef struct Value:
    # Text, or a number when `text` is NULL; nothing at all unless `known`.
    const char *text
    Py_ssize_t size
    uint64_t number
    bint known

cdef struct Step:
    Py_ssize_t offset
    Py_ssize_t width
    Py_ssize_t slot
    Py_ssize_t start
    Py_ssize_t stop
    int kind

cdef struct Line:
    # Only the steps that write a value; constants and fillers stand in the template.
    Step[STEPS] steps
    int count
    char[LINE] template
    # The bytes from `start` to `stop` that another record written before has too, and how many steps they spare.
    Py_ssize_t start
    Py_ssize_t stop
    int spared


@cython.overflowcheck(False)
cdef inline bint put_number(char *out, Py_ssize_t width, uint64_t number) noexcept nogil:
    # False when it is wider. The template already holds the zeros on the left.
    while number and width:
        width -= 1
        out[width] = <char>(48 + number % 10)
        number //= 10
    return number == 0


@cython.overflowcheck(False)
cdef inline bint put(char *line, const Step *step, const Value *value) noexcept nogil:
    # False when the value is wider than its field. A value that is not known leaves the blanks or zeros of the template.
    cdef char *out = line + step.offset
    cdef const char *text = value.text
    cdef Py_ssize_t size = value.size
    if not value.known:
        return True
    if text == NULL:
        return put_number(out, step.width, value.number)
    if step.stop >= 0:
        if step.stop > size:
            return False
        text += step.start
        size = step.stop - step.start
    elif step.kind == DATE:
        if size != 10:
            return False
        memcpy(out, text + 2, 2)
        memcpy(out + 2, text + 5, 2)
        memcpy(out + 4, text + 8, 2)
        return True
    if size > step.width:
        return False
    memcpy(out + step.width - size if step.kind == NUMBER else out, text, <size_t>size)
    return True


@cython.overflowcheck(False)
cdef inline bint write(char *out, const Line *line, const Value *values, const char *alike) noexcept nogil:
    # One record of 128 characters and its line end; `alike` is the record that begins alike.
    cdef int i
    memcpy(out, line.template, LINE)
    memcpy(out + line.start, alike + line.start, <size_t>(line.stop - line.start))
    for i in range(line.spared, line.count):
        if not put(out, &line.steps[i], &values[line.steps[i].slot]):
            return False
    return True


cdef inline bint same_step(const Step *one, const Step *other) noexcept nogil:
    return one.offset == other.offset and one.width == other.width and one.slot == other.slot and one.kind == other.kind \
        and one.start == other.start and one.stop == other.stop


@cython.overflowcheck(False)
cdef inline int share(Line *line, const Line *other) noexcept nogil:
    # Find what both begin with, from their first value on.
    cdef int i = 0
    cdef Py_ssize_t at
    while i < line.count and i < other.count and same_step(&line.steps[i], &other.steps[i]):
        i += 1
    line.start = line.steps[0].offset if i else 0
    line.stop = line.start
    for at in range(line.start, line.steps[i - 1].offset + line.steps[i - 1].width if i else 0):
        if line.template[at] != other.template[at]:
            break
        line.stop = at + 1
    while i and line.steps[i - 1].offset + line.steps[i - 1].width > line.stop:
        i -= 1
    line.spared = i
    return 0


cdef inline int compile_line(Line *line, tuple steps, Py_ssize_t slots, dict elements) except -1:
    # Steps are those of the table compiler; `elements` gives, for the slot of a list, how many values follow it.
    cdef int i = 0
    cdef bytes const
    template = bytearray(b" " * WIDTH + b"\n")
    for offset, width, kind, _, slot, start, stop, const, _ in steps:
        if offset < 0 or width < 1 or offset > WIDTH - width or i >= STEPS:
            raise ValueError("a step lies outside its record")
        if kind == CONST:
            template[offset:offset + width] = const.ljust(width)
            continue
        if kind == FILLER:
            continue
        if kind != NUMBER and kind != DATE and kind != TEXT or slot < 0:
            raise ValueError("a step is of no kind that claims have")
        if kind != TEXT:
            template[offset:offset + width] = b"0" * width
        if stop >= 0 and not 0 <= start <= stop:
            raise ValueError("a step reads a part that ends before it starts")
        if stop == ELEMENT:
            if start >= elements.get(slot, 0):
                raise ValueError("a step reads further than its list goes")
            slot, start, stop = slot + start, 0, -1
        if slot >= slots or (kind == DATE and width != 6):
            raise ValueError("a step reads a slot that there is not")
        line.steps[i] = Step(offset, width, slot, start, stop, kind)
        i += 1
    line.count, line.start, line.stop, line.spared = i, 0, 0, 0
    if len(template) != LINE:
        raise ValueError("a constant is wider than its field")
    const = bytes(template)
    memcpy(line.template, <const char *>const, LINE)
    return 0
