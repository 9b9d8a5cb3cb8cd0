# SPDX-License-Identifier: Apache-2.0
"""What people at a desk and billers do all day, each as the request that their browser or program sends for it."""

import gzip
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import orjson

from desmos_fast.base.clock import paris_date, system_clock
from loadtests.scenarios.model import Asked
from loadtests.scenarios.night import Night
from loadtests.scenarios.town import Desk, Town

Who = Literal["desk", "biller", "page"]
NDJSON: Final = "application/x-ndjson"
BATCH: Final = 100
SELDOM: Final = {"take a claim file": 0.5, "draft of the books": 0.1, "page of the desk": 0.5}
# What a browser says of itself with each request, about.
BROWSER: Final = (
    "Accept: */*", "Accept-Encoding: gzip, deflate", "Accept-Language: fr-FR,fr;q=0.9,en;q=0.8",
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Connection: keep-alive",
)  # fmt: skip


class Action(NamedTuple):
    """One thing that somebody does; `make` gives its request, under a key of its own each time, `often` how often beside the others."""

    name: str
    who: Who
    make: Callable[[], bytes]
    often: float = 2.0


def dressed(request: bytes, *headers: str) -> bytes:
    """Put headers into a request."""
    first, rest = request.split(b"\r\n", 1)
    return b"\r\n".join((first, *(header.encode() for header in headers), rest))


async def lived_in(town: Town) -> None:
    """Let a centre have a day behind it: invoices signed, sent, answered, paid and matched."""
    night = Night(town, Asked())
    await night.prepare()
    for visit in night.nights():
        for step in visit.steps:
            await night.must(step.make(b""))
    for desk in town.desks:
        await night.must(desk.centre.put("/v1/accounting/settings", b'{"siren":"123456782"}'))


async def actions(town: Town) -> list[Action]:
    """Return what is done in the first centre of a town, which has lived."""
    desk, night = town.desks[0], Night(town, Asked())
    signed = orjson.loads(await night.must(desk.sign().make(b"")))["id"]
    file = orjson.loads(await night.must(desk.centre.get("/v1/files")))["files"][0]["id"]
    month = paris_date(system_clock()).strftime("%Y-%m")
    draft = f"/v1/accounting/draft?period={month}&format=fec"
    looks: tuple[tuple[str, Who, str], ...] = (
        ("show the invoice", "desk", f"/v1/invoices/{signed}"), ("dashboard", "desk", "/v1/dashboard"), ("till", "desk", "/v1/till"),
        ("readers", "desk", "/v1/readers"), ("rejects, a page of 50", "biller", "/v1/rejects?limit=50"),
        ("lots, a page", "biller", "/v1/lots"), ("files, a page", "biller", "/v1/files"),
        ("take a claim file", "biller", f"/v1/files/{file}/content"), ("matches, a page", "biller", "/v1/matches"),
        ("ledger, a page", "biller", "/v1/ledger/entries"), ("trial balance", "biller", "/v1/ledger/balance?by=payer"),
        ("what is owed", "biller", "/v1/follow-up/outstanding"), ("draft of the books", "biller", draft),
        ("page of the desk", "page", "/poste"),
    )  # fmt: skip
    return [
        Action("quote", "desk", _browsed(lambda: desk.quote().make(b"")), 10.0),
        Action("sign an invoice", "desk", _browsed(lambda: desk.sign().make(b"")), 10.0),
        Action("take a payment", "desk", _browsed(lambda: desk.pay(night.draw).make(b"")), 5.0),
        *(Action(name, who, _looking(desk, path), SELDOM.get(name, 2.0)) for name, who, path in looks),
        Action(f"sign {BATCH} at once", "biller", _browsed(lambda: _batch(desk)), 0.5),
        Action("build lots", "biller", _browsed(lambda: desk.centre.request("/v1/lots:build", b"{}")), 0.3),
        Action("reconcile", "biller", _browsed(lambda: desk.centre.request("/v1/reconciliations", b"{}")), 0.3),
    ]


def _browsed(make: Callable[[], bytes]) -> Callable[[], bytes]:
    return lambda: dressed(make(), *BROWSER)


def _looking(desk: Desk, path: str) -> Callable[[], bytes]:
    request = desk.centre.get(path, *BROWSER)
    return lambda: request


def _batch(desk: Desk) -> bytes:
    lines = gzip.compress(b"\n".join(next(desk.bodies) for _ in range(BATCH)))
    return dressed(desk.centre.request("/v1/invoices:batch", lines, NDJSON), "Content-Encoding: gzip")
