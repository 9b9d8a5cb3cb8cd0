# SPDX-License-Identifier: Apache-2.0
"""The twin of the sealing kernel: the `cryptography` package, a row at a time."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC


def seal_block(key: bytes, prefix: bytes, ids: list[bytes], plain: list[bytes]) -> list[bytes]:
    cipher = AESGCM(key)
    sealed = []
    for place, content in zip(ids, plain, strict=True):
        nonce = os.urandom(12)
        sealed.append(nonce + cipher.encrypt(nonce, content, prefix + place))
    return sealed


def open_block(key: bytes, prefix: bytes, ids: list[bytes], sealed: list[bytes]) -> list[bytes]:
    cipher = AESGCM(key)
    plain = []
    for row, (place, content) in enumerate(zip(ids, sealed, strict=True)):
        if len(content) < 28:
            raise ValueError(row)
        try:
            plain.append(cipher.decrypt(content[:12], content[12:], prefix + place))
        except InvalidTag:
            raise ValueError(row) from None
    return plain


def index_block(key: bytes, texts: list[str]) -> list[bytes]:
    results = []
    for text in texts:
        mac = HMAC(key, SHA256())
        mac.update(text.encode())
        results.append(mac.finalize())
    return results
