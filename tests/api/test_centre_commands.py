# SPDX-License-Identifier: Apache-2.0
"""What an operator does for a centre on the command line, in a process of its own, over the database of the service."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.api.conftest import Desk
from tests.api.post import build, column, content, events, sign
from tests.api.worker import ROOT, environment


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


async def run(desk: Desk, home: Path, *arguments: str, centre: str = "") -> tuple[int, str, str]:
    """Run a command for the centre of a desk."""
    command = [sys.executable, "-m", "desmos_fast.cli", *arguments, "--centre", centre or desk.finess]
    env = environment(desk, home) | {"DESMOS_OWNER_DSN": desk.house.owner_dsn}
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


async def told(desk: Desk, home: Path, *arguments: str) -> Any:
    status, out, errors = await run(desk, home, *arguments)
    assert status == 0, errors
    return orjson.loads(out)


async def test_lots_and_files_are_previewed_listed_shown_and_taken(desk: Desk, home: Path) -> None:
    await sign(desk, "01_ngap_visit", "07_amc_apart")
    planned = await told(desk, home, "lots", "preview", "--json")
    status, out, _ = await run(desk, home, "lots", "preview")
    assert status == 0 and out.endswith("1 files, 2 lots, 2 invoices; nothing was done\n") and "to 01/751/0000 0075912345  1 lots" in out
    assert await desk.count("lot") == 0
    (file,) = (await build(desk))["files"]
    assert planned["files"][0]["sha256"] == file["sha256"]
    lots = (await told(desk, home, "lots", "list", "--json"))["lots"]
    assert {lot["id"] for lot in lots} == {lot["id"] for lot in file["lots"]}
    assert len((await run(desk, home, "lots", "list"))[1].splitlines()) == 2
    assert (await told(desk, home, "lots", "list", "--state", "refused", "--json"))["lots"] == []
    assert len((await told(desk, home, "lots", "show", lots[0]["id"]))["contents"]) == lots[0]["invoices"]
    status, out, _ = await run(desk, home, "files", "list", "--to", "2999-12-31")
    assert status == 0 and out.split()[0] == file["id"] and "queued" in out
    assert (await told(desk, home, "files", "show", file["id"]))["name"] == file["name"]
    assert (await run(desk, home, "files", "get", file["id"], "-o", str(home / "taken.b2")))[0] == 0
    assert (home / "taken.b2").read_bytes() == await content(desk, file["id"])


async def test_a_file_is_cancelled_and_its_invoices_wait_again(desk: Desk, home: Path) -> None:
    await sign(desk, "01_ngap_visit")
    (file,) = (await build(desk))["files"]
    assert (await told(desk, home, "files", "cancel", file["id"], "--why", "mauvais mois"))["lots"] == 1
    assert await column(desk, "SELECT actor FROM event WHERE name = 'file.cancelled'") == ["operator"]
    status, _, errors = await run(desk, home, "files", "resend", file["id"])
    assert status == 3 and "no answer to this file is missing" in errors
    assert len((await build(desk))["files"]) == 1


async def test_a_schedule_is_set_shown_and_ended(desk: Desk, home: Path) -> None:
    status, out, errors = await run(desk, home, "schedule", "set", "--at", "12:30", "--at", "19:00", "--days", "mon,fri", "--holidays")
    assert (status, errors) == (0, "")
    assert out.startswith("12:30 19:00  mon fri  on holidays too\nnext  ")
    shown = (await told(desk, home, "schedule", "show", "--json")), await column(desk, "SELECT count(*) FROM schedule WHERE active")
    assert (shown[0]["at"], shown[0]["skip_holidays"], shown[1]) == (["12:30", "19:00"], False, [1])
    assert [name for name, _ in await events(desk, "schedule.set")] == ["schedule.set"]
    status, _, errors = await run(desk, home, "schedule", "set", "--at", "25:00")
    assert status == 1 and "HH:MM" in errors
    assert (await run(desk, home, "schedule", "off"))[:2] == (0, "off\n")
    status, _, errors = await run(desk, home, "schedule", "show")
    assert status == 1 and "no schedule" in errors


async def test_webhooks_are_added_listed_replayed_and_ended(desk: Desk, home: Path) -> None:
    status, out, errors = await run(desk, home, "webhooks", "add", "https://203.0.113.9.example/told", "--event", "file.sent")
    assert status == 0, errors
    name, secret = out.split()
    assert secret.startswith("whsec_")
    (found,) = (await told(desk, home, "webhooks", "list", "--json"))["webhooks"]
    assert (found["id"], found["events"], found["url"]) == (name, ["file.sent"], "https://203.0.113.9.example/told")
    assert (await run(desk, home, "webhooks", "replay", name, "--from", "2026-01-01T00:00:00"))[1] == "0 to be told again\n"
    assert (await run(desk, home, "webhooks", "end", name))[0] == 0
    assert (await run(desk, home, "webhooks", "list"))[:2] == (0, "")
    status, _, errors = await run(desk, home, "webhooks", "add", "https://127.0.0.1/told")
    assert status == 1 and "not public" in errors


async def test_a_centre_that_is_not_registered_is_told(desk: Desk, home: Path) -> None:
    status, _, errors = await run(desk, home, "lots", "list", centre="750000119")
    assert status == 1 and "no centre has the FINESS" in errors
