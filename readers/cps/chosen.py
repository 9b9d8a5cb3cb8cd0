# SPDX-License-Identifier: Apache-2.0
"""What is set for the card of a professional. Apart from what reads it, which takes long to load."""

import msgspec


class CpsChoices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The issuer's library (PKCS#11); the label of the one token that is meant, where there are several; seconds for each call."""

    library: str
    token: str = ""
    deadline_s: float = 20.0
