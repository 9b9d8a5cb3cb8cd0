# SPDX-License-Identifier: Apache-2.0
"""`?fields=`: every list and object that is read gives what was asked for alone, and says what it never has."""

from typing import Any

import orjson
import pytest

from api import sparse
from api.contract.document import OPERATIONS, is_sparse
from tests.api.conftest import Desk
from tests.api.post import sign

SPARSE = sorted(path for (_, path), one in OPERATIONS.items() if is_sparse(one))


def cut_by_hand(value: Any, names: list[list[str]]) -> Any:
    """Return what is wanted of a value, one field after the other: the twin of what cuts."""
    if isinstance(value, list):
        return [cut_by_hand(one, names) for one in value]
    if not isinstance(value, dict) or [] in names:
        return value
    kept = {}
    for name in value:
        inner = [rest for first, *rest in names if first == name]
        if inner:
            kept[name] = cut_by_hand(value[name], inner)
    return kept


@pytest.mark.parametrize("asked", ["id", "lots.id", "lots.id,lots.state", "files.lots.number,files.lots", "files,files.lots.id", "next"])
def test_what_is_cut_is_what_was_asked_for(asked: str) -> None:
    whole = {
        "id": 1, "lots": [{"id": 1, "state": "a", "more": {"x": 1}}, {"id": 2, "state": "b"}, 3], "next": None,
        "files": [{"lots": [{"number": 1, "id": 2}], "name": "n"}],
    }  # fmt: skip
    wanted: sparse.Wanted = {"next": {}}
    for name in asked.split(","):
        sparse._add(wanted, name.split("."))
    by_hand = cut_by_hand(whole, [["next"], *(name.split(".") for name in asked.split(","))])
    assert orjson.loads(sparse.cut(orjson.dumps(whole), wanted)) == by_hand


async def test_a_list_and_an_object_hold_what_was_asked_for(desk: Desk) -> None:
    (invoice, *_) = await sign(desk, "01_ngap_visit", "02_dental_ccam")
    whole = (await desk.get(f"/v1/invoices/{invoice}")).json
    some = await desk.get(f"/v1/invoices/{invoice}?fields=id,shares.part,shares.amount")
    assert some.json == {"id": invoice, "shares": [{"part": one["part"], "amount": one["amount"]} for one in whole["shares"]]}
    page = await desk.get("/v1/keys?fields=keys.id&limit=1")
    assert set(page.json) == {"keys", "next"} and [set(one) for one in page.json["keys"]] == [{"id"}]


async def test_every_read_says_what_it_never_has(desk: Desk) -> None:
    """Whatever is there or not: what a field may be called is known without an answer."""
    assert len(SPARSE) > 30
    for path in SPARSE:
        here = path.replace("{id}", str(desk.tenant)).replace("{part}", "amo").replace("{quarter}", "2026Q1").replace("{name}", "a")
        reply = await desk.get(f"{here}?fields=no_such_field")
        assert (reply.status, reply.code) == (422, "unknown_field"), (path, reply.body)
        (entry,) = reply.json["errors"]
        assert (entry["code"], entry["pointer"], entry["title_fr"]) == ("unknown_field", "/no_such_field", "Champ inconnu")


async def test_each_unknown_field_is_told_with_its_place(desk: Desk) -> None:
    reply = await desk.get("/v1/keys?fields=keys.id,keys.secret.word,keys.1850799999901,other")
    assert [entry["pointer"] for entry in reply.json["errors"]] == ["/keys/secret/word", "/keys/***************", "/other"]


@pytest.mark.parametrize("given", ["", ",", "id,", "a..b", ".", "a" * 2001, ",".join(["id"] * 65)])
async def test_a_list_of_fields_that_is_none_is_refused(desk: Desk, given: str) -> None:
    reply = await desk.get(f"/v1/keys?fields={given}")
    assert (reply.status, reply.code) == (400, "bad_parameter")


async def test_what_writes_or_gives_a_file_takes_no_fields(desk: Desk) -> None:
    for reply in (await desk.post("/v1/keys?fields=id", {}), await desk.get("/v1/accounting/draft?fields=id")):
        assert (reply.status, reply.code) == (400, "bad_parameter")
