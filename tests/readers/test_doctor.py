# SPDX-License-Identifier: Apache-2.0
"""`agent doctor`: each bound of the annex from both sides, what machines say of themselves, and that no card is touched."""

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from readers.doctor.model import Asked, Facts, Report
from readers.doctor.probes import WINDOWS, card_readers, facts, line_kbps, linux, windows
from readers.doctor.rules import report, required_kbps
from readers.pcsc import MUTE, PRESENT, Pcsc
from readers.sessions.pairs import pairs
from tests.readers.fake import NAME, FakeLibrary

ROOT: Final = Path(__file__).parents[2]
GB: Final = 10**9
CPU: Final = "Intel(R) Core(TM) i5-8400 CPU @ 2.80GHz"
GOOD: Final = Facts(
    system="Windows", version="10.0.19045", memory_bytes=6 * GB, disk_bytes=128 * GB, cpu="Core i5-9600", cores=6, cpu_mhz=2500,
    screen=(1920, 1080), browsers={"chrome": "90.0", "firefox": "90"}, update_age_days=35, library=True, service=True,
    readers=("SENSYL DSC-FX 0", "SENSYL DSC-FX 1"),
)  # fmt: skip


def judged(asked: Asked | None = None, **changed: Any) -> Report:
    return report(msgspec.structs.replace(GOOD, **changed), asked or Asked())


def levels(made: Report, point: str) -> list[str]:
    return [finding.level for finding in made.findings if finding.point == point]


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "recommended"),
        ({"version": "11.0.22000"}, "recommended"), ({"version": "6.3.9600"}, "minimum"), ({"version": "6.1.7601"}, "unsupported"),
        ({"version": None}, "unknown"), ({"system": "Linux", "version": "6.1"}, "unknown"),
        ({"memory_bytes": 6 * GB - 1}, "minimum"), ({"memory_bytes": 4 * GB}, "minimum"), ({"memory_bytes": 3_900_000_000}, "unsupported"),
        ({"memory_bytes": None}, "unknown"),
        ({"cores": 5}, "minimum"), ({"cores": 4, "cpu_mhz": 2300}, "minimum"), ({"cores": 3}, "unsupported"), ({"cores": None}, "unknown"),
        ({"cpu_mhz": 2499}, "minimum"), ({"cpu_mhz": 2299}, "unsupported"), ({"cpu_mhz": None}, "unknown"),
        ({"screen": (1919, 1080)}, "unsupported"), ({"screen": (1920, 1079)}, "unsupported"), ({"screen": (3840, 2160)}, "recommended"),
        ({"screen": None}, "unknown"), ({"screen": None, "cores": 2}, "unsupported"),
        ({"browsers": {}}, "recommended"), ({"update_age_days": 400}, "recommended"), ({"readers": ()}, "recommended"),
    ],
)  # fmt: skip
def test_r28_and_r29_the_verdict_is_that_of_the_weakest_point(changed: dict[str, Any], verdict: str) -> None:
    made = judged(**changed)
    assert made.verdict == verdict
    wanting = [finding for finding in made.findings if finding.level != "ok"]
    assert all(finding.cause and finding.action for finding in wanting)
    assert not [finding for finding in made.findings if finding.level == "ok" and finding.action]


@pytest.mark.parametrize(("kbps", "level"), [(1999, "error"), (2000, "ok")])
def test_r26_ten_users_need_two_megabits(kbps: int, level: str) -> None:
    assert required_kbps(10) == 2000
    made = judged(Asked(users=10), line_kbps=kbps)
    assert levels(made, "R26") == [level]
    assert not levels(judged(line_kbps=kbps), "R26") and not levels(judged(Asked(users=10)), "R26")


@pytest.mark.parametrize(("age", "asked", "level"), [(35, 35, "ok"), (36, 35, "warning"), (36, 60, "ok"), (None, 35, "unknown")])
def test_r30_old_updates_are_a_warning(age: int | None, asked: int, level: str) -> None:
    assert levels(judged(Asked(update_age_days=asked), update_age_days=age), "R30") == [level]


@pytest.mark.parametrize(
    ("browsers", "found"),
    [
        ({"firefox": "89.0.2"}, ["warning"]),
        ({"firefox": "90.0"}, ["ok"]),
        ({"chrome": "89.0.4389", "firefox": "102"}, ["warning", "ok"]),
        ({}, ["unknown"]),
    ],
)
def test_r31_old_browsers_are_a_warning(browsers: dict[str, str], found: list[str]) -> None:
    assert levels(judged(browsers=browsers), "R31") == found


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [({"memory_bytes": 8 * GB}, "recommended"), ({"memory_bytes": 8 * GB - 1}, "unsupported"), ({"disk_bytes": 127 * GB}, "unsupported")],
)
def test_r36_a_tablet_has_bounds_of_its_own(changed: dict[str, Any], verdict: str) -> None:
    assert judged(Asked(mobile=True), **{"memory_bytes": 8 * GB, **changed}).verdict == verdict
    assert judged(disk_bytes=None).verdict == "recommended"


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, ["ok"]), ({"library": False}, ["error"]), ({"service": False}, ["error"]), ({"readers": ()}, ["error"]),
        ({"readers": ("One 0",)}, ["ok", "warning"]), ({"readers": ("One 0", "Two 0")}, ["ok", "warning"]),
        ({"mute": ("SENSYL DSC-FX 1",)}, ["ok", "warning"]),
    ],
)  # fmt: skip
def test_r36_the_reader_has_two_slots_that_work(changed: dict[str, Any], found: list[str]) -> None:
    assert levels(judged(**changed), "R36") == found


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["Virtual PCD 00 00", "Virtual PCD 00 01"], [("Virtual PCD 00 00", "Virtual PCD 00 01")]),
        (["Virtual PCD 00 00", "Virtual PCD 01 00"], []), (["A 0", "B 1"], []), (["A 0", "A 1", "A 2"], []), (["A 0"], []), ([], []),
    ],
)  # fmt: skip
def test_slots_of_one_device_are_a_pair(names: list[str], found: list[tuple[str, str]]) -> None:
    assert pairs(names) == found


def test_a_setting_comes_before_the_names() -> None:
    names = ["A 0", "A 1", "B 0"]
    assert pairs(names, {"A 0": "B 0"}) == [("A 0", "B 0")]
    assert pairs(names, {"A 0": "not there"}) == [("A 0", "A 1")]


def machine(root: Path) -> Path:
    """Write what a Linux machine says of itself."""
    for path, text in {
        "proc/meminfo": "MemTotal:        7995624 kB\nMemFree: 1 kB\n",
        "proc/cpuinfo": "".join(
            f"processor\t: {n}\nmodel name\t: {CPU}\ncpu MHz\t\t: 900.0\nphysical id\t: 0\ncore id\t\t: {n // 2}\n\n"
            for n in range(8)
        ),
        "sys/class/drm/card0-DP-1/status": "connected\n", "sys/class/drm/card0-DP-1/modes": "1920x1080\n1024x768\n",
        "sys/class/drm/card0-DP-2/status": "disconnected\n", "sys/class/drm/card0-DP-2/modes": "3840x2160\n",
        "var/lib/dpkg/status": "",
    }.items():  # fmt: skip
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    day = time.time() - 12.5 * 86_400
    os.utime(root / "var/lib/dpkg/status", (day, day))
    return root


def test_a_linux_machine_is_asked_for_all_points(tmp_path: Path) -> None:
    said = {"firefox": "Mozilla Firefox 128.3.1esr\n", "chromium": "Chromium 140.0.7339.80 built on Debian\n"}
    found = linux(machine(tmp_path), lambda program, _: said.get(program, ""))
    assert found["memory_bytes"] == 7995624 * 1024
    assert (found["cores"], found["cpu_mhz"], found["screen"], found["update_age_days"]) == (4, 2800, (1920, 1080), 12)
    assert found["browsers"] == {"firefox": "128.3.1", "chrome": "140.0.7339.80"}
    assert found["cpu"] == CPU


def test_a_machine_that_says_nothing_is_not_guessed(tmp_path: Path) -> None:
    found = linux(tmp_path, lambda *_: "")
    assert {name for name, value in found.items() if value} == {"version", "cores"}


def test_what_windows_answers_is_read_and_nothing_else() -> None:
    answer = (
        '{"version":"10.0.19045","memory":8476012544,"cpu":"Intel(R) Core(TM) i5-9500  ","mhz":3000,"cores":6,"width":1920,"height":1080,'
        '"updated":12,"firefox":"128.0.3","chrome":null}'
    )
    assert windows(answer) == {
        "version": "10.0.19045", "memory_bytes": 8476012544, "cpu": "Intel(R) Core(TM) i5-9500", "cores": 6, "cpu_mhz": 3000,
        "screen": (1920, 1080), "browsers": {"firefox": "128.0.3"}, "update_age_days": 12,
    }  # fmt: skip
    nothing: dict[str, Any] = {name: {} if name == "browsers" else None for name in windows(answer)}
    for broken in ("", "powershell: not found", "[]", '{"memory":"much","cores":true}'):
        assert windows(broken) == nothing
    assert "Connect" not in WINDOWS and "Set-" not in WINDOWS


def test_readers_are_named_and_no_card_is_connected_to() -> None:
    fake = FakeLibrary()
    fake.state = PRESENT | MUTE | 1 << 16
    assert card_readers(lambda: Pcsc(fake)) == {"library": True, "service": True, "readers": (NAME,), "mute": (NAME,)}
    assert (fake.shares, fake.released) == ([], 1)
    fake.names = []
    assert card_readers(lambda: Pcsc(fake))["readers"] == ()
    fake.fail["establish"] = [0x8010001D]
    assert card_readers(lambda: Pcsc(fake)) == {"library": True}
    fake.fail["list"] = [0x80100013]
    assert card_readers(lambda: Pcsc(fake)) == {"library": True} and fake.released == 3


@pytest.fixture
def source() -> Iterator[str]:
    """Serve 100,000 bytes in a quarter of a second."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/file" else 404)
            self.end_headers()
            for _ in range(5):
                time.sleep(0.05)
                self.wfile.write(bytes(20_000))

        def log_message(self, format: str, *args: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_line_is_measured_by_what_comes_in(source: str) -> None:
    found = line_kbps(f"{source}/file")
    # 800 kbit in a quarter of a second, or in more on a busy machine.
    assert found is not None and 300 < found < 4000
    assert line_kbps(f"{source}/other") is None
    assert line_kbps("http://127.0.0.1:9/") is None and line_kbps("file:///etc/hostname") is None


def test_this_machine_has_facts() -> None:
    found = facts()
    assert found.cores and found.memory_bytes and found.disk_bytes and found.line_kbps is None


def doctor(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "desmos_fast.cli", "agent", "doctor", *options]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=100)


def test_the_command_reports_in_french_or_as_json(source: str) -> None:
    told = doctor("--json", "--users", "3", "--line-url", f"{source}/file")
    assert told.returncode == 0, told.stderr
    made = json.loads(told.stdout)
    assert set(made) == {"verdict", "facts", "findings"} and {"R26", "R28", "R30", "R31", "R36", ""} == {
        each["point"] for each in made["findings"]
    }
    said = doctor()
    assert said.returncode == 0 and said.stdout.startswith("Ce poste ") and "R26" not in said.stdout


@pytest.mark.parametrize(
    "options", [("--users", "3"), ("--line-url", "http://x/"), ("--users", "0"), ("--users", "3", "--line-url", "ftp://x/")]
)
def test_wrong_usage(options: tuple[str, ...]) -> None:
    assert doctor(*options).returncode == 2
