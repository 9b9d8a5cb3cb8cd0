# SPDX-License-Identifier: Apache-2.0
"""Ids of version 7 (RFC 9562), many of one moment, and SHA-256, both by OpenSSL's libcrypto."""
cimport cython
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from ext.pgwire cimport put16, put32

cdef extern from "openssl/rand.h" nogil:
    int RAND_bytes(unsigned char *out, int size)

cdef extern from "openssl/evp.h" nogil:
    ctypedef struct EVP_MD:
        pass
    ctypedef struct EVP_MD_CTX:
        pass
    ctypedef struct ENGINE:
        pass
    ctypedef struct OSSL_LIB_CTX:
        pass
    EVP_MD *EVP_MD_fetch(OSSL_LIB_CTX *library, const char *name, const char *properties)
    void EVP_MD_free(EVP_MD *kind)
    EVP_MD_CTX *EVP_MD_CTX_new()
    void EVP_MD_CTX_free(EVP_MD_CTX *context)
    int EVP_DigestInit_ex(EVP_MD_CTX *context, const EVP_MD *kind, ENGINE *engine)
    int EVP_DigestUpdate(EVP_MD_CTX *context, const void *source, size_t size)
    int EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *out, unsigned int *written)

cdef enum:
    POOL = 4096

cdef struct Ids:
    uint64_t milliseconds
    # Counts on from a number that is drawn, so that ids sort as they are made.
    uint64_t counter
    unsigned char[POOL] pool
    int left


@cython.overflowcheck(False)
cdef inline int make_id(Ids *ids, unsigned char *out) noexcept nogil:
    if ids.left < 4:
        if RAND_bytes(ids.pool, POOL) != 1:
            return -1
        ids.left = POOL
    put32(<char *>out, <uint32_t>(ids.milliseconds >> 16))
    put16(<char *>out + 4, <uint32_t>(ids.milliseconds & 0xFFFF))
    put16(<char *>out + 6, <uint32_t>(0x7000 | (ids.counter >> 30 & 0xFFF)))
    put32(<char *>out + 8, <uint32_t>(<uint64_t>2 << 30 | (ids.counter & 0x3FFFFFFF)))
    ids.left -= 4
    memcpy(out + 12, ids.pool + ids.left, 4)
    ids.counter += 1
    return 0
