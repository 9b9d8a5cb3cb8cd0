# SPDX-License-Identifier: Apache-2.0
"""How strong a password is, how long the next try waits, what the file of identities may say, how many passwords are hashed at once."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desmos_fast.base.types import uuid7
from desmos_fast.db.kernel import SealBroken
from desmos_fast.db.keyring import KeyUse, TenantKeys
from desmos_fast.identity.lookups.model import Ceiling
from desmos_fast.identity.model import ROLES
from desmos_fast.identity.people.errors import HashingBusy, PasswordWeak
from desmos_fast.identity.people.hashing import Hasher
from desmos_fast.identity.people.policy import CEILINGS, Argon2, LockOut, Password, Policy, PolicyInvalid, load_policy
from desmos_fast.identity.people.rules import bare_code, check_password, login_of, recovery_code, strength, wait
from desmos_fast.identity.people.seals import HOUSE, head_of, seal, unseal
from tests.settlement.rotation.sources import ring

NOW = datetime(2026, 11, 26, tzinfo=UTC)
CHEAP = Argon2(memory_kib=19_456, passes=1, lanes=1, at_once=2, waiting=3)


@pytest.mark.parametrize(
    ("password", "least"),
    # The examples of the recommendation: 12 characters of all kinds and 14 without signs for 80 bits, 8 of all kinds for 50.
    [("kV7#pz!rQw2x", 79.5), ("kV7apzXrQw2xLt", 80), ("Xk9$mQ2w", 50), ("cheval agrafe pluie cuivre", 100), ("vaqjxkhbmtpw", 56)],
)
def test_what_is_hard_to_guess_passes(password: str, least: float) -> None:
    assert strength(password) >= least
    check_password(password, 50, "camille@centre.example")


@pytest.mark.parametrize(
    "password",
    [
        "", "a", "aaaaaaaaaaaaaaaaaaaa", "1234567890123456", "abcdefghijklmnop", "azertyuiop123", "qwertyQWERTY", "987654321000",
        "motdepasse", "Motdepasse2026!", "M0td3p4ss3!", "P@ssw0rd!2026", "Bonjour123", "tZ4tZ4tZ4tZ4", "admin/admin", "8f3k9d2p", "Ab1!",
        "Janvier2026", "Soleil&Lune1",
    ],
)  # fmt: skip
def test_what_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(PasswordWeak):
        check_password(password, Password().bits)


@pytest.mark.parametrize("known", ["durand@centre.example", "c.x@durand.example", "Camille Durand"])
def test_a_password_repeats_nothing_of_its_person(known: str) -> None:
    check_password("zK9$-DURANT-2pX", 50, known)
    with pytest.raises(PasswordWeak, match="repeats"):
        check_password("zK9$-DURAND-2pX", 50, known)


def test_accents_and_other_forms_hide_nothing() -> None:
    for password, known in (("zK9$-LEFÈVRE-2pX", "Anne Lefèvre"), ("zK9$-lefevre-2pX", "Lefèvre"), ("zK9$-ＤＵＲＡＮＤ-2pX", "Durand")):
        with pytest.raises(PasswordWeak, match="repeats"):
            check_password(password, 50, known)
    # Hashed as motdepasse123, which is what somebody else types.
    with pytest.raises(PasswordWeak, match="too easy"):
        check_password("ｍｏｔｄｅｐａｓｓｅ１２３", 50)


def test_more_bits_may_be_asked_for_and_length_ends() -> None:
    check_password("kV7#pz!rQw2x", 80)
    with pytest.raises(PasswordWeak, match="53 bits, 80 are needed"):
        check_password("Xk9$mQ2w", 80)
    with pytest.raises(PasswordWeak, match="at most 128"):
        check_password("kV7#pz!rQw2x" * 11, 50)


def test_a_login_holds_no_more_than_a_minute_after_five_and_25_tries_a_day() -> None:
    delays, now, tries, failures, last = LockOut().login, NOW, 0, 0, NOW
    while now < NOW + timedelta(days=1):
        if left := wait(failures, last, now, delays):
            assert failures >= 5 and left > 60
            now += timedelta(seconds=left)
            continue
        tries, failures, last = tries + 1, failures + 1, now
    assert 5 < tries <= 25


def test_delays_double_and_end_at_the_longest() -> None:
    delays = LockOut().login
    assert [wait(failures, NOW, NOW, delays) for failures in (0, 4, 5, 6, 7, 11, 12, 1000)] == [0, 0, 61, 122, 244, 3904, 7200, 7200]
    assert wait(5, NOW, NOW + timedelta(seconds=60.5), delays) == 1 and wait(5, NOW, NOW + timedelta(seconds=61), delays) == 0


def test_logins_and_codes_are_compared_as_they_are_meant() -> None:
    assert login_of("  Camille@Centre.Example ") == "camille@centre.example"
    codes = {recovery_code() for _ in range(50)}
    assert len(codes) == 50 and {len(bare_code(code)) for code in codes} == {16}
    assert bare_code(" AB-cd 12 ") == "abcd12"


def test_the_file_says_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "identity.toml"
    path.write_text(
        '[password]\nbits = 80\n[lock_out.login]\nfree = 3\nfirst_s = 90\nlongest_s = 900\n[look_ups.ops]\nhour = 5\nday = 9\n'
        '[totp]\nrequired = ["admin", "auditor"]\n', encoding="utf-8",
    )  # fmt: skip
    told = load_policy(path)
    assert (told.password.bits, told.lock_out.login.free, told.totp.required) == (80, 3, ("admin", "auditor"))
    assert (told.argon2, told.lock_out.address, load_policy(None)) == (Argon2(), LockOut().address, Policy())
    assert told.ceiling(frozenset({"ops"}), person=True) == Ceiling(hour=5, day=9)
    assert told.ceiling(frozenset({"ops", "biller"}), person=True) == CEILINGS["biller"]
    assert told.ceiling(frozenset({"ops"}), person=False) == Ceiling(hour=250, day=450)
    assert set(CEILINGS) == set(ROLES)


@pytest.mark.parametrize(
    "text",
    ["x", "x = 1", "[password]\nbits = 49", "[argon2]\nmemory_kib = 1", "[totp]\nrequired = ['boss']", "[look_ups.boss]\nhour = 1\nday = 1",
     "[sessions]\nidle_s = 0", "[lock_out]\nlogin = 5", "\xff"],
)  # fmt: skip
def test_a_file_that_cannot_be_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "identity.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(PolicyInvalid, match=r"identity\.toml"):
        load_policy(path)
    with pytest.raises(PolicyInvalid, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


async def test_few_passwords_are_hashed_at_once_and_the_loop_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher, running, most, free = Hasher(CHEAP), 0, 0, threading.Lock()

    def slow(*_: object) -> bool:
        nonlocal running, most
        with free:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with free:
            running -= 1
        return True

    monkeypatch.setattr(hasher._argon2.__class__, "verify", slow)
    started = time.perf_counter()
    tasks = [asyncio.create_task(hasher.verify("x", "y")) for _ in range(7)]
    await asyncio.sleep(0.01)
    assert time.perf_counter() - started < 0.045
    # Who goes away leaves the place taken until the thread ends.
    tasks[0].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 2 and [type(one) for one in done].count(HashingBusy) == 2 and done.count(True) == 4


async def test_a_password_is_one_however_its_accents_are_typed() -> None:
    hasher = Hasher(CHEAP)
    hashed = await hasher.hash("été à Orléans")
    assert await hasher.verify(hashed, "e\u0301te\u0301 a\u0300 Orle\u0301ans")
    assert not await hasher.verify(hashed, "ete a Orleans") and not await hasher.verify(None, "") and not await hasher.verify("junk", "x")


def numbered(use: KeyUse) -> TenantKeys:
    return ring(use).of(HOUSE)


def test_a_sealed_secret_opens_for_its_account_alone() -> None:
    account, former = uuid7(), b"f" * 32
    for use in (KeyUse(), KeyUse(3, 3)):
        keys = numbered(use)
        sealed = seal(keys, account, "SECRET")
        assert sealed.startswith(head_of(use.seals)) and b"SECRET" not in sealed
        assert unseal(keys, None, account, sealed) == "SECRET"
        # It says itself under which key it is.
        assert unseal(numbered(KeyUse(4, 4)), None, account, sealed) == "SECRET"
        with pytest.raises(SealBroken):
            unseal(keys, former, uuid7(), sealed)
    old = b"n" * 12 + AESGCM(former).encrypt(b"n" * 12, b"SECRET", account.bytes)
    assert unseal(keys, former, account, old) == "SECRET"
    for wrong, whose in ((None, account), (bytes(32), account), (former, uuid7())):
        with pytest.raises(SealBroken):
            unseal(keys, wrong, whose, old)
