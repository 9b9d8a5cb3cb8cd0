# SPDX-License-Identifier: Apache-2.0
"""Which URL may be told, which addresses may be reached, and how long to wait."""

import ipaddress
import random
import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.exchange.faults import Fault
from desmos_fast.webhooks.events import EVENTS
from desmos_fast.webhooks.model import Subscription, WebhookRefused

Hosts = Literal["public", "any"]
LONGEST_URL: Final = 2000
MOST_EVENTS: Final = 64
EVENT: Final = re.compile(r"[a-z_]+\.[a-z_]+")
# An address of IPv4 inside one of IPv6, by which a translator leads to it.
TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
# All that is public of IPv6; the library takes what no list names for public too: site-local, local translators, IPv4 in its old forms.
PUBLIC: Final = ipaddress.IPv6Network("2000::/3")
PROTOCOLS: Final = ipaddress.IPv4Network("192.0.0.0/24")
# A host that ends so is an address to some libraries: 127.1 and 0x7f000001 are this machine.
NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Patience:
    """How often an event is told before it is dead, and how long to wait in between: doubled each time from `first_s`.

    A delivery that was taken is left for `lease_s` to whoever took it: longer than a try and the word about it take.
    """

    tries: int = 12
    first_s: float = 5.0
    longest_s: float = 3600.0
    lease_s: float = 30.0

    def delay_s(self, failed: int) -> float:
        """Return the wait after `failed` tries, drawn from its upper half so that receivers are not called by all at once."""
        whole: float = min(self.first_s * 2.0 ** (failed - 1), self.longest_s)
        return random.uniform(whole / 2, whole)


def check(asked: Subscription) -> None:
    """Refuse a URL that is not https to a host, and names that no event has. Raises WebhookRefused, which never repeats them."""
    if len(asked.url) > LONGEST_URL or not asked.url.isascii() or not asked.url.isprintable() or " " in asked.url:
        raise WebhookRefused(f"url is at most {LONGEST_URL} visible ASCII characters")
    parts = split(asked.url)
    if parts.scheme != "https" or not parts.hostname or not _can_be_named(parts.hostname):
        raise WebhookRefused("url is https://host/…")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise WebhookRefused("url holds neither a name and password nor a fragment", hint="deliveries are signed: check the signature")
    if mask_nir(asked.url) != asked.url:
        raise WebhookRefused("url holds an identity number")
    if len(asked.events) > MOST_EVENTS:
        raise WebhookRefused(f"events are at most {MOST_EVENTS} names such as file.sent", hint="leave them out to be told of all")
    if unknown := [_unknown(place, name) for place, name in enumerate(asked.events) if name not in EVENTS]:
        raise WebhookRefused(
            "nothing that happens has this name",
            hint=f"leave events out to be told of all; there are {', '.join(sorted(EVENTS))}",
            faults=unknown,
        )


def _unknown(place: int, name: str) -> Fault:
    # What has not the form of a name may be anything, and is not repeated.
    return Fault(
        code="unknown_event", message="no event has this name", field=f"events[{place}]", value=name if EVENT.fullmatch(name) else None
    )


def _can_be_named(host: str) -> bool:
    """Say whether the name of a host can be asked for: who resolves it fails at a part that is empty or too long."""
    try:
        return bool(host.encode("idna"))
    except UnicodeError:
        return False


def split(url: str) -> SplitResult:
    """Return the parts of a URL. Raises WebhookRefused for one that has none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise WebhookRefused("url cannot be read") from error
    return parts


def blocked(host: str, hosts: Hosts) -> bool:
    """Say whether a host, as it is written, may not be reached: an address that is not public, or a number that only some read as one."""
    try:
        return not reachable(ipaddress.ip_address(host.partition("%")[0]), hosts)
    except ValueError:
        return hosts != "any" and NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def reachable(address: Address, hosts: Hosts) -> bool:
    """Say whether deliveries may go to an address: without `any` only to the public ones, whatever they are wrapped in."""
    if hosts == "any":
        return True
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return reachable(inner, hosts)
        return address.is_global and address in PUBLIC
    return address.is_global and not address.is_multicast and address not in PROTOCOLS
