# SPDX-License-Identifier: Apache-2.0
"""Who is told, and why somebody cannot be."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from desmos_fast.anomalies.model import Kind
from desmos_fast.base.errors import Conflict, InvalidInput, OutsideFailed
from desmos_fast.exchange.faults import Fault
from desmos_fast.lots.recipients.model import Address

MOST_CONTACTS: Final = 50


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody to be told; no kinds are all of them."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    email: Annotated[Address, Meta(max_length=200)]
    kinds: tuple[Kind, ...] = ()


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is told, and when the last notice left."""

    id: UUID
    name: str
    email: str
    kinds: list[str]
    created_at: datetime
    told_at: datetime | None = None


class ContactList(msgspec.Struct, frozen=True):
    """Those who are told; `mail` says whether there is a mail server to tell them through."""

    contacts: list[Contact]
    mail: bool


class ContactRefused(InvalidInput):
    """Nobody can be told in this way."""

    code = "contact_refused"


class ContactKnown(Conflict):
    """This address is told already."""

    code = "contact_known"


class TooManyContacts(Conflict):
    """The centre has as many contacts as it may have."""

    code = "contact_limit"


class MailInvalid(InvalidInput):
    """The file of the mail server cannot be used; `faults` says all that is wrong with it."""

    code = "mail_invalid"

    def __init__(self, file: str, faults: list[Fault]) -> None:
        told = "".join(f"\n  {one.field or 'the file'}: {one.message}" for one in faults)
        super().__init__(f"{file} cannot be used:{told}", hint="correct the file that DESMOS_MAIL names")
        self.faults = faults


class MailMissing(InvalidInput):
    """No mail server is set."""

    code = "mail_missing"


class MailFailed(OutsideFailed):
    """A notice did not leave."""

    code = "mail_failed"
