# SPDX-License-Identifier: Apache-2.0
"""Keys and values of a line of JSON in order of the schema, read one after the other where the processor tells first how far they go."""
cimport cython
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from ext.claim cimport Value
from ext.fields cimport Check
from ext.rule cimport ANY, ODD, WORDS, Rule, make_rule
from ext.schema cimport CHOICE, SPELT, UNWRITTEN, Key

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

    ctypedef struct Place "desmos_place":
        uint64_t seen
        char *side
        int last
        int ended

    bint has_index "desmos_has_index"()
    const char *index_line "desmos_index_line"(const char *at, const char *stop, Index *index)
    const char *read_values "desmos_read_values"(const char *at, const char *stop, Index *index, const Entry *entries, Place *place)


@cython.overflowcheck(False)
cdef inline void make_entry(Entry *entry, const Key *key, const Check *check, int first) noexcept nogil:
    # Take the check of a key that has a value, and the first slot of its side.
    if check != NULL:
        make_rule(&entry.rule, check)
        entry.nullable, entry.offset = check.nullable, <uint32_t>sizeof(Value) * <uint32_t>(check.slot - first)
    elif key.role == UNWRITTEN:
        entry.rule.form = ANY
    elif key.role == CHOICE:
        entry.rule.form, entry.rule.codes = WORDS, key.choices
        entry.rule.words = &key.choice[0][0]
    if entry.rule.form != ODD:
        memcpy(entry.spelt, key.spelt, SPELT)
        entry.size, entry.mask = <uint32_t>key.size, <uint32_t>((<uint64_t>1 << key.size) - 1)
