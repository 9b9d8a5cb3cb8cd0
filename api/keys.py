# SPDX-License-Identifier: Apache-2.0
"""Typed keys of what the application and each request hold."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from desmos_fast.base.clock import Clock
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Pool
from desmos_fast.identity.model import Caller
from desmos_fast.identity.service import KeyBook


@dataclass
class Life:
    """Where the process stands: leaving once it was asked to stop, closed once it takes no new work; the loop's last delay."""

    leaving: bool = False
    closed: bool = False
    lag_s: float = 0.0


LIFE: Final = web.AppKey("life", Life)
POOL: Final = web.AppKey("pool", Pool)
KEYRING: Final = web.AppKey("keyring", Keyring)
KEYS: Final = web.AppKey("keys", KeyBook)
CLOCK: Final[web.AppKey[Clock]] = web.AppKey("clock")
CALLER: Final = web.RequestKey("caller", Caller)
REQUEST_ID: Final = web.RequestKey("request_id", str)
