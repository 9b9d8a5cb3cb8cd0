# SPDX-License-Identifier: Apache-2.0
"""What the doctor finds around the cards: vendors' files, ports, policies, the service, the clock; and what it says of it."""

import asyncio
import http.server
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from desmos_fast.agents.wire import Examine
from desmos_fast.base.types import uuid7
from readers.doctor import desk
from readers.doctor.desk import around, holder, ini, policy, service, tables, versions
from readers.doctor.desk_rules import findings
from readers.doctor.model import Around, Facts, Finding, Holder, Ini, Tables
from readers.doctor.remote import examined
from readers.uplink_folder import Folder
from tests.agents.pages import ORIGIN, loopback

URL = "https://desmos.example"
GALSS = "[CONFIG]\nNbCanaux=2\n[CANAL0]\nNomLecteur=Lecteur A\n[CANAL1]\nNomLecteur=Lecteur B\nChemin=%WINDIR%\\x\n"


def said(**known: Any) -> dict[str, list[Finding]]:
    """Return what is said of what is known, by subject."""
    readers = known.pop("readers", ())
    made: dict[str, list[Finding]] = {}
    for one in findings(Facts(system="Linux", readers=readers, around=Around(**known))):
        made.setdefault(one.subject, []).append(one)
    return made


def levels(subject: str, **known: Any) -> list[str]:
    return [one.level for one in said(**known)[subject]]


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="latin-1")
    return path


# --- vendors' files


def test_the_files_of_the_vendors_are_found_and_read(tmp_path: Path) -> None:
    assert (ini(tmp_path, desk.GALSS), versions(tmp_path)) == (None, [])
    put(tmp_path / "etc/opt/santesocial/galss/galss.ini", GALSS)
    found = ini(tmp_path, desk.GALSS)
    assert found and found.sections["CANAL1"] == {"nomlecteur": "Lecteur B", "chemin": "%WINDIR%\\x"}
    for version in ("1.40.9", "1.40.13"):
        put(tmp_path / f"etc/opt/santesocial/fsv/{version}/conf/sesam.ini", "[MGC]\n")
        (tmp_path / "opt/santesocial/fsv" / version).mkdir(parents=True)
    assert versions(tmp_path) == ["1.40.9", "1.40.13"]
    put(tmp_path / "etc/opt/santesocial/galss/galss.ini", "no section\n")
    broken = ini(tmp_path, desk.GALSS)
    assert broken and broken.fault == "MissingSectionHeaderError"


def test_a_channel_on_a_reader_that_is_gone_is_a_ghost(tmp_path: Path) -> None:
    found = ini(tmp_path, ()) or ini(put(tmp_path / "galss.ini", GALSS).parent, ["galss.ini"])
    told = said(galss=found, readers=("Lecteur A 00 00",))["GALSS"]
    assert [one.level for one in told] == ["ok", "warning"] and "2 canaux" in told[0].cause and "[CANAL1]" in told[1].cause
    assert levels("GALSS", galss=found, readers=("Lecteur A 00", "Lecteur B 00")) == ["ok"]
    assert levels("GALSS") == ["unknown"]
    assert levels("GALSS", galss=Ini(path="x", fault="OSError")) == ["error"]


def test_the_section_of_the_cards_and_the_tables_are_looked_for(tmp_path: Path) -> None:
    assert levels("sesam.ini") == ["unknown"] and levels("FSV") == ["unknown"] and levels("FSV", versions=["1.40.13"]) == ["ok"]
    assert levels("sesam.ini", sesam=Ini(path="x", sections={"MGC": {}})) == ["ok"]
    assert levels("sesam.ini", sesam=Ini(path="x", sections={"COMMUN": {}})) == ["warning"]
    assert levels("sesam.ini", sesam=Ini(path="x", fault="OSError")) == ["error"]
    named = Ini(path="x", sections={"MGC": {"repertoiretable": str(tmp_path / "tables")}})
    assert tables(None) is None and tables(Ini(path="x", sections={"MGC": {}})) is None
    empty = tables(named)
    assert empty == Tables(path=str(tmp_path / "tables"), count=0, age_days=None)
    assert levels("tables FSV", sesam=named, tables=empty) == ["error"]
    for name, days in (("a.dat", 400), ("b.dat", 10)):
        os.utime(put(tmp_path / "tables" / name, "x"), (time.time() - days * 86_400 - 60,) * 2)
    found = tables(named)
    assert found == Tables(path=str(tmp_path / "tables"), count=2, age_days=10)
    assert levels("tables FSV", sesam=named, tables=found) == ["ok"]
    assert levels("tables FSV", sesam=named, tables=Tables(path="x", count=1, age_days=91)) == ["warning"]
    assert levels("tables FSV", sesam=named) == ["unknown"]


def test_a_report_holds_no_number_of_anybody(tmp_path: Path) -> None:
    found = Ini(path="/x/199999912345678/galss.ini", sections={"CANAL0": {"lecteur": "750000010"}})
    told = said(galss=found)["GALSS"]
    assert len(told) == 2 and not any("199999912345678" in one.cause or "750000010" in one.cause for one in told)


# --- ports


def test_a_port_is_free_or_held() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        assert holder(port, URL) == Holder(port=port, who="free")


async def test_our_agent_is_told_from_another_program() -> None:
    async with loopback() as running:
        found = await asyncio.to_thread(holder, running.port, ORIGIN)
        assert (found.who, found.program) == ("agent", "Accueil 3")
        # One of another service is another program to this one.
        assert (await asyncio.to_thread(holder, running.port, "https://other.example")).who == "other"


def test_who_accepts_and_never_answers_is_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "ASK_S", 0.1)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        found = holder(mute.getsockname()[1], URL)
        assert found.who == "other"
        if Path("/proc/self/comm").exists():
            assert found.program == Path("/proc/self/comm").read_text(encoding="utf-8").strip()


def test_what_is_said_of_ports() -> None:
    free, ours = Holder(port=1, who="free"), Holder(port=2, who="agent", program="Accueil 3")
    other = Holder(port=3, who="other", program="galsvw32")
    assert levels("port local", ports=[other, ours, free]) == ["ok", "warning"]
    assert levels("port local", ports=[free]) == ["unknown"] and levels("port local", ports=[free], origin=URL) == ["warning"]
    told = said(ports=[other, other], origin=URL)["port local"]
    assert [one.level for one in told] == ["error", "error", "warning"] and "galsvw32" in told[0].cause


# --- the browser


def managed(tmp_path: Path, **policies: object) -> str:
    put(tmp_path / "etc/opt/chrome/policies/managed/site.json", json.dumps(policies))
    return policy(f"{URL}/desmos", tmp_path, lambda: "")


@pytest.mark.parametrize("pattern", [URL, "*", "https://*", "desmos.example", "[*.]example", "https://[*.]desmos.example"])
def test_a_policy_covers_the_pages_of_the_service(tmp_path: Path, pattern: str) -> None:
    assert managed(tmp_path, LocalNetworkAccessAllowedForUrls=[pattern]) == "allowed"
    assert managed(tmp_path, LoopbackNetworkBlockedForUrls=[pattern], LocalNetworkAccessAllowedForUrls=[pattern]) == "blocked"


@pytest.mark.parametrize("pattern", ["https://other.example", "http://desmos.example", "[*.]other", "desmos", "", 1])
def test_a_policy_for_others_is_none_for_us(tmp_path: Path, pattern: object) -> None:
    assert managed(tmp_path, LocalNetworkAccessAllowedForUrls=[pattern]) == "asked"


def test_what_windows_says_of_policies_is_read(tmp_path: Path) -> None:
    assert policy(URL, tmp_path, lambda: json.dumps({"LocalNetworkAccessAllowedForUrls": URL})) == "allowed"
    assert policy(URL, tmp_path, lambda: "nothing") == policy(URL, tmp_path, lambda: "[]") == "asked"
    put(tmp_path / "etc/chromium/policies/managed/x.json", "{")
    assert policy(URL, tmp_path, lambda: "") == "asked"


def test_what_is_said_of_policies() -> None:
    assert [levels("Chrome", policy=each) for each in ("allowed", "asked", "blocked")] == [["ok"], ["ok"], ["error"]]
    assert "Chrome" not in said()


# --- the service


class Server(http.server.BaseHTTPRequestHandler):
    date: str | None = None
    status = 200

    def do_GET(self) -> None:
        self.send_response_only(self.status)
        if self.date is not None:
            self.send_header("Date", self.date)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def served() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize("status", [200, 503])
def test_the_clock_is_compared_with_that_of_the_service(served: str, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setattr(Server, "status", status)
    at = 1_900_000_000
    monkeypatch.setattr(Server, "date", formatdate(at, usegmt=True))
    assert service(served, lambda: at + 0.5) == (True, 0)
    assert service(served, lambda: at - 399.5) == (True, -400)
    monkeypatch.setattr(Server, "date", "yesterday")
    assert service(served) == (True, None)
    monkeypatch.setattr(Server, "date", None)
    assert service(served) == (True, None)


def test_a_service_that_is_away_is_said_to_be() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        assert service(f"http://127.0.0.1:{held.getsockname()[1]}") == (False, None)


@pytest.mark.parametrize(
    ("drift", "level"), [(0, "ok"), (-60, "ok"), (61, "warning"), (-300, "warning"), (301, "error"), (None, "unknown")]
)
def test_what_is_said_of_the_clock(drift: int | None, level: str) -> None:
    told = said(origin=URL, service_reached=True, drift_s=drift)["horloge"]
    assert [one.level for one in told] == [level]
    assert drift is None or abs(drift) <= 1 or ("en avance" if drift > 0 else "en retard") in told[0].cause


def test_what_is_said_of_the_service_and_the_certificate() -> None:
    assert levels("service") == ["unknown"] and levels("service", origin=URL, service_reached=False) == ["error"]
    assert "horloge" not in said(origin=URL, service_reached=False)
    days = {29: "ok", 7: "ok", 6: "warning", -1: "error"}
    assert {day: levels("certificat", origin=URL, service_reached=True, certificate_days=day)[0] for day in days} == days


def test_a_workstation_that_is_enrolled_nowhere_asks_nobody(tmp_path: Path) -> None:
    found = around(Folder(tmp_path), tmp_path)
    assert (found.origin, found.service_reached, found.policy, len(found.ports)) == (None, None, None, 5)


async def test_what_the_service_is_told_is_short_enough(tmp_path: Path) -> None:
    asked = Examine(request=uuid7(), deadline_s=1)
    many = Around(galss=Ini(path="x" * 600, sections={f"CANAL{rank}": {"lecteur": "y"} for rank in range(200)}))
    told = await examined(asked, Folder(tmp_path), lambda _url, _folder: Facts(system="Linux", around=many))
    assert told.request == asked.request and told.verdict == "unknown" and len(told.findings) == 100
    assert max(len(one.cause) for one in told.findings) == 500
