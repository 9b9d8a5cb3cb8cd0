# SPDX-License-Identifier: Apache-2.0
"""How secrets are known to the database."""

import hashlib
import hmac


def hash_key(pepper: bytes, secret: str) -> bytes:
    """Return the HMAC-SHA-256 (32 bytes) by which a key, a token, a code or a name that is not to be read is known to the database."""
    return hmac.digest(pepper, secret.encode(), hashlib.sha256)
