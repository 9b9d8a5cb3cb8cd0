# SPDX-License-Identifier: Apache-2.0
"""Files of the books over HTTP and by the command line: whole, under their names, or a problem and no half a file."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Entry
from desmos_fast.base.types import Cents
from desmos_fast.settlement.accounting import service
from desmos_fast.settlement.accounting.model import FORMATS
from tests.api.conftest import Desk
from tests.api.test_accounting import at, autumn, bill, export, post, siren, sound
from tests.api.worker import environment


async def test_files_are_given_whole_under_their_names(desk: Desk) -> None:
    await autumn(desk)
    made = (await desk.post("/v1/accounting/exports", {"period": "2026-10"})).json
    reply = await desk.get(f"/v1/accounting/exports/{made['id']}/file?format=fec&separator=pipe")
    assert reply.status == 200 and reply.headers["Content-Disposition"] == 'attachment; filename="123456782FEC20261031.txt"'
    assert reply.body.startswith(b"JournalCode|JournalLib") and sound(reply.body).lines == 10
    for wanted in ("quadra", "ebp", "ciel", "csv"):
        reply = await desk.get(f"/v1/accounting/exports/{made['id']}/file?format={wanted}")
        assert (reply.status, len(reply.body.splitlines()) >= 10) == (200, True)
    draft = await desk.get("/v1/accounting/draft?first=2026-11-01&last=2026-11-30&format=csv")
    assert draft.status == 200 and draft.body.count(b"\r\n") == 7


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/accounting/exports/00000000-0000-7000-8000-000000000000/file", 404, "not_found"),
        ("/v1/accounting/draft?period=2026-13&format=fec", 422, "accounting_invalid"),
        ("/v1/accounting/draft?period=2026-10&format=sage", 400, "bad_parameter"),
        ("/v1/accounting/draft?period=2026-10&format=fec", 422, "siren_missing"),
    ],
)
async def test_what_cannot_be_given_says_why(desk: Desk, path: str, status: int, code: str) -> None:
    reply = await desk.get(path)
    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        {"siren": "12345"}, {"closing_month": 13}, {"chart": {"autre": {"number": "411000", "label": "x"}}},
        {"chart": {"produit": {"number": "806", "label": "x"}}}, {"journals": {"invoice": {"code": "v", "label": "x"}}},
        {"table": {"columns": []}}, {"other": 1},
    ],
)  # fmt: skip
async def test_settings_that_cannot_be_are_refused(desk: Desk, body: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": f"key-{len(str(body))}"}
    reply = await desk.house.send("PUT", "/v1/accounting/settings", headers, msgspec.json.encode(body))
    assert (reply.status, reply.code) == (422, "accounting_invalid")
    assert (await desk.get("/v1/accounting/settings")).json["revision"] == 0


async def test_a_file_that_cannot_be_finished_is_a_problem_not_half_a_file(desk: Desk) -> None:
    await siren(desk)
    unknown = ledger.Line("inconnu:x", Cents(1), Cents(0)), ledger.Line("produit", Cents(0), Cents(1))
    await post(desk, at("2026-10-01"), bill(1), Entry("invoice.signed", "x/1", unknown))
    reply = await desk.get("/v1/accounting/draft?period=2026-10&format=fec")
    assert (reply.status, reply.code) == (500, "internal")


async def run(desk: Desk, home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {**environment(desk, home), "DESMOS_OWNER_DSN": desk.house.owner_dsn}
    command = [sys.executable, "-m", "desmos_fast.cli", "export", *arguments]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, env=env, check=False)


async def test_the_command_writes_checks_and_splits(desk: Desk, tmp_path: Path) -> None:
    await autumn(desk)
    home, out = tmp_path / "home", tmp_path / "out"
    place = ("--centre", desk.finess)
    made = await run(desk, home, "fec", *place, "--period", "2026-10", "-o", str(out))
    assert made.returncode == 0, made.stderr
    assert "5 entries, 10 lines, 7700 cents" in made.stdout and "is closed" in made.stderr
    assert sorted(path.name for path in out.iterdir()) == ["123456782FEC20261031-description.txt", "123456782FEC20261031.txt"]
    whole = (out / "123456782FEC20261031.txt").read_bytes()
    split = await run(desk, home, "fec", *place, "--period", "2026-10", "-o", str(out), "--split", "4")
    assert split.returncode == 0, split.stderr
    parts = [(out / f"123456782FEC20261031_{rank}.txt").read_bytes().splitlines(keepends=True) for rank in (1, 2, 3)]
    assert [len(part) for part in parts] == [5, 5, 3]
    assert b"".join([parts[0][0], *(line for part in parts for line in part[1:])]) == whole
    assert (await run(desk, home, "check", str(out / "123456782FEC20261031.txt"))).returncode == 0
    (out / "bad.txt").write_bytes(whole.replace(b"21,00", b"21.00", 1))
    bad = await run(desk, home, "check", str(out / "bad.txt"))
    assert bad.returncode == 1 and "FEC_POINT" in bad.stdout
    listed = await run(desk, home, "list", *place)
    assert "2026-10-01 to 2026-10-31" in listed.stdout
    for wanted in ("quadra", "ebp", "ciel", "csv"):
        assert (await run(desk, home, wanted, *place, "--period", "2026-10", "-o", str(out))).returncode == 0
    assert '"siren": "987654321"' in (await run(desk, home, "settings", *place, "--siren", "987654321")).stdout


async def test_a_draft_never_takes_the_place_of_what_was_closed(desk: Desk) -> None:
    await autumn(desk)
    for wanted in FORMATS:
        closed, _ = await export(desk, "2026-10", wanted)
        draft, _ = await export(desk, "2026-11", wanted, draft=True)
        final, _ = await export(desk, "2026-11", wanted, draft=True, now=at("2026-12-01"))
        names = [service.file_name(volume, wanted) for volume in (closed, draft, final)]
        assert [name.startswith("draft-") for name in names] == [False, True, True]


async def test_no_file_is_left_of_an_export_that_fails(desk: Desk, tmp_path: Path) -> None:
    await post(desk, at("2026-10-01"), bill(1))
    failed = await run(desk, tmp_path / "home", "fec", "--centre", desk.finess, "--period", "2026-10", "-o", str(tmp_path / "out"))
    assert failed.returncode == 1 and "SIREN" in failed.stderr
    assert list((tmp_path / "out").iterdir()) == [] and await desk.count("accounting_export") == 0
