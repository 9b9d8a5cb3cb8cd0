# SPDX-License-Identifier: Apache-2.0
"""The one way out for deliveries: HTTPS to addresses that may be reached, checked when the connection is made."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from desmos_fast.webhooks import rules
from desmos_fast.webhooks.model import Outcome, WebhookRefused
from desmos_fast.webhooks.rules import Hosts

TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0, connect=5.0)
RESOLVE_S: Final = 2.0


class Unreachable(OSError):
    """A name leads to an address that deliveries may not go to."""


class GuardedResolver(AbstractResolver):
    """Resolve names, and refuse one of which any address may not be reached: what is connected to is what was checked."""

    def __init__(self, hosts: Hosts) -> None:
        self._inner = aiohttp.ThreadedResolver()
        self._hosts = hosts

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Return the addresses of a name. Raises Unreachable, OSError."""
        found = await self._inner.resolve(host, port, family)
        for one in found:
            if not rules.reachable(ipaddress.ip_address(one["host"].partition("%")[0]), self._hosts):
                raise Unreachable("address not public")
        return found

    async def close(self) -> None:
        """Let go of what resolves."""
        await self._inner.close()


async def check_host(url: str, hosts: Hosts) -> None:
    """Refuse a URL whose host is, or leads to, an address that may not be reached; a name that does not resolve passes for now.

    Raises WebhookRefused.
    """
    if await _leads_inside(url, hosts):
        raise WebhookRefused("url leads to an address that is not public")


async def _leads_inside(url: str, hosts: Hosts) -> bool:
    host = rules.split(url).hostname or ""
    if rules.blocked(host, hosts):
        return True
    resolver = GuardedResolver(hosts)
    try:
        async with asyncio.timeout(RESOLVE_S):
            await resolver.resolve(host, 443, socket.AF_UNSPEC)
    except Unreachable:
        return True
    except (OSError, TimeoutError):
        return False
    finally:
        await resolver.close()
    return False


class Poster:
    """Post signed bodies over one pool of connections. Use as an async context manager; `trust` replaces the system's certificates."""

    def __init__(self, hosts: Hosts, *, trust: ssl.SSLContext | None = None, timeout: aiohttp.ClientTimeout = TIMEOUT) -> None:
        self._hosts = hosts
        self._trust = trust
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # No limit of its own: a worker has so many batches under way, and who waited here for a slow receiver would be held to be away.
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self._hosts), ssl=self._trust or ssl.create_default_context(), limit=0, use_dns_cache=False
        )
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, headers={"User-Agent": "desmos-fast"},
            # What one receiver sets would be sent to all others of its host, whichever centre they are of.
            cookie_jar=aiohttp.DummyCookieJar(),
        )  # fmt: skip
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, url: str, body: bytes, signed: Mapping[str, str]) -> Outcome:
        """Send one signed body and return what was answered, or why nothing was; a redirection is not followed."""
        if self._session is None:
            raise RuntimeError("the poster is used outside its `async with`")
        # An address as such is not resolved, so nothing else would look at it.
        if rules.blocked(rules.split(url).hostname or "", self._hosts):
            return Outcome(None, "address not public")
        headers = {"Content-Type": "application/json", **signed}
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return Outcome(response.status, None if 200 <= response.status < 300 else f"answered {response.status}")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Outcome(None, _reason(error))


def _reason(error: BaseException) -> str:
    """Return a few words for a failure; its text could hold the URL, so its kind is told instead."""
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(inner, Unreachable) or isinstance(error.__cause__, Unreachable):
        return "address not public"
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
