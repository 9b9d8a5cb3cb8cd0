# SPDX-License-Identifier: Apache-2.0
"""Incidents and maintenance: declared, attended to, over; in every centre at once; as the report of a month counts them."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from desmos_fast.base.clock import PARIS, system_clock
from desmos_fast.base.window import month_of
from desmos_fast.cli import app
from desmos_fast.db.tenant import transaction
from desmos_fast.incidents import jobs
from monitoring import metrics
from tests.api.conftest import Desk, House
from tests.api.post import rows
from tests.api.worker import environment
from tests.days import today


def ago(**delta: float) -> str:
    return (system_clock() - timedelta(**delta)).isoformat()


async def declare(desk: Desk, **told: Any) -> dict[str, Any]:
    reply = await desk.post("/v1/incidents", {"what": "les lectures échouent", **told})
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.json
    return made


async def step(desk: Desk, name: str, word: str, status: int = 200, **told: Any) -> Any:
    reply = await desk.post(f"/v1/incidents/{name}:{word}", told)
    assert reply.status == status, reply.body
    return reply.json if status == 200 else reply.code


async def events(desk: Desk, name: str) -> list[str]:
    async with rows(desk) as con:
        return [row["name"] for row in await con.fetch("SELECT name FROM event WHERE subject = $1 ORDER BY id", name)]


async def run(desk: Desk, home: Path, *arguments: str) -> str:
    env = environment(desk, home) | {"DESMOS_OWNER_DSN": desk.house.owner_dsn}
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=env)
    assert done.exit_code == 0, done.output
    return done.stdout


async def test_the_clocks_run_from_the_beginning_and_stop_once(desk: Desk) -> None:
    made = await declare(desk, starts_at=ago(hours=3))
    assert (made["state"], made["cause"], made["attended_s"], made["recovered_s"]) == ("down", "provider", None, None)
    seen = await step(desk, made["id"], "acknowledge", at=ago(hours=2, minutes=1))
    assert seen["attended_s"] == pytest.approx(59 * 60, abs=2) and seen["recovered_s"] is None
    assert await step(desk, made["id"], "acknowledge", 409) == "incident_over"
    half = await step(desk, made["id"], "degrade", at=ago(hours=1))
    assert (half["state"], half["recovered_s"]) == ("degraded", pytest.approx(2 * 3600, abs=2))
    assert await step(desk, made["id"], "degrade", 409) == "incident_over"
    assert await step(desk, made["id"], "restore", 422, at=ago(hours=2)) == "incident_refused"
    over = await step(desk, made["id"], "restore")
    assert (over["state"], over["recovered_s"], over["attended_s"]) == ("over", half["recovered_s"], seen["attended_s"])
    for word in ("acknowledge", "degrade", "restore"):
        assert await step(desk, made["id"], word, 409) == "incident_over"
    assert await events(desk, made["id"]) == [f"incident.{word}" for word in ("declared", "acknowledged", "degraded", "restored")]


async def test_who_restores_it_attended_to_it(desk: Desk) -> None:
    made = await declare(desk, starts_at=ago(minutes=30))
    over = await step(desk, made["id"], "restore", at=ago(minutes=10))
    assert over["attended_s"] == over["recovered_s"] == pytest.approx(20 * 60, abs=2)


async def test_it_is_attributed_to_whose_it_is_with_a_reason(desk: Desk) -> None:
    made = await declare(desk)
    assert (await step(desk, made["id"], "attribute", cause="payer", why="le serveur de la caisse ne répond pas"))["cause"] == "payer"
    assert await step(desk, made["id"], "attribute", 422, cause="maintenance", why="x") == "incident_refused"
    assert await step(desk, made["id"], "attribute", 422, cause="client") == "incident_refused"
    async with rows(desk) as con:
        detail = await con.fetchval("SELECT detail FROM event WHERE name = 'incident.attributed'")
    assert json.loads(detail) == {"cause": "payer", "why": "le serveur de la caisse ne répond pas"}


async def test_maintenance_is_planned_only_when_declared_before(desk: Desk) -> None:
    def told(start: timedelta, **more: Any) -> dict[str, Any]:
        begins = system_clock() + start
        return {"what": "mise à jour", "starts_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=1)).isoformat(), **more}

    before = (await desk.post("/v1/maintenance", told(timedelta(hours=2)))).json
    assert (before["state"], before["planned"], before["kind"], before["cause"]) == ("announced", True, "maintenance", "maintenance")
    assert (await desk.post("/v1/maintenance", told(timedelta(hours=2), planned=False))).json["planned"] is False
    late = (await desk.post("/v1/maintenance", told(timedelta(minutes=-5)))).json
    assert (late["state"], late["planned"]) == ("down", False)
    assert (await step(desk, before["id"], "cancel"))["state"] == "cancelled"
    assert await step(desk, before["id"], "cancel", 409) == "incident_over"
    assert await step(desk, late["id"], "cancel", 409) == "incident_over"
    assert await step(desk, late["id"], "restore", 409) == "incident_over"
    assert (await desk.post("/v1/maintenance", {**told(timedelta(hours=1)), "ends_at": ago(hours=1)})).code == "incident_refused"


@pytest.mark.parametrize(
    "told",
    [
        {"what": ""}, {"what": "x" * 201}, {"what": "a\nb"}, {"what": "patient 1 85 05 99 999 123 45"}, {"what": "w", "more": 1},
        {"what": "w", "starts_at": "2026-11-25T10:00:00"}, {"what": "w", "starts_at": "2001-01-01T00:00:00Z"},
        {"what": "w", "starts_at": "2199-01-01T00:00:00Z"}, {"what": "w", "starts_at": "2026-11-25"}, {"what": "w", "cause": "maintenance"},
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_and_repeats_no_nir(desk: Desk, told: dict[str, Any]) -> None:
    reply = await desk.post("/v1/incidents", told)
    assert (reply.status, reply.code) == (422, "incident_refused")
    assert b"1 85 05" not in reply.body
    assert (await desk.get("/v1/incidents")).json["incidents"] == []


async def test_a_trial_keeps_nothing(desk: Desk) -> None:
    reply = await desk.post("/v1/incidents?validate_only=true", {"what": "essai"})
    assert (reply.status, reply.json["state"]) == (200, "down")
    assert (await desk.get("/v1/incidents")).json["incidents"] == [] and await desk.count("event") == 0


async def test_the_list_is_paged_and_leaves_out_what_is_over(desk: Desk) -> None:
    made = [(await declare(desk, what=f"panne {number}"))["id"] for number in range(5)]
    await step(desk, made[1], "restore")
    shown: list[str] = []
    path = "/v1/incidents?running=true&limit=2"
    page = (await desk.get(path)).json
    while True:
        shown += [one["id"] for one in page["incidents"]]
        if page["next"] is None:
            break
        page = (await desk.get(f"{path}&cursor={page['next']}")).json
    assert shown == [made[4], made[3], made[2], made[0]]
    assert (await desk.get("/v1/incidents?kind=maintenance")).json["incidents"] == []
    assert (await desk.get("/v1/incidents?kind=other")).code == "bad_parameter"
    other = await desk.house.desk()
    assert (await other.get("/v1/incidents")).json["incidents"] == []
    assert (await other.post(f"/v1/incidents/{made[0]}:restore", {})).status == 404


async def test_no_statement_of_the_service_moves_a_clock_that_stopped(desk: Desk) -> None:
    made = await declare(desk, starts_at=ago(hours=1))
    await step(desk, made["id"], "restore")
    for change in ("acknowledged_at = now()", "ended_at = NULL", "ended_at = starts_at - interval '1 s'", "starts_at = now()"):
        with pytest.raises((asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError)):
            async with transaction(desk.house.pool, desk.tenant) as con:
                await con.execute(f"UPDATE incident SET {change}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with transaction(desk.house.pool, desk.tenant) as con:
            await con.execute("DELETE FROM incident")


async def test_a_worker_shows_what_runs_in_all_centres_and_names_none(desk: Desk) -> None:
    now = system_clock()
    async with rows(desk) as con:
        before = await con.fetchrow("SELECT * FROM incidents_running($1)", now)
    assert before is not None
    await declare(desk, starts_at=(now - timedelta(days=300)).isoformat())
    await declare(desk, starts_at=(now - timedelta(days=200)).isoformat(), degraded=True)
    await declare(desk, cause="payer", starts_at=(now - timedelta(days=350)).isoformat())
    await jobs.look(desk.house.pool, system_clock)
    value = metrics.REGISTRY.get_sample_value
    assert value("desmos_incidents_running", {"state": "down"}) == before["down"] + 2
    assert value("desmos_incidents_running", {"state": "degraded"}) == before["degraded"] + 1
    # What is a payer's runs none of the provider's clocks.
    for clock in ("gti", "gtr"):
        assert value("desmos_incident_clock_seconds", {"clock": clock}) == pytest.approx(300 * 86400, abs=60)


async def test_the_command_line_declares_for_every_centre_under_one_name(house_apart: House, tmp_path: Path) -> None:
    desk, other = await house_apart.desk(), await house_apart.desk()
    told = json.loads(await run(desk, tmp_path, "incident", "declare", "panne du réseau", "--json"))
    assert {desk.finess, other.finess} == set(told["centres"])
    name = told["incident"]["id"]
    for centre in (desk, other):
        [one] = (await centre.get("/v1/incidents?running=true")).json["incidents"]
        assert (one["id"], one["declared_by"]) == (name, "operator")
    await run(desk, tmp_path, "incident", "acknowledge", name)
    told = json.loads(await run(desk, tmp_path, "incident", "restore", name, "--json"))
    assert told["incident"]["state"] == "over"
    for centre in (desk, other):
        assert (await centre.get("/v1/incidents?running=true")).json["incidents"] == []
    listed = await run(desk, tmp_path, "incident", "list", "--centre", desk.finess)
    assert f"{name}  incident over" in listed


async def test_the_report_counts_what_a_centre_declared(desk: Desk, tmp_path: Path) -> None:
    """Half an hour down, an hour degraded, of which the payer's part is left out; counted by hand in seconds."""
    start, _ = month_of(datetime(today().year, today().month, 2, tzinfo=PARIS) - timedelta(days=5))
    begins = start + timedelta(days=9, hours=10)
    async with rows(desk) as con:
        for offset, degraded, over, cause in ((0, 1800, 5400, "provider"), (86400, None, 600, "payer"), (2 * 86400, None, 600, "provider")):
            since = begins + timedelta(seconds=offset)
            half = None if degraded is None else since + timedelta(seconds=degraded)
            await con.execute(
                "INSERT INTO incident (tenant_id, id, kind, what, cause, planned, disaster, starts_at, declared_at, declared_by,"
                " acknowledged_at, degraded_at, ended_at)"
                " VALUES ($1, gen_random_uuid(), 'incident', 'w', $2, false, false, $3, $3, 'd', $6, $4, $5)",
                desk.tenant, cause, since, half, since + timedelta(seconds=over), since + timedelta(minutes=10),
            )  # fmt: skip
    month = f"{start.astimezone(PARIS):%Y-%m}"
    pdf = tmp_path / "r.pdf"
    asked = ("slo", "report", "--month", month, "--centre", desk.finess, "--json", "--pdf", str(pdf))
    told = json.loads(await run(desk, tmp_path, *asked))
    around = [row for row in told["availability"] if row["basis"] == "24x7"]
    assert around and {(row["down_s"], row["excluded_s"]) for row in around} == {(1800 + 600, 600)}
    premium = sorted((one["seconds"], one["attended_s"]) for one in told["recovery"] if one["tier"] == "premium")
    assert premium == [(0, "not measured"), (600, 600), (1800, 600)]
    assert pdf.read_bytes().startswith(b"%PDF-")


async def test_maintenance_does_not_end_beyond_the_calendar(desk: Desk) -> None:
    told = {"what": "x", "starts_at": "2027-01-01T00:00:00Z", "ends_at": "9999-12-31T23:59:59-14:00"}
    reply = await desk.post("/v1/maintenance", told)
    assert (reply.status, reply.code) == (422, "incident_refused")
