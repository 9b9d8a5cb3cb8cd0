# SPDX-License-Identifier: Apache-2.0
"""HTTPS to a concentrator: each file by PUT, both sides proven by certificate."""

import base64
from typing import Final

import aiohttp
import msgspec

from desmos_fast.lots.recipients.model import Https
from desmos_fast.lots.transports import keys, tls
from desmos_fast.lots.transports.port import CONNECT_S, NameTaken, Parcel, PeerUntrusted, TransportFailed, TransportRefused

TAKEN: Final = 409
# Its last word on this file; any other refusal is mended in the settings, here or there.
LASTING: Final = frozenset({400, 413, 415, 422})
DONE: Final = frozenset({200, 201})


class Receipt(msgspec.Struct, frozen=True):
    """What a concentrator answers: the file that it holds, for good; `sha256` in hex."""

    name: str
    sha256: str


class HttpsTransport:
    """Gives each file to a concentrator, and believes it only when the answer names the file and its digest."""

    def __init__(self, way: Https) -> None:
        self.way = way
        keys.pair(way.certificate_file, way.key_file)
        keys.authorities(way.ca_file)
        self.context = tls.client_context(way.ca_file, way.certificate_file, way.key_file)

    async def put(self, parcel: Parcel) -> None:
        """Give a file; see `Transport.put`."""
        try:
            status, answer = await self._asked(parcel)
        except aiohttp.ClientSSLError as error:
            raise PeerUntrusted(
                f"the concentrator was not given {parcel.name}: {_why(error)}", hint="check url, ca_file and the certificates"
            ) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TransportFailed(
                f"{parcel.name} was not given: {type(error).__name__}", hint="check that the concentrator answers"
            ) from error
        name = parcel.name
        if status == TAKEN:
            raise NameTaken(f"{name} was already sent with another content", hint="build the file again under a new sequence")
        if status in LASTING:
            raise TransportRefused(f"the concentrator refuses {name} with {status}", hint="ask who runs it; then: desmos-fast jobs retry")
        if status not in DONE:
            raise TransportFailed(f"the concentrator does not take {name} now: {status}", hint="check url and certificates")
        if _receipt(answer) != Receipt(name, parcel.sha256.hex()):
            raise TransportFailed(f"the concentrator acknowledges something else than {name}", hint="check url")

    async def _asked(self, parcel: Parcel) -> tuple[int, bytes]:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Digest": f"sha-256=:{base64.b64encode(parcel.sha256).decode()}:",
            "Idempotency-Key": parcel.key,
        }
        url = f"{self.way.url.rstrip('/')}/{parcel.name}"
        timeout = aiohttp.ClientTimeout(total=self.way.timeout_s, sock_connect=CONNECT_S)
        # A connection for each file: a worker sends some a day, and one that was kept open may be dead by then.
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session,
            session.put(url, data=parcel.content, headers=headers, ssl=self.context, allow_redirects=False) as answer,
        ):
            return answer.status, await answer.read()


def _receipt(answer: bytes) -> Receipt | None:
    try:
        return msgspec.json.decode(answer, type=Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate does not prove it"
    return "TLS failed"
