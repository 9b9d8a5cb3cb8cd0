# SPDX-License-Identifier: Apache-2.0
"""Signatures of deliveries as Standard Webhooks says: HMAC-SHA-256 over id, second and body, `v1,<base64>` for each secret in use."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Final

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
PREFIX: Final = "whsec_"
WINDOW_S: Final = 300
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


def write_secret(key: bytes) -> str:
    """Return the text of a secret: `whsec_` and its bytes in base64."""
    return PREFIX + base64.b64encode(key).decode()


def read_secret(secret: str) -> bytes:
    """Return the bytes of a secret; those of before were written in the alphabet for URLs, without their end. Raises ValueError."""
    text = secret.removeprefix(PREFIX).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise ValueError("the secret is not whsec_ and base64") from error


def sign(secrets: Sequence[str], name: str, at_s: int, body: bytes) -> dict[str, str]:
    """Return the headers of a delivery that is sent at a second since 1970, signed with each secret."""
    return {ID: name, TIMESTAMP: str(at_s), SIGNATURE: " ".join(f"v1,{_signed(secret, name, at_s, body)}" for secret in secrets)}


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now_s: int, window_s: int = WINDOW_S) -> bool:
    """Say whether a body was signed with the secret, and not more than `window_s` seconds from now: an older one may be a replay.

    `headers` is found by lower-case names, or by any where the mapping does not mind. Raises ValueError for what is no secret.
    """
    name, at, given = (headers.get(header, "") for header in (ID, TIMESTAMP, SIGNATURE))
    if not name or _SECONDS.fullmatch(at) is None or abs(now_s - int(at)) > window_s:
        return False
    wanted = f"v1,{_signed(secret, name, int(at), body)}".encode()
    return any([hmac.compare_digest(one.encode(), wanted) for one in given.split(" ")])


def _signed(secret: str, name: str, at_s: int, body: bytes) -> str:
    return base64.b64encode(hmac.digest(read_secret(secret), f"{name}.{at_s}.".encode() + body, hashlib.sha256)).decode()
