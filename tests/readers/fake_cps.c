/* SPDX-License-Identifier: Apache-2.0
 * A PKCS#11 library that hands everything on to another one (FAKE_CPS_REAL), but for what the files of a folder (FAKE_CPS) say: flags of the
 * token, another serial number, what goes wrong at the next call of a name, or at all of them (`gone`). It records each code that was sent as
 * its length, never the code. */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The standard's list: a version, then 68 functions in their order. */
enum { GET_TOKEN_INFO = 6, OPEN_SESSION = 12, LOGIN = 18, GET_ATTRIBUTE = 24, FIND_OBJECTS = 27, FUNCTIONS = 68 };
#define SERIAL 80
#define FLAGS 96
#define DEVICE_REMOVED 0x32UL

typedef unsigned long rv;
typedef rv (*any)(unsigned long, unsigned long, unsigned long, unsigned long, unsigned long);
struct list {
    unsigned char version[8];
    any functions[FUNCTIONS];
};

static struct list *theirs, ours;

static FILE *file(const char *name, const char *mode) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("FAKE_CPS"), name);
    return fopen(path, mode);
}

/* Do what the file `next` has for a call: `name verb number`. */
static rv trouble(const char *name) {
    char path[4096], named[16], verb[16];
    unsigned long number = 0;
    FILE *next = file("next", "r");
    int found = next ? fscanf(next, "%15s %15s %lx", named, verb, &number) : 0;
    if (next)
        fclose(next);
    if (found < 2 || strcmp(named, name))
        return 0;
    if (!strcmp(verb, "gone"))
        return number;
    snprintf(path, sizeof path, "%s/next", getenv("FAKE_CPS"));
    unlink(path);
    if (!strcmp(verb, "hang"))
        for (;;)
            pause();
    if (!strcmp(verb, "crash"))
        *(volatile int *)8 = 1;
    if (!strcmp(verb, "slow"))
        usleep(number * 1000);
    if (!strcmp(verb, "hold")) {
        snprintf(path, sizeof path, "%s/go", getenv("FAKE_CPS"));
        while (access(path, F_OK))
            usleep(1000);
    }
    return strcmp(verb, "fail") ? 0 : number;
}

static rv token_info(unsigned long slot, unsigned char *info, unsigned long c, unsigned long d, unsigned long e) {
    unsigned long flags = 0;
    rv found = theirs->functions[GET_TOKEN_INFO](slot, (unsigned long)info, c, d, e);
    FILE *told = file("flags", "r");
    if (told) {
        if (fscanf(told, "%lx", &flags) == 1)
            *(unsigned long *)(info + FLAGS) |= flags;
        fclose(told);
    }
    told = file("serial", "r");
    if (told) {
        if (fread(info + SERIAL, 1, 16, told) != 16)
            found = DEVICE_REMOVED;
        fclose(told);
    }
    return found;
}

static rv login(unsigned long session, unsigned long user, unsigned char *code, unsigned long length, unsigned long e) {
    rv found;
    FILE *calls = file("calls", "a");
    if (calls) {
        fprintf(calls, "code %lu\n", length);
        fclose(calls);
    }
    found = trouble("login");
    return found ? found : theirs->functions[LOGIN](session, user, (unsigned long)code, length, e);
}

#define WATCHED(name, word, place)                                                                                                           \
    static rv name(unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e) {                                   \
        rv found = trouble(word);                                                                                                            \
        return found ? found : theirs->functions[place](a, b, c, d, e);                                                                      \
    }
WATCHED(open_session, "open", OPEN_SESSION)
WATCHED(get_attribute, "attribute", GET_ATTRIBUTE)
WATCHED(find_objects, "find", FIND_OBJECTS)

rv C_GetFunctionList(struct list **list) {
    rv (*real)(struct list **);
    void *library = dlopen(getenv("FAKE_CPS_REAL"), RTLD_NOW);
    if (!library)
        return 5;
    real = (rv(*)(struct list **))dlsym(library, "C_GetFunctionList");
    if (!real || real(&theirs))
        return 5;
    ours = *theirs;
    ours.functions[GET_TOKEN_INFO] = (any)token_info;
    ours.functions[OPEN_SESSION] = open_session;
    ours.functions[LOGIN] = (any)login;
    ours.functions[GET_ATTRIBUTE] = get_attribute;
    ours.functions[FIND_OBJECTS] = find_objects;
    *list = &ours;
    return 0;
}
