# SPDX-License-Identifier: Apache-2.0
"""The steps of the table compiler made ready to be followed: where each value lies, and which of its characters go where.

What a value looks like is known beforehand from its check, so a step that could clip a value, or read a part that it may not have, is
refused here and never met while records are written.
"""
cimport cython
from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy

from ext.claim cimport LEFT, LINE, RIGHT, STEPS, WORD, Line, Step
from ext.draft cimport Act, Head
from ext.fields cimport *
from ext.slots cimport *

cdef enum:
    WIDTH = 128
    # Kinds of the steps of the table compiler, and what stands in `stop` for an index in a list.
    CONST = 0
    FILLER = 1
    NUMBER = 2
    DATE = 4
    TEXT = 5
    ELEMENT = -2

# How the value of a slot looks: nothing that can be written, a number, a text of one size, a text up to a size, a day.
cdef enum:
    HIDDEN, COUNTED, EXACT, FREE, DATED

cdef struct Shape:
    int form
    int size


cdef inline Shape shape_of(const Check *check):
    cdef Shape shape
    shape.size = check.width
    if check.kind == INTEGER:
        shape.form = COUNTED
    elif check.kind in (CODE, NAME, AMC):
        shape.form = FREE
    elif check.kind == DAY:
        shape.form = DATED
        shape.size = 6
    elif check.kind in (FIXED, FIXED_OR_BLANK, NOT_ZERO):
        shape.form = EXACT
    else:
        sizes = {BIRTH: 8, NIR: 15, BILLER: 9, FINESS: 9}
        shape.form, shape.size = EXACT if check.kind in sizes else HIDDEN, sizes.get(check.kind, 0)
    return shape


@cython.overflowcheck(False)
cdef inline void derive(Shape *shapes) noexcept:
    # How the computed values look.
    cdef int i
    shapes[S_BILLER_WRITTEN] = shapes[S_ACCIDENT_WRITTEN] = Shape(EXACT, 9)
    shapes[S_SPLIT], shapes[S_AMC_WRITTEN] = Shape(EXACT, 1), Shape(EXACT, 10)
    shapes[S_SPECIALTY_WRITTEN] = shapes[S_PRESCRIBER_SPECIALTY]
    # The act code of either kind goes into one field, whose width bounds both.
    shapes[S_CODE_WRITTEN] = shapes[S_GROUPING]
    shapes[S_AGREEMENT_WRITTEN], shapes[S_AMC_AMOUNT] = shapes[S_AGREEMENT_CODE], shapes[S_AMC]
    for i in range(S_LINES, S_TOTAL_INSURED + 1):
        # Totals are looked at one by one against the width of their field.
        shapes[i] = Shape(COUNTED, 0)


@cython.overflowcheck(False)
cdef inline uint32_t between(const void *start, const void *at) noexcept:
    return <uint32_t>(<size_t>at - <size_t>start)


@cython.overflowcheck(False)
cdef inline void place_of_value(Step *step, int slot) noexcept:
    cdef Head head
    cdef Act act
    step.act = slot >= S_ACT_CODE
    if step.act:
        step.word = between(&act, &act.values[slot - S_ACT_CODE].word[0])
        step.known = between(&act, &act.values[slot - S_ACT_CODE].known)
    else:
        step.word, step.known = between(&head, &head.values[slot].word[0]), between(&head, &head.values[slot].known)


cdef inline void place_of_cell(Step *step, int slot, int index) noexcept:
    cdef Act act
    step.word = between(&act, &act.teeth[index] if slot == S_TEETH else &act.modifiers[index])
    step.known, step.act = between(&act, &act.always), 1


cdef inline int move(Step *step, int offset, int source, int count) except -1:
    if not 0 <= source < SHORT or not 1 <= count <= SHORT - source:
        raise ValueError("a step moves more characters than a value has")
    step.way, step.offset, step.source, step.count = WORD, offset, source, count
    step.mask = <uint16_t>(((1 << count) - 1) << source)
    return 0


cdef inline int aim(Step *step, int offset, int width, int kind, int start, int stop, Shape shape) except -1:
    # Set what a step does for a value of that shape.
    cdef int size = shape.size
    if shape.form == HIDDEN or (kind == DATE and width != 6):
        raise ValueError("a step reads a value that is not written, or a date of another width")
    if (shape.form == DATED) != (kind == DATE and stop < 0):
        raise ValueError("a step takes a day for something else, or something else for a day")
    if stop >= 0:
        if not 0 <= start < stop or shape.form != EXACT or stop > size:
            raise ValueError("a step reads a part that the value may not have")
        size = stop - start
    elif shape.form == COUNTED and kind != NUMBER:
        raise ValueError("a number stands in a field of another kind")
    if size > width:
        raise ValueError("the layout has a field that is narrower than its check")
    if shape.form == COUNTED:
        width = min(width, SHORT) if shape.size else width
        return move(step, offset, SHORT - width, width)
    if shape.form == EXACT:
        return move(step, offset + width - size if kind == NUMBER else offset, start if stop >= 0 else 0, size)
    if shape.form == DATED:
        return move(step, offset, 0, 6)
    if kind != NUMBER and size <= SHORT:
        return move(step, offset, 0, min(width, SHORT))
    step.way, step.offset, step.count = RIGHT if kind == NUMBER else LEFT, offset, width
    return 0


@cython.overflowcheck(False)
cdef inline bint joins(const Step *former, const Step *step) noexcept:
    # True when both move neighbours from neighbours, so that one step does for both.
    return former.way == WORD and former.act == step.act and former.known == step.known and former.source == 0 and step.source == 0 \
        and former.word + former.count == step.word and former.offset + former.count == step.offset \
        and former.count + step.count <= SHORT


cdef inline int add_element(Line *line, int *used, Step *step, tuple row, dict lists) except -1:
    offset, width, kind, _, slot, index, _, _, _ = row
    places, size = lists.get(slot, (0, 0))
    if index >= places or width < size or kind != TEXT:
        raise ValueError("a step reads further than its list goes, or into a field that is none for its values")
    place_of_cell(step, slot, index * size)
    move(step, offset, 0, size)
    if used[0] and joins(&line.steps[used[0] - 1], step):
        move(&line.steps[used[0] - 1], line.steps[used[0] - 1].offset, 0, line.steps[used[0] - 1].count + step.count)
        used[0] -= 1
    else:
        line.steps[used[0]] = step[0]
    return 0


cdef inline int compile_line(Line *line, tuple steps, const Shape *shapes, dict lists) except -1:
    """Take the steps of one record; `lists` gives, for the slot of a list, its places and the size of each."""
    cdef int used = 0
    cdef Step step
    cdef bytes const
    template = bytearray(b" " * WIDTH + b"\n")
    for row in steps:
        offset, width, kind, _, slot, start, stop, const, _ = row
        if offset < 0 or width < 1 or offset > WIDTH - width or used >= STEPS:
            raise ValueError("a step lies outside its record")
        if kind == CONST:
            template[offset:offset + width] = const.ljust(width)
            continue
        if kind == FILLER:
            continue
        if kind != NUMBER and kind != DATE and kind != TEXT or not 0 <= slot < SLOT_COUNT:
            raise ValueError("a step is of no kind that claims have, or reads a slot that there is not")
        if kind != TEXT:
            template[offset:offset + width] = b"0" * width
        step.act, step.source, step.mask = 0, 0, 0
        if stop == ELEMENT:
            add_element(line, &used, &step, row, lists)
        elif slot >= S_MODIFIERS:
            raise ValueError("a step reads a list as if it were one value")
        else:
            place_of_value(&step, slot)
            aim(&step, offset, width, kind, start, stop, shapes[<int>slot])
            line.steps[used] = step
        used += 1
    line.count, line.spared, line.start, line.stop, line.acts, line.texts = used, 0, 0, 0, 0, 0
    if len(template) != LINE:
        raise ValueError("a constant is wider than its field")
    const = bytes(template)
    memcpy(line.template, <const char *>const, LINE)
    return 0


cdef inline bint same_step(const Step *one, const Step *other) noexcept:
    return one.way == WORD and other.way == WORD and one.word == other.word and one.offset == other.offset and one.mask == other.mask \
        and one.act == 0 and other.act == 0


@cython.overflowcheck(False)
cdef inline int share(Line *line, const Line *other) except -1:
    """Find what both begin with, from their first value on, within the first 64 characters."""
    cdef int i = 0
    while i < line.count and i < other.count and same_step(&line.steps[i], &other.steps[i]):
        i += 1
    if i and line.steps[0].offset >= 64:
        i = 0
    line.start = line.steps[0].offset if i else 0
    line.stop = line.start
    while line.stop < 64 and i and line.stop < line.steps[i - 1].offset + line.steps[i - 1].count:
        if line.template[line.stop] != other.template[line.stop]:
            break
        line.stop += 1
    while i and line.steps[i - 1].offset + line.steps[i - 1].count > line.stop:
        i -= 1
    line.spared = i
    return 0


@cython.overflowcheck(False)
cdef inline void part(Line *line) noexcept:
    """Bring the steps that are left into the order words of the head, words of the act, texts; no two write one place."""
    cdef Step[STEPS] steps
    cdef int kind, i, used = line.spared
    for kind in range(3):
        for i in range(line.spared, line.count):
            if kind == (2 if line.steps[i].way != WORD else line.steps[i].act):
                steps[used] = line.steps[i]
                used += 1
        if kind == 0:
            line.acts = used
        elif kind == 1:
            line.texts = used
    memcpy(&line.steps[line.spared], &steps[line.spared], <size_t>(line.count - line.spared) * sizeof(Step))
