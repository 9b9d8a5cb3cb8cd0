# SPDX-License-Identifier: Apache-2.0
"""Keys and values of a line of JSON in order of the schema, read one after the other where the processor tells first how far they go."""
cimport cython
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from ext.claim cimport Value
from ext.draft cimport Act
from ext.fields cimport MODIFIER_LIST, TOOTH_LIST, Check
from ext.fse cimport AGREEMENT, CCAM, NGAP, THINGS, Encoder
from ext.rule cimport ANY, CELL_LIST, KEYED, ODD, WORDS, Rule, make_rule
from ext.schema cimport CHOICE, KEYS, KIND, OBJECT, SPELT, UNWRITTEN, VALUE, Key, Keys
from ext.slots cimport CELLS, S_ACT_CODE

cdef extern from "ext/line.h" nogil:
    ctypedef struct Index "desmos_index":
        int count

    ctypedef struct Entry "desmos_entry":
        char[32] spelt
        uint32_t mask
        uint32_t size
        uint32_t offset
        int nullable
        Rule rule
        int kept
        int told
        const Entry *inner
        const Entry *stop

    ctypedef struct Place "desmos_place":
        uint64_t seen
        char *side
        int last
        int ended

    const char *kind_word "desmos_kind_word"(bint ccam)
    bint has_index "desmos_has_index"()
    const char *index_line "desmos_index_line"(const char *at, const char *stop, Index *index)
    const char *read_values "desmos_read_values"(const char *at, const char *stop, Index *index, const Entry *entries, Place *place)


@cython.overflowcheck(False)
cdef inline void make_entry(Entry *entry, const Key *key, const Check *check, int thing, const Entry *inner, int count) noexcept nogil:
    # Take a key of an object, and the check of its value or the keys of the object that stands under it.
    cdef Act act
    if key.role == VALUE and check.kind >= MODIFIER_LIST:
        entry.rule.form, entry.rule.width = CELL_LIST, CELLS
        entry.offset = <uint32_t>((&act.teeth[0] if check.kind == TOOTH_LIST else &act.modifiers[0]) - <char *>&act)
    elif key.role == VALUE:
        make_rule(&entry.rule, check)
        entry.nullable, entry.kept = check.nullable, 1
        entry.offset = <uint32_t>sizeof(Value) * <uint32_t>(check.slot - (S_ACT_CODE if thing >= NGAP else 0))
    elif key.role == OBJECT:
        entry.rule.form, entry.nullable, entry.inner, entry.stop = KEYED, key.nullable, inner, inner + count
        entry.told = <int>(<char *>&act.agreed - <char *>&act) if key.target == AGREEMENT else 0
    elif key.role == UNWRITTEN:
        entry.rule.form = ANY
    elif key.role == CHOICE:
        entry.rule.form, entry.rule.codes = WORDS, key.choices
        entry.rule.words = &key.choice[0][0]
    elif key.role == KIND:
        entry.rule.form, entry.rule.codes = WORDS, 1
        entry.rule.words = kind_word(thing == CCAM)
    if entry.rule.form != ODD:
        memcpy(entry.spelt, key.spelt, SPELT)
        entry.size, entry.mask = <uint32_t>key.size, <uint32_t>((<uint64_t>1 << key.size) - 1)


@cython.overflowcheck(False)
cdef inline void make_entries(Entry *entries, const Keys *things, Encoder encoder) noexcept:
    # Take all keys, and after those of each object one that no key is like; each object has room for one more than the most.
    cdef const Key *key
    cdef const Check *check
    cdef int thing, place, target
    for thing in range(THINGS):
        for place in range(KEYS + 1):
            entries[thing * (KEYS + 1) + place].mask = 1
        for place in range(things[thing].count):
            key = &things[thing].keys[place]
            target = key.target if key.role == OBJECT else 0
            check = &encoder.checks[thing][key.target] if key.role == VALUE else NULL
            make_entry(&entries[thing * (KEYS + 1) + place], key, check, thing, &entries[target * (KEYS + 1)], things[target].count)
