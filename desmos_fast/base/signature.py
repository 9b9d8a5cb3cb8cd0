# SPDX-License-Identifier: Apache-2.0
"""The signature of a delivery: HMAC-SHA-256 over the second it was made in and its body, `t=1764097200,v1=<hex>`."""

import hashlib
import hmac
import re
from typing import Final

HEADER: Final = "Desmos-Signature"
WINDOW_S: Final = 300
_FORM: Final = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


def sign(secret: str, at_s: int, body: bytes) -> str:
    """Return the value of the header for a body that is sent at a second since 1970."""
    return f"t={at_s},v1={_digest(secret, at_s, body)}"


def verify(secret: str, header: str, body: bytes, *, now_s: int, window_s: int = WINDOW_S) -> bool:
    """Say whether a body was signed with the secret, and not more than `window_s` seconds from now: an older one may be a replay."""
    found = _FORM.fullmatch(header)
    if found is None:
        return False
    at_s = int(found[1])
    return hmac.compare_digest(found[2], _digest(secret, at_s, body)) and abs(now_s - at_s) <= window_s


def _digest(secret: str, at_s: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
