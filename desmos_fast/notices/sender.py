# SPDX-License-Identifier: Apache-2.0
"""Hands notices to a mail server over TLS, or not at all."""

import asyncio
import smtplib
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime
from typing import NamedTuple

from desmos_fast.base.clock import Clock, system_clock
from desmos_fast.lots.recipients.model import MailServer
from desmos_fast.lots.transports import keys, tls
from desmos_fast.lots.transports.smtp import connected
from desmos_fast.notices.model import MailFailed
from desmos_fast.notices.rules import Notice


class Letter(NamedTuple):
    """One notice for one address; `key` makes its Message-ID, the same when it is sent again."""

    to: str
    notice: Notice
    key: str


class Mailer:
    """Hands letters over. Raises BadTransportKey when its certificates or password cannot be used."""

    def __init__(self, server: MailServer, clock: Clock = system_clock) -> None:
        self.server = server
        self.clock = clock
        self.context = tls.client_context(server.ca_file)
        self.domain = server.sender.partition("@")[2]
        self.password = None if server.password_file is None else keys.password(server.password_file)

    async def send(self, letters: Sequence[Letter]) -> list[str | None]:
        """Mail letters in one session; return for each what went wrong, or None. Raises MailFailed when there is no session."""
        return await asyncio.to_thread(self._mail, letters)

    def message(self, letter: Letter) -> EmailMessage:
        """Return a mail, marked as written by a program so that no absence answers it."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.server.sender, letter.to, letter.notice.subject
        message["Date"], message["Message-ID"] = format_datetime(self.clock()), f"<{letter.key}@{self.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.notice.text)
        return message

    def _mail(self, letters: Sequence[Letter]) -> list[str | None]:
        try:
            with connected(self.server, self.domain, self.context) as server:
                if self.server.user is not None and self.password is not None:
                    server.login(self.server.user, self.password)
                return [self._one(server, letter) for letter in letters]
        except (OSError, smtplib.SMTPException) as error:
            raise MailFailed(f"no mail could be handed over: {_said(error)}", hint="check the mail server and DESMOS_MAIL") from error

    def _one(self, server: smtplib.SMTP, letter: Letter) -> str | None:
        try:
            server.send_message(self.message(letter), self.server.sender, [letter.to])
        except (OSError, smtplib.SMTPException) as error:
            return _said(error)
        return None


def _said(error: Exception) -> str:
    """Say what happened without the server's own words, which may repeat an address."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        (code, _), *_ = error.recipients.values()
        return f"the address is refused with {code}"
    return f"{type(error).__name__} {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else type(error).__name__
