# SPDX-License-Identifier: Apache-2.0
"""Sealing and blind index by OpenSSL's libcrypto, a block of rows in one call.

A sealed row is nonce (12 random bytes), ciphertext, tag (16 bytes): AES-256-GCM with `prefix + id` as what is
authenticated beside it. An index is HMAC-SHA-256, whole. One cipher context and one key schedule serve the block;
the bytes are moved without the GIL. Errors name a row, never what is in it nor a key. A random nonce allows some
four thousand million rows under one key.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_AsStringAndSize, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_CheckExact
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef extern from "openssl/crypto.h" nogil:
    void OPENSSL_cleanse(void *place, size_t size)

cdef extern from "openssl/err.h" nogil:
    void ERR_clear_error()

cdef extern from "openssl/rand.h" nogil:
    int RAND_bytes(unsigned char *out, int size)

cdef extern from "openssl/params.h" nogil:
    ctypedef struct OSSL_PARAM:
        pass
    OSSL_PARAM OSSL_PARAM_construct_utf8_string(const char *key, char *value, size_t size)
    OSSL_PARAM OSSL_PARAM_construct_end()

cdef extern from "openssl/evp.h" nogil:
    ctypedef struct EVP_CIPHER:
        pass
    ctypedef struct EVP_CIPHER_CTX:
        pass
    ctypedef struct EVP_MAC:
        pass
    ctypedef struct EVP_MAC_CTX:
        pass
    ctypedef struct ENGINE:
        pass
    ctypedef struct OSSL_LIB_CTX:
        pass
    int EVP_CTRL_AEAD_GET_TAG
    int EVP_CTRL_AEAD_SET_TAG
    const EVP_CIPHER *EVP_aes_256_gcm()
    EVP_CIPHER_CTX *EVP_CIPHER_CTX_new()
    void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *context)
    int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *context, int kind, int number, void *place)
    int EVP_CipherInit_ex(
        EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, ENGINE *engine, const unsigned char *key, const unsigned char *nonce,
        int encrypt)
    int EVP_CipherUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *written, const unsigned char *source, int size)
    int EVP_CipherFinal_ex(EVP_CIPHER_CTX *context, unsigned char *out, int *written)
    EVP_MAC *EVP_MAC_fetch(OSSL_LIB_CTX *library, const char *name, const char *properties)
    void EVP_MAC_free(EVP_MAC *mac)
    EVP_MAC_CTX *EVP_MAC_CTX_new(EVP_MAC *mac)
    void EVP_MAC_CTX_free(EVP_MAC_CTX *context)
    int EVP_MAC_init(EVP_MAC_CTX *context, const unsigned char *key, size_t size, const OSSL_PARAM *params)
    int EVP_MAC_update(EVP_MAC_CTX *context, const unsigned char *source, size_t size)
    int EVP_MAC_final(EVP_MAC_CTX *context, unsigned char *out, size_t *written, size_t room)

cdef enum:
    KEY = 32
    NONCE = 12
    TAG = 16
    DIGEST = 32
    # What a row may hold: OpenSSL counts in int (2**31 - 1), and the sealed row is 28 bytes longer than the plain one.
    LONGEST = 2147483619
    # What went wrong, as a negative answer of the loops without the GIL.
    BROKEN = -1
    LIBRARY = -2
    SHORT = -3

cdef struct Row:
    const unsigned char *id
    const unsigned char *source
    unsigned char *out
    int id_size
    int size


cdef int check_key(bytes key) except -1:
    if PyBytes_GET_SIZE(key) != KEY:
        raise ValueError("the key has not 32 bytes")
    return 0


cdef int check_prefix(bytes prefix) except -1:
    if PyBytes_GET_SIZE(prefix) > LONGEST:
        raise OverflowError("the prefix is too long")
    return 0


cdef int library_failed() except -1:
    # What is left in OpenSSL's queue would be taken by the ssl module for an error of its own.
    ERR_clear_error()
    raise RuntimeError("OpenSSL refused to work")


cdef EVP_CIPHER_CTX *cipher_for(bytes key, int encrypt) except NULL:
    cdef EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new()
    if context == NULL:
        ERR_clear_error()
        raise MemoryError
    if EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, <const unsigned char *>PyBytes_AS_STRING(key), NULL, encrypt) != 1:
        EVP_CIPHER_CTX_free(context)
        library_failed()
    return context


cdef int update(EVP_CIPHER_CTX *context, unsigned char *out, const unsigned char *source, int size) noexcept nogil:
    # With `out` NULL the bytes are authenticated and not enciphered.
    cdef int written = 0
    if size == 0:
        return 0
    if EVP_CipherUpdate(context, out, &written, source, size) != 1 or written != size:
        return LIBRARY
    return 0


cdef int start(
    EVP_CIPHER_CTX *context, const Row *row, const unsigned char *nonce, const unsigned char *prefix, int prefix_size,
) noexcept nogil:
    # An encrypt of -1 leaves the direction as it is, a key of NULL the key schedule.
    if EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, -1) != 1:
        return LIBRARY
    if update(context, NULL, prefix, prefix_size) != 0 or update(context, NULL, row.id, row.id_size) != 0:
        return LIBRARY
    return 0


cdef int seal_row(EVP_CIPHER_CTX *context, const Row *row, const unsigned char *prefix, int prefix_size) noexcept nogil:
    cdef int written = 0
    cdef unsigned char none[16]
    if start(context, row, row.out, prefix, prefix_size) != 0:
        return LIBRARY
    if update(context, row.out + NONCE, row.source, row.size) != 0:
        return LIBRARY
    if EVP_CipherFinal_ex(context, none, &written) != 1 or written != 0:
        return LIBRARY
    if EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG, row.out + NONCE + row.size) != 1:
        return LIBRARY
    return 0


cdef int open_row(EVP_CIPHER_CTX *context, const Row *row, const unsigned char *prefix, int prefix_size) noexcept nogil:
    cdef int written = 0
    cdef unsigned char none[16]
    cdef unsigned char tag[TAG]
    if row.size < 0:
        return SHORT
    if start(context, row, row.source, prefix, prefix_size) != 0:
        return LIBRARY
    if update(context, row.out, row.source + NONCE, row.size) != 0:
        return LIBRARY
    memcpy(tag, row.source + NONCE + row.size, TAG)
    if EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1:
        return LIBRARY
    if EVP_CipherFinal_ex(context, none, &written) != 1 or written != 0:
        return BROKEN
    return 0


cdef Py_ssize_t work(
    EVP_CIPHER_CTX *context, Row *rows, Py_ssize_t count, const unsigned char *prefix, int prefix_size, bint sealing, int *fault,
) noexcept nogil:
    # The number of rows done; when it is not `count`, `fault` says what happened to the next one.
    cdef Py_ssize_t i
    for i in range(count):
        if sealing:
            fault[0] = seal_row(context, &rows[i], prefix, prefix_size)
        else:
            fault[0] = open_row(context, &rows[i], prefix, prefix_size)
        if fault[0] != 0:
            return i
    return count


cdef int fill_nonces(tuple sealed) except -1:
    # One draw for some thousands of rows: a draw per row costs more than the cipher.
    cdef unsigned char pool[12 * 1024]
    cdef Py_ssize_t i, at = 0
    try:
        for i in range(len(sealed)):
            at = i % 1024
            if at == 0 and RAND_bytes(pool, 12 * 1024) != 1:
                library_failed()
            memcpy(PyBytes_AS_STRING(sealed[i]), pool + at * NONCE, NONCE)
    finally:
        OPENSSL_cleanse(pool, 12 * 1024)
    return 0


cdef list lay_out(tuple ids, tuple sources, Row *rows, bint sealing):
    # The results, allocated to their exact size and not yet written.
    cdef Py_ssize_t i, size
    cdef char *place
    cdef list results = []
    cdef bytes result
    for i in range(len(sources)):
        if not PyBytes_CheckExact(ids[i]) or not PyBytes_CheckExact(sources[i]):
            raise TypeError(i, "id and content must be bytes")
        PyBytes_AsStringAndSize(ids[i], &place, &size)
        if size > LONGEST:
            raise OverflowError(i, "id is too long")
        rows[i].id = <const unsigned char *>place
        rows[i].id_size = <int>size
        PyBytes_AsStringAndSize(sources[i], &place, &size)
        rows[i].source = <const unsigned char *>place
        if not sealing:
            # A row too short for its nonce and tag gets -1 and is refused when its turn comes, like one that does not verify.
            size = size - NONCE - TAG if size >= NONCE + TAG else -1
        if size > LONGEST:
            raise OverflowError(i, "content is too long")
        rows[i].size = <int>size
        result = PyBytes_FromStringAndSize(NULL, size + NONCE + TAG if sealing else max(size, 0))
        rows[i].out = <unsigned char *>PyBytes_AS_STRING(result)
        results.append(result)
    return results


cdef list run(bytes key, bytes prefix, list ids, list sources, bint sealing):
    # Tuples hold the rows while the GIL is away, whatever becomes of the caller's lists.
    cdef tuple kept_ids = tuple(ids), kept = tuple(sources)
    cdef Py_ssize_t count = len(kept), done = 0, i
    cdef const unsigned char *head = <const unsigned char *>PyBytes_AS_STRING(prefix)
    cdef int head_size, fault = 0
    cdef EVP_CIPHER_CTX *context = NULL
    cdef Row *rows = NULL
    cdef list results
    check_key(key)
    check_prefix(prefix)
    head_size = <int>PyBytes_GET_SIZE(prefix)
    if len(kept_ids) != count:
        raise ValueError("ids and rows differ in number")
    if count == 0:
        return []
    try:
        rows = <Row *>malloc(<size_t>count * sizeof(Row))
        if rows == NULL:
            raise MemoryError
        results = lay_out(kept_ids, kept, rows, sealing)
        if sealing:
            fill_nonces(tuple(results))
        context = cipher_for(key, 1 if sealing else 0)
        with nogil:
            done = work(context, rows, count, head, head_size, sealing, &fault)
            if fault != 0:
                ERR_clear_error()
                if not sealing:
                    # What was deciphered without a true tag must not lie about in freed memory.
                    for i in range(done + 1):
                        if rows[i].size > 0:
                            OPENSSL_cleanse(rows[i].out, <size_t>rows[i].size)
        if fault == SHORT:
            raise ValueError(done, "too short to be a sealed row")
        if fault == BROKEN:
            raise ValueError(done, "the tag does not verify")
        if fault != 0:
            library_failed()
        return results
    finally:
        EVP_CIPHER_CTX_free(context)
        free(rows)


def seal_block(bytes key not None, bytes prefix not None, list ids not None, list plain not None) -> list:
    """Seal each row under `key` (32 bytes), bound to `prefix + id`; return nonce + ciphertext + tag, row by row.

    Raises ValueError for a wrong key or counts that differ, TypeError and OverflowError with args `(row, reason)`.
    """
    return run(key, prefix, ids, plain, True)


def open_block(bytes key not None, bytes prefix not None, list ids not None, list sealed not None) -> list:
    """Open each sealed row, all or none.

    Raises ValueError with args `(row, reason)` for the first row that is too short or whose tag does not verify.
    """
    return run(key, prefix, ids, sealed, False)


cdef EVP_MAC_CTX *mac_for(bytes key) except NULL:
    cdef EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL)
    cdef EVP_MAC_CTX *context
    cdef OSSL_PARAM params[2]
    cdef char name[7]
    if mac == NULL:
        library_failed()
    context = EVP_MAC_CTX_new(mac)
    EVP_MAC_free(mac)  # the context keeps its own reference
    if context == NULL:
        ERR_clear_error()
        raise MemoryError
    memcpy(name, b"SHA256\0", 7)
    params[0] = OSSL_PARAM_construct_utf8_string("digest", name, 0)
    params[1] = OSSL_PARAM_construct_end()
    if EVP_MAC_init(context, <const unsigned char *>PyBytes_AS_STRING(key), KEY, params) != 1:
        EVP_MAC_CTX_free(context)
        library_failed()
    return context


cdef int digest(EVP_MAC_CTX *context, Row *rows, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    cdef size_t written = 0
    for i in range(count):
        # Without a key the keyed state is taken up again, so the key is hashed once for the block.
        if i and EVP_MAC_init(context, NULL, 0, NULL) != 1:
            return LIBRARY
        if EVP_MAC_update(context, rows[i].source, <size_t>rows[i].size) != 1:
            return LIBRARY
        if EVP_MAC_final(context, rows[i].out, &written, DIGEST) != 1 or written != DIGEST:
            return LIBRARY
    return 0


cdef list lay_texts(tuple texts, Row *rows):
    cdef Py_ssize_t i, size = 0
    cdef const char *place
    cdef char *raw
    cdef list results = []
    cdef bytes result
    for i in range(len(texts)):
        text = texts[i]
        if PyUnicode_CheckExact(text):
            try:
                place = PyUnicode_AsUTF8AndSize(text, &size)
            except UnicodeEncodeError:
                place = NULL
            if place == NULL:
                raise ValueError(i, "text is not Unicode")
        elif PyBytes_CheckExact(text):
            PyBytes_AsStringAndSize(text, &raw, &size)
            place = raw
        else:
            raise TypeError(i, "text must be str or bytes")
        if size > LONGEST:
            raise OverflowError(i, "text is too long")
        rows[i].source = <const unsigned char *>place
        rows[i].size = <int>size
        result = PyBytes_FromStringAndSize(NULL, DIGEST)
        rows[i].out = <unsigned char *>PyBytes_AS_STRING(result)
        results.append(result)
    return results


def index_block(bytes key not None, list texts not None) -> list:
    """Return HMAC-SHA-256 of each text (str as UTF-8) under `key` (32 bytes): 32 bytes a row.

    Raises ValueError for a wrong key, TypeError, ValueError and OverflowError with args `(row, reason)`.
    """
    cdef tuple kept = tuple(texts)
    cdef Py_ssize_t count = len(kept)
    cdef EVP_MAC_CTX *context = NULL
    cdef Row *rows = NULL
    cdef list results
    cdef int fault = 0
    check_key(key)
    if count == 0:
        return []
    try:
        rows = <Row *>malloc(<size_t>count * sizeof(Row))
        if rows == NULL:
            raise MemoryError
        results = lay_texts(kept, rows)
        context = mac_for(key)
        with nogil:
            fault = digest(context, rows, count)
        if fault != 0:
            library_failed()
        return results
    finally:
        EVP_MAC_CTX_free(context)
        free(rows)


cdef int self_test() except -1:
    # RFC 4231 tells nothing of a 32-byte key taken up twice; early 3.0 releases of OpenSSL forgot to start again.
    cdef list pair = index_block(bytes(KEY), [b"desmos", b"desmos", b""])
    if pair[0] != pair[1] or pair[0] == pair[2]:
        raise ImportError("this OpenSSL does not restart an HMAC: it is too old")
    return 0


self_test()
