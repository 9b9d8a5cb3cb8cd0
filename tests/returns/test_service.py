# SPDX-License-Identifier: Apache-2.0
"""What an acknowledgement says against what is known, and whom a return is for: no database."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

import pytest

from desmos_fast.base.types import FileId, LotId
from desmos_fast.returns import codec, service
from desmos_fast.returns.model import Arl, WrongRecipient
from desmos_fast.returns.store import NamedLot

FILES = Path(__file__).parents[1] / "golden" / "files"
LOT, FILE, RETURN = LotId(UUID(int=1)), FileId(UUID(int=2)), UUID(int=3)
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
Says = Literal["accepted", "refused"]


def arl(says: Says) -> Arl:
    accepted = says == "accepted"
    return Arl(
        biller="750000010", lot=7, lot_date="2026-11-21", file_sequence=1, accepted=accepted, code="0000" if accepted else "LT12",
        record=0 if accepted else 9, label="",
    )  # fmt: skip


def weigh(state: str | None, *says: Says) -> tuple[list[tuple[str, str]], list[str], dict[str, int]]:
    named = {} if state is None else {place: NamedLot(place, LOT, 7, state, FILE, "sent", NOW) for place in range(len(says))}
    found = service._weigh([arl(one) for one in says], named, RETURN, NOW)
    # What no lot takes is kept, once for each time that it is told.
    told = [event.name for event in found.events if event.name in ("ack.unknown", "ack.conflict")]
    assert [f"ack.{one.why}" for one in found.dead] == told
    assert {(one.lot, one.return_id, one.noticed_at) for one in found.dead} <= {(7, RETURN, NOW)}
    return [(one.state, one.code) for one in found.verdicts], [event.name for event in found.events], dict(found.counts)


@pytest.mark.parametrize("state", ["sealed", "sent"])
@pytest.mark.parametrize(("says", "code"), [("accepted", "0000"), ("refused", "LT12")])
def test_the_first_answer_is_a_verdict(state: str, says: Says, code: str) -> None:
    assert weigh(state, says) == ([(says, code)], [f"ack.{says}"], {says: 1})


@pytest.mark.parametrize(("state", "says"), [("accepted", "accepted"), ("refused", "refused"), ("replaced", "refused")])
def test_the_same_again_is_counted_and_nothing_else(state: str, says: Says) -> None:
    assert weigh(state, says) == ([], [], {says: 1})


@pytest.mark.parametrize(("state", "says"), [("accepted", "refused"), ("refused", "accepted"), ("replaced", "accepted")])
def test_the_contrary_is_told_and_moves_nothing(state: str, says: Says) -> None:
    assert weigh(state, says) == ([], ["ack.conflict"], {"unknown": 1})


def test_a_lot_that_is_not_ours_is_told() -> None:
    assert weigh(None, "accepted") == ([], ["ack.unknown"], {"unknown": 1})


def test_one_file_may_repeat_and_contradict_itself() -> None:
    assert weigh("sent", "refused", "refused", "accepted") == (
        [("refused", "LT12")], ["ack.refused", "ack.conflict"], {"refused": 2, "unknown": 1},
    )  # fmt: skip


@pytest.mark.parametrize("name", ["arl1_positive", "rsp1_paid", "arl2_negative"])
def test_a_return_is_for_the_centre_that_it_names(name: str) -> None:
    found = codec.parse((FILES / f"{name}.b2").read_bytes())
    corsican = name == "arl2_negative"
    service._check_recipient(found, "2A0002689" if corsican else "750000010")
    for other in ("750000028", "200102689", "2B0002689", "750000010" if corsican else "2A0002689"):
        with pytest.raises(WrongRecipient):
            service._check_recipient(found, other)
