# SPDX-License-Identifier: Apache-2.0
"""The rows of a tariff pack as the rules of pricing ask them: one table of each kind for each span of days on which nothing changes."""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc

cdef enum:
    NATURES = 100
    CATEGORIES = 64
    PLAIN = 128

# Roles of an act; UNKNOWN is one that the pack has no row for.
cdef enum:
    UNKNOWN = -1
    ACT = 0
    MAJORATION = 1
    FORFAIT = 2
    ATD = 3

cdef enum:
    NOT_HEAVY, LEAVES_FORFAIT, LEAVES_NOTHING

# What an exemption or a qualifier does.
cdef enum:
    NO_EFFECT, FULL, HEAVY, UNREIMBURSED, FREE, EXCESS, AUTHORISED_EXCESS

cdef enum:
    NO_BASKET, RAC0, MODERATED, FREE_BASKET

cdef enum:
    ORDINARY, C2S, AME

cdef enum:
    V_FORFAIT, V_HEAVY_BASE, V_HEAVY_COEFFICIENT, V_PER_ACT, V_PER_DAY, V_AGE, V_ATD, V_LATE, VALUES

cdef struct Map:
    uint64_t *keys
    int32_t *first
    uint64_t mask

# Entries of one key stand side by side, the more precise first; `more` says that another follows.
cdef struct ActRow:
    uint64_t specialty
    int32_t category
    int32_t role
    int32_t age_from
    int32_t age_to
    int32_t row
    bint more

cdef struct PriceRow:
    uint64_t specialty
    int64_t price
    int32_t row
    bint more

cdef struct BasketRow:
    uint64_t teeth
    int64_t cap
    int32_t basket
    int32_t row
    bint more

cdef struct ContractRow:
    int64_t ceiling
    int32_t contract_type
    int32_t kind
    int32_t tm_percent
    int32_t excess_percent
    int32_t row
    bint known
    bint responsible
    bint forfait
    bint basket
    bint more

cdef struct CategoryRow:
    int32_t heavy
    bint participation
    bint excess_free
    bint dental_check
    int32_t row

cdef struct RateRow:
    int32_t rate
    int32_t row

cdef struct EffectRow:
    int32_t effect
    int32_t row

cdef struct NatureRow:
    bint full
    bint local
    int32_t place
    int32_t row

cdef struct ValueRow:
    int64_t value
    int32_t row

cdef struct Epoch:
    int64_t first
    Map[2] acts
    Map prices
    Map baskets
    Map contracts
    ActRow *act[2]
    PriceRow *price
    BasketRow *basket
    ContractRow *contract
    CategoryRow[CATEGORIES] categories
    # By category, nature, and pathway in or out.
    RateRow[CATEGORIES][8][2] rates
    NatureRow[NATURES] natures
    EffectRow[PLAIN] exemptions
    EffectRow[PLAIN] pathways
    EffectRow[PLAIN] qualifiers
    ValueRow[VALUES] values


@cython.final
cdef class Tariffs:
    cdef Epoch *epochs
    cdef Py_ssize_t count
    cdef const Epoch *at(self, int64_t day) noexcept nogil


cdef inline void *room(Py_ssize_t count, Py_ssize_t size) except NULL:
    cdef void *found = calloc(max(count, 1), size)
    if found == NULL:
        raise MemoryError
    return found


@cython.overflowcheck(False)
cdef inline uint64_t spread(uint64_t key) noexcept nogil:
    return key * <uint64_t>0x9E3779B97F4A7C15 >> 32


@cython.overflowcheck(False)
cdef inline int32_t find(const Map *table, uint64_t key) noexcept nogil:
    # Where the entries of a key begin, -1 without one. Half the places at least are free, so that the search ends.
    cdef uint64_t at = spread(key) & table.mask
    if table.keys == NULL:
        return -1
    while table.keys[at]:
        if table.keys[at] == key:
            return table.first[at]
        at = (at + 1) & table.mask
    return -1
