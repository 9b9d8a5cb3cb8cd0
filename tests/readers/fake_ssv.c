/* SPDX-License-Identifier: Apache-2.0
 * The functions of the SSV library as a public header has them, over files of a folder (FAKE_SSV): a zone for each call, what goes wrong at
 * the next one, and a record of what was called. Nothing here is anybody's but the tests'. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_MEMORY 0x0001
#define WRONG_CODE 0xF003
#define NOT_STARTED 0xF600

static int started;

static FILE *file(const char *name, const char *mode) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("FAKE_SSV"), name);
    return fopen(path, mode);
}

static void note(const char *what, const char *name) {
    FILE *calls = file("calls", "a");
    if (calls) {
        fprintf(calls, "%s %s\n", what, name);
        fclose(calls);
    }
}

/* Read what the next call is to do, and forget it. */
static void trouble(char *verb, unsigned *number) {
    char path[4096];
    FILE *next = file("next", "r");
    verb[0] = 0;
    if (!next)
        return;
    if (fscanf(next, "%15s %x", verb, number) < 1)
        verb[0] = 0;
    fclose(next);
    snprintf(path, sizeof path, "%s/next", getenv("FAKE_SSV"));
    unlink(path);
}

static void *zone_of(const char *name, size_t *size) {
    FILE *source = file(name, "rb");
    char *zone = malloc(1 << 20);
    if (!source || !zone)
        return NULL;
    *size = fread(zone, 1, 1 << 20, source);
    fclose(source);
    return zone;
}

static unsigned short call(const char *name, const char *code, void **zone, size_t *size) {
    char verb[16];
    unsigned number = 0;
    note("begin", name);
    trouble(verb, &number);
    if (!strcmp(verb, "hang"))
        for (;;)
            pause();
    if (!strcmp(verb, "crash"))
        *(volatile int *)8 = 1;
    if (!strcmp(verb, "abort"))
        abort();
    if (!strcmp(verb, "exit"))
        _exit(3);
    if (!strcmp(verb, "slow"))
        usleep(number * 1000);
    if (!strcmp(verb, "print")) {
        printf("1234 printed by a library\n");
        fprintf(stderr, "1234 printed by a library\n");
        fflush(stdout);
    }
    note("end", name);
    if (!strcmp(verb, "status"))
        return (unsigned short)number;
    if (!started)
        return NOT_STARTED;
    if (code && strcmp(code, "1234"))
        return WRONG_CODE;
    if (!strcmp(verb, "null")) {
        *zone = NULL;
        *size = 7;
        return 0;
    }
    *zone = zone_of(name, size);
    if (!*zone)
        return NO_MEMORY;
    if (!strcmp(verb, "cut"))
        *size = number < *size ? number : *size;
    if (!strcmp(verb, "huge"))
        *size = (size_t)1 << 40;
    return 0;
}

unsigned short SSV_InitLIB(void) {
    char verb[16] = "";
    unsigned number = 0;
    FILE *init = file("init", "r");
    note("begin", "init");
    note("end", "init");
    if (init) {
        if (fscanf(init, "%15s %x", verb, &number) < 2)
            number = 0;
        fclose(init);
    }
    started = !number;
    return (unsigned short)number;
}

unsigned short SSV_InitLIB2(const char *sesam_ini) {
    note("sesam", sesam_ini);
    started = 1;
    return 0;
}

unsigned short SSV_TermLIB(void) {
    note("begin", "stop");
    note("end", "stop");
    started = 0;
    return 0;
}

unsigned short SSV_LireConfig(void **zone, size_t *size) { return call("config", NULL, zone, size); }

unsigned short SSV_LireCartePS(const char *ps, const char *reader, const char *code, void **zone, size_t *size) {
    note("ps", ps);
    note("reader", reader);
    return call("read_ps", code, zone, size);
}

unsigned short SSV_LireDroitsVitale(const char *ps, const char *reader, const char *code, const char *date, void **zone, size_t *size) {
    note("date", date);
    return call("read_rights", code, zone, size);
}

#ifndef WITHOUT_FREE
void SSV_LibererZoneMem(void *zone) {
    note("free", "zone");
    free(zone);
}
#endif
