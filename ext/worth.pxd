# SPDX-License-Identifier: Apache-2.0
"""What one act is worth: the rules P1 to P15 of docs/reference/pricing.md on integers. Pure C, cannot fail."""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t

from ext.tariffs cimport *

cdef enum:
    ABSENT = -1

# The amounts of an act in the order of their faults; what is out of range names one of them or a field of its own.
cdef enum:
    F_UNIT_PRICE, F_FEES, F_BASE, F_RATE, F_AMO, F_AMC, F_DATE, F_QUANTITY, F_COEFFICIENT, F_EXEMPTION, F_CODE, F_BIRTH, F_CREATED, F_NATURE

cdef enum:
    OUT_OF_RANGE, AMOUNT_MISSING, AMOUNT_MISMATCH, EXCESS_NOT_ALLOWED, FEE_ABOVE_CAP, EXEMPTION_NEEDED, AGE_NOT_COVERED, LINE_ORDER
    WORK_ACCIDENT_ONLY, CARE_TOO_OLD

cdef enum:
    NO_PRICE, PRICE_GIVEN, PRICE_ROW, PRICE_ATD

cdef enum:
    NO_RATE, R_UNREIMBURSED, R_NATURE, R_EXEMPTION, R_HEAVY, R_EXEMPT_ACT, R_DENTAL_CHECK, R_ROW, R_GIVEN

cdef enum:
    NO_AMC, A_NONE, A_UNREIMBURSED, A_CONTRACT, A_OFF_PATH, A_FORFAIT_LEFT

# What is said of the patient and the cover, of an act as it is given, and of its worth. Money in cents, ABSENT where nothing is given.
cdef struct Cover:
    int64_t birth
    int64_t made_on
    int32_t nature
    int32_t exemption
    int32_t pathway
    bint complement
    int64_t number
    int32_t contract_type

cdef struct Given:
    uint64_t code
    uint64_t price_code
    uint64_t specialty
    uint64_t executor
    uint64_t teeth
    int64_t day
    int64_t quantity
    int64_t coefficient
    int64_t unit_price
    int64_t base
    int64_t rate
    int64_t amo
    int64_t fees
    int64_t amc
    int32_t exemption
    int32_t qualifier
    bint ccam
    # The field that is out of range, ABSENT when none is.
    int32_t wrong

cdef struct Worth:
    int64_t unit_price
    int64_t tariff
    int64_t base
    int64_t rate
    int64_t amo
    int64_t fees
    int64_t amc
    int64_t forfait
    int64_t participation
    int32_t price_rule
    int32_t rate_rule
    int32_t amc_rule
    int32_t act_row
    int32_t price_row
    int32_t rate_row
    int32_t cause_row
    int32_t path_rate_row
    int32_t forfait_row
    int32_t basket_row
    int32_t contract_row
    int32_t participation_row
    # What the rules of the other acts ask.
    int32_t role
    int32_t category
    bint priced
    bint heavy
    # Whether it leaves the flat share of its executor's day outside the AMO.
    bint leaves
    # What the faults are told from.
    int64_t gross
    int64_t excess
    int64_t covered_excess
    int64_t cap
    int64_t slack
    int32_t missing
    bint unreimbursed
    bint off_path
    bint age_refused
    const Epoch *epoch
    const ContractRow *contract


@cython.overflowcheck(False)
@cython.cdivision(True)
cdef inline int64_t half_up(int64_t amount, int64_t part) noexcept nogil:
    # `part` hundredths of an amount; neither is negative.
    return (2 * amount * part + 100) // 200


@cython.overflowcheck(False)
@cython.cdivision(True)
cdef inline int64_t age_on(int64_t birth, int64_t day) noexcept nogil:
    return day // 10000 - birth // 10000 - (day % 10000 < birth % 10000)


@cython.overflowcheck(False)
@cython.cdivision(True)
cdef inline bint is_late(int64_t day, int64_t made_on, int64_t months) noexcept nogil:
    cdef int64_t between = (made_on // 10000 - day // 10000) * 12 + made_on // 100 % 100 - day // 100 % 100
    return between > months or (between == months and made_on % 100 > day % 100)


@cython.overflowcheck(False)
cdef inline void find_act(const Cover *cover, const Given *act, Worth *w) noexcept nogil:
    # P1, and the age.
    cdef int32_t place = find(&w.epoch.acts[act.ccam], act.code) if act.code else -1
    cdef const ActRow *row
    cdef int64_t age
    w.role, w.category = UNKNOWN, -1
    while place >= 0:
        row = &w.epoch.act[act.ccam][place]
        if row.specialty == 0 or row.specialty == act.specialty:
            w.role, w.category, w.act_row = row.role, row.category, row.row
            if row.age_from >= 0 or row.age_to >= 0:
                age = age_on(cover.birth, act.day)
                w.age_refused = cover.nature != 30 and ((row.age_from >= 0 and age < row.age_from)
                                                        or (row.age_to >= 0 and age > row.age_to))
            return
        place = place + 1 if row.more else -1


@cython.overflowcheck(False)
cdef inline void find_price(const Given *act, Worth *w) noexcept nogil:
    # P2 and P3.
    cdef int32_t place = find(&w.epoch.prices, act.price_code) if act.price_code and w.role != UNKNOWN else -1
    cdef const PriceRow *row
    w.unit_price, w.price_rule = act.unit_price, PRICE_GIVEN if act.unit_price != ABSENT else NO_PRICE
    while place >= 0:
        row = &w.epoch.price[place]
        if row.specialty == 0 or row.specialty == act.specialty:
            w.price_row = row.row
            if w.price_rule == NO_PRICE:
                w.unit_price, w.price_rule = row.price, PRICE_ROW
            break
        place = place + 1 if row.more else -1
    if w.price_rule != NO_PRICE:
        w.tariff = half_up(w.unit_price, act.coefficient)
        w.gross = half_up(w.unit_price * act.quantity, act.coefficient)


@cython.overflowcheck(False)
cdef inline bint find_base(const Given *act, const Worth *main, Worth *w) noexcept nogil:
    # P2 to P6; False when an amount that nothing says is missing. `main` is the act of a complement, NULL without one.
    cdef int64_t limit
    if w.role == ATD:
        if main != NULL and not main.priced:
            return False
        if act.fees == ABSENT:
            w.missing = F_FEES
            return False
        # A base that fees can never reach is cut where its product with any percentage still fits.
        limit = half_up(min(main.base, <int64_t>10000000000), w.epoch.values[V_ATD].value) if main != NULL else 0
        w.fees, w.base = act.fees, min(act.fees, limit)
        w.gross = w.tariff = w.unit_price = w.base
        w.price_rule = PRICE_ATD
        if act.unit_price != ABSENT:
            w.unit_price, w.price_rule = act.unit_price, PRICE_GIVEN
        return True
    find_price(act, w)
    if w.price_rule == NO_PRICE:
        w.missing = F_UNIT_PRICE
        return False
    w.fees = act.fees
    if act.fees == ABSENT:
        w.fees = 0 if w.epoch.qualifiers[act.qualifier].effect == FREE else w.gross
    w.base = w.gross if w.unreimbursed else min(w.gross, w.fees)
    return True


@cython.overflowcheck(False)
cdef inline bint is_heavy(const Given *act, const Worth *w) noexcept nogil:
    # P8.
    cdef const Epoch *e = w.epoch
    if w.category < 0 or e.categories[w.category].heavy == NOT_HEAVY:
        return False
    if e.values[V_HEAVY_BASE].row and w.tariff >= e.values[V_HEAVY_BASE].value:
        return True
    return not act.ccam and e.values[V_HEAVY_COEFFICIENT].row and act.coefficient >= e.values[V_HEAVY_COEFFICIENT].value


@cython.overflowcheck(False)
cdef inline bint find_rate(const Cover *cover, const Given *act, Worth *w) noexcept nogil:
    # P7; False when nothing says it.
    cdef const Epoch *e = w.epoch
    cdef const EffectRow *exemption = &e.exemptions[act.exemption if act.exemption else cover.exemption]
    cdef const RateRow *row
    w.rate = 100
    if w.unreimbursed:
        w.rate, w.rate_rule, w.cause_row = 0, R_UNREIMBURSED, e.qualifiers[act.qualifier].row
    elif e.natures[cover.nature].full:
        w.rate_rule, w.cause_row = R_NATURE, e.natures[cover.nature].row
    elif exemption.row and exemption.effect == FULL:
        w.rate_rule, w.cause_row = R_EXEMPTION, exemption.row
    elif is_heavy(act, w):
        w.rate_rule, w.cause_row, w.heavy = R_HEAVY, e.categories[w.category].row, True
    elif exemption.row and exemption.effect == HEAVY:
        w.rate_rule, w.cause_row = R_EXEMPT_ACT, exemption.row
    elif w.category >= 0 and e.categories[w.category].dental_check and not cover.complement:
        w.rate_rule, w.cause_row = R_DENTAL_CHECK, e.categories[w.category].row
    else:
        row = &e.rates[max(w.category, 0)][e.natures[cover.nature].place][w.off_path]
        if w.category >= 0 and e.natures[cover.nature].row and row.row:
            w.rate, w.rate_rule, w.rate_row = row.rate, R_ROW, row.row
        elif act.rate != ABSENT:
            w.rate, w.rate_rule = act.rate, R_GIVEN
        else:
            w.missing = F_RATE
            return False
    return True


@cython.overflowcheck(False)
cdef inline void leave_forfait(const Cover *cover, const Given *act, const Given *acts, const Worth *worths, int place,
                               Worth *w) noexcept nogil:
    # P9, P10, and the share that an unknown act may leave.
    cdef const Epoch *e = w.epoch
    cdef const ValueRow *threshold = &e.values[V_HEAVY_BASE]
    cdef int64_t flat = min(w.base, e.values[V_FORFAIT].value)
    cdef int i
    w.amo = half_up(w.base, w.rate)
    if w.role == UNKNOWN:
        w.leaves = (w.rate_rule == R_GIVEN or w.rate_rule == R_EXEMPT_ACT) and w.rate == 100 and threshold.row \
            and w.tariff >= threshold.value and act.amo == w.amo - flat
    else:
        w.leaves = w.heavy and e.categories[w.category].heavy == LEAVES_FORFAIT
    w.leaves = w.leaves and flat and not e.natures[cover.nature].local
    for i in range(place):
        if w.leaves and worths[i].leaves and acts[i].executor == act.executor and acts[i].day == act.day:
            w.leaves = False
    if w.leaves:
        w.forfait, w.forfait_row = flat, e.values[V_FORFAIT].row
        w.amo -= flat


@cython.overflowcheck(False)
cdef inline const ContractRow *find_contract(const Epoch *e, const Cover *cover) noexcept nogil:
    # The most precise row: number and type, number, type, any.
    cdef const ContractRow *best
    cdef int32_t place
    cdef int turn
    for turn in range(2):
        if turn == 0 and cover.number < 0:
            continue
        best = NULL
        place = find(&e.contracts, <uint64_t>(cover.number + 2) if turn == 0 else 1)
        while place >= 0:
            if e.contract[place].contract_type == cover.contract_type or (e.contract[place].contract_type < 0 and best == NULL):
                best = &e.contract[place]
                if best.contract_type >= 0:
                    break
            place = place + 1 if e.contract[place].more else -1
        if best != NULL:
            return best
    return NULL


@cython.overflowcheck(False)
cdef inline const BasketRow *find_basket(const Epoch *e, const Given *act) noexcept nogil:
    # P14: the first row whose teeth include all those of the act.
    cdef int32_t place = find(&e.baskets, act.price_code) if act.ccam and act.price_code else -1
    while place >= 0:
        if e.basket[place].teeth == 0 or act.teeth & ~e.basket[place].teeth == 0:
            return &e.basket[place]
        place = place + 1 if e.basket[place].more else -1
    return NULL


@cython.overflowcheck(False)
cdef inline void share_complement(const Cover *cover, const Given *act, Worth *w) noexcept nogil:
    # P11.
    cdef const Epoch *e = w.epoch
    cdef const ContractRow *contract = w.contract
    cdef const BasketRow *basket = find_basket(e, act)
    cdef const RateRow *in_path
    cdef int64_t covered = w.base - w.amo
    w.excess, w.cap = max(0, w.fees - w.base), ABSENT
    if basket != NULL:
        w.basket_row, w.cap = basket.row, basket.cap * act.quantity if basket.cap >= 0 else ABSENT
    w.contract_row = contract.row if contract != NULL else 0
    if contract == NULL or w.unreimbursed:
        w.amc_rule = A_UNREIMBURSED if cover.complement and w.unreimbursed else A_NONE
        return
    w.amc_rule = A_CONTRACT
    if w.rate_rule == R_ROW and w.off_path and contract.responsible:
        in_path = &e.rates[w.category][e.natures[cover.nature].place][0]
        covered, w.amc_rule, w.path_rate_row = min(covered, w.base - half_up(w.base, in_path.rate)), A_OFF_PATH, in_path.row
    elif w.forfait and not contract.forfait:
        covered, w.amc_rule = 0, A_FORFAIT_LEFT
    if basket != NULL and basket.basket == RAC0 and contract.basket:
        w.covered_excess = w.excess
    else:
        w.covered_excess = min(half_up(w.excess, contract.excess_percent), contract.ceiling)
    w.amc = half_up(covered, contract.tm_percent) + w.covered_excess
    w.slack = 0 if contract.known or contract.kind != ORDINARY else w.excess - w.covered_excess


@cython.overflowcheck(False)
cdef inline bint excess_is_allowed(const Given *act, const Worth *w) noexcept nogil:
    # P15.
    cdef int32_t effect = w.epoch.qualifiers[act.qualifier].effect
    if w.excess == 0 or w.unreimbursed:
        return True
    if w.contract != NULL and w.contract.kind != ORDINARY:
        return w.covered_excess == w.excess
    if w.role == UNKNOWN or w.role == ATD or w.epoch.categories[w.category].excess_free or effect == EXCESS:
        return True
    return effect == AUTHORISED_EXCESS and w.off_path and not is_general(act.specialty)


cdef inline bint is_general(uint64_t specialty) noexcept nogil:
    # General practice: 01, 22, 23, as a code of two characters is packed.
    return specialty == GENERAL_01 or specialty == GENERAL_22 or specialty == GENERAL_23


cdef extern from *:
    """
    /* Two characters, five spaces and how many they are. */
    #define DESMOS_PAIR(a, b) ((uint64_t)(a) | (uint64_t)(b) << 8 | UINT64_C(0x0020202020200000) | UINT64_C(2) << 56)
    """
    const uint64_t GENERAL_01 "DESMOS_PAIR('0', '1')"
    const uint64_t GENERAL_22 "DESMOS_PAIR('2', '2')"
    const uint64_t GENERAL_23 "DESMOS_PAIR('2', '3')"


@cython.overflowcheck(False)
cdef inline void take_part(const Cover *cover, const Given *act, const Given *acts, const Worth *worths, int place,
                           Worth *w) noexcept nogil:
    # P13.
    cdef const Epoch *e = w.epoch
    cdef int64_t left = e.values[V_PER_DAY].value
    cdef int i
    if w.role != ACT or w.heavy or w.rate == 0 or not e.categories[w.category].participation or not e.values[V_PER_ACT].row:
        return
    if cover.nature == 30 or cover.nature == 41 or (w.contract != NULL and w.contract.kind != ORDINARY):
        return
    if age_on(cover.birth, act.day) < e.values[V_AGE].value:
        return
    for i in range(place):
        if worths[i].participation and acts[i].executor == act.executor and acts[i].day == act.day:
            left -= worths[i].participation
    w.participation = max(0, min(e.values[V_PER_ACT].value, left))
    w.participation_row = e.values[V_PER_ACT].row if w.participation else 0
