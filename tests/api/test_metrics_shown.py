# SPDX-License-Identifier: Apache-2.0
"""What a running service and a running worker show is in the catalogue: names, labels and their values."""

import asyncio
import re
import socket
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from monitoring.catalogue import PLACES, ROUTE, Label, catalogue, known_samples
from tests.api.conftest import Desk, House
from tests.api.worker import start


async def shown(url: str) -> dict[str, list[dict[str, str]]]:
    """Return the labels of every series by its name."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        text = await answer.text()
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def check(found: dict[str, list[dict[str, str]]]) -> None:
    known = known_samples()
    labels: dict[str, dict[str, Label]] = {}
    for metric in catalogue().values():
        labels.update(dict.fromkeys(metric.samples(), dict(metric.labels)))
    assert found.keys() <= known.keys()
    for name, series in found.items():
        for one in series:
            assert one.keys() == known[name], name
            odd = {key: value for key, value in one.items() if key != "le" and not re.fullmatch(labels[name][key].shape, value)}
            assert odd == {}, name


async def test_a_service_and_a_worker_show_what_the_catalogue_names(desk: Desk, tmp_path: Path) -> None:
    signed = await desk.post("/v1/invoices", desk.invoice())
    number = signed.json["id"]
    assert (await desk.post("/v1/invoices", desk.invoice(biller="751000009"))).status == 422
    for path in (f"/v1/invoices/{number}", f"/v1/nothing/{number}", f"/{desk.finess}"):
        await desk.get(path)
    assert (await desk.post("/v1/lots:build", {})).status < 300
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    child = start(desk, tmp_path / "home", "worker", "--metrics-port", str(port))
    try:
        assert child.stdout is not None
        assert await asyncio.to_thread(child.stdout.readline) == b"desmos-fast worker is ready\n"
        service, worker = await shown(desk.house.url), await shown(f"http://127.0.0.1:{port}")
        async with asyncio.timeout(60):
            # It looks at the queue and at certificates just after it says that it is ready.
            while not {"desmos_jobs", "desmos_incidents_running"} <= worker.keys():
                await asyncio.sleep(0.1)
                worker = await shown(f"http://127.0.0.1:{port}")
    finally:
        child.terminate()
        await asyncio.to_thread(child.communicate, timeout=60)
    check(service)
    check(worker)
    routes = {one["route"] for one in service["desmos_http_requests_total"]}
    assert {"/v1/invoices/{id}", "unmatched"} <= routes
    assert service["desmos_invoices_refused_total"] and worker["desmos_files_sent_total"]
    assert {one["state"] for one in service["desmos_invoices"]} >= {"signed"}
    assert len(worker["desmos_jobs"]) == 9 and worker["desmos_database_connections"]
    # No folder of backups is named: nothing is said of any.
    assert not {name for name in worker if "backup" in name or "restore" in name or "rpo" in name}


def test_routes_are_as_many_as_the_catalogue_says(house: House) -> None:
    places = {(route.method, route.resource.canonical) for route in house.app.router.routes() if route.resource is not None}
    routes = {route for _, route in places}
    assert [route for route in routes if not re.fullmatch(ROUTE.shape, route)] == []
    # Nothing but a known method has a place of its own, and what matches no route has one for each method.
    assert len(routes) < ROUTE.most and len(places) + 8 <= PLACES
