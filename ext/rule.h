/* SPDX-License-Identifier: Apache-2.0
   Whether a text of at most sixteen characters is sound, found without a branch on what it holds, where the processor has operations under
   a mask. What is not as it usually is, the caller reads as any other processor does. */
#ifndef DESMOS_RULE_H
#define DESMOS_RULE_H

#include "ext/claim.h"

/* What a value is. DESMOS_ODD: nothing that is read here. */
enum {
    DESMOS_ODD, DESMOS_COUNT, DESMOS_PLAIN, DESMOS_LISTED, DESMOS_FIXED, DESMOS_NOT_ZERO, DESMOS_BIRTH, DESMOS_DAY, DESMOS_NIR, DESMOS_AMC,
    DESMOS_FINESS, DESMOS_NAME, DESMOS_FLAG, DESMOS_ANY, DESMOS_WORDS, DESMOS_LIST, DESMOS_OBJECT
};

/* What a value must be to be settled. */
typedef struct {
    int form;
    int width;              /* of an entry of the column, in bytes */
    int needed;
    int sizes[2];           /* characters: how many, or the most, for an act of either kind */
    uint64_t low, high;
    int codes;              /* how many are listed, 0 when any is allowed */
    int biller;             /* whether a FINESS number is that of a biller */
    uint64_t factor;
    const uint8_t *hashed;
    const uint64_t *code;
    const char *words;      /* of sixteen bytes each, filled with NUL; as many as codes */
    const desmos_value *blank;
    int empty;              /* what a text without characters is in a line: refused, a text, no value */
} desmos_rule;

enum { DESMOS_REFUSED, DESMOS_EMPTY, DESMOS_NOTHING };

#ifdef DESMOS_WIDE
#define DESMOS_MASKED __attribute__((target("avx512f,avx512bw,avx512vl,bmi,bmi2")))
#define DESMOS_UNROLLED static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,bmi,bmi2")))

/* What texts are compared with; kept in registers, where a compiler that knew the values would make them anew each time. */
typedef struct {
    __m128i zero, nine, first, letters, space;
} desmos_bounds;

DESMOS_UNROLLED desmos_bounds desmos_make_bounds(void) {
    desmos_bounds bounds = {
        _mm_set1_epi8('0'), _mm_set1_epi8(9), _mm_set1_epi8('A'), _mm_set1_epi8(25), _mm_set1_epi8(' ')
    };
    __asm__("" : "+v"(bounds.zero), "+v"(bounds.nine), "+v"(bounds.first), "+v"(bounds.letters), "+v"(bounds.space));
    return bounds;
}

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

DESMOS_UNROLLED unsigned desmos_no_finess(__m128i text, __m128i tens, int biller) {
    /* Whether nine digits lack their Luhn key, or are how records spell a biller of Corsica. */
    const __m128i nine = _mm_maskz_mov_epi8(0x1FF, tens), twice = _mm_mask_add_epi8(nine, 0xAA, nine, nine), most = _mm_set1_epi8(9);
    const __m128i sums = _mm_sad_epu8(_mm_mask_sub_epi8(twice, _mm_cmpgt_epu8_mask(twice, most), twice, most), _mm_setzero_si128());
    const unsigned start = (unsigned)_mm_cvtsi128_si32(text), total = (unsigned)_mm_cvtsi128_si32(sums) + (unsigned)_mm_extract_epi16(sums, 4);
    return (total % 10 != 0) | ((biller != 0) & ((start & 0xFFFFFF) == ('2' | '0' << 8 | '0' << 16)) & ((start >> 24) - '1' < 2));
}

DESMOS_UNROLLED unsigned desmos_is_off(const int form, const int counted, const desmos_bounds *bounds, const desmos_rule *rule, int kind,
                                       __m128i text, __m128i *word, unsigned empty, unsigned *size, uint64_t *number) {
    /* Whether a text is not known to be sound; what is kept of it. `empty` says where nothing of it stands; `counted` that its size is given. */
    const __m128i tens = _mm_sub_epi8(text, bounds->zero);
    const unsigned digits = _mm_cmple_epu8_mask(tens, bounds->nine);
    unsigned first;
    if (form == DESMOS_DAY) {
        const unsigned dashes = _mm_cmpeq_epi8_mask(text, _mm_set1_epi8('-'));
        const __m128i six = _mm_setr_epi8(2, 3, 5, 6, 8, 9, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
        *size = 10;
        *word = _mm_mask_shuffle_epi8(bounds->space, 0x3F, text, six);
        return (digits ^ 0x36F) | (dashes ^ 0x90) | (empty ^ 0xFC00) | desmos_no_day(tens);
    }
    if (form == DESMOS_FIXED || form == DESMOS_NOT_ZERO || form == DESMOS_BIRTH || form == DESMOS_NIR || form == DESMOS_FINESS) {
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
        if (form == DESMOS_FINESS)
            off |= desmos_no_finess(text, tens, rule->biller);
        return off;
    }
    if (!counted)
        *size = 31 - (unsigned)__builtin_clz((~empty & 0xFFFF) << 1 | 1);
    first = (1u << *size) - 1;
    if (form == DESMOS_AMC) {
        const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        *number = desmos_sixteen(desmos_pairs(tens, _mm_add_epi8(places, _mm_set1_epi8((char)(*size - 16)))));
        return (digits ^ first) | (*size > 10) | (*number == 0);
    }
    if (form == DESMOS_LISTED)
        return ((_mm_cmplt_epu8_mask(text, bounds->space) | _mm_cmpeq_epi8_mask(text, _mm_set1_epi8('"'))) & first)
            | (*size > (unsigned)rule->sizes[kind])
            | !desmos_is_listed(rule, *word, *size);
    const unsigned capitals = _mm_cmple_epu8_mask(_mm_sub_epi8(text, bounds->first), bounds->letters);
    const unsigned gaps = _mm_cmpeq_epi8_mask(text, bounds->space);
    return (~(digits | capitals | gaps) & first) | (gaps & (1 | (first ^ first >> 1))) | (*size > (unsigned)rule->sizes[kind])
        | (form == DESMOS_NAME ? gaps & gaps << 1 & first : 0);
}
#endif
#endif
