# SPDX-License-Identifier: Apache-2.0
"""Random histories of a centre: whatever comes first, and however often it is looked at, the end is the same and every cent is there."""

import random
from collections import Counter

import pytest

from desmos_fast.settlement.replay.model import Stated, canonical
from tests.settlement.choices import choose, credit_matches, line_matches, undo, undos
from tests.settlement.histories import INVOICES, Play, again, check, inputs, played, returns_and_statements


def arrivals(seed: int) -> None:
    """Let all arrive in one order and in another, some of it twice; then let people decide the same."""
    chance = random.Random(seed)
    steps = inputs(chance)
    first = played(steps, chance, 0.0)
    twice = [*steps, *chance.sample(steps[INVOICES:], chance.randint(0, 4))]
    other = played(chance.sample(twice, len(twice)), chance, 0.4)
    for step in steps:
        if isinstance(step, Stated):
            assert other.take(again(step)) == []
    assert other.end() == first.end()
    for _ in range(chance.randint(0, 3)):
        choice = choose(first.world.rows, chance)
        if choice is not None:
            first.decide(choice)
            other.decide(choice)
            assert other.end() == first.end()
    first.run()
    other.run()
    assert other.end() == first.end()


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_any_order_and_duplication_of_arrivals_ends_the_same(start: int) -> None:
    for seed in range(start, start + 50):
        arrivals(seed)


def test_a_recovery_dated_before_its_payment_leaves_nothing_to_take_back() -> None:
    """Found by chance: with both in one run a second recovery had two parts to choose from, with one after the other it had one."""
    arrivals(1216)


def history(seed: int) -> Counter[str]:
    """Play one history in which people decide, and undo; return how often what was decided."""
    chance = random.Random(seed)
    steps = inputs(chance)
    play, said = Play(), Counter[str]()
    for step in chance.sample(steps, len(steps)):
        play.take(step)
        if chance.random() < 0.3:
            play.run()
        while chance.random() < 0.4:
            choice = choose(play.world.rows, chance)
            if choice is not None:
                said[choice[0]] += 1
                play.decide(choice)
                check(play)
    play.run()
    check(play)
    return said


def test_people_decide_in_random_histories() -> None:
    said = Counter[str]()
    for seed in range(200):
        said += history(seed)
    assert said.keys() >= {"match", "undo", "accept", "refuse", "split", "unsplit", "from_patient", "indu_write_off"}


def settled(seed: int) -> tuple[Play, random.Random]:
    """Play a history to its end, decisions included, and look at it once more."""
    chance = random.Random(seed)
    play = Play()
    for step in inputs(chance):
        play.take(step)
    play.run()
    for _ in range(chance.randint(0, 6)):
        choice = choose(play.world.rows, chance)
        if choice is not None:
            play.decide(choice)
    play.run()
    return play, chance


def encoded(play: Play) -> dict[str, bytes]:
    return {key: canonical(row) for key, row in play.world.state().matches.items()}


def matches_and_undoes(seed: int) -> int:
    """Match by hand what is free, undo it again: every balance and share is back, every other match is the same to the byte."""
    play, chance = settled(seed)
    found = 0
    for maker in (line_matches, credit_matches):
        choices = [one for one in maker(play.world.rows, chance) if one[2].get("remainder") != "ecart"]
        if choices:
            choice = chance.choice(choices)
            before = play.world.state(), encoded(play), dict(play.world.balances)
            free = set(play.world.rows.free_lines), set(play.world.rows.free_credits), set(play.world.rows.free_orders)
            play.decide(choice)
            made = encoded(play).keys() - before[1].keys()
            assert len(made) == 1
            play.decide(undo(choice[2]["problem"], choice[2]["left"]))
            after = play.world.state()
            assert (after.shares, encoded(play), dict(play.world.balances)) == (before[0].shares, before[1], before[2])
            assert (play.world.rows.free_lines, play.world.rows.free_credits, play.world.rows.free_orders) == free
            found += 1
    return found


def test_undo_restores_every_balance_and_touches_no_other_match() -> None:
    assert sum(matches_and_undoes(seed) for seed in range(150)) > 150


def undoes_and_matches_again(seed: int) -> int:
    """Undo each match that a run made and make it by hand: what is owed, announced and received is as it was."""
    play, chance = settled(seed)
    rows = play.world.rows
    choices = [one for one in undos(rows, chance) if not rows.matches[rows.in_force(one[2]["problem"], one[2]["left"][0])].match.residual]
    for choice in choices:
        problem, left = choice[2]["problem"], choice[2]["left"]
        right = rows.matches[rows.in_force(problem, left[0])].match.right
        if right[0].startswith(("indu:", "perte")) or problem == "A" and rows.line_named(left[0]) in rows.answered:
            # The answer of a person is gone with the match that it was about.
            continue
        before = dict(play.world.balances), play.world.state().shares
        others = {
            key: row for key, row in encoded(play).items() if key != play.world.rows.matches[rows.in_force(problem, left[0])].match.match_id
        }
        play.decide(choice)
        assert encoded(play) == others
        check(play)
        play.decide(("match", "", {"problem": problem, "left": left, "right": right}))
        assert (dict(play.world.balances), play.world.state().shares) == before
    return len(choices)


def test_what_is_undone_and_matched_again_is_as_it_was() -> None:
    assert sum(undoes_and_matches_again(seed) for seed in range(60)) > 100


def by_person(play: Play) -> dict[str, bytes]:
    return {key: row for key, row in encoded(play).items() if b'"person"' in row}


def stays(seed: int) -> int:
    """Run ten times after people decided, more arriving in between: what they matched is the same to the byte, what they undid stays so."""
    play, chance = settled(seed)
    choices = list(undos(play.world.rows, chance))
    if choices:
        play.decide(chance.choice(choices))
    kept, more = by_person(play), returns_and_statements(chance, 20)
    for place in range(10):
        if place < len(more):
            play.take(more[place])
        play.run()
        check(play)
        assert by_person(play) == kept
        for row in play.world.state().matches.values():
            pairs = {(row.problem, left, right) for left in row.left for right in row.right}
            assert row.decided_by == "person" or not pairs & play.world.rows.forbidden.keys()
    return len(kept)


def test_what_people_decided_is_the_same_after_ten_runs() -> None:
    assert sum(stays(seed) for seed in range(100)) > 50


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
def test_twenty_thousand_histories() -> None:
    for seed in range(1_000, 6_000):
        arrivals(seed)
        history(seed)
        matches_and_undoes(seed)
        stays(seed)
        undoes_and_matches_again(seed)
