# SPDX-License-Identifier: Apache-2.0
"""Mail: each file as one message, signed and encrypted, over TLS or not at all."""

import asyncio
import smtplib
import ssl
from email.utils import format_datetime
from typing import Final

from desmos_fast.base.clock import Clock, system_clock
from desmos_fast.lots.recipients.model import MailServer, Smtp
from desmos_fast.lots.transports import keys, smime, tls
from desmos_fast.lots.transports.port import CONNECT_S, Parcel, PeerUntrusted, TransportFailed, TransportRefused

STARTTLS_PORT: Final = 587
IMPLICIT_PORT: Final = 465
LASTING: Final = range(500, 600)


class SmtpTransport:
    """Mails each file; the mail server answers for it from then on, and the receiver drops a Message-ID that it knows."""

    def __init__(self, way: Smtp, clock: Clock = system_clock) -> None:
        self.way = way
        self.clock = clock
        self.certificate, self.key = keys.pair(way.certificate_file, way.key_file)
        # The receiver may know nothing but the root.
        self.chain = keys.authorities(way.certificate_file)[1:]
        self.recipient = keys.rsa_certificate(way.recipient_certificate_file)
        self.context = tls.client_context(way.ca_file)
        self.domain = way.sender.partition("@")[2]
        self.password = None if way.password_file is None else keys.password(way.password_file)

    async def put(self, parcel: Parcel) -> None:
        """Mail a file; see `Transport.put`. A name that was mailed with other bytes cannot be told: its Message-ID is another."""
        await asyncio.to_thread(self._mail, parcel)

    def message(self, parcel: Parcel) -> bytes:
        """Return the message of a file: its Message-ID is the same each time, what is encrypted never is."""
        head = (
            f"From: {self.way.sender}\r\nTo: {self.way.to}\r\nSubject: {parcel.name}\r\n"
            f"Date: {format_datetime(self.clock())}\r\nMessage-ID: <{parcel.key}@{self.domain}>\r\nMIME-Version: 1.0\r\n"
        )
        part = smime.signed(smime.entity(parcel.name, parcel.content), self.certificate, self.key, self.chain)
        return head.encode() + smime.encrypted(part, self.recipient)

    def _mail(self, parcel: Parcel) -> None:
        try:
            with self._proven(parcel) as server:
                if self.way.user is not None and self.password is not None:
                    server.login(self.way.user, self.password)
                server.sendmail(self.way.sender, [self.way.to], self.message(parcel))
        except (OSError, smtplib.SMTPException) as error:
            raise _told(parcel, error) from error

    def _proven(self, parcel: Parcel) -> smtplib.SMTP:
        try:
            return connected(self.way, self.domain, self.context)
        except (smtplib.SMTPNotSupportedError, ssl.SSLError) as error:
            raise PeerUntrusted(
                f"the mail server was not given {parcel.name}: {_why(error)}", hint="check host, port, tls and ca_file of the recipient"
            ) from error


def connected(where: MailServer, domain: str, context: ssl.SSLContext) -> smtplib.SMTP:
    """Connect with TLS in force: nothing is said before it, and a server that has none is left. Raises OSError, SMTPException."""
    within_s = min(CONNECT_S, where.timeout_s)
    server: smtplib.SMTP
    if where.tls == "implicit":
        server = smtplib.SMTP_SSL(where.host, where.port or IMPLICIT_PORT, domain, timeout=within_s, context=context)
    else:
        server = smtplib.SMTP(where.host, where.port or STARTTLS_PORT, domain, timeout=within_s)
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    assert server.sock is not None, "it was connected just now"
    server.sock.settimeout(where.timeout_s)
    return server


def _told(parcel: Parcel, error: Exception) -> TransportRefused | TransportFailed:
    """Return what went wrong; the server's own words are left out, for they may repeat anything."""
    code = error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else None
    # What it says of login, sender or mailbox is mended in the settings; what it says of a message is its last word on that one.
    if isinstance(error, smtplib.SMTPDataError) and code in LASTING:
        return TransportRefused(f"the mail server refuses {parcel.name} with {code}", hint="ask who runs it; then: desmos-fast jobs retry")
    said = type(error).__name__ if code is None else f"{type(error).__name__} {code}"
    return TransportFailed(f"{parcel.name} was not mailed: {said}", hint="check that the mail server answers, and the recipient's settings")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not prove it ({error.verify_message})"
    return "it offers no TLS" if isinstance(error, smtplib.SMTPNotSupportedError) else "TLS failed"
