# SPDX-License-Identifier: Apache-2.0
"""Who claim files go to: how each is reached, when, how fast, with how much patience, and what goes to whom.

The description of a setting is what it takes, as it is told to who wrote something else.
"""

import datetime
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from desmos_fast.base.errors import Conflict, InvalidInput
from desmos_fast.exchange.faults import Fault

EVERYONE: Final = "*"
MOST_RECIPIENTS: Final = 200
AMC_FLOW: Final = 2

Name = Annotated[
    str,
    # It is a label of metrics: no number of a person, a payer or a centre may pass for one.
    Meta(
        pattern=r"^(?!.*[0-9]{6})[a-z][a-z0-9-]{0,39}$",
        description="a name of small letters, digits and hyphens, up to 40, that begins with a letter and has no six digits in a row",
    ),
]
Host = Annotated[str, Meta(pattern=r"^[A-Za-z0-9.:-]{1,253}$", description="the name or address of a machine")]
Port = Annotated[int, Meta(ge=1, le=65535, description="a port, from 1 to 65535")]
Absolute = Annotated[str, Meta(pattern=r"^/[^\x00-\x1f]*$", description="an absolute path")]
Remote = Annotated[str, Meta(pattern=r"^[^\x00-\x1f]{1,500}$", description="a folder of the other side")]
Account = Annotated[str, Meta(pattern=r"^[^\x00-\x20]{1,100}$", description="an account of the other side")]
Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="letters, digits, point, hyphen and underscore, up to 64")]
Address = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}$", description="the address of a mailbox, such as a@b.example")
]
Url = Annotated[str, Meta(pattern=r"^https://[^\s?#@]{1,500}$", description="an https:// address without query or account")]
Timeout = Annotated[float, Meta(ge=1, le=600, description="seconds, from 1 to 600")]
Hours = Annotated[
    str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", description="hours such as 07:30-19:00")
]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class RecipientsInvalid(InvalidInput):
    """The file of recipients cannot be used; `faults` says all that is wrong with it."""

    code = "recipients_invalid"

    def __init__(self, file: str, faults: list[Fault]) -> None:
        told = "".join(f"\n  {one.field or 'the file'}: {one.message}" for one in faults)
        super().__init__(f"{file} cannot be used:{told}", hint="correct it, then: desmos-fast recipients --check FILE")
        self.faults = faults


class RecipientsMixed(Conflict):
    """The lots of one file go to several recipients."""

    code = "recipients_mixed"


class Patience(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a file is tried before it is given up, and how long to wait in between: up to twice as long each time."""

    tries: Annotated[int, Meta(ge=1, le=1000, description="a number of tries, from 1 to 1000")] = 12
    first_s: Annotated[float, Meta(ge=0.01, le=3600, description="seconds, from 0.01 to 3600")] = 1.0
    longest_s: Annotated[float, Meta(ge=0.01, le=86400, description="seconds, from 0.01 to 86400")] = 300.0

    def longest_delay_s(self, tried: int) -> float:
        """Return the longest wait after `tried` tries that failed before this one; the wait is drawn between nothing and this."""
        return float(min(self.first_s * 2.0 ** min(tried, 60), self.longest_s))


class Breaker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """After how many failures in a row a recipient is left alone, and for how long before one file is tried again."""

    failures: Annotated[int, Meta(ge=1, le=1000, description="a number of failures in a row, from 1 to 1000")] = 5
    pause_s: Annotated[float, Meta(ge=0.01, le=86400, description="seconds, from 0.01 to 86400")] = 60.0


class Pace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many files one worker hands over at once, and how many a minute; none is no limit."""

    at_once: Annotated[int, Meta(ge=1, le=32, description="a number of files, from 1 to 32")] = 2
    per_minute: Annotated[float, Meta(gt=0, le=60000, description="files a minute, more than 0 and up to 60000")] | None = None


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a recipient takes files, as days and hours in Paris; `holidays` says whether it does on the legal holidays of France."""

    days: Annotated[tuple[Day, ...], Meta(min_length=1, description='a list of days such as ["mon", "tue"]')] = DAYS
    hours: Annotated[tuple[Hours, ...], Meta(min_length=1, description='a list of hours such as ["07:30-12:00", "13:00-19:00"]')] = (
        "00:00-24:00",
    )
    holidays: Annotated[bool, Meta(description="true or false")] = True

    @property
    def always(self) -> bool:
        """Say that it is never closed."""
        return self == Schedule()

    def spans(self) -> list[tuple[datetime.time, datetime.time | None]]:
        """Return opening and closing times in order; None closes at the end of the day."""
        cut = sorted(one.split("-") for one in self.hours)
        return [(datetime.time.fromisoformat(first), None if last == "24:00" else datetime.time.fromisoformat(last)) for first, last in cut]


class Directory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="directory", tag_field="transport"):
    """A folder that another program empties."""

    folder: Absolute


class Cft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cft", tag_field="transport"):
    """The spool of a CFT monitor."""

    folder: Absolute
    partner: Word
    idf: Word


class MailServer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mail server over TLS, and who writes."""

    host: Host
    sender: Address
    tls: Annotated[Literal["starttls", "implicit"], Meta(description='"starttls" or "implicit"')] = "starttls"
    port: Port | None = None
    ca_file: Absolute | None = None
    user: Account | None = None
    password_file: Absolute | None = None
    timeout_s: Timeout = 60.0


class Smtp(MailServer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="smtp", tag_field="transport"):
    """A mail server for messages signed and encrypted with S/MIME."""

    to: Address
    certificate_file: Absolute
    key_file: Absolute
    recipient_certificate_file: Absolute


class Sftp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="sftp", tag_field="transport"):
    """A folder of an SSH server whose key is known."""

    host: Host
    user: Account
    host_key_file: Absolute
    key_file: Absolute
    port: Port = 22
    folder: Remote = "."
    timeout_s: Timeout = 60.0


class Https(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="https", tag_field="transport"):
    """A concentrator that takes files over HTTPS, both sides with a certificate."""

    url: Url
    certificate_file: Absolute
    key_file: Absolute
    ca_file: Absolute
    timeout_s: Timeout = 60.0


Way = Directory | Cft | Smtp | Sftp | Https


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """One that takes claim files."""

    name: str
    way: Way
    schedule: Schedule = Schedule()
    pace: Pace = Pace()
    retries: Patience = Patience()
    breaker: Breaker = Breaker()


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lots go to a recipient: those that match everything that is said."""

    to: Name
    regime: Annotated[str, Meta(pattern=r"^[0-9]{2}$", description="two digits")] | None = None
    caisse: Annotated[str, Meta(pattern=r"^[0-9]{3}$", description="three digits")] | None = None
    centre: Annotated[str, Meta(pattern=r"^[0-9]{4}$", description="four digits")] | None = None
    flow: Annotated[Literal[1, 2], Meta(description="1 (AMO) or 2 (AMC)")] | None = None
    amc: Annotated[str, Meta(pattern=r"^[0-9]{1,10}$", description="the number of an AMC, up to ten digits")] | None = None

    @property
    def whole(self) -> bool:
        """Say that every lot matches."""
        return self == Route(to=self.to)

    def covers(self, other: "Route") -> bool:
        """Say whether every lot that matches another route matches this one too."""
        asked = [(getattr(self, name), getattr(other, name)) for name in self.__struct_fields__ if name != "to"]
        return all(mine is None or mine == theirs for mine, theirs in asked)

    def matches(self, place: "Place") -> bool:
        """Say whether lots of a place go this way."""
        digits = f"{place.destination:09d}"
        return (
            self.regime in (None, digits[:2])
            and self.caisse in (None, digits[2:5])
            and self.centre in (None, digits[5:])
            and self.flow in (None, place.flow)
            and (self.amc is None or (place.flow == AMC_FLOW and int(self.amc) == place.amc))
        )


class Place(msgspec.Struct, frozen=True):
    """Where lots go: regime, caisse and centre as a number of nine digits, the flow, and the number of the AMC or 0."""

    destination: int
    flow: int
    amc: int


class Recipients(msgspec.Struct, frozen=True):
    """Everyone that claim files go to, by name, and the routes, the first of which that matches says who."""

    by_name: Mapping[str, Recipient]
    routes: tuple[Route, ...]

    def of(self, place: Place) -> Recipient:
        """Return who takes the lots of a place."""
        return self.by_name[next(route.to for route in self.routes if route.matches(place))]
