# SPDX-License-Identifier: Apache-2.0
"""The licensed components in a program apart, with a library that the test compiles: it answers, refuses, lies, hangs and crashes."""

import asyncio
import contextlib
import logging
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from readers.apart.process import ending
from readers.errors import ReaderError, Refused, VendorFailed, VendorLibrary
from readers.simulator.rights import CODE, SimulatedCards, config_zone, ps_zone, rights_zone
from readers.ssv.child import Unfit, loader, rows
from readers.ssv.library import FUNCTIONS, Deadlines, SsvCards, SsvChoices
from readers.ssv.port import HealthCardBackend, SsvFailed
from readers.ssv.zones import ZoneFault
from tests.days import today
from tests.readers.dialogues import kept, lag
from tests.readers.vendors import Told, compiled
from tests.readers.watching import command_line, of_process, open_files, resident, settled

SEED: Final = 11
PATIENCE_S: Final = 60.0
PATIENT: Final = Deadlines(config=60, read_ps=60, read_rights=60)
HASTY: Final = Deadlines(config=60, read_ps=0.3, read_rights=60)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the library once."""
    return compiled("fake_ssv", tmp_path_factory.mktemp("ssv"))


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Give the folder of the library, with the zones of a seed."""
    monkeypatch.setenv("FAKE_SSV", str(tmp_path))
    made = Told(tmp_path)
    for name, zone in (("config", config_zone(SEED)), ("read_ps", ps_zone(SEED)), ("read_rights", rights_zone(SEED, today()))):
        made.write(name, zone)
    return made


def chosen(library: Path) -> SsvChoices:
    """Return what is set for a library."""
    return SsvChoices(library=str(library), ps_resource="PS 1", reader_resource="LECTEUR", deadlines_s=PATIENT)


@pytest.fixture
async def cards(library: Path, told: Told) -> AsyncIterator[SsvCards]:
    """Give the components."""
    made = SsvCards(chosen(library))
    yield made
    await made.close()


async def test_it_is_a_backend_that_gives_what_the_library_does(cards: SsvCards, told: Told) -> None:
    backend: HealthCardBackend = cards
    same = SimulatedCards(SEED)
    assert await backend.config() == await same.config()
    assert await backend.read_ps(CODE) == await same.read_ps(CODE)
    assert await backend.read_rights(CODE, today()) == await same.read_rights(CODE, today())
    assert told.calls("ps", "reader", "date") == ["ps PS 1", "reader LECTEUR", f"date {today():%Y%m%d}"]
    assert told.calls("begin") == ["begin init", "begin config", "begin read_ps", "begin read_rights"]
    # Each zone is given back to whoever made it, and one program did it all.
    assert len(told.calls("free")) == 3 and cards.apart.starts == 1
    await backend.close()
    assert told.calls("begin")[-1] == "begin stop" and not cards.apart.runs


async def test_there_is_one_call_at_a_time(cards: SsvCards, told: Told) -> None:
    told.next("slow", 100)
    await asyncio.gather(*(cards.config() for _ in range(8)))
    found = told.calls("begin", "end")
    assert found == ["begin init", "end init", *(["begin config", "end config"] * 8)]


@pytest.mark.parametrize("verb", ["crash", "abort", "exit"])
async def test_a_library_that_ends_its_program_costs_one_call(cards: SsvCards, told: Told, verb: str) -> None:
    await cards.config()
    told.next(verb)
    with pytest.raises(VendorFailed) as raised:
        await cards.read_ps(CODE)
    assert {"crash": "signal 11", "abort": "signal 6", "exit": "status 3"}[verb] in raised.value.detail
    # It was asked once, and the next call is answered by another program.
    assert told.calls("begin").count("begin read_ps") == 1
    assert await cards.read_ps(CODE) == await SimulatedCards(SEED).read_ps(CODE)
    assert cards.apart.starts == 2


async def test_a_library_that_hangs_is_killed_at_its_deadline(library: Path, told: Told) -> None:
    cards = SsvCards(msgspec.structs.replace(chosen(library), deadlines_s=HASTY))
    await cards.config()
    pid = cards.apart.pid
    assert pid is not None
    told.next("hang")
    began = time.monotonic()
    with pytest.raises(VendorFailed) as raised:
        await cards.read_ps(CODE)
    assert time.monotonic() - began >= 0.3 and "0.3 s" in raised.value.detail
    assert command_line(pid) == b"" and not cards.apart.runs
    assert await cards.config() == await SimulatedCards(SEED).config()
    await cards.close()


@pytest.mark.alone
@pytest.mark.parametrize("verb", ["slow", "crash"])
async def test_no_call_holds_up_the_loop(cards: SsvCards, told: Told, verb: str) -> None:
    async def measure() -> float:
        await cards.config()
        told.next(verb, 300)
        async with lag() as found:
            with contextlib.suppress(VendorFailed):
                await cards.config()
            await cards.config()
        return found.most

    assert await kept(measure)


async def test_whoever_gives_up_leaves_no_answer_to_the_next(cards: SsvCards, told: Told) -> None:
    await cards.config()
    told.next("slow", 10_000)
    call = asyncio.create_task(cards.read_ps(CODE))
    await settled(lambda: len(told.calls("begin")), 3, PATIENCE_S)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await cards.config() == await SimulatedCards(SEED).config()
    # Of another program: that of the call which was given up is gone.
    assert cards.apart.starts == 2


async def test_a_wrong_code_is_sent_once(cards: SsvCards, told: Told) -> None:
    with pytest.raises(SsvFailed) as raised:
        await cards.read_ps("0000")
    assert raised.value.subject == "cps_code" and "0000" not in str(raised.value)
    assert told.calls("begin") == ["begin init", "begin read_ps"]


async def test_a_text_that_the_components_cannot_have_is_refused_without_being_shown(cards: SsvCards, told: Told) -> None:
    with pytest.raises(Refused) as raised:
        await cards.read_ps("12\u20ac4")
    assert raised.value.__cause__ is None and raised.value.__suppress_context__ and "\u20ac" not in str(raised.value)
    assert told.calls("begin") == []


async def test_a_channel_that_is_busy_is_tried_three_times_at_most(cards: SsvCards, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("readers.ssv.library.PAUSE_S", 0)
    told.next("status", 0x0800)
    assert await cards.config() == await SimulatedCards(SEED).config()
    assert told.calls("begin").count("begin config") == 2

    async def busy(name: str, given: dict[str, str], deadline_s: float) -> None:
        asked.append(name)
        raise SsvFailed(0x0800)

    asked: list[str] = []
    monkeypatch.setattr(cards, "_read", busy)
    with pytest.raises(SsvFailed):
        await cards.config()
    assert asked == ["config"] * 3


@pytest.mark.parametrize(("status", "subject"), [(0xF001, "cps_absent"), (0xF015, "withdrawn"), (0xF0F0, "both_amc"), (0x1234, "unknown")])
async def test_a_code_of_the_library_is_told_with_what_to_do(cards: SsvCards, told: Told, status: int, subject: str) -> None:
    told.next("status", status)
    with pytest.raises(SsvFailed) as raised:
        await cards.read_rights(CODE, today())
    assert raised.value.subject == subject and f"0x{status:04X}" in raised.value.detail and raised.value.hint
    assert cards.apart.runs


async def test_components_that_do_not_start_say_why_and_are_asked_again(cards: SsvCards, told: Told) -> None:
    told.write("init", b"status F670")
    with pytest.raises(SsvFailed) as raised:
        await cards.config()
    assert raised.value.subject == "init"
    (told.folder / "init").unlink()
    assert await cards.config()


async def test_a_zone_that_is_cut_at_any_byte_is_a_fault_or_whole_groups(cards: SsvCards, told: Told) -> None:
    whole = await cards.config()
    for cut in range(len(config_zone(SEED))):
        told.next("cut", cut)
        try:
            found = await cards.config()
        except ZoneFault as fault:
            assert 0 <= fault.offset <= cut
        else:
            assert found == whole[: len(found)] and len(found) < len(whole)
    assert cards.apart.starts == 1


async def test_a_zone_that_cannot_be_is_refused(cards: SsvCards, told: Told) -> None:
    told.next("null")
    assert await cards.config() == []
    told.next("huge")
    with pytest.raises(VendorLibrary) as raised:
        await cards.config()
    assert "longer" in raised.value.detail
    assert await cards.config()


async def test_what_a_library_prints_goes_nowhere(cards: SsvCards, told: Told, capfd: pytest.CaptureFixture[str]) -> None:
    told.next("print")
    assert await cards.read_ps(CODE) == await SimulatedCards(SEED).read_ps(CODE)
    assert "1234" not in "".join(capfd.readouterr())


async def test_no_code_is_logged_or_raised_or_on_a_command_line(cards: SsvCards, told: Told, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told.next("crash")
    with pytest.raises(VendorFailed) as raised:
        await cards.read_ps("97531")
    said = caplog.text + repr(raised.value) + str(raised.value.__cause__) + str(raised.value.__context__)
    assert "97531" not in said and "signal 11" in caplog.text
    await cards.config()
    assert cards.apart.pid is not None and b"97531" not in command_line(cards.apart.pid)


async def test_the_program_ends_with_the_agent_even_when_it_hangs(library: Path, told: Told) -> None:
    """An agent that is killed leaves nobody behind who holds the reader."""
    code = f"import asyncio; from tests.readers.test_ssv_library import *; asyncio.run(hang_on({str(library)!r}))"
    told.next("hang")
    agent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert agent.stdout is not None
    apart = int(await agent.stdout.readline())
    await settled(lambda: "begin config" in told.calls("begin"), True, PATIENCE_S)
    agent.kill()
    await agent.wait()
    await settled(lambda: command_line(apart), b"", PATIENCE_S)


async def hang_on(library: str) -> None:
    """Be an agent whose library hangs; print the process of the library."""
    cards = SsvCards(chosen(Path(library)))
    call = asyncio.create_task(cards.config())
    await settled(lambda: cards.apart.pid is not None, True, PATIENCE_S)
    print(cards.apart.pid, flush=True)
    await call


async def test_another_interface_and_other_tables_are_chosen(library: Path, told: Told, tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    text = FUNCTIONS.read_text(encoding="utf-8").replace("2004,", "2026,")
    (tables / "functions.csv").write_text(text, encoding="utf-8")
    (tables / "errors.csv").write_text("codes,subject,message,action\n1234,ours,Message de la table.,Agir.\n", encoding="utf-8")
    cards = SsvCards(msgspec.structs.replace(chosen(library), interface="2026", sesam_ini="/etc/sesam.ini", tables=str(tables)))
    assert await cards.config()
    assert told.calls("sesam") == ["sesam /etc/sesam.ini"]
    told.next("status", 0x1234)
    with pytest.raises(SsvFailed, match="Message de la table"):
        await cards.config()
    await cards.close()


@pytest.fixture(scope="module")
def bare() -> str:
    """Give an interpreter without packages: the one under the environment."""
    found = str(getattr(sys, "_base_executable", sys.executable))
    if subprocess.run([found, "-I", "-c", "import msgspec"], capture_output=True, timeout=60).returncode == 0:
        pytest.skip("the interpreter under the environment has its packages too")
    return found


async def test_another_interpreter_that_has_no_package_holds_the_library(bare: str, library: Path, told: Told) -> None:
    cards = SsvCards(msgspec.structs.replace(chosen(library), python=bare))
    assert await cards.config() == await SimulatedCards(SEED).config()
    assert cards.apart.pid is not None and command_line(cards.apart.pid).startswith(bare.encode())
    await cards.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"library": "/nowhere/libssv.so"}, "cannot open shared object"),
        ({"library": str(FUNCTIONS)}, "invalid ELF header"),
        ({"interface": "1999"}, "no row for start"),
        ({"python": "/nowhere/python"}, "No such file"),
    ],
)
async def test_what_cannot_be_loaded_is_told(library: Path, told: Told, change: dict[str, str], said: str) -> None:
    cards = SsvCards(msgspec.structs.replace(chosen(library), **change))
    for call in (cards.library(), cards.config()):
        with pytest.raises(VendorLibrary) as raised:
            await call
        assert said in raised.value.detail and raised.value.hint
    await cards.close()


async def test_a_library_without_a_function_is_told_before_any_call(told: Told, tmp_path: Path) -> None:
    cards = SsvCards(chosen(compiled("fake_ssv", tmp_path, "-DWITHOUT_FREE")))
    with pytest.raises(VendorLibrary, match="does not export SSV_LibererZoneMem"):
        await cards.library()
    assert told.calls("begin") == []
    await cards.close()


async def test_to_look_at_a_library_calls_nothing_in_it(cards: SsvCards, told: Told) -> None:
    await cards.library()
    assert told.calls("begin") == []


def test_only_windows_has_two_conventions() -> None:
    """What is said for Windows was never run there."""
    assert [loader(how, system) for system in ("nt", "posix") for how in ("cdecl", "stdcall")] == ["CDLL", "WinDLL", "CDLL", "CDLL"]


@pytest.mark.parametrize(
    ("status", "said"), [(-11, "signal 11"), (3, "status 3"), (0xC0000005, "status 0xC0000005"), (None, "never started")]
)
def test_how_a_program_ended_is_told_as_each_system_says_it(status: int | None, said: str) -> None:
    """The long numbers are those of Windows, and were never seen there."""
    assert ending(status) == said


def test_a_table_with_an_argument_that_is_none_is_refused(tmp_path: Path) -> None:
    assert rows(FUNCTIONS, "2003")["free"] == ("SSV_LibererZoneMem", ["zone"])
    path = tmp_path / "functions.csv"
    path.write_text(FUNCTIONS.read_text(encoding="utf-8").replace("ps reader code date", "ps reader code jour"), encoding="utf-8")
    with pytest.raises(Unfit, match="jour"):
        rows(path, "2003")


async def many_troubles(library: Path, told: Told, seed: int, count: int) -> None:
    """Play troubles at random; each costs its call, the one after it is right, and nothing is left behind."""
    drawn, right = random.Random(seed), await SimulatedCards(SEED).read_ps(CODE)
    cards = SsvCards(chosen(library))
    hasty = SsvCards(msgspec.structs.replace(chosen(library), deadlines_s=HASTY))
    await cards.config()
    files, ended = open_files(), 0
    for _ in range(count):
        verb = drawn.choice(("hang", "crash", "abort", "exit"))
        played = hasty if verb == "hang" else cards
        await played.config()
        told.next(verb)
        with pytest.raises(VendorFailed):
            await played.read_ps(CODE)
        assert not played.apart.runs
        ended += 1
        assert await cards.read_ps(CODE) == right
    assert (
        cards.apart.starts + hasty.apart.starts == ended + 1 + hasty.apart.runs and told.calls("begin").count("begin read_ps") == 2 * count
    )
    await hasty.close()
    await cards.close()
    assert open_files() <= files


async def test_twenty_hangs_and_crashes_at_random(library: Path, told: Told) -> None:
    await many_troubles(library, told, 1, 20)


@pytest.mark.fault
async def test_two_hundred_hangs_and_crashes_at_random(library: Path, told: Told) -> None:
    await many_troubles(library, told, 2, 200)


@pytest.mark.fault
async def test_a_hundred_thousand_readings_leave_nothing(cards: SsvCards, told: Told) -> None:
    async def readings(count: int) -> None:
        for _ in range(count):
            await cards.read_ps(CODE)

    await readings(2_000)
    pid = cards.apart.pid
    assert pid is not None
    before = resident(), open_files(), of_process(pid)
    await readings(98_000)
    after = resident(), open_files(), of_process(pid)
    assert after[1] <= before[1] and after[2][1] <= before[2][1]
    assert after[0] - before[0] < 8 << 20 and after[2][0] - before[2][0] < 8 << 20


def test_every_error_here_is_one_of_a_reader() -> None:
    assert all(issubclass(kind, ReaderError) for kind in (SsvFailed, ZoneFault, VendorFailed, VendorLibrary))
