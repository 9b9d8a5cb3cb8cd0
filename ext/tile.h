/* SPDX-License-Identifier: Apache-2.0
   The values of one column for the invoices of a tile, where the processor has operations under a mask: one loop for each form of value, with
   no branch on what a row holds. Where a row is not what it usually is, the caller reads the column as any other processor does. */
#ifndef DESMOS_TILE_H
#define DESMOS_TILE_H

#include "ext/claim.h"

/* What a column holds. DESMOS_ODD: nothing that is read here. */
enum {
    DESMOS_ODD, DESMOS_COUNT, DESMOS_PLAIN, DESMOS_LISTED, DESMOS_FIXED, DESMOS_NOT_ZERO, DESMOS_BIRTH, DESMOS_DAY, DESMOS_NIR, DESMOS_AMC,
    DESMOS_NAME
};

/* The rows of a tile at one column. */
typedef struct {
    const char *data;       /* the column at the first row */
    ptrdiff_t stride;
    char *base;             /* the value of the first row */
    ptrdiff_t pitch;
    const uint8_t *rows;
    const uint8_t *kinds;
    int count;              /* of rows, at most 64 */
    int whole;              /* whether the rows are those from 0 on */
} desmos_rows;

/* What a value must be to be settled. */
typedef struct {
    int form;
    int width;              /* of an entry of the column, in bytes */
    int needed;
    int sizes[2];           /* characters: how many, or the most, for an act of either kind */
    uint64_t low, high;
    int codes;              /* how many are listed, 0 when any is allowed */
    uint64_t factor;
    const uint8_t *hashed;
    const uint64_t *code;
    const desmos_value *blank;
} desmos_rule;

#ifdef DESMOS_WIDE
#define DESMOS_MASKED __attribute__((target("avx512f,avx512bw,avx512vl")))
#define DESMOS_UNROLLED static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl")))

/* How many rows before its turn an entry is fetched: the columns are too many to be foreseen by the processor. */
enum { DESMOS_AHEAD = 48 };

DESMOS_UNROLLED int desmos_is_listed(const desmos_rule *rule, __m128i word, unsigned size) {
    const uint64_t packed = ((uint64_t)_mm_cvtsi128_si64(word) & UINT64_C(0x00FFFFFFFFFFFFFF)) | (uint64_t)size << 56;
    return size < 8 && rule->code[rule->hashed[packed * rule->factor >> 56]] == packed;
}

DESMOS_UNROLLED __m128i desmos_pairs(__m128i tens, __m128i order) {
    /* Two digits each, in the order given. */
    return _mm_maddubs_epi16(_mm_shuffle_epi8(tens, order), _mm_set1_epi16(0x010A));
}

DESMOS_UNROLLED uint64_t desmos_sixteen(__m128i pairs) {
    /* The number of sixteen digits, given as pairs. */
    const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064));
    const __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(0x00012710));
    const uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
    return (both & 0xFFFFFFFF) * 100000000 + (both >> 32);
}

DESMOS_UNROLLED unsigned desmos_no_day(__m128i tens) {
    /* Whether the digits of YYYY-MM-DD are no day from 1970 to 2069. */
    static const uint8_t last[16] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const __m128i order = _mm_setr_epi8(0, 1, 2, 3, 5, 6, 8, 9, -1, -1, -1, -1, -1, -1, -1, -1);
    const uint64_t parts = (uint64_t)_mm_cvtsi128_si64(desmos_pairs(tens, order));
    const unsigned year = (unsigned)(parts & 0xFF) * 100 + (unsigned)(parts >> 16 & 0xFF), month = (unsigned)(parts >> 32 & 0xFF);
    const unsigned day = (unsigned)(parts >> 48), leap = (month == 2) & ((year & 3) == 0);
    return (year - 1970 > 99) | (month > 12) | (day - 1 >= last[month & 15] + leap);
}

DESMOS_UNROLLED unsigned desmos_is_off(const int form, const desmos_rule *rule, int kind, __m128i text, __m128i *word, unsigned empty,
                                       unsigned *size, uint64_t *number) {
    /* Whether a text is not known to be sound; what is kept of it. `empty` says where it has NUL or a space. */
    const __m128i tens = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    const unsigned digits = _mm_cmple_epu8_mask(tens, _mm_set1_epi8(9));
    unsigned first;
    if (form == DESMOS_DAY) {
        const unsigned dashes = _mm_cmpeq_epi8_mask(text, _mm_set1_epi8('-'));
        const __m128i six = _mm_setr_epi8(2, 3, 5, 6, 8, 9, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
        *size = 10;
        *word = _mm_mask_shuffle_epi8(_mm_set1_epi8(' '), 0x3F, text, six);
        return (digits ^ 0x36F) | (dashes ^ 0x90) | (empty ^ 0xFC00) | desmos_no_day(tens);
    }
    if (form == DESMOS_FIXED || form == DESMOS_NOT_ZERO || form == DESMOS_BIRTH || form == DESMOS_NIR) {
        const unsigned exact = (1u << rule->sizes[0]) - 1;
        unsigned off = (digits ^ exact) | ((digits | empty) ^ 0xFFFF);
        *size = (unsigned)rule->sizes[0];
        if (form == DESMOS_FIXED && rule->codes)
            off |= !desmos_is_listed(rule, *word, *size);
        if (form == DESMOS_NOT_ZERO)
            off |= !(_mm_test_epi8_mask(tens, tens) & exact);
        if (form == DESMOS_BIRTH) {
            const unsigned century = (unsigned)_mm_cvtsi128_si32(text) & 0xFFFF;
            off |= !(_mm_test_epi8_mask(tens, tens) & 0xFC);
            off |= !(((century & 0xFF) == '1' && century >> 8 >= '8') || century == ('2' | '0' << 8));
        }
        if (form == DESMOS_NIR) {
            const __m128i right = _mm_setr_epi8(-1, -1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
            const unsigned key = (unsigned)_mm_extract_epi16(tens, 6) >> 8, unit = (unsigned)_mm_extract_epi16(tens, 7) & 0xFF;
            off |= 97 - desmos_sixteen(desmos_pairs(tens, right)) % 97 != key * 10 + unit;
        }
        return off;
    }
    *size = 31 - (unsigned)__builtin_clz((~empty & 0xFFFF) << 1 | 1);
    first = (1u << *size) - 1;
    if (form == DESMOS_AMC) {
        const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        *number = desmos_sixteen(desmos_pairs(tens, _mm_add_epi8(places, _mm_set1_epi8((char)(*size - 16)))));
        return (digits ^ first) | (*size > 10) | (*number == 0);
    }
    if (form == DESMOS_LISTED)
        return (_mm_cmplt_epu8_mask(text, _mm_set1_epi8(' ')) & first) | (*size > (unsigned)rule->sizes[kind])
            | !desmos_is_listed(rule, *word, *size);
    const unsigned capitals = _mm_cmple_epu8_mask(_mm_sub_epi8(text, _mm_set1_epi8('A')), _mm_set1_epi8(25));
    const unsigned gaps = _mm_cmpeq_epi8_mask(text, _mm_set1_epi8(' '));
    return (~(digits | capitals | gaps) & first) | (gaps & 1) | (*size > (unsigned)rule->sizes[kind])
        | (form == DESMOS_NAME ? gaps & gaps << 1 & first : 0);
}

DESMOS_UNROLLED int desmos_read_texts(const int form, const int whole, const desmos_rows *at, const desmos_rule *rule) {
    const __mmask16 own = (__mmask16)((1u << rule->width) - 1);
    const desmos_value *absent = rule->blank;
    const __m128i blank = _mm_loadu_si128((const __m128i *)absent->word), held = _mm_loadu_si128((const __m128i *)&absent->number);
    const uint64_t rest = (uint32_t)absent->size | (uint64_t)(uint32_t)absent->known << 32;
    const char *place = at->data;
    char *out = at->base;
    unsigned off = 0;
    int k;
    for (k = 0; k < at->count; k++) {
        if (!whole) {
            place = at->data + at->rows[k] * at->stride;
            out = at->base + at->rows[k] * at->pitch;
        }
        desmos_value *value = (desmos_value *)out;
        const __m128i text = _mm_maskz_loadu_epi8(own, place);
        const unsigned empty = _mm_testn_epi8_mask(text, _mm_set1_epi8((char)0xDF));
        const int none = empty == 0xFFFF;
        const __mmask16 all = (__mmask16)-none;
        __m128i word = _mm_max_epu8(text, _mm_set1_epi8(' '));
        uint64_t number = 0, end;
        unsigned size;
        const unsigned strange = desmos_is_off(form, rule, at->kinds[whole ? k : at->rows[k]], text, &word, empty, &size, &number);
        off |= none ? (unsigned)rule->needed : strange;
        end = none ? rest : size | UINT64_C(1) << 32;
        _mm_storeu_si128((__m128i *)value->word, _mm_mask_mov_epi8(word, all, blank));
        _mm_storeu_si128((__m128i *)&value->number,
                         _mm_mask_mov_epi8(_mm_set_epi64x((long long)(intptr_t)place, (long long)number), all, held));
        memcpy(&value->size, &end, 8);
        place += at->stride;
        out += at->pitch;
    }
    return off == 0;
}

DESMOS_UNROLLED __m512i desmos_spell_eight(__m512i number) {
    /* Eight digits of each of eight numbers below 10^8. */
    const __m512i high = _mm512_srli_epi64(_mm512_mul_epu32(number, _mm512_set1_epi64(3518437209)), 45);
    const __m512i low = _mm512_sub_epi64(number, _mm512_mul_epu32(high, _mm512_set1_epi64(10000)));
    const __m512i fours = _mm512_or_si512(high, _mm512_slli_epi64(low, 32));
    const __m512i tops = _mm512_srli_epi32(_mm512_mullo_epi32(fours, _mm512_set1_epi32(5243)), 19);
    const __m512i twos = _mm512_or_si512(tops, _mm512_slli_epi32(_mm512_sub_epi32(fours, _mm512_mullo_epi32(tops, _mm512_set1_epi32(100))), 16));
    const __m512i tens = _mm512_srli_epi16(_mm512_mullo_epi16(twos, _mm512_set1_epi16(103)), 10);
    const __m512i ones = _mm512_sub_epi16(twos, _mm512_mullo_epi16(tens, _mm512_set1_epi16(10)));
    return _mm512_or_si512(_mm512_or_si512(tens, _mm512_slli_epi16(ones, 8)), _mm512_set1_epi8('0'));
}

DESMOS_UNROLLED uint64_t desmos_entry(const char *place, int width) {
    uint64_t number = 0;
    switch (width) {
    case 8: memcpy(&number, place, 8); break;
    case 4: memcpy(&number, place, 4); break;
    case 2: memcpy(&number, place, 2); break;
    default: memcpy(&number, place, 1);
    }
    return number;
}

DESMOS_MASKED static int desmos_read_numbers(const desmos_rows *at, const desmos_rule *rule) {
    uint64_t numbers[64], spelt[64];
    unsigned off = 0;
    int k;
    for (k = 0; k < at->count; k++)
        numbers[k] = desmos_entry(at->data + at->rows[k] * at->stride, rule->width);
    /* What fills the last eight is as sound as any. */
    for (; k & 7; k++)
        numbers[k] = rule->low;
    for (k = 0; k < at->count; k += 8) {
        const __m512i eight = _mm512_loadu_si512(numbers + k);
        off |= _mm512_cmplt_epu64_mask(eight, _mm512_set1_epi64((long long)rule->low));
        off |= _mm512_cmpgt_epu64_mask(eight, _mm512_set1_epi64((long long)rule->high));
        _mm512_storeu_si512(spelt + k, desmos_spell_eight(eight));
    }
    for (k = 0; k < at->count; k++) {
        desmos_value *value = (desmos_value *)(at->base + at->rows[k] * at->pitch);
        _mm_storeu_si128((__m128i *)value->word, _mm_set_epi64x((long long)spelt[k], (long long)DESMOS_ZEROS));
        _mm_storeu_si128((__m128i *)&value->number, _mm_cvtsi64_si128((long long)numbers[k]));
        value->known = 1;
    }
    if (rule->codes)
        for (k = 0; k < at->count; k++)
            off |= rule->code[rule->hashed[numbers[k] * rule->factor >> 56]] != numbers[k];
    return off == 0;
}

#define DESMOS_TEXTS(form) case form: return at->whole ? desmos_read_texts(form, 1, at, rule) : desmos_read_texts(form, 0, at, rule)

DESMOS_MASKED static int desmos_read_column(const desmos_rows *at, const desmos_rule *rule) {
    /* Fill the values of a column; 0 when the caller has to read it. */
    const char *place, *stop;
    const ptrdiff_t step = at->stride < 64 ? 64 : at->stride;
    if (at->count == 0)
        return 1;
    place = at->data + DESMOS_AHEAD * at->stride;
    for (stop = place + (at->rows[at->count - 1] + 1) * at->stride; place < stop; place += step)
        _mm_prefetch(place, _MM_HINT_T0);
    switch (rule->form) {
    case DESMOS_COUNT: return desmos_read_numbers(at, rule);
    DESMOS_TEXTS(DESMOS_PLAIN);
    DESMOS_TEXTS(DESMOS_LISTED);
    DESMOS_TEXTS(DESMOS_FIXED);
    DESMOS_TEXTS(DESMOS_NOT_ZERO);
    DESMOS_TEXTS(DESMOS_BIRTH);
    DESMOS_TEXTS(DESMOS_DAY);
    DESMOS_TEXTS(DESMOS_NIR);
    DESMOS_TEXTS(DESMOS_AMC);
    DESMOS_TEXTS(DESMOS_NAME);
    default: return 0;
    }
}

DESMOS_MASKED static uint64_t desmos_which_blank(const desmos_rows *at, int width) {
    /* In which rows, counted as they are listed, texts of at most sixteen bytes are NUL and spaces. */
    const __mmask16 own = (__mmask16)((1u << width) - 1);
    uint64_t found = 0;
    int k;
    for (k = 0; k < at->count; k++) {
        const __m128i text = _mm_maskz_loadu_epi8(own, at->data + at->rows[k] * at->stride);
        found |= (uint64_t)(_mm_test_epi8_mask(text, _mm_set1_epi8((char)0xDF)) == 0) << k;
    }
    return found;
}
#else
static inline int desmos_read_column(const desmos_rows *at, const desmos_rule *rule) { (void)at; (void)rule; return 0; }
static inline uint64_t desmos_which_blank(const desmos_rows *at, int width) { (void)at; (void)width; return 0; }
#endif
#endif
