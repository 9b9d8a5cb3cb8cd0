# SPDX-License-Identifier: Apache-2.0
"""What a card says is never in a log, an error or an event: one person whose every field is looked for in all that comes out."""

import asyncio
import logging

import pytest

from readers.errors import ReaderError
from readers.reading import Wait
from readers.sessions.desk import Desk
from readers.simulator import cards
from readers.simulator.vpcd import Fault, FaultKind
from tests.readers.bench import SECOND, Bench
from tests.readers.watching import settled

pytestmark = pytest.mark.together
PERSON = cards.Person("CANARILASTNAME", "CANARIFIRSTNAME", "19331231", cards.invented(77).nir)
FIELDS = (PERSON.last_name, PERSON.first_name, PERSON.birth_date, PERSON.nir)
LEAKS = [form for text in FIELDS for form in (text, text.encode().hex(), text.encode().hex().upper(), repr(list(text.encode()))[1:-1])]


@pytest.mark.parametrize("kind", [None, "pull", "stall", "cut", "swap"])
async def test_nothing_of_a_person_is_logged_or_raised(
    bench: Bench, desk: Desk, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], kind: FaultKind | None
) -> None:
    caplog.set_level(logging.DEBUG)
    fault = Fault(9, kind, seconds=0.6, card=cards.vitale2(PERSON)) if kind is not None else None
    bench.insert(1, cards.vitale2(PERSON), fault)
    await settled(lambda: len(desk.known()), 4)
    raised = ""
    try:
        until = asyncio.get_running_loop().time() + (0.3 if kind == "stall" else 5)
        read = await Wait(desk, SECOND, until, lambda advice: None).read()
        assert read.identity == PERSON.expected() and kind is None
        raised = repr(read)
    except ReaderError as error:
        assert kind is not None
        raised = f"{error!r} {error} {error.hint} {error.__cause__!r} {error.__context__!r}"
    await asyncio.sleep(0.1)
    out = capfd.readouterr()
    told = "\n".join([caplog.text, raised, out.out, out.err, *(repr(record.__dict__) for record in caplog.records), repr(desk.known())])
    assert not [leak for leak in LEAKS if leak in told]
    # What is logged is there: instruction, status, reader, ATR.
    assert f"command reader={SECOND} ins=B0 status=9000" in caplog.text
    assert f"reader={SECOND} atr={cards.VITALE_ATR.hex().upper()}" in caplog.text


async def test_no_command_is_logged_with_its_data(bench: Bench, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench.insert(1, cards.vitale2(PERSON))
    async with desk.session(SECOND) as session:
        await session.transmit(b"\x00\x20\x00\x80\x04CODE")
    assert "ins=20" in caplog.text
    assert "CODE" not in caplog.text and b"CODE".hex() not in caplog.text.lower()
