/* SPDX-License-Identifier: Apache-2.0
   Values of a claim sixteen characters at a time, and the records that they are written into.

   A value is kept as the sixteen characters that a record would show: text to the left, filled with spaces; a number to the right, filled
   with zeros. A step moves some of these to their place. Two ways move the same characters: one with stores under a mask, where the
   processor has them, and a portable one. Nothing is read or written beyond what the arguments say. */
#ifndef DESMOS_CLAIM_H
#define DESMOS_CLAIM_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernels of claims are written for little-endian machines"
#endif

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>
#define DESMOS_WIDE 1
#endif

#define DESMOS_RECORD 129
#define DESMOS_STEPS 64
#define DESMOS_SPACES UINT64_C(0x2020202020202020)
#define DESMOS_ZEROS UINT64_C(0x3030303030303030)

typedef uint8_t desmos_lanes __attribute__((vector_size(16)));
typedef uint64_t desmos_halves __attribute__((vector_size(16)));

/* Aligned, so that no word lies in two lines of the cache. */
typedef struct __attribute__((aligned(16))) {
    char word[16];
    uint64_t number;
    const char *text;
    int32_t size;
    int32_t known;
} desmos_value;

/* What a step does: moves characters of the word, or copies a text of any length from the left or to the right. */
enum { DESMOS_WORD, DESMOS_LEFT, DESMOS_RIGHT };

typedef struct {
    uint32_t word;      /* where the sixteen characters lie, from the start of the head or of the act */
    uint32_t known;     /* where it is said whether they are known */
    int16_t offset;     /* first character written */
    uint8_t source;     /* first character of the word that is moved */
    uint8_t count;      /* how many are moved; the width of the field for a text */
    uint8_t act;        /* 1 when the value is the act's */
    uint8_t way;
    uint16_t mask;      /* `count` bits from `source` on */
} desmos_step;

typedef struct {
    desmos_step steps[DESMOS_STEPS];
    int count;
    /* The first steps write what another record, written before, begins with too: these characters of it, at most 64, are copied. */
    int spared;
    int start;
    int stop;
    /* Of the steps that are left, those from here on are the act's, and those from there on copy texts of any length. */
    int acts;
    int texts;
    char template_[DESMOS_RECORD];
} desmos_line;

static inline uint64_t desmos_eight(const char *text) {
    uint64_t word;
    memcpy(&word, text, 8);
    return word;
}

static inline uint64_t desmos_few(const char *text, unsigned size) {
    /* The first `size` characters, 0 to 7, zero above them. */
    uint32_t low, high;
    if (size >= 4) {
        memcpy(&low, text, 4);
        memcpy(&high, text + size - 4, 4);
        return low | (uint64_t)high << 8 * (size - 4);
    }
    if (size == 0)
        return 0;
    return (uint64_t)(uint8_t)text[0] | (uint64_t)(uint8_t)text[size / 2] << 8 * (size / 2)
        | (uint64_t)(uint8_t)text[size - 1] << 8 * (size - 1);
}

static inline void desmos_join(char *word, uint64_t low, uint64_t high) {
    /* In one store: what is read back at once as sixteen characters would wait for two. */
    desmos_halves halves = {low, high};
    memcpy(word, &halves, 16);
}

static inline void desmos_load(char *word, const char *text, unsigned size) {
    /* A text of at most 16 characters, filled with spaces. */
    uint64_t low = DESMOS_SPACES, high = DESMOS_SPACES;
    if (size >= 16) {
        memcpy(word, text, 16);
        return;
    }
    if (size > 8) {
        low = desmos_eight(text);
        high = desmos_eight(text + size - 8) >> 8 * (16 - size) | DESMOS_SPACES << 8 * (size - 8);
    } else if (size == 8) {
        low = desmos_eight(text);
    } else {
        low = desmos_few(text, size) | DESMOS_SPACES << 8 * size;
    }
    desmos_join(word, low, high);
}

static inline int desmos_any(desmos_lanes lanes) {
    /* Whether a lane is set; each is all ones or all zeros. */
#ifdef __SSE2__
    return _mm_movemask_epi8((__m128i)lanes) != 0;
#else
    uint64_t half[2];
    memcpy(half, &lanes, 16);
    return (half[0] | half[1]) != 0;
#endif
}

static inline desmos_lanes desmos_first(unsigned size) {
    /* The first `size` lanes, at most 16. */
    static const uint8_t ones[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    desmos_lanes lanes;
    memcpy(&lanes, ones + 16 - size, 16);
    return lanes;
}

static inline int desmos_not_digits(const char *word, unsigned size) {
    /* True when one of the first `size` characters, at most 16, is no digit. */
    desmos_lanes lanes;
    memcpy(&lanes, word, 16);
    return desmos_any((desmos_lanes)(lanes - (uint8_t)'0' > 9) & desmos_first(size));
}

static inline int desmos_not_plain(const char *word, unsigned size) {
    /* True when one of the first `size` characters is no digit, capital or space. */
    desmos_lanes lanes;
    memcpy(&lanes, word, 16);
    return desmos_any((desmos_lanes)(lanes - (uint8_t)'0' > 9) & (desmos_lanes)(lanes - (uint8_t)'A' > 25)
        & (desmos_lanes)(lanes != ' ') & desmos_first(size));
}

static inline uint64_t desmos_parse(uint64_t eight) {
    /* Eight digits, the first in the lowest byte. */
    eight = (eight & UINT64_C(0x0F0F0F0F0F0F0F0F)) * 2561 >> 8;
    eight = (eight & UINT64_C(0x00FF00FF00FF00FF)) * 6553601 >> 16;
    return (eight & UINT64_C(0x0000FFFF0000FFFF)) * UINT64_C(42949672960001) >> 32;
}

static inline uint64_t desmos_digits(const char *word, unsigned size) {
    /* The number that the first `size` characters of a word, all digits, 16 at most, make. */
    if (size <= 8)
        return size == 0 ? 0 : desmos_parse(desmos_eight(word) << 8 * (8 - size));
    uint64_t high = size == 16 ? desmos_parse(desmos_eight(word + 8)) : desmos_parse(desmos_eight(word + 8) << 8 * (16 - size));
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    return desmos_parse(desmos_eight(word)) * tens[size - 8] + high;
}

static inline uint64_t desmos_spell(uint32_t number) {
    /* Eight digits of a number below 10^8. */
    uint64_t high = number / 10000, four = high | (uint64_t)(number - high * 10000) << 32, two, one;
    two = (four * 5243 >> 19) & UINT64_C(0x0000007F0000007F);
    two = two | (four - two * 100) << 16;
    one = (two * 103 >> 10) & UINT64_C(0x000F000F000F000F);
    return (one | (two - one * 10) << 8) | DESMOS_ZEROS;
}

static inline void desmos_number(char *word, uint64_t number) {
    /* The last sixteen digits of a number. */
    uint64_t low = number < 100000000 ? number : number % 100000000, high = DESMOS_ZEROS;
    if (number >= 100000000)
        high = desmos_spell((uint32_t)(number / 100000000 % 100000000));
    low = desmos_spell((uint32_t)low);
    desmos_join(word, high, low);
}

static inline int desmos_finess_key(const char *word) {
    /* Luhn over the nine characters of a word, where A counts as 1 and B as 2. */
    static const desmos_lanes doubled = {0, 1, 0, 1, 0, 1, 0, 1, 0};
    desmos_lanes lanes, twice;
    uint64_t half[2];
    memcpy(&lanes, word, 16);
    lanes &= 0x0F;
    twice = lanes & -doubled;
    lanes = lanes + twice - ((desmos_lanes)(twice > 4) & 9);
    memcpy(half, &lanes, 16);
    return ((half[0] * UINT64_C(0x0101010101010101) >> 56) + (half[1] & 0xFF)) % 10 == 0;
}

static inline uint64_t desmos_day(const char *word) {
    /* Year, month and day of YYYY-MM-DD as one number, 0 for anything else: ten characters of a word. */
    static const desmos_lanes dashes = {0, 0, 0, 0, 255, 0, 0, 255};
    desmos_lanes lanes;
    uint64_t low;
    memcpy(&lanes, word, 16);
    if (desmos_any((desmos_lanes)(lanes - (uint8_t)'0' > 9) & ~dashes & desmos_first(10)) || word[4] != '-' || word[7] != '-')
        return 0;
    low = desmos_eight(word);
    low = (low & 0xFFFFFFFF) | (low >> 8 & UINT64_C(0x0000FFFF00000000)) | (uint64_t)(uint8_t)word[8] << 48 | (uint64_t)(uint8_t)word[9] << 56;
    return desmos_parse(low);
}

static inline void desmos_short_day(char *word) {
    /* YYYY-MM-DD to the six digits of the records. */
    uint64_t low = desmos_eight(word), six;
    six = (low >> 16 & 0xFFFF) | (low >> 24 & 0xFFFF0000) | (uint64_t)(uint8_t)word[8] << 32 | (uint64_t)(uint8_t)word[9] << 40
        | UINT64_C(0x2020000000000000);
    desmos_join(word, six, DESMOS_SPACES);
}

static inline void desmos_copy(char *out, const char *word, unsigned count) {
    /* One to sixteen characters. */
    uint64_t eights[2];
    uint32_t fours[2];
    uint16_t twos[2];
    if (count >= 8) {
        memcpy(eights, word, 8);
        memcpy(eights + 1, word + count - 8, 8);
        memcpy(out, eights, 8);
        memcpy(out + count - 8, eights + 1, 8);
    } else if (count >= 4) {
        memcpy(fours, word, 4);
        memcpy(fours + 1, word + count - 4, 4);
        memcpy(out, fours, 4);
        memcpy(out + count - 4, fours + 1, 4);
    } else if (count >= 2) {
        memcpy(twos, word, 2);
        memcpy(twos + 1, word + count - 2, 2);
        memcpy(out, twos, 2);
        memcpy(out + count - 2, twos + 1, 2);
    } else {
        *out = *word;
    }
}

static inline int desmos_text(char *out, const desmos_step *step, const desmos_value *value) {
    /* A text of any length; 0 when it is wider than its field. */
    if (value->size > step->count)
        return 0;
    memcpy(out + (step->way == DESMOS_RIGHT ? step->count - value->size : 0), value->text, (size_t)value->size);
    return 1;
}

static int desmos_write_portable(char *out, const desmos_line *line, const char *alike, const char *const *sides) {
    int i, fits = 1;
    memcpy(out, line->template_, DESMOS_RECORD);
    memcpy(out + line->start, alike + line->start, (size_t)(line->stop - line->start));
    for (i = line->spared; i < line->count; i++) {
        const desmos_step *step = &line->steps[i];
        const char *side = sides[step->act];
        if (!*(const int32_t *)(side + step->known))
            continue;
        if (step->way == DESMOS_WORD)
            desmos_copy(out + step->offset, side + step->word + step->source, step->count);
        else
            fits &= desmos_text(out + step->offset, step, (const desmos_value *)(side + step->word));
    }
    return fits;
}

#ifdef DESMOS_WIDE
__attribute__((always_inline, target("avx512f,avx512bw,avx512vl")))
static inline void desmos_move_words(char *out, const desmos_step *step, const desmos_step *stop, const char *side) {
    /* Characters outside the mask are not touched, wherever they would lie. */
    for (; step < stop; step++) {
        const __mmask16 mask = (__mmask16)(step->mask & -*(const int32_t *)(side + step->known));
        _mm_mask_storeu_epi8(out + step->offset - step->source, mask, _mm_loadu_si128((const __m128i *)(side + step->word)));
    }
}

__attribute__((target("avx512f,avx512bw,avx512vl")))
static int desmos_write_wide(char *out, const desmos_line *line, const char *alike, const char *const *sides) {
    int i, fits = 1;
    __mmask64 shared = (__mmask64)((line->stop < 64 ? UINT64_C(1) << line->stop : 0) - (UINT64_C(1) << line->start));
    _mm512_storeu_si512(out, _mm512_mask_loadu_epi8(_mm512_loadu_si512(line->template_), shared, alike));
    _mm512_storeu_si512(out + 64, _mm512_loadu_si512(line->template_ + 64));
    out[128] = line->template_[128];
    desmos_move_words(out, line->steps + line->spared, line->steps + line->acts, sides[0]);
    desmos_move_words(out, line->steps + line->acts, line->steps + line->texts, sides[1]);
    for (i = line->texts; i < line->count; i++) {
        const desmos_step *step = &line->steps[i];
        const char *side = sides[step->act];
        if (*(const int32_t *)(side + step->known))
            fits &= desmos_text(out + step->offset, step, (const desmos_value *)(side + step->word));
    }
    return fits;
}
#endif

static inline int desmos_has_wide(void) {
    /* Whether this processor has the masked stores, unless DESMOS_SIMD=portable asks to do without. */
    const char *asked = getenv("DESMOS_SIMD");
    if (asked != NULL && strcmp(asked, "portable") == 0)
        return 0;
#ifdef DESMOS_WIDE
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
    return 0;
#endif
}

static inline int desmos_write(int wide, char *out, const desmos_line *line, const char *alike, const char *const *sides) {
    /* Memory is fetched some records before it is written, so that nothing waits for it. */
    __builtin_prefetch(out + 8 * DESMOS_RECORD, 1);
    __builtin_prefetch(out + 8 * DESMOS_RECORD + 64, 1);
#ifdef DESMOS_WIDE
    if (wide)
        return desmos_write_wide(out, line, alike, sides);
#endif
    (void)wide;
    return desmos_write_portable(out, line, alike, sides);
}
#endif
