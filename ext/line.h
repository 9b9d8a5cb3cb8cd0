/* SPDX-License-Identifier: Apache-2.0
   Lines of JSON, where the processor has operations under a mask: where the values of a line end is found for 64 characters at once, so that
   no value has to be read before the next one begins. It is a hint: each value is looked at from its first character to its last. */
#ifndef DESMOS_LINE_H
#define DESMOS_LINE_H

#include "ext/rule.h"

/* The most places that are kept of a line, and the characters of a key and a value, or of the text that it begins with. */
enum { DESMOS_ENDS = 2048, DESMOS_ROOM = 64 };

/* Where a comma or what closes an object or a list stands outside of texts. */
typedef struct {
    const char *line;
    int count;              /* 0 for a line that is not read here */
    int next;
    uint32_t ends[DESMOS_ENDS + 1];     /* what follows the last is further than any value goes */
} desmos_index;

/* A key that is read here; any other has a spelling that no key has. */
typedef struct desmos_entry {
    char spelt[32];
    uint32_t mask;          /* a bit for each character of the key */
    uint32_t size;
    uint32_t offset;        /* where the value is, from the start of the head or of the act */
    int nullable;
    desmos_rule rule;
    int kept;               /* whether a value is kept of it */
    int told;               /* where it is said whether an object is there, if anywhere */
    const struct desmos_entry *inner, *stop;    /* the keys of an object, and the one after the last */
} desmos_entry;

/* Where the reader of an object is. */
typedef struct {
    uint64_t seen;          /* a bit for each key that was there */
    char *side;             /* the head or the act */
    int last;               /* one more than the last key, 0 before the first */
    int ended;              /* whether a value has just been read, and no comma follows */
} desmos_place;

static inline const char *desmos_kind_word(int ccam) {
    /* Filled with NUL, as the words of a choice are. */
    static const char words[2][16] = {"ngap", "ccam"};
    return words[ccam != 0];
}

#ifdef DESMOS_WIDE
static inline int desmos_has_index(void) {
    return __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("pclmul");
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi,bmi2,popcnt,pclmul")))
static const char *desmos_index_line(const char *at, const char *stop, desmos_index *index) {
    /* The end of the line that begins here. A line with an escaped character, or with too many places, is left without any. */
    static const uint8_t counted[64] = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
        32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
    };
    const __m512i places = _mm512_loadu_si512(counted);
    const __m128i ones = _mm_set1_epi8((char)0xFF);
    const char *block = at;
    uint64_t inside = 0, odd = 0, line = 0;
    int count = 0, found;
    for (; block < stop && !line && count <= DESMOS_ENDS - 16; block += 64) {
        const __m512i text = stop - block >= 64 ? _mm512_loadu_si512(block) : _mm512_maskz_loadu_epi8((UINT64_C(1) << (stop - block)) - 1, block);
        _mm_prefetch(block + 1024, _MM_HINT_T0);
        uint64_t texts = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('"'));
        uint64_t ends = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(','))
            | _mm512_cmpeq_epi8_mask(_mm512_or_si512(text, _mm512_set1_epi8(0x20)), _mm512_set1_epi8('}'));
        line = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\n'));
        const uint64_t before = (line & (0 - line)) - 1;
        odd |= _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\\')) & before;
        /* From each quote on to the next: the product with ones, where nothing is carried. */
        texts = (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)texts), ones, 0)) ^ inside;
        inside = 0 - (texts >> 63);
        ends &= ~texts & before;
        const __m128i few = _mm512_castsi512_si128(_mm512_maskz_compress_epi8(ends, places));
        const __m512i base = _mm512_set1_epi32((int)(block - at));
        _mm512_storeu_si512(index->ends + count, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(few)));
        found = __builtin_popcountll(ends);
        odd |= found > 16;
        count += found;
    }
    index->line = at;
    index->next = 0;
    count = odd || (block < stop && !line) ? 0 : count;
    /* So that what begins at a place, or the one after, can be read at once. */
    while (count && stop - at - index->ends[count - 1] < DESMOS_ROOM)
        count--;
    index->ends[count] = UINT32_MAX;
    index->count = count;
    if (line)
        return block - 64 + __builtin_ctzll(line);
    block = block < stop ? (const char *)memchr(block, '\n', (size_t)(stop - block)) : NULL;
    return block == NULL ? stop : block;
}

DESMOS_UNROLLED int desmos_read_count(const char *at, ptrdiff_t size, const desmos_bounds *bounds, const desmos_rule *rule,
                                      desmos_value *value) {
    /* Whether so many characters are a number that is allowed. */
    const __m128i text = _mm_loadu_si128((const __m128i *)at);
    const unsigned digits = _mm_cmple_epu8_mask(_mm_sub_epi8(text, bounds->zero), bounds->nine);
    const unsigned left = 8 * (8 - (unsigned)size) & 63;
    const uint64_t eight = (uint64_t)_mm_cvtsi128_si64(text) << left, number = desmos_parse(eight);
    if ((size_t)(size - 1) > 7 || ~digits & ((1u << size) - 1) || (size > 1 && *at == '0') || number < rule->low || number > rule->high)
        return 0;
    if (rule->codes && rule->code[rule->hashed[number * rule->factor >> 56]] != number)
        return 0;
    desmos_join(value->word, DESMOS_ZEROS, eight | (DESMOS_ZEROS & ((UINT64_C(1) << left) - 1)));
    _mm_storeu_si128((__m128i *)&value->number, _mm_cvtsi64_si128((long long)number));
    value->known = 1;
    return 1;
}

DESMOS_UNROLLED int desmos_read_quoted(const int form, const char *at, ptrdiff_t room, const desmos_bounds *bounds, const desmos_rule *rule,
                                       desmos_value *value) {
    /* Whether so many characters, quotes included, are a text that is known to be sound. */
    const __m128i raw = _mm_loadu_si128((const __m128i *)(at + 1));
    unsigned size = (unsigned)(room - 2), known = 1;
    const unsigned first = (1u << (size & 31)) - 1;
    const __m128i text = _mm_maskz_mov_epi8((__mmask16)first, raw);
    __m128i word = _mm_max_epu8(text, bounds->space);
    uint64_t number = 0, end;
    if (size > 16 || *at != '"' || at[room - 1] != '"')
        return 0;
    if (form == DESMOS_FIXED && size == 0 && rule->empty == DESMOS_NOTHING)
        known = 0;
    else if (desmos_is_off(form, 1, bounds, rule, 0, text, &word, ~first & 0xFFFF, &size, &number))
        return 0;
    if ((form == DESMOS_PLAIN || form == DESMOS_NAME || form == DESMOS_LISTED) && size == 0 && rule->empty == DESMOS_REFUSED)
        return 0;
    end = size | (uint64_t)known << 32;
    _mm_storeu_si128((__m128i *)value->word, word);
    memcpy(&value->number, &number, 8);
    value->text = at + 1;
    memcpy(&value->size, &end, 8);
    return 1;
}

DESMOS_UNROLLED int desmos_read_unkept(const char *at, ptrdiff_t room, const desmos_bounds *bounds, const desmos_rule *rule) {
    /* The same for a text that no record holds: one of a few words, or any of plain ASCII. */
    const __m128i raw = _mm_loadu_si128((const __m128i *)(at + 1));
    const unsigned size = (unsigned)(room - 2), first = (1u << (size & 31)) - 1;
    __m128i text;
    int i;
    if (size > 16 || *at != '"' || at[room - 1] != '"')
        return 0;
    if (rule->form == DESMOS_ANY)
        return ((_mm_cmpeq_epi8_mask(raw, _mm_set1_epi8('"')) | _mm_cmpgt_epu8_mask(_mm_sub_epi8(raw, bounds->space), _mm_set1_epi8('~' - ' ')))
                & first) == 0;
    text = _mm_maskz_mov_epi8((__mmask16)first, raw);
    /* A NUL in the text is none of those that fill a word. */
    if (_mm_test_epi8_mask(text, text) != first)
        return 0;
    for (i = 0; i < rule->codes; i++)
        if (_mm_cmpneq_epi8_mask(text, _mm_loadu_si128((const __m128i *)(rule->words + 16 * i))) == 0)
            return 1;
    return 0;
}

DESMOS_UNROLLED int desmos_read_flag(const char *at, ptrdiff_t room, desmos_value *value) {
    const int found = room == 4 && memcmp(at, "true", 4) == 0;
    if (!found && (room != 5 || memcmp(at, "false", 5) != 0))
        return 0;
    value->text = NULL;
    value->number = (uint64_t)found;
    value->known = 1;
    return 1;
}

#define DESMOS_QUOTED(form) case form: return desmos_read_quoted(form, at, room, bounds, rule, value)

DESMOS_UNROLLED int desmos_read_value(const char *at, ptrdiff_t room, const desmos_bounds *bounds, const desmos_rule *rule,
                                      desmos_value *value) {
    switch (rule->form) {
    case DESMOS_COUNT: return desmos_read_count(at, room, bounds, rule, value);
    DESMOS_QUOTED(DESMOS_PLAIN);
    DESMOS_QUOTED(DESMOS_LISTED);
    DESMOS_QUOTED(DESMOS_FIXED);
    DESMOS_QUOTED(DESMOS_NOT_ZERO);
    DESMOS_QUOTED(DESMOS_BIRTH);
    DESMOS_QUOTED(DESMOS_DAY);
    DESMOS_QUOTED(DESMOS_NIR);
    DESMOS_QUOTED(DESMOS_AMC);
    DESMOS_QUOTED(DESMOS_FINESS);
    DESMOS_QUOTED(DESMOS_NAME);
    case DESMOS_FLAG: return desmos_read_flag(at, room, value);
    case DESMOS_ANY:
    case DESMOS_WORDS: return desmos_read_unkept(at, room, bounds, rule);
    default: return 0;
    }
}

DESMOS_UNROLLED void desmos_leave_object(const desmos_entry *entry, char *side) {
    const desmos_entry *key;
    for (key = entry->inner; key < entry->stop; key++)
        if (key->kept)
            ((desmos_value *)(side + key->offset))->known = 0;
}

DESMOS_MASKED static const char *desmos_read_values(const char *at, const char *stop, desmos_index *index, const desmos_entry *entries,
                                                    desmos_place *place) {
    /* Keys and values that follow each other as they are listed, with those of objects among them, up to one that the caller has to read:
       the place of its key, or, when there is no comma, the one after the value. Nothing is read from `stop` on. */
    const desmos_bounds bounds = desmos_make_bounds();
    const char *const line = index->line, *const close = stop - DESMOS_ROOM, *outer_at = at;
    const uint32_t *end = index->ends + index->next, *outer_end = end;
    const desmos_entry *entry = entries + place->last, *outer = NULL;
    char *const side = place->side;
    const int former = place->last;
    place->ended = 0;
    /* Of the keys to come none was there before. */
    if (at > close || place->seen >> place->last)
        return at;
    while (line + *end < at)
        end++;
    for (;;) {
        const char *after = line + *end, *given = at + entry->size;
        const __m256i text = _mm256_loadu_si256((const __m256i *)at);
        if (_mm256_mask_cmpneq_epi8_mask(entry->mask, text, _mm256_loadu_si256((const __m256i *)entry->spelt)))
            break;
        if (*given == 'n') {
            if (!entry->nullable || after - given != 4 || memcmp(given, "null", 4) != 0)
                break;
            if (entry->inner == NULL)
                ((desmos_value *)(side + entry->offset))->known = 0;
            else
                desmos_leave_object(entry, side);
            if (entry->told)
                *(int *)(side + entry->told) = 0;
        } else if (entry->rule.form == DESMOS_OBJECT) {
            if (*given != '{' || outer != NULL || given > close)
                break;
            outer = entry;
            outer_at = at;
            outer_end = end;
            entry = entry->inner;
            at = given + 1;
            continue;
        } else if (entry->rule.form == DESMOS_LIST) {
            /* Only an empty one. */
            if (*given != '[' || after != given + 1 || *after != ']' || line + end[1] != after + 1)
                break;
            memset(side + entry->offset, ' ', (size_t)entry->rule.width);
            after = line + *++end;
        } else if (!desmos_read_value(given, after - given, &bounds, &entry->rule, (desmos_value *)(side + entry->offset))) {
            break;
        }
        entry++;
        end++;
        at = after + 1;
        if (*after == ',')
            continue;
        at = after;
        if (outer != NULL) {
            if (*after != '}' || entry != outer->stop || line + *end != after + 1)
                break;
            if (outer->told)
                *(int *)(side + outer->told) = 1;
            entry = outer + 1;
            outer = NULL;
            end++;
            at = after + 2;
            if (after[1] == ',')
                continue;
            at = after + 1;
        }
        place->ended = 1;
        break;
    }
    /* What breaks off inside of an object is read again from its key on. */
    if (outer != NULL) {
        entry = outer;
        end = outer_end;
        at = outer_at;
    }
    place->last = (int)(entry - entries);
    place->seen |= (UINT64_C(1) << place->last) - (UINT64_C(1) << former);
    index->next = (int)(end - index->ends);
    return at;
}
#else
static inline int desmos_has_index(void) { return 0; }

static inline const char *desmos_index_line(const char *at, const char *stop, desmos_index *index) {
    const char *end = (const char *)memchr(at, '\n', (size_t)(stop - at));
    index->count = 0;
    return end == NULL ? stop : end;
}

static inline const char *desmos_read_values(const char *at, const char *stop, desmos_index *index, const desmos_entry *entries,
                                             desmos_place *place) {
    (void)stop; (void)index; (void)entries;
    place->ended = 0;
    return at;
}
#endif
#endif
