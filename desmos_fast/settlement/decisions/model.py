# SPDX-License-Identifier: Apache-2.0
"""What a person may decide, what is kept of it, and why it is refused. Amounts are integer cents."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput

Kind = Literal[
    "accept", "refuse", "undo", "match", "split", "unsplit", "write_off", "to_patient", "from_patient", "time_bar",
    "indu_contest", "indu_accept", "indu_write_off",
    "recycle", "claim", "assign", "payment", "refund", "unpay", "dispute",
]  # fmt: skip
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Names = Annotated[tuple[Name, ...], msgspec.Meta(max_length=500)]
Why = Annotated[str, msgspec.Meta(max_length=500)]


class Decision(NamedTuple):
    """One decision as it is kept; `seq` counts those of a centre from 1, without a gap."""

    id: UUID
    seq: int
    kind: Kind
    subject: str
    detail: dict[str, Any]
    decided_by: str
    decided_at: datetime


# --- what is asked for


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of the requests: `expects` are the records that the person was looking at, each of which must still hold."""

    why: Why = ""
    expects: Annotated[tuple[UUID, ...], msgspec.Meta(max_length=500)] = ()


class Accept(_Asked, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="accept"):
    """Confirm what a record proposes, or one of the candidates that it hesitates between."""

    record: UUID
    right: Names = ()


class Refuse(_Asked, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="refuse"):
    """Refuse what a record proposes, or one pair that nothing proposes yet."""

    record: UUID | None = None
    left: Names = ()
    right: Names = ()


class Undo(_Asked, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="undo"):
    """Take one match back, named by its record or by the decision that made it."""

    match: UUID | None = None
    decision: UUID | None = None


class MatchRequest(_Asked, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="match"):
    """Say what goes together: A an order line and a share, B credits and orders; `remainder` is where the difference goes."""

    problem: Literal["A", "B"]
    left: Annotated[Names, msgspec.Meta(min_length=1)]
    right: Annotated[Names, msgspec.Meta(min_length=1)]
    remainder: Name | None = None


class Split(_Asked, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="split"):
    """Cut a free order line or credit into pieces that sum to it."""

    left: Name
    amounts: Annotated[tuple[int, ...], msgspec.Meta(min_length=2, max_length=50)]


class Unsplit(_Asked, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="unsplit"):
    """Make a line or credit whole again while all its pieces are free."""

    left: Name


class _OfShare(_Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is decided of one share, `biller/number/part`; `amount` is what the person saw open, compared when given."""

    share: Name
    amount: int | None = None


class WriteOff(_OfShare, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="write_off"):
    """Give up what is open."""


class ToPatient(_OfShare, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="to_patient"):
    """Let the patient owe what is open."""


class FromPatient(_OfShare, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="from_patient"):
    """Let the patient owe no more what the payer has sent after all."""


class TimeBar(_OfShare, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="time_bar"):
    """Close a share whose delay has passed."""


class InduContest(_OfShare, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="indu_contest"):
    """Take off the share what was claimed back wrongly: the payer owes it again."""


class InduAccept(_OfShare, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="indu_accept"):
    """Accept what was claimed back, and say what becomes of it."""

    into: Literal["open", "to_patient", "written_off"]


class InduWriteOff(_Asked, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="indu_write_off"):
    """Give up what a payer took back for no invoice that is found; `amount` is what the person saw taken, compared when given."""

    line: Name
    amount: int | None = None


Request = (
    Accept | Refuse | Undo | MatchRequest | Split | Unsplit | WriteOff | ToPatient | FromPatient | TimeBar | InduContest | InduAccept
    | InduWriteOff
)  # fmt: skip
ShareRequest = WriteOff | ToPatient | FromPatient | TimeBar | InduContest | InduAccept


# --- why not


class DecisionInvalid(InvalidInput):
    """The body is none of the decisions, or its fields contradict each other."""

    code: ClassVar[str] = "decision_invalid"


class DecisionStale(Conflict):
    """What the person was looking at has changed."""

    code = "decision_stale"


class AlreadyMatched(Conflict):
    """A line, credit or order is taken: it is used once."""

    code = "already_matched"


class NothingProposed(Conflict):
    """The record proposes nothing that could be accepted or refused."""

    code = "nothing_proposed"


class NotCandidate(Conflict):
    """What was chosen is none of the candidates of the record."""

    code = "not_a_candidate"


class MatchContradicts(Conflict):
    """What is named cannot go together: payers, parts or signs differ, or money in another currency."""

    code = "match_contradicts"


class SumDiffers(Conflict):
    """Credits and orders differ, and nothing says where the remainder goes, or it cannot go there."""

    code = "sum_differs"


class SplitRefused(Conflict):
    """The pieces are not a line or credit cut in parts."""

    code = "split_refused"


class PiecesTaken(Conflict):
    """A piece is matched, or split itself."""

    code = "pieces_taken"


class NotConfirmed(Conflict):
    """The record is no match that holds."""

    code = "match_not_confirmed"


class DecisionFinal(Conflict):
    """The decision led to an end, or is corrected by another one."""

    code = "decision_final"


class ShareClosed(Conflict):
    """A share that ended would owe again."""

    code = "share_closed"


class ShareRefuses(Conflict):
    """A share in this state cannot be decided so."""

    code = "share_refuses"


class NotBarredYet(Conflict):
    """The delay of the share has not passed."""

    code = "not_barred_yet"


class NothingTakenBack(Conflict):
    """The payer has sent nothing above what it owed that the patient was asked for."""

    code = "nothing_to_take_back"


class NotRecovery(Conflict):
    """The line takes nothing back."""

    code = "not_a_recovery"
