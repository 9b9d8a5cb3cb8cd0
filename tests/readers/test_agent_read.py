# SPDX-License-Identifier: Apache-2.0
"""`agent read` as a user runs it: one program, one card, one line, or one coded reason."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

from readers.cards.recognition import VITALE
from readers.simulator import cards
from readers.simulator.vpcd import Fault
from tests.readers.bench import FIRST, SECOND, Bench

pytestmark = pytest.mark.together
ROOT: Final = Path(__file__).parents[2]


def start(*options: str) -> subprocess.Popen[str]:
    """Start the command."""
    command = [sys.executable, "-m", "desmos_fast.cli", "agent", "read", "--json", *options]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=-1, stderr=-1, text=True)


def read(*options: str) -> tuple[int, Any, list[str]]:
    """Run the command; return its status, what it read, and the lines of standard error."""
    return ended(start(*options))


def ended(running: subprocess.Popen[str]) -> tuple[int, Any, list[str]]:
    """Wait for the command."""
    out, err = running.communicate(timeout=60)
    return running.returncode, json.loads(out) if out else None, err.splitlines()


def code(told: tuple[int, Any, list[str]]) -> str:
    """Return the code of a failure, which leaves standard output empty."""
    status, out, err = told
    assert (status, out) == (3, None)
    last = json.loads(err[-1])
    assert set(last) == {"code", "message"} and last["message"]
    return str(last["code"])


@pytest.mark.parametrize(
    ("ending", "by_halves"), [("fewer", False), ("warning", True), ("length", True), ("behind", False), ("empty", True)]
)
def test_a_vitale_2_gives_its_identity(bench: Bench, ending: cards.Ending, by_halves: bool) -> None:
    person = cards.invented(len(ending))
    bench.insert(1, cards.vitale2(person, ending=ending, by_halves=by_halves, padding=500))
    assert read() == (
        0,
        {"reader": SECOND, "atr": cards.VITALE_ATR.hex().upper(), "card": "vitale2", "identity": person.expected()},
        [],
    )


def test_a_card_that_comes_later_is_waited_for(bench: Bench) -> None:
    running = start("--timeout", "20")
    time.sleep(0.7)
    assert running.poll() is None
    bench.insert(0, cards.vitale2(cards.invented(1)))
    status, found, err = ended(running)
    assert (status, found["reader"], err) == (0, FIRST, [])
    assert found["identity"] == cards.invented(1).expected()


def test_without_a_name_the_vitale_comes_before_an_earlier_slot(bench: Bench) -> None:
    bench.insert(0, cards.cps3())
    bench.insert(1, cards.vitale2(cards.invented(2)))
    assert read()[1]["reader"] == SECOND
    status, found, _ = read("--reader", FIRST)
    assert status == 0 and found == {"reader": FIRST, "atr": cards.CPS_ATR.hex().upper(), "card": "cps3", "identity": None}


def test_to_an_unknown_card_nothing_is_sent(bench: Bench) -> None:
    bench.insert(1, cards.unknown())
    assert read()[1] == {"reader": SECOND, "atr": cards.UNKNOWN_ATR.hex().upper(), "card": "unknown", "identity": None}
    assert bench.slots[1].commands == 0


def test_an_atr_of_the_table_without_the_application_is_unknown(bench: Bench) -> None:
    bench.insert(1, cards.FileCard(cards.VITALE_ATR, {}))
    assert read()[1] == {"reader": SECOND, "atr": cards.VITALE_ATR.hex().upper(), "card": "unknown", "identity": None}


def test_a_mute_card_is_told_at_once_and_then_by_its_code(bench: Bench) -> None:
    bench.insert(0, cards.mute())
    told = read("--timeout", "0.5")
    assert code(told) == "CARD_MUTE"
    assert told[2][0] == "the card does not answer: turn it over" and len(told[2]) == 2


def test_a_card_that_was_turned_over_is_read(bench: Bench) -> None:
    bench.insert(0, cards.mute())
    running = start("--timeout", "30")
    assert running.stderr is not None
    assert running.stderr.readline() == "the card does not answer: turn it over\n"
    bench.pull(0)
    bench.insert(0, cards.vitale2(cards.invented(4)))
    status, found, err = ended(running)
    assert (status, found["card"], err) == (0, "vitale2", [])


def test_no_card_in_time(bench: Bench) -> None:
    began = time.monotonic()
    assert code(read("--timeout", "0.5")) == "CARD_TIMEOUT"
    assert 0.5 <= time.monotonic() - began < 4
    assert code(read("--timeout", "0.5", "--reader", "nothing of that name")) == "CARD_TIMEOUT"


def test_a_swap_in_the_middle_never_mixes_two_people(bench: Bench) -> None:
    one, other = cards.invented(5), cards.invented(6)
    for index in (0, 9):
        bench.insert(1, cards.vitale2(one), Fault(index, "swap", card=cards.vitale2(other)))
        assert code(read("--timeout", "5")) == "CARD_REMOVED"


def test_a_wrong_key_is_told_without_the_number(bench: Bench) -> None:
    sound = cards.invented(7)
    wrong = f"{sound.nir[:13]}{(int(sound.nir[13:]) + 1) % 97:02}"
    bench.insert(1, cards.vitale2(cards.Person("ESSAI", "ESSAI", "19600101", wrong)))
    told = read()
    assert code(told) == "CARD_NIR_KEY"
    assert wrong not in "".join(told[2]) and wrong[:13] not in "".join(told[2])


def test_a_card_that_tells_of_nobody(bench: Bench) -> None:
    card = cards.FileCard(cards.VITALE_ATR, {VITALE: {cards.POINTERS: cards.pointers({VITALE: (cards.CLOSED,)})}})
    bench.insert(1, card)
    assert code(read()) == "CARD_NO_IDENTITY"


def test_a_service_that_is_down_is_waited_for(bench: Bench) -> None:
    bench.service.stop()
    assert code(read("--timeout", "1")) == "PCSC_SERVICE"
    running = start("--timeout", "20")
    time.sleep(0.7)
    bench.service.start()
    bench.insert(1, cards.vitale2(cards.invented(8)))
    assert ended(running)[1]["identity"] == cards.invented(8).expected()


def test_no_card_is_ever_asked_to_verify(bench: Bench) -> None:
    card = cards.vitale2(cards.invented(9))
    bench.insert(1, card)
    assert read()[0] == 0
    assert card.verified == 0 and {played.ins for played in bench.slots[1].played} == {0xA4, 0xB0}


def test_without_json_it_is_said_in_words(bench: Bench) -> None:
    bench.insert(1, cards.vitale2(cards.invented(10)))
    command = [sys.executable, "-m", "desmos_fast.cli", "agent", "read"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert said.returncode == 0 and f"nir             {cards.invented(10).nir}" in said.stdout.splitlines()


@pytest.mark.parametrize("options", [("--timeout", "0"), ("--timeout", "soon"), ("--loud",)])
def test_wrong_usage(options: tuple[str, ...]) -> None:
    running = start(*options)
    running.communicate(timeout=30)
    assert running.returncode == 2
