# SPDX-License-Identifier: Apache-2.0
"""Each reading is shown on the screen, says nothing of whose card it was, and waits for nothing."""

import logging
import time
from pathlib import Path

import pytest

from readers import notice
from readers.errors import CardTimeout
from readers.notice import TITLE, Noticed, command, show
from readers.reading import Reading
from tests.agents.workstation import FakeCards, happened, vitale
from tests.api.conftest import person

STRANGE = "-x <b>PC & Twin</b> $(id) 00"


@pytest.fixture
def screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the program that shows notices was asked, an argument a line, once it has begun."""
    shown = tmp_path / "shown"
    program = tmp_path / "notify-send"
    program.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {shown}.part && mv {shown}.part {shown}\n[ ! -e {tmp_path}/fail ]\n", encoding="utf-8"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return shown


def until(path: Path) -> list[str]:
    ends = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < ends, "nothing was shown"
        time.sleep(0.01)
    return path.read_text(encoding="utf-8").splitlines()


async def test_a_reading_is_shown_and_nothing_of_its_card(screen: Path) -> None:
    cards, nir = FakeCards(happened("reader_added")), person()
    cards.answer = vitale(nir)
    assert await Noticed(cards, show).read(STRANGE, 1.0) == vitale(nir)
    said = until(screen)
    assert said[-3:] == ["--", TITLE, "Une carte a été lue dans le lecteur -x &lt;b&gt;PC &amp; Twin&lt;/b&gt; $(id) 00."]
    assert not [word for word in (nir, "DUPONT", "MARIE", "1955") if word in "\n".join(said)]


async def test_what_was_not_read_is_not_shown_and_events_pass() -> None:
    cards, shown = FakeCards(happened("reader_added")), list[str]()
    cards.answer = CardTimeout("no card came in time")
    noticed = Noticed(cards, shown.append)
    with pytest.raises(CardTimeout):
        await noticed.read("one", 0.1)
    assert shown == [] and (await anext(aiter(noticed.events()))).kind == "reader_added"


def test_windows_gets_texts_by_the_environment_alone() -> None:
    asked = command("Windows", STRANGE)
    assert asked is not None and asked.env == {"DESMOS_NOTICE_TITLE": TITLE, "DESMOS_NOTICE_TEXT": STRANGE}
    assert not [word for word in asked.arguments if STRANGE in word]
    assert all(f"$env:{name}" in asked.arguments[-1] for name in asked.env)


async def test_where_nothing_shows_notices_the_log_says_so(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    cards = FakeCards()
    cards.answer = Reading(reader="one", atr="3B", card="unknown", identity=None)
    with caplog.at_level(logging.WARNING, "desmos.notice"):
        assert await Noticed(cards, show).read("one", 0.1) == cards.answer
    assert "no program shows notices here" in caplog.text


def test_a_program_that_fails_is_a_warning(screen: Path, caplog: pytest.LogCaptureFixture) -> None:
    (screen.parent / "fail").touch()
    asked = command("Linux", "x")
    assert asked is not None
    with caplog.at_level(logging.WARNING, "desmos.notice"):
        notice._run(asked)
    assert screen.exists() and "a reading was not shown: CalledProcessError" in caplog.text
