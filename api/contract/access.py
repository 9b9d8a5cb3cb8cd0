# SPDX-License-Identifier: Apache-2.0
"""The operations of API keys and of the trail of who looked at what."""

from typing import Final

from api.contract.model import Operation
from desmos_fast.identity.audit.model import AccessPage
from desmos_fast.identity.model import KeyAsked, KeyMade, KeyPage, RotationAsked

OPERATIONS: Final = (
    Operation(method="GET", path="/v1/keys", way="read", tag="access", answer=KeyPage),
    Operation(
        method="POST", path="/v1/keys", way="write", tag="access", body=KeyAsked, answer=KeyMade, status=201, location=True,
        problems=("key_refused",),
    ),
    Operation(
        method="POST", path="/v1/keys/{id}:rotate", way="write", tag="access", body=RotationAsked, empty=True, answer=KeyMade, status=201,
        location=True, problems=("key_refused", "key_ended"),
    ),
    Operation(method="DELETE", path="/v1/keys/{id}", way="write", tag="access", empty=True, status=204),
    Operation(method="GET", path="/v1/audit", way="read", tag="access", answer=AccessPage),
)  # fmt: skip
