# SPDX-License-Identifier: Apache-2.0
"""The header of claims for the kernels: values as sixteen characters, and the records they are moved into."""
from libc.stdint cimport int16_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "ext/claim.h" nogil:
    enum:
        LINE "DESMOS_RECORD"
        STEPS "DESMOS_STEPS"
        WORD "DESMOS_WORD"
        LEFT "DESMOS_LEFT"
        RIGHT "DESMOS_RIGHT"

    # Text, or a number when `text` is NULL; nothing at all unless `known`.
    ctypedef struct Value "desmos_value":
        char[16] word
        uint64_t number
        const char *text
        int32_t size
        int32_t known

    ctypedef struct Step "desmos_step":
        uint32_t word
        uint32_t known
        int16_t offset
        uint8_t source
        uint8_t count
        uint8_t act
        uint8_t way
        uint16_t mask

    ctypedef struct Line "desmos_line":
        Step[64] steps
        int count
        int spared
        int start
        int stop
        int acts
        int texts
        char[129] template "template_"

    void load_word "desmos_load"(char *word, const char *text, unsigned int size)
    bint not_digits "desmos_not_digits"(const char *word, unsigned int size)
    bint not_plain "desmos_not_plain"(const char *word, unsigned int size)
    uint64_t eight "desmos_eight"(const char *word)
    uint64_t digits_of "desmos_digits"(const char *word, unsigned int size)
    void spell_number "desmos_number"(char *word, uint64_t number)
    bint finess_key_is_right "desmos_finess_key"(const char *word)
    uint64_t day_of "desmos_day"(const char *word)
    void shorten_day "desmos_short_day"(char *word)
    bint has_wide "desmos_has_wide"()
    bint write_line "desmos_write"(bint wide, char *out, const Line *line, const char *alike, const char **sides)
