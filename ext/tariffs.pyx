# SPDX-License-Identifier: Apache-2.0
"""A tariff pack laid out for the rules of pricing: for each span of days on which no row begins or ends, its rows at hand."""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from ext.fields cimport packed

# The keys of `values` in the order of their places.
VALUE_KEYS = ("forfait_heavy_act", "heavy_act_base", "heavy_act_coefficient", "participation_per_act", "participation_per_day",
              "participation_age", "atd_percent", "late_care_months")
ROLES = {"act": ACT, "majoration": MAJORATION, "forfait": FORFAIT, "atd": ATD}
HEAVIES = {"no": NOT_HEAVY, "forfait": LEAVES_FORFAIT, "exempt": LEAVES_NOTHING}
EFFECTS = {"none": NO_EFFECT, "full": FULL, "heavy": HEAVY, "unreimbursed": UNREIMBURSED, "free": FREE,
           "excess": EXCESS, "authorised_excess": AUTHORISED_EXCESS}
BASKETS = {"rac0": RAC0, "moderated": MODERATED, "free": FREE_BASKET}
KINDS = {"ordinary": ORDINARY, "c2s": C2S, "ame": AME}


cdef uint64_t code_key(str code) except 0:
    cdef char[8] word
    cdef int i
    cdef bytes text = code.encode("ascii")
    if not 1 <= len(text) <= 7:
        raise ValueError("a code has 1 to 7 characters")
    memset(word, 32, 8)
    for i in range(len(text)):
        word[i] = text[i]
    return packed(word, <int>len(text))


cdef uint64_t teeth_mask(tuple teeth) except? 0:
    cdef uint64_t mask = 0
    for tooth in teeth:
        mask |= <uint64_t>1 << <int>((int(tooth[0]) - 1) * 8 + int(tooth[1]) - 1)
    return mask


cdef int plain(str code) except -1:
    # The place of a code of one character; the empty one has its own.
    if len(code) > 1 or not code.isascii():
        raise ValueError("a code of this table has one character")
    return ord(code) if code else 0


cdef void release(Epoch *epoch) noexcept nogil:
    cdef int i
    for i in range(2):
        free(epoch.acts[i].keys)
        free(epoch.acts[i].first)
        free(epoch.act[i])
    free(epoch.prices.keys)
    free(epoch.prices.first)
    free(epoch.baskets.keys)
    free(epoch.baskets.first)
    free(epoch.contracts.keys)
    free(epoch.contracts.first)
    free(epoch.price)
    free(epoch.basket)
    free(epoch.contract)


cdef list grouped(Map *map, list keyed):
    # Fill the map from `(key, row)` and return `(row, more)`, those of one key side by side.
    cdef dict rows = {}
    cdef list entries = []
    cdef Py_ssize_t size = 4
    cdef uint64_t key, at
    for name, row in keyed:
        rows.setdefault(name, []).append(row)
    while size < 2 * len(rows) + 1:
        size *= 2
    map.keys, map.first, map.mask = <uint64_t *>room(size, 8), <int32_t *>room(size, 4), <uint64_t>(size - 1)
    for name, found in rows.items():
        key = name
        at = spread(key) & map.mask
        while map.keys[at]:
            at = (at + 1) & map.mask
        map.keys[at], map.first[at] = key, <int32_t>len(entries)
        for place, row in enumerate(found):
            entries.append((row, place + 1 < len(found)))
    return entries


cdef int take_acts(Epoch *epoch, int kind, tuple acts, int categories) except -1:
    cdef list entries = grouped(&epoch.acts[kind], [(code_key(row[0]), row) for row in acts])
    cdef int place, category
    epoch.act[kind] = <ActRow *>room(len(entries), sizeof(ActRow))
    for place, ((_, specialty, name, role, age_from, age_to, number), more) in enumerate(entries):
        category = name
        if not 0 <= category < categories:
            raise ValueError("an act is of a category that there is not")
        epoch.act[kind][place] = ActRow(code_key(specialty) if specialty else 0, category, ROLES[role], age_from, age_to, number, more)
    return 0


cdef int take_prices(Epoch *epoch, tuple prices) except -1:
    cdef list entries = grouped(&epoch.prices, [(code_key(row[0]), row) for row in prices])
    cdef int place
    epoch.price = <PriceRow *>room(len(entries), sizeof(PriceRow))
    for place, ((_, specialty, price, number), more) in enumerate(entries):
        epoch.price[place] = PriceRow(code_key(specialty) if specialty else 0, price, number, more)
    return 0


cdef int take_baskets(Epoch *epoch, tuple baskets) except -1:
    cdef list entries = grouped(&epoch.baskets, [(code_key(row[0]), row) for row in baskets])
    cdef int place
    epoch.basket = <BasketRow *>room(len(entries), sizeof(BasketRow))
    for place, ((_, teeth, basket, cap, number), more) in enumerate(entries):
        epoch.basket[place] = BasketRow(teeth_mask(teeth), cap, BASKETS[basket], number, more)
    return 0


cdef int take_contracts(Epoch *epoch, tuple contracts) except -1:
    # A row for any number has -1; no key may be 0.
    cdef list entries = grouped(&epoch.contracts, [(row[0] + 2, row) for row in contracts])
    cdef ContractRow *one
    cdef int place
    epoch.contract = <ContractRow *>room(len(entries), sizeof(ContractRow))
    for place, (row, more) in enumerate(entries):
        one = &epoch.contract[place]
        number, one.contract_type, kind, one.responsible, one.tm_percent, one.forfait, one.basket, one.excess_percent, one.ceiling, \
            one.row = row
        one.kind, one.known, one.more = KINDS[kind], number >= 0, more
    return 0


cdef int take_codes(Epoch *epoch, tuple natures, tuple exemptions, tuple pathways, tuple qualifiers, tuple values) except -1:
    cdef int place, nature
    if len(natures) > 8:
        raise ValueError("a pack has at most 8 natures of insurance")
    for place, (number, full, local, row) in enumerate(natures):
        nature = number
        if not 0 <= nature < NATURES:
            raise ValueError("a nature of insurance has two digits")
        epoch.natures[nature] = NatureRow(full, local, place, row)
    for code, effect, row in exemptions:
        epoch.exemptions[plain(code)] = EffectRow(EFFECTS[effect], row)
    for code, off_path, row in pathways:
        epoch.pathways[plain(code)] = EffectRow(1 if off_path else 0, row)
    for code, effect, row in qualifiers:
        epoch.qualifiers[plain(code)] = EffectRow(EFFECTS[effect], row)
    for key, value, row in values:
        if key in VALUE_KEYS:
            epoch.values[<int>VALUE_KEYS.index(key)] = ValueRow(value, row)
    return 0


cdef int take(Epoch *epoch, tuple tables) except -1:
    acts, prices, categories, rates, natures, exemptions, pathways, qualifiers, baskets, contracts, values = tables
    cdef int place, nature, category
    if len(categories) > CATEGORIES:
        raise ValueError("a pack has at most 64 categories")
    for place, (heavy, participation, excess_free, dental_check, row) in enumerate(categories):
        epoch.categories[place] = CategoryRow(HEAVIES[heavy], participation, excess_free, dental_check, row)
    take_codes(epoch, natures, exemptions, pathways, qualifiers, values)
    for name, number, off_path, rate, row in rates:
        category, nature = name, number
        if not 0 <= category < len(categories) or not 0 <= nature < NATURES or not epoch.natures[nature].row:
            raise ValueError("a rate is of a category or a nature that there is not")
        epoch.rates[category][epoch.natures[nature].place][1 if off_path else 0] = RateRow(rate, row)
    for place in range(2):
        take_acts(epoch, place, acts[place], len(categories))
    take_prices(epoch, prices)
    take_baskets(epoch, baskets)
    take_contracts(epoch, contracts)
    return 0


@cython.final
cdef class Tariffs:
    """The tables of a pack; it holds nothing of a call, so one serves every thread."""

    def __cinit__(self, tuple epochs not None):
        """Take `(first day as yyyymmdd, tables)` in order of day; see `desmos_fast.billing.pricing.kernel` for the tables."""
        cdef Py_ssize_t i
        self.epochs = <Epoch *>room(len(epochs) + 1, sizeof(Epoch))
        # Before the first day of the pack nothing is known.
        self.count = 1
        for i in range(len(epochs)):
            self.count += 1
            self.epochs[i + 1].first = epochs[i][0]
            if self.epochs[i + 1].first <= self.epochs[i].first:
                raise ValueError("the spans of a pack follow one another")
            take(&self.epochs[i + 1], epochs[i][1])

    def __dealloc__(self):
        cdef Py_ssize_t i
        if self.epochs != NULL:
            for i in range(self.count):
                release(&self.epochs[i])
            free(self.epochs)

    @cython.overflowcheck(False)
    cdef const Epoch *at(self, int64_t day) noexcept nogil:
        cdef Py_ssize_t low = 0, high = self.count, middle
        while high - low > 1:
            middle = low + (high - low >> 1)
            if self.epochs[middle].first <= day:
                low = middle
            else:
                high = middle
        return &self.epochs[low]
