# SPDX-License-Identifier: Apache-2.0
"""The examples of the description, sent to the real application in their order; every list that a new centre may ask for."""

import json
from typing import Any, Final

import orjson
import pytest

from api.contract.document import OPERATIONS
from api.contract.examples import EXAMPLES, of_operation
from api.contract.model import FINESS, JSON, UNKNOWN, Example
from desmos_fast.base.types import uuid7
from tests.api.conftest import Desk, Reply
from tests.api.contract import described, validator

# What a centre has not said yet: when it builds, and who it is in its books.
MISSING: Final = {
    "/v1/schedule": 404, "/v1/accounting/draft": 422,
    # What only a person has, and a way in that no house has unless it says so.
    **dict.fromkeys(("/v1/me", "/v1/sessions", "/v1/oidc/start", "/v1/oidc/callback"), 409),
    # A WebSocket, for who begins one.
    "/v1/agents/channel": 400,
    # A part of a page, for who is signed in.
    "/poste/lecteurs": 401,
}  # fmt: skip

# A stream goes on for a minute.
SHORTER: Final = {"/v1/readers/events": "?seconds=1"}


def filled(text: str, known: dict[str, str]) -> str:
    """Put what earlier examples kept, and the centre of the test, into a text."""
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def found(answer: Any, place: str) -> str:
    """Return what stands at a place of an answer, such as `items.0.id`."""
    for step in place.split("."):
        answer = answer[int(step) if step.isdigit() else step]
    return str(answer)


async def send(desk: Desk, one: Example, known: dict[str, str]) -> Reply:
    """Send an example as it stands, for the centre of the test."""
    body = None if one.body is None else filled(json.dumps(one.body).replace(FINESS, desk.finess), known).encode()
    headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}
    return await desk.house.send(one.method, filled(one.path, known), headers, body)


async def test_every_example_is_answered_as_it_says(desk: Desk) -> None:
    known = {"unknown": UNKNOWN}
    for one in EXAMPLES:
        # What it answers is held against the description where every answer is.
        reply = await send(desk, one, known)
        assert reply.status == one.status, (one.name, reply.body)
        known |= {name: found(reply.json, place) for name, place in one.keeps.items()}


def test_every_body_in_json_has_an_example_and_every_example_an_operation() -> None:
    asked = {name for name, one in OPERATIONS.items() if one.body is not None and JSON in one.body_media}
    shown = {(one.method, (one.route or one.path)) for one in EXAMPLES}
    assert asked - shown == set()
    assert shown - set(OPERATIONS) == set()


@pytest.mark.parametrize("one", [one for one in EXAMPLES if one.body is not None], ids=lambda one: one.name)
def test_a_body_is_what_its_schema_says(one: Example) -> None:
    method, path = one.method.lower(), one.route or one.path
    media = described()["paths"][path][method]["requestBody"]["content"][JSON]
    text = json.dumps(one.body).replace("{payment}", UNKNOWN)
    assert list(validator(media["schema"]).iter_errors(orjson.loads(text))) == []
    assert media["examples"][one.name]["value"] == one.body
    assert one in of_operation(one.method, path)


async def test_a_new_centre_may_ask_for_every_list(desk: Desk) -> None:
    for method, path in OPERATIONS:
        if method == "GET" and "{" not in path:
            reply = await desk.get(path + SHORTER.get(path, ""))
            assert reply.status == MISSING.get(path, 200), (path, reply.body)
