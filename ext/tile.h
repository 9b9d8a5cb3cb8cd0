/* SPDX-License-Identifier: Apache-2.0
   The values of one column for the invoices of a tile, where the processor has operations under a mask: one loop for each form of value. Where
   a row is not what it usually is, the caller reads the column as any other processor does. */
#ifndef DESMOS_TILE_H
#define DESMOS_TILE_H

#include "ext/rule.h"

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

#ifdef DESMOS_WIDE
/* How many rows before its turn an entry is fetched: the columns are too many to be foreseen by the processor. */
enum { DESMOS_AHEAD = 48 };

DESMOS_UNROLLED int desmos_read_texts(const int form, const int whole, const desmos_rows *at, const desmos_rule *rule) {
    const __mmask16 own = (__mmask16)((1u << rule->width) - 1);
    const desmos_bounds bounds = desmos_make_bounds();
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
        __m128i word = _mm_max_epu8(text, bounds.space);
        uint64_t number = 0, end;
        unsigned size;
        const unsigned strange = desmos_is_off(form, 0, &bounds, rule, at->kinds[whole ? k : at->rows[k]], text, &word, empty, &size, &number);
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

DESMOS_UNROLLED uint64_t desmos_integer(const char *place, int width) {
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
        numbers[k] = desmos_integer(at->data + at->rows[k] * at->stride, rule->width);
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
    DESMOS_TEXTS(DESMOS_FINESS);
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
