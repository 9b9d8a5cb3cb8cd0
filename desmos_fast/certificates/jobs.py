# SPDX-License-Identifier: Apache-2.0
"""What a worker shows of certificates: when each that settings name ends. One that cannot be read has ended in 1970, so that it is seen."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import structlog
from cryptography import x509

from desmos_fast.agents import authority
from desmos_fast.base.errors import DesmosError
from desmos_fast.base.settings import Settings
from desmos_fast.db import secrets
from desmos_fast.db.wrapping import read_keys
from desmos_fast.lots.recipients.model import EVERYONE, Https, MailServer, Recipients, Smtp
from desmos_fast.notices.reading import read_mail
from monitoring import saving

EVERY_S: Final = 300.0
NEVER_READ_S: Final = 0.0
# What the fields of settings are called, and what each is for.
FIELDS: Final = {"certificate_file": "client", "recipient_certificate_file": "encryption", "ca_file": "authority"}
AUTHORITIES: Final = frozenset({"authority", "keys_authority"})
Named = tuple[str, str, Path]
log: Final = structlog.get_logger("desmos.certificates")


async def show(settings: Settings, recipients: Recipients, every_s: float = EVERY_S) -> None:
    """Show it now and then, until cancelled."""
    while True:
        try:
            saving.set_certificates(await asyncio.to_thread(ends, settings, recipients))
        except DesmosError as error:
            log.error("what names certificates cannot be read", error=error.detail)
        await asyncio.sleep(every_s)


def ends(settings: Settings, recipients: Recipients) -> dict[tuple[str, ...], float]:
    """Return when certificates end, in seconds since 1970, by what each is for and its recipient."""
    found: dict[tuple[str, ...], float] = {}
    for kind, recipient, path in named(settings, recipients):
        found[kind, recipient] = min(_end_s(path, kind), found.get((kind, recipient), float("inf")))
    own = secrets.found(settings.data_dir, authority.SECRET)
    if own is not None:
        found["agents", EVERYONE] = x509.load_pem_x509_certificate(own).not_valid_after_utc.timestamp()
    return found


def named(settings: Settings, recipients: Recipients) -> Iterator[Named]:
    """Give every certificate that settings name: what it is for, its recipient, its file."""
    for name, recipient in recipients.by_name.items():
        if isinstance(recipient.way, Smtp | Https):
            yield from _of_way(recipient.way, name)
    if settings.mail is not None:
        yield from _of_way(read_mail(settings.mail), EVERYONE)
    service = read_keys(settings.keys).service if settings.keys is not None else None
    if service is not None:
        yield from (("keys", EVERYONE, service.certificate), ("keys_authority", EVERYONE, service.authority))
    yield from (("server", EVERYONE, path) for path in settings.certificates)


def _of_way(way: MailServer | Https, name: str) -> Iterator[Named]:
    told = msgspec.structs.asdict(way)
    for key, kind in FIELDS.items():
        if told.get(key) is not None:
            yield "signing" if isinstance(way, Smtp) and kind == "client" else kind, name, Path(told[key])


def _end_s(path: Path, kind: str) -> float:
    """Return when a file is of no use any more: of a chain the first certificate is the one that is shown, of authorities any will do."""
    try:
        held = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        log.error("a certificate cannot be read", file=str(path), error=type(error).__name__)
        return NEVER_READ_S
    last = max(one.not_valid_after_utc for one in held) if kind in AUTHORITIES else held[0].not_valid_after_utc
    return last.timestamp()
