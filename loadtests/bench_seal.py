# SPDX-License-Identifier: Apache-2.0
"""Sealing and blind index of a block, beside one call per row into the usual packages.

Shows the cost a row in one thread, ids and random nonces included. It does not show the database, nor several threads.
"""

import argparse
import hmac
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ext import seal
from loadtests.rounds import compare

PREFIX = b"invoice\0" + bytes(16)


def run(rows: int, size: int, rounds: int) -> None:
    key = os.urandom(32)
    cipher = AESGCM(key)
    ids = [os.urandom(16) for _ in range(rows)]
    plain = [os.urandom(size) for _ in range(rows)]
    sealed = seal.seal_block(key, PREFIX, ids, plain)

    def seal_rows() -> list[bytes]:
        found = []
        for row, content in zip(ids, plain, strict=True):
            nonce = os.urandom(12)
            found.append(nonce + cipher.encrypt(nonce, content, PREFIX + row))
        return found

    def open_rows() -> list[bytes]:
        return [cipher.decrypt(content[:12], content[12:], PREFIX + row) for row, content in zip(ids, sealed, strict=True)]

    compare(f"seal {size} bytes", rows, lambda: seal.seal_block(key, PREFIX, ids, plain), seal_rows, rounds)
    compare(f"open {size} bytes", rows, lambda: seal.open_block(key, PREFIX, ids, sealed), open_rows, rounds)


def run_index(rows: int, rounds: int) -> None:
    key = os.urandom(32)
    texts = [f"18507999{i:05d}" for i in range(rows)]
    compare(
        "blind index", rows, lambda: seal.index_block(key, texts), lambda: [hmac.digest(key, t.encode(), "sha256") for t in texts], rounds
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds")
    quick = parser.parse_args().quick
    rows, rounds = (1_000, 5) if quick else (10_000, 15)
    print(f"blocks of {rows} rows, {rounds} rounds in turn; peers: cryptography AESGCM, hmac.digest")
    for size in (128, 900, 4_000):
        run(rows, size, rounds)
    run_index(rows, rounds)


if __name__ == "__main__":
    main()
