# SPDX-License-Identifier: Apache-2.0
"""From what is said of recipients to what hands files over to them: keys read, certificates checked, every fault told at once."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import assert_never

import msgspec

from desmos_fast.exchange.faults import Fault
from desmos_fast.lots.recipients.model import Cft, Directory, Https, Recipient, Recipients, RecipientsInvalid, Sftp, Smtp, Way
from desmos_fast.lots.recipients.reading import fault
from desmos_fast.lots.transports.cft import CftTransport
from desmos_fast.lots.transports.directory import DirectoryTransport
from desmos_fast.lots.transports.port import BadTransportKey, Transport


def open_transports(recipients: Recipients) -> dict[str, Transport]:
    """Return what reaches each recipient, by its name. Raises RecipientsInvalid with every key and folder that cannot be used."""
    faults: list[Fault] = []
    opened: dict[str, Transport] = {}
    for name, recipient in recipients.by_name.items():
        found = list(_faults(recipient))
        faults += found
        if not found:
            opened[name] = open_transport(recipient.way)
    if faults:
        raise RecipientsInvalid("what the recipients name", faults)
    return opened


def open_transport(way: Way) -> Transport:
    """Return what goes one way. Raises BadTransportKey."""
    # Each library is loaded where it is used: who sends into folders alone waits for none, and needs no SSH.
    match way:
        case Directory():
            return DirectoryTransport(way.folder)
        case Cft():
            return CftTransport(way.folder, way.partner, way.idf)
        case Smtp():
            from desmos_fast.lots.transports.smtp import SmtpTransport

            return SmtpTransport(way)
        case Sftp():
            from desmos_fast.lots.transports.sftp import SftpTransport

            return SftpTransport(way)
        case Https():
            from desmos_fast.lots.transports.https import HttpsTransport

            return HttpsTransport(way)
        case _:
            assert_never(way)


def _faults(recipient: Recipient) -> Iterator[Fault]:
    """Give what is wrong with the files and folders of a recipient, each by the key that names it."""
    place, way = f"recipients.{recipient.name}", recipient.way
    if isinstance(way, Directory | Cft):
        if not Path(way.folder).is_dir():
            yield fault("FOLDER", f"{place}.folder", "there is no such folder; make it, for the account that runs the worker", way.folder)
        return
    if isinstance(way, Sftp) and importlib.util.find_spec("asyncssh") is None:
        yield fault("LIBRARY", f"{place}.transport", "SFTP needs a library that is not installed; install desmos-fast[sftp]")
        return
    alone = list(_unreadable(way, place))
    yield from alone
    if not alone:
        # What each is alone is right: what is left is how they go together.
        try:
            open_transport(way)
        except BadTransportKey as error:
            yield fault("KEY", place, f"{error.detail}; {error.hint}")


def _unreadable(way: Smtp | Sftp | Https, place: str) -> Iterator[Fault]:
    from desmos_fast.lots.transports import keys

    readers: dict[str, Callable[[str], object]] = {
        "certificate_file": keys.certificate, "recipient_certificate_file": keys.rsa_certificate, "key_file": keys.private_key,
        "ca_file": keys.authorities, "password_file": keys.password,
    }  # fmt: skip
    if isinstance(way, Sftp):
        from desmos_fast.lots.transports import sftp

        readers |= {"key_file": sftp.private_key, "host_key_file": sftp.host_key}
    for name, path in msgspec.structs.asdict(way).items():
        if name.endswith("_file") and path is not None:
            try:
                readers[name](path)
            except BadTransportKey as error:
                yield fault("KEY", f"{place}.{name}", f"{error.detail}; {error.hint}")
