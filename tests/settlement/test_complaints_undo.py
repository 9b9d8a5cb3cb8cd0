# SPDX-License-Identifier: Apache-2.0
"""What users of other tools complain of when they correct something: undo that wipes, undo that frees nothing, jobs that overrule."""

from uuid import UUID

from desmos_fast.settlement.model import LineRow, LineStatus, OrderRow
from desmos_fast.settlement.replay.model import Announced, canonical
from tests.settlement.choices import undo
from tests.settlement.histories import CARE, PAID_ON, Play, check, person, signed, stated
from tests.settlement.worlds import AMO, BILLER, credit

SHARE = f"{BILLER}/1/amo"


def paid(name: int, *amounts: int, number: int | None = 1) -> Announced:
    """Announce lines for the compulsory part of invoice 1."""
    order, total = UUID(int=1000 + name), sum(amounts)
    row = OrderRow(
        order, f"o:{name}", "payment", AMO, AMO, None, PAID_ON, f"26274000000{name:03d}", total, None, True, BILLER
    )  # fmt: skip
    status: LineStatus = "partial"
    lines = (
        LineRow(order, place, BILLER, "amo", AMO, status, amount, number, None, person(1), CARE, None, False)
        for place, amount in enumerate(amounts, 1)
    )
    return Announced(f"orders {name}", (row,), tuple(lines))


def three() -> Play:
    """Three orders paid invoice 1 in parts, and the bank paid the orders."""
    play = Play()
    for step in (signed(1), paid(1, 500), paid(2, 600), paid(3, 700)):
        play.take(step)
    play.take(stated(1, [credit(place, amount, payer_id="b") for place, amount in enumerate((500, 600, 700), 1)]))
    play.run()
    assert share(play)[2:5] == ("settled_part", 1800, 1800)
    return play


def share(play: Play) -> tuple[object, ...]:
    row = play.world.state().shares[SHARE]
    return row.amount, row.closed, row.state, row.announced, row.credited


def rows(play: Play) -> dict[str, bytes]:
    return {f"{row.problem} {row.left[0]}": canonical(row) for row in play.world.state().matches.values()}


def test_a_partial_payment_leaves_the_rest_owed() -> None:
    play = three()
    assert play.world.rows.share(play.world.rows.share_named(SHARE)).open == 300 == play.world.balances[f"creance:{AMO}:{BILLER}/1"]


def test_undoing_the_second_of_three_matches_leaves_the_other_two_to_the_byte() -> None:
    play = three()
    before = rows(play)
    play.decide(undo("A", ("o:2#1",)))
    assert rows(play) == {name: row for name, row in before.items() if name != "A o:2#1"} and len(before) == 6
    assert share(play)[2:5] == ("settled_part", 1200, 1200)
    play.decide(undo("B", (next(row.left[0] for row in play.world.state().matches.values() if row.right == ("o:3",)),)))
    assert len(rows(play)) == 4 and share(play)[2:5] == ("settled_part", 1200, 500)
    check(play)


def test_what_was_undone_is_free_and_can_be_matched_again() -> None:
    play = three()
    start = dict(play.world.balances), share(play)
    play.decide(undo("A", ("o:2#1",)))
    assert play.world.rows.line_named("o:2#1") in play.world.rows.free_lines
    play.run()
    said = play.world.rows.words["o:2#1"]
    assert (said.status, said.evidence.why) == ("suggested", "undone_by_person")
    play.decide(("match", "", {"problem": "A", "left": ("o:2#1",), "right": (SHARE,)}))
    assert (dict(play.world.balances), share(play)) == start
    name = next(row.left[0] for row in play.world.state().matches.values() if row.right == ("o:2",))
    play.decide(undo("B", (name,)))
    assert play.world.rows.by_line_ref[name] in play.world.rows.free_credits
    play.decide(("match", "", {"problem": "B", "left": (name,), "right": ("o:2",)}))
    assert (dict(play.world.balances), share(play)) == start


def test_no_run_overrules_a_person() -> None:
    play = three()
    # A person takes the second line off; a run finds another one for what is open then, and the person turns both round.
    play.decide(undo("A", ("o:2#1",)))
    play.take(paid(4, 600, number=None))
    play.run()
    assert "A o:4#1" in rows(play)
    play.decide(undo("A", ("o:4#1",)))
    play.decide(("match", "", {"problem": "A", "left": ("o:2#1",), "right": (SHARE,)}))
    play.run()
    before = rows(play), dict(play.world.balances), play.world.state().shares
    assert b'"person"' in before[0]["A o:2#1"] and "A o:4#1" not in before[0]
    for _ in range(10):
        play.run()
        assert (rows(play), dict(play.world.balances), play.world.state().shares) == before


def test_two_equal_operations_of_one_day_stay_two_however_often_they_are_imported() -> None:
    play = Play()
    twins = stated(1, [credit(place, 700, payer_id="b") for place in (1, 2)])
    assert len(play.take(twins)) == 2
    assert play.take(twins) == [] and play.take(twins._replace(name="another file")) == []
    assert len(play.world.rows.free_credits) == 2 and play.world.balances["ecart"] == -1400
