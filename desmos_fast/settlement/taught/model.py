# SPDX-License-Identifier: Apache-2.0
"""Settings of matching as they are asked for and shown."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from desmos_fast.base.errors import Conflict, InvalidInput
from desmos_fast.settlement.model import PayerSettings

MOST_LABELS: Final = 5_000
MOST_PAYERS: Final = 1_000

MOST_DAYS: Final = 366
MOST_RECOVERY_DAYS: Final = 3_660

Days = Annotated[int, Meta(ge=-MOST_DAYS, le=MOST_DAYS)]
PayerId = Annotated[str, Meta(pattern=r"^(amo:[0-9A-Z]{5}|amc:([0-9]{10}|M)|op:[0-9A-Z]{2})$")]


class ChosenSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request sets, whole; what it leaves out is as in the defaults."""

    window_from: Days = -2
    window_to: Days = 10
    recovery_days: Annotated[int, Meta(ge=0, le=MOST_RECOVERY_DAYS)] = 120
    confirm_unique_sum: bool = False
    per_payer: Annotated[dict[PayerId, PayerSettings], Meta(max_length=MOST_PAYERS)] = {}


class SettingsShown(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in force; `version` is what the evidence of a record names them by."""

    revision: int
    version: str
    window_from: int
    window_to: int
    recovery_days: int
    confirm_unique_sum: bool
    per_payer: dict[str, PayerSettings]
    labels: int


class Teaching(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who a label of an account stands for; a null payer is not a payer at all."""

    account: Annotated[str, Meta(pattern=r"^[A-Z0-9 ]{1,60}$")]
    label: Annotated[str, Meta(min_length=1, max_length=200)]
    payer: PayerId | None


class Forgetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which label of an account stands for nothing any more."""

    account: Annotated[str, Meta(pattern=r"^[A-Z0-9 ]{1,60}$")]
    label: Annotated[str, Meta(min_length=1, max_length=200)]


class LabelShown(msgspec.Struct, frozen=True, kw_only=True):
    """One label that was explained."""

    account: str
    label: str
    payer: str | None
    taught_by: str
    taught_at: datetime


class LabelsShown(msgspec.Struct, frozen=True):
    """Labels of a centre, the last taught first; `next` is the cursor of what follows, null at the end."""

    labels: list[LabelShown]
    next: str | None


class MatchingRefused(InvalidInput):
    """Settings of matching, or a label, cannot be as asked for."""

    code = "matching_invalid"


class TooManyLabels(Conflict):
    """The centre has explained as many labels as it may."""

    code = "label_limit"
