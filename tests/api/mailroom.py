# SPDX-License-Identifier: Apache-2.0
"""A mail server on a port of this machine, over TLS, that keeps what it is sent."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.lots.transports.authority import Pair


class Mailroom:
    """A receiver; `refused` are addresses it has no box for, `busy` says that it takes nothing now."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.refused: set[str] = set()
        self.busy = False

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        """Take mail for every box that there is."""
        if address in self.refused:
            return "550 no such box"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep a message."""
        if self.busy:
            return "451 later"
        assert isinstance(envelope.content, bytes)
        assert session.ssl is not None, "a notice came in clear"
        message = email.message_from_bytes(envelope.content, policy=email.policy.SMTP)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """Return what came for an address."""
        return [message for message in self.messages if message["To"] == address]


@asynccontextmanager
async def open_mailroom(room: Mailroom, pair: Pair) -> AsyncIterator[int]:
    """Run the server; give its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate_file, pair.key_file)
    loop = asyncio.get_running_loop()

    def start() -> SMTP:
        return SMTP(room, hostname="mail.example", loop=loop, tls_context=context, require_starttls=True)

    server = await loop.create_server(start, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        # Connections that were left half-way end with the next turns of the loop.
        await asyncio.sleep(0.05)
