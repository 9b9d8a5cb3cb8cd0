# SPDX-License-Identifier: Apache-2.0
"""What the agent and a page say to each other: JSON, one object a message. And families out of the groups of a zone."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from desmos_fast.agents.tickets import LONGEST
from desmos_fast.agents.wire import Holder
from readers.ssv.zones import Group

PRODUCT: Final = "desmos-agent"
PROTOCOL: Final = 1
TicketText = Annotated[str, Meta(min_length=1, max_length=LONGEST)]
State = Literal["service_down", "no_reader", "no_card", "mute", "card", "reading", "read", "pulled", "failed", "refused"]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Which program holds the port. `ready`: it can tell tickets, as it heard the service since it began."""

    product: str
    version: str
    protocol: int
    instance: str
    desk: str
    ready: bool


class Opening(msgspec.Struct, frozen=True, kw_only=True, tag="open", forbid_unknown_fields=True):
    """The first thing that a page says, and again to stay: a ticket to watch."""

    ticket: TicketText


class Reading(msgspec.Struct, frozen=True, kw_only=True, tag="read", forbid_unknown_fields=True):
    """A page has the card that is in read: a ticket for one reading."""

    ticket: TicketText


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when (AAAAMMJJ, as the card says it)."""

    begins: str = ""
    ends: str = ""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """One right of a beneficiary; `ald` as the card says it."""

    code: str
    begins: str = ""
    ends: str = ""
    ald: bool = False


class Beneficiary(msgspec.Struct, frozen=True, kw_only=True):
    """One person of the card."""

    last_name: str
    first_name: str
    birth_date: str
    rank: str
    quality: str
    amo: list[Period]
    coverage: list[Coverage]

    def __repr__(self) -> str:
        """Tell nothing of anybody: a repr reaches logs and tracebacks."""
        return "Beneficiary(...)"


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """The beneficiaries of a card, its organism, and who pays the rest: `mutuelle`, `amc`, or nobody."""

    regime: str = ""
    caisse: str = ""
    centre: str = ""
    beneficiaries: list[Beneficiary]
    complement: Literal["", "mutuelle", "amc"] = ""
    complement_number: str = ""

    def __repr__(self) -> str:
        """Tell nothing of anybody."""
        return "Family(...)"


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How it stands. `code` says why a reading failed, or why the page is refused; `identity` and `family` come with `read` alone.

    `family` is null where rights cannot be read: that takes licensed components.
    """

    state: State
    reader: str = ""
    code: str = ""
    card: str = ""
    identity: Holder | None = None
    family: Family | None = None


from_page: Final = msgspec.json.Decoder[Opening | Reading](Opening | Reading)


def family(groups: Sequence[Group]) -> Family:
    """Return the family that the groups of a zone tell of; periods and rights belong to the beneficiary before them."""
    people: list[Beneficiary] = []
    card: dict[str, str] = {}
    complement: tuple[Literal["", "mutuelle", "amc"], str] = ("", "")
    for group in groups:
        field = group.named()
        if group.number == 101:
            card = field
        elif group.number == 104:
            people.append(_person(field))
        elif group.number == 105 and people:
            people[-1].amo.append(Period(begins=field.get("from", ""), ends=field.get("to", "")))
        elif group.number == 106 and people:
            people[-1].coverage.append(_coverage(field))
        elif group.number == 107:
            complement = ("mutuelle", field.get("number", ""))
        elif group.number == 109:
            complement = ("amc", field.get("b2_number", ""))
    return Family(
        regime=card.get("regime", ""), caisse=card.get("caisse", ""), centre=card.get("centre", ""), beneficiaries=people,
        complement=complement[0], complement_number=complement[1],
    )  # fmt: skip


def _person(field: dict[str, str]) -> Beneficiary:
    name = field.get("usual_name") or field.get("birth_name", "")
    first, birth = field.get("first_name", ""), field.get("birth_date", "")
    rank, quality = field.get("rank", ""), field.get("quality", "")
    return Beneficiary(last_name=name, first_name=first, birth_date=birth, rank=rank, quality=quality, amo=[], coverage=[])


def _coverage(field: dict[str, str]) -> Coverage:
    ald = field.get("ald", "0").strip("0 ") != ""
    return Coverage(code=field.get("code_couverture", ""), begins=field.get("from", ""), ends=field.get("to", ""), ald=ald)
