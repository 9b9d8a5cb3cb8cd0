# SPDX-License-Identifier: Apache-2.0
"""A receiver of Standard Webhooks, from the words of the specification alone (version 1.0.0, symmetric signatures).

- `webhook-id`, `webhook-timestamp` (whole seconds since 1970) and `webhook-signature` come with each message, names in any case.
- What is signed is id, timestamp and the body as it came, with full stops between.
- `webhook-signature` lists signatures, a space between them, each with its version before a comma: `v1` is HMAC-SHA-256 in base64.
- A secret is `whsec_` and 24 to 64 bytes in base64.
- The receiver allows a clock five minutes off, and one true signature is enough.
"""

import hmac
from base64 import standard_b64decode
from collections.abc import Mapping

TOLERANCE_S = 5 * 60


class NotVerified(Exception):
    """The message is not from who knows the secret, or not from now."""


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret, if it is one."""
    prefix, _, text = secret.partition("_")
    key = standard_b64decode(text)
    if prefix != "whsec" or not 24 <= len(key) <= 64:
        raise NotVerified("no secret of the specification")
    return key


def verified(secret: str, headers: Mapping[str, str], body: bytes, *, now_s: int) -> bytes:
    """Return a body that is what its sender signed, lately."""
    told = {name.lower(): value for name, value in headers.items()}
    try:
        message, second, signatures = (told[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as error:
        raise NotVerified("a header is missing") from error
    if not (second.isascii() and second.isdecimal()) or not now_s - TOLERANCE_S <= int(second) <= now_s + TOLERANCE_S:
        raise NotVerified("not from now")
    if "." in message:
        raise NotVerified("an id with a full stop could be read as another one")
    mac = hmac.HMAC(key_of(secret), b".".join([message.encode(), second.encode(), body]), "sha256").digest()
    for one in signatures.split(" "):
        version, _, text = one.partition(",")
        if version == "v1" and hmac.compare_digest(standard_b64decode(text), mac):
            return body
    raise NotVerified("no signature is true")
