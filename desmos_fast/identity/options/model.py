# SPDX-License-Identifier: Apache-2.0
"""An option that a centre subscribes to, from a day on, until a day on which it does no more."""

from datetime import date
from typing import ClassVar, NamedTuple

import msgspec

from desmos_fast.base.errors import InvalidInput


class OptionNotSubscribed(InvalidInput):
    """The centre did not subscribe to what the route belongs to."""

    code: ClassVar[str] = "option_not_subscribed"


class OptionRefused(InvalidInput):
    """An option cannot be set as it was asked for."""

    code: ClassVar[str] = "option_refused"


class Option(NamedTuple):
    """One row of the table: what a centre has of it unless it is said, and the routes that belong to it, by their beginnings."""

    name: str
    subscribed: bool
    title_en: str
    title_fr: str
    routes: tuple[str, ...]


class Turn(NamedTuple):
    """From which day on a centre has an option, or has it no more."""

    option: str
    starts: date
    subscribed: bool


class OptionShown(msgspec.Struct, frozen=True, kw_only=True):
    """One option of a centre today; `changes` is the next day on which that changes, if it is known."""

    option: str
    title: str
    title_fr: str
    subscribed: bool
    changes: date | None


class OptionList(msgspec.Struct, frozen=True):
    """Every option there is, as the centre has it."""

    options: list[OptionShown]
