# SPDX-License-Identifier: Apache-2.0
"""The description of the API: every route, parameter and problem in it, public, cached, and shown by a page of local files."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import web
from jsonschema import Draft202012Validator

from api.app import add_routes
from api.body import PARAMETERS
from api.contract.document import OPERATIONS, is_sparse, problems_of
from api.titles import PROBLEMS
from tests.api.conftest import Desk, House
from tests.api.contract import described

# What commands, other processes and our own mistakes say: no route answers with it.
ELSEWHERE: Final = {
    "invalid_input", "bad_centre", "unknown_centre", "centre_exists", "child_failed", "unreachable", "refused", "contradicted",
    "tariffs_invalid", "payers_invalid", "terms_invalid", "stage_differs", "content_changed", "lot_signature_broken", "lot_rows_disagree",
    "rotation_runs", "rotation_stuck", "option_refused",
    "seal_broken", "answer_overflow", "layout_invalid", "claims_unreadable", "mail_invalid", "recipients_invalid", "identity_invalid",
    "outside_failed",
    "method_not_allowed", "transport_name_invalid", "transport_name_taken", "transport_failed", "transport_refused",
    "transport_peer_untrusted", "transport_key_invalid", "agent_channel_over", "ticket_refused",
    # What the agent says on its workstation alone.
    "backend_lacks", "cps_absent", "cps_blocked", "cps_code", "cps_last_try", "ssv_failed", "ssv_zone", "vendor_failed", "vendor_library",
}  # fmt: skip


def served() -> set[tuple[str, str]]:
    """Return what the application answers to."""
    app = web.Application()
    add_routes(app)
    named = ((route.method, route.resource) for route in app.router.routes() if route.method != "HEAD")
    return {(method, resource.canonical) for method, resource in named if resource is not None}


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    """Return what is described."""
    return {(method.upper(), path): one for path, methods in described()["paths"].items() for method, one in methods.items()}


def test_every_route_is_described_and_nothing_else() -> None:
    assert set(OPERATIONS) == served() == set(operations())
    assert all(one["summary"] for one in operations().values())
    names = [one["operationId"] for one in operations().values()]
    assert len(set(names)) == len(names)


def test_every_parameter_of_a_query_is_described() -> None:
    told: dict[str, set[str]] = {}
    for (method, path), one in operations().items():
        given = {one["name"] for one in one.get("parameters", ()) if one["in"] == "query"}
        # What every read takes stands in no table.
        assert ("fields" in given) == is_sparse(OPERATIONS[method, path])
        told.setdefault(path, set()).update(given - {"fields"})
    assert {path: names for path, names in told.items() if names} == {path: set(names) for path, names in PARAMETERS.items()}


def test_every_problem_is_one_of_a_route_or_of_none() -> None:
    told = {code for one in OPERATIONS.values() for code in problems_of(one)}
    assert told & ELSEWHERE == set()
    assert told | ELSEWHERE == set(PROBLEMS)


def test_every_schema_is_sound_and_every_reference_leads_somewhere() -> None:
    whole = described()
    for schema in whole["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in set(re.findall(rb'"\\$ref":"#/([^"]+)"', orjson.dumps(whole))):
        found: Any = whole
        for step in reference.decode().split("/"):
            found = found[step]
        assert found


def test_what_can_be_tried_is_told_so() -> None:
    trials = {path for path, names in PARAMETERS.items() if "validate_only" in names}
    assert {one.path for one in OPERATIONS.values() if one.way == "try"} == trials


def test_writes_need_their_key_and_reads_have_none() -> None:
    for (method, path), one in operations().items():
        keys = [given["required"] for given in one.get("parameters", ()) if given["name"] == "Idempotency-Key"]
        assert keys == {"write": [True], "try": [False]}.get(OPERATIONS[method, path].way, [])


async def test_anybody_may_read_it_and_keep_it(house: House) -> None:
    first = await house.send("GET", "/v1/openapi.json", {})
    assert (first.status, first.json) == (200, orjson.loads(orjson.dumps(described())))
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = await house.send("GET", "/v1/openapi.json", {"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    other = await house.send("GET", "/v1/openapi.json", {"If-None-Match": '"another"'})
    assert other.status == 200
    # What is told to one centre is still kept by nobody.
    assert (await house.send("GET", "/v1/dashboard", {})).headers["Cache-Control"] == "no-store"


async def test_what_is_large_comes_under_gzip_to_who_asks(house: House) -> None:
    for path in ("/v1/openapi.json", "/docs/swagger-ui-bundle.js", "/docs/favicon-32x32.png"):
        plain = await house.send("GET", path, {"Accept-Encoding": "identity"})
        small = await house.send("GET", path, {"Accept-Encoding": "gzip"})
        assert plain.status == 200 and small.body == plain.body, "the client of the tests undoes it"
        if path.endswith(".png"):
            assert "Content-Encoding" not in small.headers and small.headers["ETag"] == plain.headers["ETag"]
            continue
        assert int(small.headers["Content-Length"]) < len(plain.body) / 3
        assert small.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        assert small.headers["ETag"] == plain.headers["ETag"][:-1] + '-gz"'
        again = await house.send("GET", path, {"Accept-Encoding": "gzip", "If-None-Match": small.headers["ETag"]})
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", small.headers["ETag"])


async def test_the_page_loads_its_own_files_and_nothing_else(house: House) -> None:
    page = await house.send("GET", "/docs", {})
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"://" not in page.body and re.search(rb"<script>|<style|style=|onload", page.body) is None
    for name in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.body.decode()):
        part = await house.send("GET", f"/{name}", {})
        assert part.status == 200 and part.body
    assert (await house.send("GET", "/docs/start.js", {})).headers["Content-Type"] == "text/javascript; charset=utf-8"


async def test_the_page_has_no_other_files(house: House) -> None:
    for name in ("swagger-ui.js.map", "__init__.py", "swagger-ui.css%00"):
        assert (await house.send("GET", f"/docs/{name}", {})).status == 404
    async with house.session.get(f"{house.url}/docs/..%2fconftest.py") as answer:
        assert answer.status in (401, 404)


def test_the_command_writes_the_same(tmp_path: Path) -> None:
    made = tmp_path / "api.json"
    subprocess.run([sys.executable, "-m", "desmos_fast.cli", "openapi", "-o", str(made)], check=True, timeout=60)
    assert orjson.loads(made.read_bytes()) == orjson.loads(orjson.dumps(described()))


async def test_an_action_is_a_resource_of_its_own(house: House, desk: Desk) -> None:
    headers = {"Authorization": f"Bearer {desk.key}"}
    refused = await house.send("OPTIONS", f"/v1/files/{desk.tenant}:cancel", headers)
    assert (refused.status, refused.headers["Allow"]) == (405, "POST")
    assert (await desk.get(f"/v1/files/{desk.tenant}:nothing")).status == 404
