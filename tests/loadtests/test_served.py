# SPDX-License-Identifier: Apache-2.0
"""The services that races ask: what they say is read whole, and of one that does not start it is told why."""

import os
import time
from pathlib import Path
from typing import Final

import pytest

from desmos_fast.base.errors import OutsideFailed
from loadtests import served
from loadtests.served import Place, Service, standing
from loadtests.suites.http import port_of

SAYS: Final = """
import time
for line in range(400):
    print("line", line, "." * 40, flush=True)
    time.sleep(0.0005)
print("http://127.0.0.1:4711", flush=True)
time.sleep(60)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    (tmp_path / "talker.py").write_text(SAYS)
    (tmp_path / "sinker.py").write_text("raise SystemExit('no port is free')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Place(owner_dsn="", app_dsn="", admin_dsn="", folder=tmp_path)


def test_what_a_service_says_is_read_whole_while_it_is_said(place: Place) -> None:
    service = Service(place, "talker")
    try:
        deadline = time.monotonic() + 30
        while "4711" not in service.said() and time.monotonic() < deadline:
            pass
        assert service.said().splitlines()[:-1] == [f"line {line} {'.' * 40}" for line in range(400)]
    finally:
        service.__exit__()


def test_who_needs_a_service_that_did_not_start_learns_why(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "START_S", 20.0)
    with standing(place, {"BENCH_X": ("sinker",), "BENCH_Y": ("talker",)}):
        with pytest.raises(OutsideFailed, match="no port is free"):
            port_of("BENCH_X")
        assert port_of("BENCH_Y") == 4711
    assert "BENCH_X_WHY" not in os.environ
