# SPDX-License-Identifier: Apache-2.0
"""Whole files of payers in any order: paid, partly, twice, taken back with and without a reference, for nobody of ours."""

import itertools
from pathlib import Path

import pytest

from tests.api.conftest import Desk, House, person
from tests.api.post import build, send_and_answer, sign
from tests.api.test_returns import bring, changed
from tests.settlement.centre import Centre

# The order number of a person chooses what the payers do.
PARTLY, TWICE, TAKEN_BACK, LOST = 901, 903, 907, 908
BACK, PARTIAL, PLAIN = {"indu"}, {"announced_part"}, {"announced"}
Ends = tuple[dict[str, tuple[str, int, int, str | None]], dict[str, int]]


async def brought(desk: Desk, folder: Path, order: int, arrival: tuple[int, ...]) -> Ends:
    """Sign an invoice for a person, bring all files of its payers in an order, and return the shares and the books."""
    await sign(desk, "07_amc_apart", order=order)
    _, (said,) = await send_and_answer(desk, folder)
    files = [*said.arl, *said.rsp]
    for place in arrival:
        if place < len(files):
            reply = await bring(desk, files[place])
            assert reply.status == 200, reply.body
            await Centre(desk).reconcile()
    return await Centre(desk).shares(), await Centre(desk).balances()


@pytest.mark.parametrize(("order", "states"), [(PARTLY, PARTIAL), (TWICE, PLAIN), (TAKEN_BACK, BACK), (LOST, PLAIN)])
async def test_files_in_any_order_end_the_same(house: House, tmp_path: Path, order: int, states: set[str]) -> None:
    ends = []
    for rank, arrival in enumerate(itertools.permutations(range(3))):
        folder = tmp_path / str(rank)
        folder.mkdir()
        ends.append(await brought(await house.desk(), folder, order, arrival))
    assert all(end == ends[0] for end in ends)
    shares, balances = ends[0]
    assert {shares[name][0] for name in ("1/amo", "1/amc")} & states
    assert sum(balances.values()) == 0


async def test_what_is_paid_for_nobody_of_ours_waits_outside_of_invoices(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    stranger = person(555)
    unknown = changed(said.rsp[0], "R1", 0, invoice_number="000077777", nir=stranger[:13], nir_key=stranger[13:])
    assert (await bring(desk, unknown)).json["lines"] == 1
    run = await Centre(desk).reconcile()
    assert run["lines"]["unmatched"]["count"] == 1 and (await Centre(desk).shares())["1/amo"][0] == "sent"
    balances = await Centre(desk).balances()
    assert balances["hors_facture:amo:01751"] == -2100 == -balances["attente:amo:01751"]
    assert stranger.encode() not in (await desk.get("/v1/dashboard")).body


async def test_a_return_before_its_acknowledgement_and_one_for_a_lot_built_again_are_one_payment(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    first = (await bring(desk, said.rsp[0])).json
    await Centre(desk).reconcile()
    assert (await Centre(desk).shares())["1/amo"][:2] == ("announced", 2100)
    for data in (said.arl[0], said.rsp[0], said.arl[0]):
        await bring(desk, data)
        await Centre(desk).reconcile()
    assert (await Centre(desk).shares())["1/amo"][:2] == ("announced", 2100) and first["orders"] == await desk.count("payment_order")
    assert (await build(desk))["lots"] == 0
