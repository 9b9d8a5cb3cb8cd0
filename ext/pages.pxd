# SPDX-License-Identifier: Apache-2.0
"""Memory in large pages, and fetching ahead: what tables that are touched at random places need."""
from libc.stdint cimport uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <stddef.h>
    #include <sys/mman.h>

    /* Zeroed memory of its own mapping, in large pages where the system has them; NULL when there is none. */
    static inline void *desmos_fresh(size_t size) {
        void *found = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (found == MAP_FAILED) return NULL;
    #ifdef MADV_HUGEPAGE
        if (size >= ((size_t)1 << 21)) madvise(found, size, MADV_HUGEPAGE);
    #endif
        return found;
    }

    static inline void desmos_give_back(void *place, size_t size) {
        if (place != NULL) munmap(place, size ? size : 1);
    }

    static inline void desmos_fetch(const void *place) { __builtin_prefetch(place); }

    /* Both halves of the whole product: every bit of one factor reaches the low and the high bits of the result. */
    static inline uint64_t desmos_mixed_product(uint64_t one, uint64_t other) {
        unsigned __int128 product = (unsigned __int128)one * other;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    """
    void *fresh "desmos_fresh"(size_t size) noexcept nogil
    void give_back "desmos_give_back"(void *place, size_t size) noexcept nogil
    void fetch "desmos_fetch"(const void *place) noexcept nogil
    uint64_t mixed_product "desmos_mixed_product"(uint64_t one, uint64_t other) noexcept nogil
