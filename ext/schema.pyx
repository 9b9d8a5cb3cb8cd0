# SPDX-License-Identifier: Apache-2.0
"""The keys of the invoice as they come in JSON or in a dictionary: which there are, in which order, and what an absent one means.

Who reads by these keys takes only what is sound. Anything else, an unknown key, a missing one, a value with a fault, is no business of
theirs: they stop, and the same invoice goes the general way, which finds and tells every fault.
"""
cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy, memset

from ext.draft cimport Act, Draft, value_at
from ext.fields cimport *
from ext.fse cimport AGREEMENT, THINGS, Encoder
from ext.slots cimport *

ROLES = {"value": VALUE, "object": OBJECT, "acts": ACTS, "kind": KIND, "unwritten": UNWRITTEN, "choice": CHOICE}


@cython.overflowcheck(False)
cdef inline uint64_t name_word(const char *name, Py_ssize_t size) noexcept nogil:
    # The first eight characters and the size: no two keys of one object share both.
    cdef uint64_t word = 0
    memcpy(&word, name, <size_t>min(size, <Py_ssize_t>8))
    return word ^ <uint64_t>size * <uint64_t>0x9E3779B97F4A7C15


cdef class Schema:
    """The keys of every object of the invoice, beside the checks that an encoder has for them."""

    def __cinit__(self, Encoder encoder not None, tuple things not None):
        """Take for each of OBJECTS its keys in the order in which they are usually written.

        A key is `(name, role, target, needed, nullable, default)`; the target is the place of its check or of its object, or for one
        of a few words the tuple of them.
        """
        cdef int thing
        if len(things) != THINGS:
            raise ValueError("a schema takes the keys of 11 objects")
        self.encoder, self.names = encoder, things
        for thing in range(THINGS):
            self.things[thing].count = 0
            for row in things[thing]:
                self.add_key(thing, row)
            self.things[thing].all = (<uint64_t>1 << self.things[thing].count) - 1
            self.spread(&self.things[thing])

    cdef int add_key(self, int thing, tuple row) except -1:
        cdef Keys *keys = &self.things[thing]
        cdef Key *key = &keys.keys[min(keys.count, KEYS - 1)]
        cdef bytes spelt
        cdef str name
        name, role, target, needed, nullable, default = row
        spelt = b'"' + name.encode("ascii") + b'":'
        if keys.count >= KEYS or not 4 <= len(spelt) <= SPELT:
            raise ValueError("an object has too many keys, or one that is too long")
        memset(key, 0, sizeof(Key))
        memcpy(key.spelt, <const char *>spelt, <size_t>len(spelt))
        memset(key.mask, 255, <size_t>len(spelt))
        key.size, key.role, key.needed, key.nullable, key.name = <int>len(spelt), role, needed, nullable, <PyObject *>name
        if role == CHOICE:
            for word in target:
                spelt = word.encode("ascii")
                if key.choices >= CHOICES or len(spelt) > 16:
                    raise ValueError("a key has too many words, or one that is too long")
                memcpy(key.choice[key.choices], <const char *>spelt, <size_t>len(spelt))
                key.choice_size[key.choices] = <int>len(spelt)
                key.choices += 1
        else:
            key.target = target
        if role == VALUE:
            if not 0 <= key.target < self.encoder.counts[thing]:
                raise ValueError("a key has a check that there is not")
            self.set_blank(key, thing, default)
        elif role == OBJECT and not 0 <= key.target < THINGS:
            raise ValueError("a key has an object that there is not")
        keys.count += 1
        return 0

    cdef int set_blank(self, Key *key, int thing, object default) except -1:
        cdef const Check *check = &self.encoder.checks[thing][key.target]
        cdef bytes text
        cdef int reason = SOUND
        if default is None or default == () or key.needed:
            return 0
        if isinstance(default, bool):
            key.blank.number, key.blank.known = default, 1
        elif isinstance(default, int):
            reason = take_number(check, default, &key.blank)
        else:
            text = default.encode("ascii")
            if len(text) > SHORT:
                raise ValueError("a default of the invoice is too long")
            memcpy(key.held, <const char *>text, <size_t>len(text))
            if check.kind == NAME:
                hold_text(&key.blank, key.held, len(text))
            else:
                reason = take_text(check, key.held, len(text), &key.blank)
        if reason:
            raise ValueError("a default of the invoice is no value of its key")
        return 0

    cdef int spread(self, Keys *keys) except -1:
        cdef uint64_t[KEYS] words
        cdef int i
        for i in range(keys.count):
            words[i] = name_word(&keys.keys[i].spelt[1], keys.keys[i].size - 3)
        keys.factor = scatter(words, keys.count, 6, keys.hashed)
        return 0

    @cython.overflowcheck(False)
    cdef int find(self, int thing, const char *name, Py_ssize_t size) noexcept nogil:
        # The place of a key, -1 for one that the object does not have.
        cdef const Keys *keys = &self.things[thing]
        cdef int place
        if size < 1 or size > SPELT - 3:
            return -1
        place = keys.hashed[wrapped(name_word(name, size), keys.factor) >> 58]
        if place >= keys.count or keys.keys[place].size != size + 3 or memcmp(&keys.keys[place].spelt[1], name, <size_t>size) != 0:
            return -1
        return place

    cdef bint complete(self, Draft *d, Act *act, int thing, uint64_t seen) noexcept nogil:
        # Give absent keys what their absence means; False when one is needed.
        cdef const Keys *keys = &self.things[thing]
        cdef const Check *check
        cdef int i
        for i in range(keys.count):
            if seen >> i & 1:
                continue
            if keys.keys[i].needed:
                return False
            if keys.keys[i].role == VALUE:
                check = &self.encoder.checks[thing][keys.keys[i].target]
                if check.kind < MODIFIER_LIST:
                    value_at(d, act, check.slot)[0] = keys.keys[i].blank
                else:
                    clear_cells(&act.teeth[0] if check.kind == TOOTH_LIST else &act.modifiers[0])
            elif keys.keys[i].role == OBJECT:
                self.encoder.forget(d, act, keys.keys[i].target)
                if keys.keys[i].target == AGREEMENT:
                    act.agreed = False
        return True

    cdef bint chosen(self, const Key *key, const char *text, Py_ssize_t size) noexcept nogil:
        cdef int i
        for i in range(key.choices):
            if key.choice_size[i] == size and memcmp(key.choice[i], text, <size_t>size) == 0:
                return True
        return False
