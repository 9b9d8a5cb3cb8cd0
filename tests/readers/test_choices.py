# SPDX-License-Identifier: Apache-2.0
"""What is set for the cards, and what comes of it: the backend, the commands, the doctor, the typing of a code."""

import json
import os
import pty
import subprocess
import sys
import termios
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.settings import BadSetting
from readers.backends import backend
from readers.choices import BadChoices, Choices, choices, read
from readers.cps.typed import typed
from readers.doctor.model import Asked, Facts, Vendor
from readers.doctor.rules import report
from readers.doctor.vendors import vendors
from readers.errors import CardNoIdentity, NotOffered, VendorLibrary
from readers.simulator import cards
from readers.simulator.rights import CODE, SimulatedCards, config_zone, ps_zone, rights_zone
from readers.ssv.identity import PcscCards
from readers.ssv.library import FUNCTIONS, SsvCards
from tests.days import today
from tests.readers import fake_cps
from tests.readers.bench import FIRST, Bench
from tests.readers.test_doctor import GOOD, levels
from tests.readers.vendors import Told, compiled

pytestmark = pytest.mark.together
ROOT: Final = Path(__file__).parents[2]
SEED: Final = 4


def write(folder: Path, text: str) -> Path:
    """Write the file of the cards."""
    path = folder / "cards.toml"
    path.write_text(text, encoding="utf-8")
    return path


def run(path: Path | None, *words: str, said: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the agent with what a file sets."""
    command = [sys.executable, "-m", "desmos_fast.cli", "agent", *words]
    told = {**os.environ, "PYTHONPATH": str(ROOT), **({"DESMOS_CARDS": str(path)} if path is not None else {}), **env}
    return subprocess.run(command, cwd=ROOT, env=told, input=said, capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the library of the components."""
    return compiled("fake_ssv", tmp_path_factory.mktemp("ssv"))


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Give the folder of the library, with the zones of a seed."""
    made = Told(tmp_path)
    for name, zone in (("config", config_zone(SEED)), ("read_ps", ps_zone(SEED)), ("read_rights", rights_zone(SEED, today()))):
        made.write(name, zone)
    return made


def test_without_a_file_cards_are_read_by_pcsc(tmp_path: Path) -> None:
    assert choices({}) == Choices() and isinstance(backend(Choices()), PcscCards)
    path = write(tmp_path, 'backend = "simulator"\n[simulator]\nseed = 7\n[pairs]\n"A 0" = "B 0"\n')
    found = choices({"DESMOS_CARDS": str(path)})
    assert (found.backend, found.simulator.seed, found.pairs) == ("simulator", 7, {"A 0": "B 0"})
    assert isinstance(backend(found), SimulatedCards)


def test_the_example_of_the_page_can_be_read(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "reference" / "agent.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    found = read(write(tmp_path, example))
    assert found.backend == "ssv" and found.ssv is not None and found.cps is not None and found.pairs
    assert isinstance(backend(found), SsvCards)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("backend = ", "Invalid value"),
        ('backend = "galss"', "$.backend"),
        ('bakend = "pcsc"', "bakend"),
        ('backend = "ssv"', "no [ssv]"),
        ('[ssv]\nlibrary = "libssv.so"', "ssv.library is no absolute path"),
        ('[cps]\nlibrary = "cps3_pkcs11_w64.dll"', "cps.library is no absolute path"),
        ('[ssv]\nlibrary = "/x"\npython = "python3"', "ssv.python is no absolute path"),
        ('[cps]\nlibrary = "/x"\npin = "1234"', "pin"),
        ('[ssv]\nlibrary = "/x"\nconvention = "pascal"', "$.ssv.convention"),
        ('[ssv]\nlibrary = "/x"\n[ssv.deadlines_s]\nread_ps = "soon"', "$.ssv.deadlines_s.read_ps"),
    ],
)
def test_what_cannot_be_set_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadChoices) as raised:
        read(write(tmp_path, text))
    assert said in raised.value.detail and isinstance(raised.value, InvalidInput)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadChoices, match="No such file"):
        choices({"DESMOS_CARDS": str(tmp_path / "nothing.toml")})
    with pytest.raises(BadSetting):
        choices({"DESMOS_CARDS": "cards.toml"})
    with pytest.raises(VendorLibrary):
        backend(Choices(backend="ssv"))


async def test_pcsc_refuses_what_only_components_give() -> None:
    for call in (PcscCards().config(), PcscCards().read_ps(CODE)):
        with pytest.raises(NotOffered):
            await call


async def test_pcsc_gives_the_identity_as_the_components_would(bench: Bench) -> None:
    person = cards.invented(3)
    await bench.put(1, cards.vitale2(person))
    holder, beneficiary = await PcscCards().read_rights("", today())
    assert (holder.number, holder.named()) == (101, {"nir": person.nir[:13], "key": person.nir[13:]})
    wanted = {"usual_name": person.last_name, "first_name": person.first_name, "birth_date": person.birth_date}
    assert (beneficiary.number, beneficiary.named()) == (104, wanted)
    await bench.put(1, cards.cps3())
    with pytest.raises(CardNoIdentity):
        await PcscCards().read_rights("", today())


def test_the_command_of_rights_uses_the_backend_that_is_set(told: Told, library: Path, tmp_path: Path) -> None:
    path = write(tmp_path, f'backend = "ssv"\n[ssv]\nlibrary = "{library}"\n')
    day = f"{today():%Y-%m-%d}"
    found = run(path, "rights", "--json", "--on", day, said=f"{CODE}\n", FAKE_SSV=str(told.folder))
    assert (found.returncode, found.stderr) == (0, "")
    made = json.loads(found.stdout)
    simulated = json.loads(run(write(tmp_path, f'backend = "simulator"\n[simulator]\nseed = {SEED}\n'), "rights", "--json", "--on", day,
                               said=f"{CODE}\n").stdout)  # fmt: skip
    assert (made["backend"], simulated["backend"]) == ("ssv", "simulator") and made["groups"] == simulated["groups"]
    assert {each["subject"] for each in made["groups"]} >= {"card", "beneficiary", "amo_rights"}
    path = write(tmp_path, f'backend = "ssv"\n[ssv]\nlibrary = "{library}"\n')
    page = run(path, "rights", "--ps", said=f"{CODE}\n", FAKE_SSV=str(told.folder)).stdout
    assert page.splitlines()[0] == "  1  ps" and "CENTRE FICTIF" in page
    wrong = run(path, "rights", "--json", said="0000\n", FAKE_SSV=str(told.folder))
    assert (wrong.returncode, wrong.stdout, json.loads(wrong.stderr)["code"]) == (3, "", "SSV_FAILED") and "0000" not in wrong.stderr


def test_the_command_of_the_card_of_a_professional(tmp_path: Path) -> None:
    softhsm = fake_cps.library()
    if softhsm is None:
        pytest.skip("SoftHSM2 is not installed, or not the extra: make test installs both")
    env = {"SOFTHSM2_CONF": str(fake_cps.make(softhsm, tmp_path))}
    path = write(tmp_path, f'[cps]\nlibrary = "{softhsm}"\ntoken = "CPS3"\n')
    before = run(path, "cps", "--json", **env)
    assert (before.returncode, before.stderr) == (0, "") and json.loads(before.stdout)["activities"] is None
    after = json.loads(run(path, "cps", "--activities", "--json", said=f"{fake_cps.CODE}\n", **env).stdout)
    assert [each["structure"] for each in after["activities"]] == [fake_cps.STRUCTURE, None]
    wrong = run(path, "cps", "--activities", "--json", said=f"{fake_cps.WRONG}\n", **env)
    assert (wrong.returncode, wrong.stdout) == (3, "")
    assert json.loads(wrong.stderr)["code"] == "CPS_CODE" and fake_cps.WRONG not in wrong.stderr
    page = run(path, "cps", **env).stdout
    assert "code          a wrong code was given since the last right one" in page.splitlines() and fake_cps.LAST in page
    assert run(path, "cps", "--last-try", **env).returncode == 2
    assert json.loads(run(None, "cps", "--json").stderr)["code"] == "VENDOR_LIBRARY"


def test_a_reading_shows_the_slot_beside(bench: Bench, tmp_path: Path) -> None:
    bench.insert(0, cards.cps3())
    bench.insert(1, cards.vitale2(cards.invented(2)))
    beside = {"reader": FIRST, "atr": cards.CPS_ATR.hex().upper(), "card": "cps3"}
    assert json.loads(run(None, "read", "--json", "--pair").stdout)["pair"] == beside
    assert f"pair    {FIRST}: cps3" in run(None, "read").stdout.splitlines()
    bench.pull(0)
    assert f"pair    {FIRST}: empty" in run(None, "read").stdout.splitlines()
    bench.insert(0, cards.mute())
    assert json.loads(run(None, "read", "--json", "--pair").stdout)["pair"] == {"reader": FIRST, "atr": None, "card": "mute"}


def test_which_slots_go_together_may_be_set(wide: Bench, tmp_path: Path) -> None:
    one, other = wide.names[0], wide.names[3]
    wide.insert(0, cards.vitale2(cards.invented(5)))
    path = write(tmp_path, f'[pairs]\n"{other}" = "{one}"\n')
    assert json.loads(run(None, "read", "--json", "--pair").stdout)["pair"]["reader"] == wide.names[1]
    assert json.loads(run(path, "read", "--json", "--pair").stdout)["pair"]["reader"] == other
    assert json.loads(run(path, "read", "--json", "--pair", "--reader", one).stdout)["reader"] == one


def test_the_doctor_says_how_cards_are_read_and_which_library_loads(told: Told, library: Path, tmp_path: Path) -> None:
    path = write(tmp_path, f'backend = "ssv"\n[ssv]\nlibrary = "{library}"\n[cps]\nlibrary = "/nowhere/libcps.so"\n')
    made = json.loads(run(path, "doctor", "--json", FAKE_SSV=str(told.folder)).stdout)
    assert made["facts"]["ssv"] == {"path": str(library), "loads": True, "said": ""} and not made["facts"]["cps"]["loads"]
    assert of_cards(made) == [("lecture", "ok"), ("CPS", "error"), ("SSV", "ok")]
    # Loaded, and nothing in it called.
    assert told.calls("begin") == []
    wrong = json.loads(run(write(tmp_path, "backend = 1"), "doctor", "--json").stdout)
    assert "$.backend" in wrong["facts"]["settings_fault"]
    assert of_cards(wrong) == [("lecture", "error")]


def of_cards(made: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a report finds of the ways to read cards."""
    return [(each["subject"], each["level"]) for each in made["findings"] if each["subject"] in ("lecture", "CPS", "SSV")]


def test_a_library_without_its_functions_does_not_load() -> None:
    assert vendors(lambda: Choices())["backend"] == "pcsc"
    facts: dict[str, Any] = {"ssv": Vendor(path="/x", loads=False, said="it does not export SSV_LireConfig")}
    made = report(Facts(system="Linux", **facts), Asked())
    assert [each.cause for each in made.findings if each.subject == "SSV"] == [
        "Le composant /x ne se charge pas : it does not export SSV_LireConfig."
    ]
    assert FUNCTIONS.exists()


def test_slots_that_are_set_as_a_pair_are_one_for_the_doctor() -> None:
    odd = msgspec.structs.replace(GOOD, readers=("One 0", "Two 0"))
    assert levels(report(odd, Asked()), "R36") == ["ok", "warning"]
    assert levels(report(msgspec.structs.replace(odd, pairs={"One 0": "Two 0"}), Asked()), "R36") == ["ok"]


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Give both ends of a terminal."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def test_a_code_is_typed_without_being_shown(terminal: tuple[int, int], capfd: pytest.CaptureFixture[str]) -> None:
    ours, theirs = terminal
    found: list[bytearray] = []
    asking = threading.Thread(target=lambda: found.append(typed("Code: ", theirs)))
    asking.start()
    until = time.monotonic() + 30
    while termios.tcgetattr(theirs)[3] & termios.ECHO:
        assert time.monotonic() < until
        time.sleep(0.005)
    os.write(ours, b"7391\n")
    asking.join(30)
    assert found == [bytearray(b"7391")] and termios.tcgetattr(theirs)[3] & termios.ECHO
    os.set_blocking(ours, False)
    with pytest.raises(BlockingIOError):
        os.read(ours, 64)
    assert capfd.readouterr() == ("", "Code: \n")


@pytest.mark.parametrize(("keys", "found"), [("7\b8391\r", b"8391"), ("\b12\r", b"12"), ("é7\r", b"\xe97"), ("9" * 100 + "\r", b"9" * 64)])
def test_a_code_is_typed_on_a_console_of_windows(
    terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch, keys: str, found: bytes
) -> None:
    """A console that the test makes up; never run on a real Windows."""
    pressed = iter(keys)
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(getwch=lambda: next(pressed)))
    monkeypatch.setattr("readers.cps.typed.sys", types.SimpleNamespace(platform="win32", stderr=sys.stderr))
    assert typed("Code: ", terminal[1]) == found


def test_control_c_at_a_console_of_windows_gives_up(terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    pressed = iter("12\x03")
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(getwch=lambda: next(pressed)))
    monkeypatch.setattr("readers.cps.typed.sys", types.SimpleNamespace(platform="win32", stderr=sys.stderr))
    with pytest.raises(KeyboardInterrupt):
        typed("Code: ", terminal[1])


def test_a_code_that_comes_through_a_pipe_ends_with_its_line() -> None:
    source, sink = os.pipe()
    os.write(sink, b"4711\nwhat comes after is not taken")
    assert typed("Code: ", source) == b"4711"
    assert os.read(source, 4) == b"what"
    os.close(sink)
    os.close(source)
