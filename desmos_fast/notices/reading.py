# SPDX-License-Identifier: Apache-2.0
"""The file of the mail server: TOML, one table, every fault told at once."""

import tomllib
from pathlib import Path

from desmos_fast.exchange.faults import Fault
from desmos_fast.lots.recipients.model import MailServer
from desmos_fast.lots.recipients.reading import fault, read_table
from desmos_fast.notices.model import MailInvalid
from desmos_fast.notices.sender import Mailer


def open_mailer(path: Path | None) -> Mailer | None:
    """Return what hands notices to the mail server that a file describes, or None without one. Raises MailInvalid, BadTransportKey."""
    return None if path is None else Mailer(read_mail(path))


def read_mail(path: Path) -> MailServer:
    """Read a file that describes a mail server. Raises MailInvalid with all its faults."""
    faults: list[Fault] = []
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MailInvalid(path.name, [fault("FILE", "", f"it cannot be read: {error.strerror}; check the path and its rights")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MailInvalid(path.name, [fault("TOML", "", f"it is no TOML: {error}")]) from error
    found = read_table(MailServer, told, "mail", faults)
    if found is not None and (found.user is None) != (found.password_file is None):
        faults.append(fault("BAD_VALUE", "mail.user", "user and password_file go together; write both, or neither"))
    if found is None or faults:
        raise MailInvalid(path.name, faults)
    return found
