# SPDX-License-Identifier: Apache-2.0
"""Mail, against a mail server on a port of this machine that opens what it is sent."""

import asyncio
import email
import email.policy
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography.hazmat.primitives.serialization import pkcs7

from desmos_fast.lots.recipients.model import Smtp
from desmos_fast.lots.transports.port import BadTransportKey, Parcel, PeerUntrusted, TransportFailed, TransportRefused
from desmos_fast.lots.transports.smtp import SmtpTransport
from tests.lots.transports.authority import Authority, Pair

PARCEL = Parcel("750000010-000001.b2", bytes(range(256)) * 4000)
SECRET = "a password of these tests"


class Mailbox:
    """A receiver: it opens what comes with its key, and keeps one message for each Message-ID."""

    def __init__(self, pair: Pair, authority: Authority, answer: str = "250 OK") -> None:
        self.pair, self.authority, self.answer = pair, authority, answer
        self.messages: list[EmailMessage] = []
        self.seen: list[bytes] = []
        self.files: dict[str, tuple[str, bytes]] = {}

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        """Take mail for one box."""
        if address != "box@payer.example":
            return "550 no such box"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep a message, unless it is known."""
        assert isinstance(envelope.content, bytes)
        self.seen.append(envelope.content)
        if self.answer.startswith("250"):
            message = email.message_from_bytes(envelope.content, policy=email.policy.SMTP)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
            self.files.setdefault(str(message["Message-ID"]), self.opened(envelope.content))
        return self.answer

    def opened(self, content: bytes) -> tuple[str, bytes]:
        """Decrypt a message, have OpenSSL verify its signature, and return the name and the bytes of its file."""
        inner = pkcs7.pkcs7_decrypt_smime(content, self.pair.certificate, self.pair.key, [])  # type: ignore[arg-type]  # an RSA key
        verify = ["openssl", "cms", "-verify", "-purpose", "any", "-CAfile", str(self.authority.file)]
        verified = subprocess.run(verify, input=inner, capture_output=True, check=True)
        part = email.message_from_bytes(verified.stdout, policy=email.policy.SMTP)
        assert isinstance(part, EmailMessage)
        file = part.get_payload(decode=True)
        assert isinstance(file, bytes)
        return str(part.get_filename()), file


@pytest.fixture(scope="module")
def box_pair(authority: Authority) -> Pair:
    """Give what mail is encrypted for."""
    return authority.pair("box", kind="rsa")


@pytest.fixture
def mailbox(box_pair: Pair, authority: Authority) -> Mailbox:
    """Give an empty receiver."""
    return Mailbox(box_pair, authority)


@asynccontextmanager
async def listening(mailbox: Mailbox, pair: Pair | None, *, implicit: bool = False, **options: Any) -> AsyncIterator[int]:
    """Run a mail server, without TLS when it has no certificate; give its port."""
    context = None
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate_file, pair.key_file)
    loop = asyncio.get_running_loop()
    starttls = None if implicit else context

    def start() -> SMTP:
        return SMTP(
            mailbox, hostname="mail.example", loop=loop, tls_context=starttls, require_starttls=starttls is not None, **options
        )

    server = await loop.create_server(start, "127.0.0.1", 0, ssl=context if implicit else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        # Connections that were left half-way end with the next turns of the loop.
        await asyncio.sleep(0.05)


@pytest.fixture
def way(authority: Authority, client_pair: Pair, box_pair: Pair) -> dict[str, Any]:
    """Give the settings of a recipient."""
    return {
        "host": "127.0.0.1", "sender": "centre@sender.example", "to": "box@payer.example", "timeout_s": 10.0,
        "certificate_file": str(client_pair.certificate_file), "key_file": str(client_pair.key_file), "ca_file": str(authority.file),
        "recipient_certificate_file": str(box_pair.certificate_file),
    }  # fmt: skip


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_file_is_mailed_signed_and_encrypted(way: dict[str, Any], mailbox: Mailbox, server_pair: Pair, tls: Any) -> None:
    async with listening(mailbox, server_pair, implicit=tls == "implicit") as port:
        await SmtpTransport(Smtp(**way, tls=tls, port=port)).put(PARCEL)
    (message,) = mailbox.messages
    assert list(mailbox.files.values()) == [(PARCEL.name, PARCEL.content)]
    assert (message["Message-ID"], message["Subject"]) == (f"<{PARCEL.key}@sender.example>", PARCEL.name)
    assert message["Content-Type"].params["smime-type"] == "enveloped-data"
    assert max(map(len, mailbox.seen[0].splitlines())) < 200
    assert b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX" not in mailbox.seen[0].replace(b"\r\n", b""), "the file in base64"


async def test_a_file_that_is_mailed_again_is_known_by_its_message_id(way: dict[str, Any], mailbox: Mailbox, server_pair: Pair) -> None:
    async with listening(mailbox, server_pair) as port:
        sender = SmtpTransport(Smtp(**way, port=port))
        await sender.put(PARCEL)
        await sender.put(PARCEL)
        await sender.put(Parcel(PARCEL.name, b"other"))
        await sender.put(Parcel("750000010-000002.b2", PARCEL.content))
    assert mailbox.seen[0] != mailbox.seen[1], "what is encrypted twice never looks the same"
    assert sorted(mailbox.files.values()) == sorted(
        [(PARCEL.name, PARCEL.content), (PARCEL.name, b"other"), ("750000010-000002.b2", PARCEL.content)]
    )


async def test_a_signature_goes_with_the_certificates_up_to_the_root(
    way: dict[str, Any], mailbox: Mailbox, server_pair: Pair, authority: Authority, tmp_path: Path
) -> None:
    between = Authority(tmp_path, "between", authority)
    pair = between.pair("below", kind="rsa")
    with pair.certificate_file.open("ab") as file:
        file.write(between.file.read_bytes())
    async with listening(mailbox, server_pair) as port:
        files = {"certificate_file": str(pair.certificate_file), "key_file": str(pair.key_file)}
        await SmtpTransport(Smtp(**way | files, port=port)).put(PARCEL)
    assert list(mailbox.files.values()) == [(PARCEL.name, PARCEL.content)]


async def test_a_server_that_breaks_off_may_have_taken_the_file(way: dict[str, Any], mailbox: Mailbox, server_pair: Pair) -> None:
    """That is no lack of trust: it is settled by giving the file again."""

    async def break_off(server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(server.transport, asyncio.WriteTransport)
        server.transport.abort()
        return "250 OK"

    mailbox.handle_DATA = break_off  # type: ignore[method-assign]
    async with listening(mailbox, server_pair) as port:
        with pytest.raises(TransportFailed):
            await SmtpTransport(Smtp(**way, port=port)).put(PARCEL)


async def test_a_server_without_tls_is_given_nothing(way: dict[str, Any], mailbox: Mailbox) -> None:
    async with listening(mailbox, None) as port:
        with pytest.raises(PeerUntrusted, match="offers no TLS"):
            await SmtpTransport(Smtp(**way, port=port)).put(PARCEL)
    assert mailbox.seen == []


async def test_a_server_that_does_not_prove_itself_is_given_nothing(
    way: dict[str, Any], mailbox: Mailbox, authority: Authority, stranger: Authority
) -> None:
    for pair in (stranger.pair("mail"), authority.pair("mail-elsewhere", host="127.0.0.2")):
        for implicit in (False, True):
            async with listening(mailbox, pair, implicit=implicit) as port:
                sender = SmtpTransport(Smtp(**way, port=port, tls="implicit" if implicit else "starttls"))
                with pytest.raises(PeerUntrusted, match="does not prove it"):
                    await sender.put(PARCEL)
    assert mailbox.seen == []


async def test_a_password_goes_over_tls_alone(
    way: dict[str, Any], mailbox: Mailbox, server_pair: Pair, tmp_path: Path
) -> None:
    told: list[bytes] = []

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        told.append(data.password)
        return AuthResult(success=data.password == SECRET.encode(), handled=False)

    path = tmp_path / "password"
    path.touch(mode=0o600)
    login = way | {"user": "desmos", "password_file": str(path)}
    for written, error in ((SECRET, None), ("wrong", TransportFailed)):
        path.write_text(written + "\n")
        async with listening(mailbox, server_pair, authenticator=check, auth_required=True) as port:
            sender = SmtpTransport(Smtp(**login, port=port))
            if error is None:
                await sender.put(PARCEL)
            else:
                with pytest.raises(error, match="SMTPAuthenticationError 535") as raised:
                    await sender.put(PARCEL)
                assert written not in str(raised.value)
    assert told[0] == SECRET.encode() and len(mailbox.files) == 1


@pytest.mark.parametrize(
    ("answer", "error"), [("554 no", TransportRefused), ("552 too big", TransportRefused), ("451 later", TransportFailed)]
)
async def test_a_refusal_for_good_is_told_from_one_for_now(
    way: dict[str, Any], mailbox: Mailbox, server_pair: Pair, answer: str, error: type[Exception]
) -> None:
    mailbox.answer = answer
    async with listening(mailbox, server_pair) as port:
        with pytest.raises(error, match=answer[:3]):
            await SmtpTransport(Smtp(**way, port=port)).put(PARCEL)


async def test_a_box_that_is_not_there_is_mended_in_the_settings(way: dict[str, Any], mailbox: Mailbox, server_pair: Pair) -> None:
    async with listening(mailbox, server_pair) as port:
        with pytest.raises(TransportFailed, match="SMTPRecipientsRefused"):
            await SmtpTransport(Smtp(**way | {"to": "nobody@payer.example"}, port=port)).put(PARCEL)


async def test_a_server_that_does_not_answer_is_not_waited_for_long(way: dict[str, Any]) -> None:
    begun = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TransportFailed, match="was not mailed"):
        await SmtpTransport(Smtp(**way | {"timeout_s": 1.0}, port=silent.getsockname()[1])).put(PARCEL)
    assert 1.0 <= time.monotonic() - begun < 5.0


def test_mail_is_encrypted_for_an_rsa_key_alone(way: dict[str, Any], server_pair: Pair) -> None:
    with pytest.raises(BadTransportKey, match="no RSA key"):
        SmtpTransport(Smtp(**way | {"recipient_certificate_file": str(server_pair.certificate_file)}))


def test_a_secret_that_everybody_may_read_is_refused(way: dict[str, Any], client_pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "open.key"
    path.write_bytes(client_pair.key_file.read_bytes())
    path.chmod(0o644)
    with pytest.raises(BadTransportKey, match="open to everybody"):
        SmtpTransport(Smtp(**way | {"key_file": str(path)}))
