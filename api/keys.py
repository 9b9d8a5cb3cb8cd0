# SPDX-License-Identifier: Apache-2.0
"""Typed keys of what the application and each request hold."""

from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from desmos_fast.identity.model import Caller


@dataclass
class Life:
    """Where the process stands: stopping once SIGTERM came; how late the loop woke up last."""

    stopping: bool = False
    lag_s: float = 0.0
    known: dict[bytes, tuple[float, Caller]] = field(default_factory=dict)


LIFE: Final = web.AppKey("life", Life)
LOG: Final = web.AppKey("log", Any)
CALLER: Final = web.RequestKey("caller", Caller)
REQUEST_ID: Final = web.RequestKey("request_id", str)
