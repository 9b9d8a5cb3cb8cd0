# SPDX-License-Identifier: Apache-2.0
"""The card of a professional on SoftHSM2, and through a library between that says what no software token does: removed, blocked, hung."""

import asyncio
import logging
import subprocess
import sys
import time
import traceback
import types
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from readers.cps.card import BadCode, Cps
from readers.cps.chosen import CpsChoices
from readers.cps.model import Activity, Object, Professional, professional, tries
from readers.errors import CardGone, CpsAbsent, CpsBlocked, CpsCodeWrong, CpsLastTry, Refused, VendorFailed, VendorLibrary
from tests.readers import fake_cps
from tests.readers.dialogues import kept, lag
from tests.readers.vendors import Told, compiled
from tests.readers.watching import command_line, of_process, open_files, resident, settled

pkcs11 = pytest.importorskip("pkcs11", reason="the extra `readers` is not installed")
from readers.cps import child  # noqa: E402

pytestmark = pytest.mark.together
PATIENT_S: Final = 60.0
LOW, FINAL, LOCKED = 0x10000, 0x20000, 0x40000
OPENED: Final = [
    Activity(rank=1, structure=fake_cps.STRUCTURE, structure_id=fake_cps.STRUCTURE_ID, sector=fake_cps.SECTOR),
    Activity(rank=3, structure=None, structure_id=None, sector=None),
]


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the library between."""
    return compiled("fake_cps", tmp_path_factory.mktemp("between"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a token; nothing here ever writes to it but its count of wrong codes."""
    library = fake_cps.library()
    if library is None:
        pytest.skip("SoftHSM2 is not installed, or not the extra: make test installs both")
    return fake_cps.make(library, tmp_path_factory.mktemp("token"))


@pytest.fixture
def told(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Give the folder of the library between."""
    monkeypatch.setenv("SOFTHSM2_CONF", str(made))
    monkeypatch.setenv("FAKE_CPS", str(tmp_path))
    monkeypatch.setenv("FAKE_CPS_REAL", str(fake_cps.library()))
    return Told(tmp_path)


@pytest.fixture
async def cps(between: Path, told: Told) -> AsyncIterator[Cps]:
    """Give the card."""
    card = Cps(CpsChoices(library=str(between), deadline_s=PATIENT_S))
    yield card
    await card.close()


def code(text: str = fake_cps.CODE) -> bytearray:
    """Return a code as it is typed."""
    return bytearray(text, "ascii")


async def test_before_the_code_the_card_tells_what_anybody_may_read(cps: Cps, told: Told) -> None:
    found = await cps.look()
    assert (found.token, found.identifier, found.last_name, found.first_name) == (
        "CPS3",
        fake_cps.IDENTIFIER,
        fake_cps.LAST,
        fake_cps.FIRST,
    )
    assert (found.profession, found.specialty, found.activities) == (fake_cps.PROFESSION, fake_cps.SPECIALTY, None)
    assert found.reader.startswith("SoftHSM slot") and told.calls("code") == []


async def test_after_the_code_it_tells_the_activities(cps: Cps, told: Told) -> None:
    found = await cps.open(code())
    assert found.activities == OPENED and found.tries == "all"
    assert msgspec.structs.replace(found, activities=None) == await cps.look()
    assert told.calls("code") == ["code 6"]


async def test_a_wrong_code_is_sent_once_and_told_with_what_is_left(cps: Cps, told: Told) -> None:
    with pytest.raises(CpsCodeWrong, match="a wrong code was given") as raised:
        await cps.open(code(fake_cps.WRONG))
    assert raised.value.hint and told.calls("code") == ["code 6"]
    assert (await cps.look()).tries == "fewer"
    # Nothing sends it again: neither a look nor the next code, which is right.
    assert (await cps.open(code())).tries == "all" and len(told.calls("code")) == 2


@pytest.mark.parametrize("text", ["", "1", "123", "12a4", "1234567890123", "１２３４"])
async def test_what_is_no_code_never_reaches_the_card(cps: Cps, told: Told, text: str) -> None:
    typed = bytearray(text, "utf-8")
    with pytest.raises(BadCode):
        await cps.open(typed)
    assert not any(typed) and told.calls("code") == []


async def test_a_blocked_card_is_told_and_gets_no_code(cps: Cps, told: Told) -> None:
    told.write("flags", f"{LOCKED:x}".encode())
    assert (await cps.look()).tries == "none"
    with pytest.raises(CpsBlocked):
        await cps.open(code(), last_try=True)
    assert told.calls("code") == []


async def test_the_last_try_is_used_only_when_somebody_says_so(cps: Cps, told: Told) -> None:
    told.write("flags", f"{LOW | FINAL:x}".encode())
    assert (await cps.look()).tries == "last"
    with pytest.raises(CpsLastTry):
        await cps.open(code())
    assert told.calls("code") == []
    assert (await cps.open(code(), last_try=True)).activities == OPENED
    assert told.calls("code") == ["code 6"]


@pytest.mark.parametrize(
    ("status", "kind"), [(0xA4, CpsBlocked), (0xA0, CpsCodeWrong), (0xA2, CpsCodeWrong), (0x32, CardGone), (0x6, Refused)]
)
async def test_each_answer_to_a_code_has_its_error(cps: Cps, told: Told, status: int, kind: type[Exception]) -> None:
    told.write("next", f"login fail {status:x}".encode())
    with pytest.raises(kind):
        await cps.open(code())
    assert len(told.calls("code")) == 1
    assert (await cps.open(code())).activities == OPENED


async def test_the_wrong_code_that_blocks_the_card_is_told_as_that(cps: Cps, told: Told) -> None:
    told.write("next", b"login hold")
    opening = asyncio.create_task(cps.open(code(fake_cps.WRONG)))
    await settled(lambda: (told.folder / "next").exists(), False, PATIENT_S)
    told.write("flags", f"{LOCKED:x}".encode())
    told.write("go", b"")
    with pytest.raises(CpsBlocked, match="refused the code"):
        await opening
    (told.folder / "flags").unlink()
    assert (await cps.open(code())).tries == "all"


@pytest.mark.parametrize("where", ["open", "find", "attribute"])
@pytest.mark.parametrize("status", [0x32, 0xE0, 0xB3])
async def test_a_card_that_is_pulled_is_told_and_the_next_reading_is_right(cps: Cps, told: Told, where: str, status: int) -> None:
    for call in (cps.look, lambda: cps.open(code())):
        told.write("next", f"{where} gone {status:x}".encode())
        with pytest.raises(CardGone):
            await call()
        (told.folder / "next").unlink()
        assert (await cps.look()).identifier == fake_cps.IDENTIFIER


async def test_a_refused_code_is_told_though_the_card_left_since(cps: Cps, told: Told) -> None:
    told.write("next", b"login hold")
    opening = asyncio.create_task(cps.open(code(fake_cps.WRONG)))
    await settled(lambda: (told.folder / "next").exists(), False, PATIENT_S)
    told.write("serial", b"gone")
    told.write("go", b"")
    with pytest.raises(CpsCodeWrong, match="is not told"):
        await opening
    (told.folder / "serial").unlink()
    assert (await cps.open(code())).tries == "all"


async def test_two_cards_are_never_mixed(cps: Cps, told: Told) -> None:
    told.write("next", b"find hold")
    looking = asyncio.create_task(cps.look())
    await settled(lambda: (told.folder / "next").exists(), False, PATIENT_S)
    told.write("serial", b"ANOTHER CARD 123")
    told.write("go", b"")
    with pytest.raises(CardGone):
        await looking
    assert (await cps.look()).identifier == fake_cps.IDENTIFIER


@pytest.mark.parametrize(("verb", "said"), [("hang", "did not answer"), ("crash", "signal 11")])
async def test_a_library_that_hangs_or_crashes_costs_one_call(between: Path, told: Told, verb: str, said: str) -> None:
    cps = Cps(CpsChoices(library=str(between), deadline_s=3.0 if verb == "hang" else PATIENT_S))
    told.write("next", f"login {verb}".encode())
    with pytest.raises(VendorFailed, match=said):
        await cps.open(code())
    assert (await cps.look()).identifier == fake_cps.IDENTIFIER
    await cps.close()


@pytest.mark.alone
async def test_no_call_holds_up_the_loop(cps: Cps, told: Told) -> None:
    async def measure() -> float:
        told.write("next", b"login slow 12c")
        async with lag() as found:
            await cps.open(code())
        return found.most

    assert await kept(measure)


@pytest.mark.parametrize("trouble", ["", "login fail a0", "login fail 32", "login crash", "find fail 6", "attribute crash"])
async def test_the_code_is_in_no_log_and_no_error_and_is_wiped(
    cps: Cps, told: Told, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], trouble: str
) -> None:
    caplog.set_level(logging.DEBUG)
    if trouble:
        told.write("next", trouble.encode())
    typed, said = code(), ""
    try:
        said = repr(await cps.open(typed))
    except Exception as error:
        said = repr(error) + "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert not (told.folder / "next").exists() and told.calls("code") == ["code 6"]
    out = capfd.readouterr()
    records = [repr(record.__dict__) for record in caplog.records]
    told_all = "\n".join((said, caplog.text, out.out, out.err, repr(await cps.look()), *records))
    held = (fake_cps.CODE, fake_cps.CODE.encode().hex(), fake_cps.LAST, fake_cps.IDENTIFIER)
    assert not [each for each in held if each in told_all]
    assert typed == bytes(len(fake_cps.CODE))


async def test_nothing_of_a_code_stays_in_memory(cps: Cps) -> None:
    """What the program that had it held is gone with it, and the binding's copy is overwritten while it still runs."""
    await cps.look()
    pid = cps._apart.pid
    await cps.open(code())
    assert pid is not None and not cps._apart.runs and command_line(pid) == b""
    secret = child.Code(code("97531864"))
    encoded = secret.encode("utf-8")
    assert encoded == b"97531864"
    secret.wipe()
    assert encoded == bytes(8)
    # An object of one byte belongs to everybody.
    child.Code(code("7")).wipe()
    assert bytes((0x37,)) == b"7"


@pytest.mark.parametrize("refused", [False, True])
def test_the_copy_of_the_binding_is_overwritten_whatever_the_card_says(monkeypatch: pytest.MonkeyPatch, refused: bool) -> None:
    held: list[bytes] = []

    def opened(user_pin: child.Code) -> None:
        held.append(user_pin.encode("utf-8"))
        assert held == [b"97531864"]
        raise pkcs11.exceptions.PinIncorrect if refused else pkcs11.exceptions.GeneralError

    token = types.SimpleNamespace(flags=pkcs11.TokenFlag.TOKEN_INITIALIZED, label="CPS3", serial=b"1", open=opened)
    slot = types.SimpleNamespace(flags=pkcs11.SlotFlag.TOKEN_PRESENT, slot_description="reader", get_token=lambda: token)
    monkeypatch.setattr(pkcs11, "lib", lambda path: types.SimpleNamespace(get_slots=lambda token_present: [slot]))
    card = child.Card("/x", "")
    if refused:
        assert card.open(code("97531864"), bytearray())[0] == b"code"
    else:
        with pytest.raises(pkcs11.exceptions.GeneralError):
            card.open(code("97531864"), bytearray())
    assert held == [bytes(8)]


async def test_without_a_card_it_says_so(told: Told, between: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    conf = tmp_path / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {empty}\n", encoding="ascii")
    cps = Cps(CpsChoices(library=str(between), token="another", deadline_s=PATIENT_S))
    with pytest.raises(CpsAbsent):
        await cps.look()
    await cps.close()
    monkeypatch.setenv("SOFTHSM2_CONF", str(conf))
    cps = Cps(CpsChoices(library=str(between), deadline_s=PATIENT_S))
    for call in (cps.look, lambda: cps.open(code())):
        with pytest.raises(CpsAbsent):
            await call()
    await cps.close()


@pytest.mark.parametrize("library", ["/nowhere/libcps3_pkcs11_lux.so", str(Path(__file__))])
async def test_a_library_that_cannot_be_loaded_is_told(library: str) -> None:
    cps = Cps(CpsChoices(library=library))
    for call in (cps.look, cps.library, lambda: cps.open(code())):
        with pytest.raises(VendorLibrary) as raised:
            await call()
        assert raised.value.hint
    await cps.close()
    with pytest.raises(VendorLibrary):
        Cps(None)


def test_a_label_in_no_known_spelling_is_none() -> None:
    class Odd:
        def __getitem__(self, which: object) -> str:
            return b"CPS_\xe9".decode("utf-8")

    assert child._attribute(Odd(), pkcs11.Attribute.LABEL) == b""


def test_an_object_does_not_show_what_it_holds() -> None:
    assert fake_cps.IDENTIFIER not in repr([Object("data", "CPS_INFO_PS", b"", fake_cps.IDENTIFIER.encode())])


async def test_the_library_says_what_it_is_without_a_card(cps: Cps, told: Told) -> None:
    told.write("next", b"open crash")
    assert "2.6" in await cps.library() and (told.folder / "next").exists()


def test_tries_are_what_the_flags_say() -> None:
    assert [tries(flags) for flags in (0x40D, LOW, LOW | FINAL, FINAL, LOW | FINAL | LOCKED, LOCKED)] == [
        "all", "fewer", "last", "last", "none", "none",
    ]  # fmt: skip


def read(*objects: Object, opened: bool = False) -> Professional:
    """Return who holds a card of some objects."""
    return professional("reader", "CPS4", 0, objects, opened=opened)


def test_the_certificate_for_signing_never_takes_the_place_of_the_other() -> None:
    signing = Object("certificate", "", b"\x01\x10", fake_cps.certificate("DE LA SIGNATURE"))
    assert read(signing).last_name is None
    assert read(signing, Object("certificate", "", b"\x01\x20", fake_cps.certificate())).last_name == fake_cps.LAST
    assert read(Object("certificate", "", b"\x20", b"no certificate")).identifier is None


@pytest.mark.parametrize(("info", "found"), [(b"SM99", "SM99"), (b"x SM 9", None), (b"M99", None), (b"", None), (b"SM9\xe9", None)])
def test_a_specialty_without_a_known_layout_is_absent(info: bytes, found: str | None) -> None:
    assert read(Object("data", "CPS_INFO_PS", b"", info)).specialty == found


def test_an_activity_that_is_cut_at_any_byte_has_what_is_whole_of_it() -> None:
    whole = fake_cps.activity()
    for cut in range(len(whole)):
        [found] = read(Object("data", "CPS_ACTIVITY_16_PS", b"", whole[:cut]), opened=True).activities or []
        assert found == Activity(rank=16, structure=None, structure_id=None, sector=None)


@pytest.mark.fault
async def test_a_hundred_thousand_sessions_leave_nothing(cps: Cps) -> None:
    async def sessions(count: int) -> None:
        for _ in range(count):
            await cps.look()

    await sessions(2_000)
    pid = cps._apart.pid
    assert pid is not None
    before = resident(), open_files(), of_process(pid)
    await sessions(98_000)
    after = resident(), open_files(), of_process(pid)
    assert after[1] <= before[1] and after[2][1] <= before[2][1]
    assert after[0] - before[0] < 8 << 20 and after[2][0] - before[2][0] < 8 << 20


async def test_opening_the_session_of_a_code_is_quick(cps: Cps) -> None:
    """The aim is 50 ms for a code on a library that is loaded; what the start of its program takes is told apart."""
    fastest = PATIENT_S
    for _ in range(3):
        await cps.look()
        began = time.monotonic()
        await cps.open(code())
        fastest = min(fastest, time.monotonic() - began)
    assert fastest < 1.0


def test_the_program_needs_nothing_of_ours_but_the_pipe() -> None:
    """An interpreter that has the binding alone runs it."""
    listed = "import sys; import readers.cps.child, readers.ssv.child; print(*sorted(m for m in sys.modules if m.split('.')[0] in ours))"
    text = f"ours = {('readers', 'desmos_fast', 'msgspec', 'cryptography')}; {listed}"
    said = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert said == [
        "readers",
        "readers.apart",
        "readers.apart.child",
        "readers.apart.frames",
        "readers.cps",
        "readers.cps.child",
        "readers.ssv",
        "readers.ssv.child",
    ]
