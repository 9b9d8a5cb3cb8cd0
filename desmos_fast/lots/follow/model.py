# SPDX-License-Identifier: Apache-2.0
"""What is asked and told of files on their way."""

from datetime import date, datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.anomalies.model import Odd
from desmos_fast.base.errors import Conflict
from desmos_fast.base.types import FileId, LotId

Stage = Literal["signed", "lot", "file", "sent", "acknowledged"]
STAGES: Final[tuple[Stage, ...]] = ("signed", "lot", "file", "sent", "acknowledged")


class FileLeft(Conflict):
    """A file that a payer has, or may have: it cannot be cancelled."""

    code = "file_left"


class FileNotAwaited(Conflict):
    """A file of which no answer is missing."""

    code = "file_not_awaited"


class LotNotMissing(Conflict):
    """A lot whose answer is not missing, or that its payer evidently has."""

    code = "lot_not_missing"


class StageDiffers(Odd):
    """What a stage comes to is not what the one before came to; nothing was built."""

    code = "stage_differs"


class CancelRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a file is cancelled; `not_received` is a person's word that the payer does not have one whose handing over was begun."""

    why: str
    not_received: bool = False


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """A file that will not be sent; `lots` are dissolved, and their `shares` wait for the next build."""

    id: FileId
    state: Literal["cancelled"] = "cancelled"
    lots: int
    shares: int


class Resent(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is queued again with the same bytes, for the `resends`-th time."""

    id: FileId
    state: Literal["queued"] = "queued"
    resends: int


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """A lot that nobody answered; its `shares` go in a lot of another number with the next build."""

    id: LotId
    state: Literal["refused"] = "refused"
    shares: int


class DeadAck(msgspec.Struct, frozen=True):
    """An answer that no lot of ours takes: to one that we do not have, or against an earlier answer."""

    id: UUID
    return_id: UUID
    why: str
    biller: str
    lot: int
    lot_date: date
    says: str
    code: str
    record: int
    noticed_at: datetime


class DeadAcks(msgspec.Struct, frozen=True):
    """Such answers, the latest first."""

    acknowledgements: list[DeadAck]


class Totals(NamedTuple):
    """What a file comes to: claims (an invoice in two flows counts twice) and cents."""

    claims: int
    fees: int
    amo: int
    amc: int


class StageTotal(NamedTuple):
    """What a file came to at a stage, and the hash of all up to it."""

    stage: str
    totals: Totals
    hash: bytes


class Figures(NamedTuple):
    """What is open at a centre: by kind of anomaly how many and the seconds of the oldest; by invariant what two counts differ by."""

    anomalies: dict[str, tuple[int, float]]
    differences: dict[str, int]
