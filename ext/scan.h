/* SPDX-License-Identifier: Apache-2.0
   Texts of JSON found sixteen characters at a time. Nothing is read beyond the room that the caller gives. */
#ifndef DESMOS_SCAN_H
#define DESMOS_SCAN_H

#include "ext/claim.h"

static inline int desmos_same_key(const char *text, const char *spelt, const char *mask) {
    /* Whether 32 characters are those of a key where its mask has ones. */
    desmos_lanes one, other, key, lanes;
    memcpy(&one, text, 16);
    memcpy(&other, text + 16, 16);
    memcpy(&key, spelt, 16);
    memcpy(&lanes, mask, 16);
    one = (one ^ key) & lanes;
    memcpy(&key, spelt + 16, 16);
    memcpy(&lanes, mask + 16, 16);
    one |= (other ^ key) & lanes;
    return !desmos_any((desmos_lanes)(one != 0));
}

static inline int desmos_same_start(const char *text, const char *other, int size) {
    /* Whether the first `size` of 32 characters are the same. */
    static const uint8_t ones[64] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    return desmos_same_key(text, other, (const char *)ones + 32 - size);
}

static inline void desmos_keep_start(char *kept, const char *text) {
    /* Copy 32 characters. */
    desmos_lanes one, other;
    memcpy(&one, text, 16);
    memcpy(&other, text + 16, 16);
    memcpy(kept, &one, 16);
    memcpy(kept + 16, &other, 16);
}

static inline int desmos_is_special(uint8_t c) {
    return c == '"' || c == '\\' || c < ' ' || c > '~';
}

static inline desmos_lanes desmos_specials(desmos_lanes lanes) {
    return (desmos_lanes)(lanes == '"') | (desmos_lanes)(lanes == '\\') | (desmos_lanes)(lanes - (uint8_t)' ' > '~' - ' ');
}

static inline int desmos_lowest(desmos_lanes lanes) {
    /* The first lane that is set, 16 when none is. */
#ifdef __SSE2__
    return __builtin_ctz((unsigned)_mm_movemask_epi8((__m128i)lanes) | 0x10000);
#else
    uint64_t half[2];
    memcpy(half, &lanes, 16);
    return half[0] ? __builtin_ctzll(half[0]) / 8 : half[1] ? 8 + __builtin_ctzll(half[1]) / 8 : 16;
#endif
}

static inline Py_ssize_t desmos_special(const char *text, Py_ssize_t room) {
    /* Where the first character stands that ends a text or needs a closer look; `room` when there is none. */
    Py_ssize_t i = 0;
    for (; room - i >= 16; i += 16) {
        desmos_lanes lanes;
        int found;
        memcpy(&lanes, text + i, 16);
        found = desmos_lowest(desmos_specials(lanes));
        if (found < 16)
            return i + found;
    }
    while (i < room && !desmos_is_special((uint8_t)text[i]))
        i++;
    return i;
}

static inline Py_ssize_t desmos_short_text(const char *text, char *word) {
    /* Of sixteen characters, those up to the closing quote, filled with spaces; -1 for a longer text, or one that is not plain ASCII. */
    desmos_lanes lanes, first;
    int size;
    memcpy(&lanes, text, 16);
    size = desmos_lowest(desmos_specials(lanes));
    if (size == 16 || text[size] != '"')
        return -1;
    first = desmos_first((unsigned)size);
    lanes = (lanes & first) | (~first & ' ');
    memcpy(word, &lanes, 16);
    return size;
}

static inline int desmos_short_number(const char *text, char *word, uint64_t *number) {
    /* How many digits sixteen characters begin with; up to eight of them are kept as a number and as its sixteen digits. */
    desmos_lanes lanes;
    uint64_t low;
    int size;
    memcpy(&lanes, text, 16);
    size = desmos_lowest((desmos_lanes)(lanes - (uint8_t)'0' > 9));
    if (size == 0 || size > 8)
        return size;
    low = desmos_eight(text) << 8 * (8 - size);
    *number = desmos_parse(low);
    desmos_join(word, DESMOS_ZEROS, low | (size < 8 ? DESMOS_ZEROS >> 8 * size : 0));
    return size;
}

static inline Py_ssize_t desmos_plain_text(const char *text, Py_ssize_t room) {
    /* The size of a text of plain ASCII up to its closing quote; -1 for any other. */
    Py_ssize_t size = desmos_special(text, room);
    return size < room && text[size] == '"' ? size : -1;
}

static inline Py_ssize_t desmos_character(const char *text, Py_ssize_t room) {
    /* The size of one character of UTF-8 outside ASCII; 0 for what is none. */
    uint8_t first = (uint8_t)text[0], second, low = 0x80, high = 0xBF;
    Py_ssize_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2, i;
    if (first < 0xC2 || first > 0xF4 || room < size)
        return 0;
    second = (uint8_t)text[1];
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    if (second < low || second > high)
        return 0;
    for (i = 2; i < size; i++)
        if (((uint8_t)text[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

static inline Py_ssize_t desmos_escape(const char *text, Py_ssize_t room) {
    /* The size of an escaped character; 0 for none, or for half of a pair, which needs a closer look. */
    int i;
    if (room < 2)
        return 0;
    if (text[1] != 'u')
        return strchr("\"\\/bfnrt", text[1]) != NULL && text[1] != '\0' ? 2 : 0;
    if (room < 6)
        return 0;
    for (i = 2; i < 6; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'f')))
            return 0;
    return (text[2] | 0x20) == 'd' && text[3] > '7' ? 0 : 6;
}

static inline Py_ssize_t desmos_any_text(const char *text, Py_ssize_t room) {
    /* The size of a text of any characters up to its closing quote; -1 for what is none, or none for sure. */
    Py_ssize_t at = 0, size;
    for (;;) {
        at += desmos_special(text + at, room - at);
        if (at >= room)
            return -1;
        if (text[at] == '"')
            return at;
        if (text[at] == 0x7F) {
            at++;
            continue;
        }
        size = text[at] == '\\' ? desmos_escape(text + at, room - at)
            : (uint8_t)text[at] < 0x80 ? 0 : desmos_character(text + at, room - at);
        if (size == 0)
            return -1;
        at += size;
    }
}

static inline int desmos_highest(desmos_lanes lanes) {
    /* One more than the last lane that is set, 0 when none is. */
#ifdef __SSE2__
    return 32 - __builtin_clz((unsigned)_mm_movemask_epi8((__m128i)lanes) << 1 | 1) - 1;
#else
    uint64_t half[2];
    memcpy(half, &lanes, 16);
    return half[1] ? 16 - __builtin_clzll(half[1]) / 8 : half[0] ? 8 - __builtin_clzll(half[0]) / 8 : 0;
#endif
}

static inline int desmos_filled_size(const char *text, int width) {
    /* The size of a text of one width without the NUL and spaces that fill it. */
    while (width > 0 && (text[width - 1] == '\0' || text[width - 1] == ' '))
        width--;
    return width;
}

static inline int desmos_same_short(const char *text, const char *other, int width) {
    /* Whether the first `width` of sixteen characters are the same. */
    desmos_lanes one, two;
    memcpy(&one, text, 16);
    memcpy(&two, other, 16);
    return !desmos_any((desmos_lanes)(one != two) & desmos_first((unsigned)width));
}

static inline int desmos_empty_short(const char *text, int width) {
    /* Whether the first `width` of sixteen characters are NUL and spaces. */
    desmos_lanes lanes;
    memcpy(&lanes, text, 16);
    return !desmos_any((desmos_lanes)((lanes & 0xDF) != 0) & desmos_first((unsigned)width));
}

static inline int desmos_filled_text(const char *text, int width, int roomy, char *word) {
    /* The same size; up to sixteen characters are kept, filled with spaces. -1 for a NUL inside, or a character outside ASCII. With
       `roomy`, sixteen characters can be read whatever the width. */
    desmos_lanes lanes, empty;
    int size, i;
    if (width > 16) {
        size = desmos_filled_size(text, width);
        if (size > 16) {
            for (i = 0; i < size; i++)
                if ((uint8_t)text[i] - 1u > 126)
                    return -1;
            return size;
        }
        width = size;
    }
    if (roomy) {
        memcpy(&lanes, text, 16);
        lanes &= desmos_first((unsigned)width);
    } else {
        desmos_load(word, text, (unsigned)width);
        memcpy(&lanes, word, 16);
    }
    empty = (desmos_lanes)(lanes == 0);
    size = desmos_highest(~empty & (desmos_lanes)(lanes != ' '));
    if (desmos_any(((empty & desmos_first((unsigned)size)) | (desmos_lanes)(lanes > 127))))
        return -1;
    lanes |= empty & ' ';
    memcpy(word, &lanes, 16);
    return size;
}
#endif
