# SPDX-License-Identifier: Apache-2.0
"""The FEC of a centre in which people decided all that moves money: balanced, numbered, taken by the tax office's rules, and the ledger."""

from datetime import UTC, date, datetime
from typing import Any, Final

from desmos_fast.settlement.accounting import rules
from tests.api.conftest import Desk
from tests.api.test_accounting import export, read, siren, sound
from tests.api.test_decisions import credit_names, decide, share
from tests.days import today
from tests.db.rows import NOW
from tests.settlement.centre import AMO, REFERENCE, Centre, credit

DECIDED: Final = {
    "share.written_off", "share.to_patient", "share.from_patient", "recovery.parked", "recovery.identified", "recovery.identified.undone",
    "line.without_invoice", "line.invoiced_later", "payment.received", "payment.refunded", "credit.matched_later",
}  # fmt: skip


async def lived(centre: Centre) -> None:
    """Let people split, give up, move to the patient and back, and answer what was clawed back."""
    for number in (1, 2, 3, 4):
        await centre.invoice(number, order=20 + number)
    await centre.order("o:1", centre.line(order=21), centre.line(0, 2, order=22, reject_code="0250050"))
    await centre.order("o:2", centre.line(0, 3, order=23, reject_code="0250050"), centre.line(2100, 99, order=44), reference="2222222")
    await centre.bank(*credit(2100, REFERENCE), *credit(2050, "RIEN"))
    await centre.reconcile()
    # A write-off; a split, of which one piece pays an invoice; a remainder of the bank.
    await decide(centre, "write_off", share=share(centre, 3))
    await decide(centre, "split", left="o:2#2", amounts=[600, 1500])
    await decide(centre, "match", problem="A", left=["o:2#3"], right=[share(centre, 4)])
    name = (await credit_names(centre))[2050]
    await decide(centre, "match", problem="B", left=[name], right=["o:2"], remainder=f"indu:{AMO}")
    # To the patient, who pays a part; the payer pays after all, and the patient is paid back.
    await decide(centre, "to_patient", share=share(centre, 2))
    async with centre.rows() as con:
        invoice = str(await con.fetchval("SELECT id FROM invoice WHERE number = 2"))
    paid = {"means": "cash", "amount": 800, "invoices": [{"invoice": invoice, "amount": 800}]}
    assert (await centre.desk.post("/v1/payments", paid)).status == 201
    await centre.order("o:3", centre.line(2100, 2, order=22), reference="3333333")
    # A clawback of an invoice, one of nothing known that is given up, one that is given up and found again.
    await centre.order("o:4", centre.line(-2100, order=21, reject_code="0450072"), reference="4444444")
    unknown: dict[str, Any] = {"insured_key": None, "care_date": None, "biller": None, "part": None}
    await centre.order("o:5", centre.line(-500, None, **unknown), centre.line(-300, None, **unknown), reference="5555555")
    await centre.reconcile()
    await decide(centre, "from_patient", share=share(centre, 2))
    assert (await centre.desk.post("/v1/refunds", {"means": "transfer", "amount": 800, "invoice": invoice})).status == 201
    await decide(centre, "indu_accept", share=share(centre, 1), into="written_off")
    await decide(centre, "indu_write_off", line="o:5#1")
    lost = await decide(centre, "indu_write_off", line="o:5#2")
    await decide(centre, "undo", decision=lost["id"])


async def test_a_fec_with_all_that_people_decide_is_sound_and_is_the_ledger(desk: Desk) -> None:
    await siren(desk)
    centre = Centre(desk)
    await lived(centre)
    async with centre.rows() as con:
        events = {row["event"] for row in await con.fetch("SELECT event FROM ledger_entry")}
        sums = await con.fetch("SELECT account, sum(debit - credit)::bigint AS amount FROM ledger_line GROUP BY account")
    assert events >= DECIDED
    found: dict[tuple[str, str], int] = {}
    labels = set()
    for year in range(NOW.year, today().year + 1):
        _, content = await export(desk, str(year), now=datetime.combine(date(year + 1, 1, 2), NOW.time(), UTC))
        report = sound(content)
        assert report.debit == report.credit and report.first_number == 1
        for line in read(content):
            labels.add(line["EcritureLib"].rpartition(" ")[0])
            if line["JournalCode"] != "AN":
                key = line["CompteNum"], line["CompAuxNum"]
                found[key] = found.get(key, 0) + int(line["Debit"].replace(",", "")) - int(line["Credit"].replace(",", ""))
    assert labels >= {rules.LABELS[event] for event in DECIDED if event in rules.LABELS} | {"Annulation : Indu identifié"}
    look = rules.Accounts(rules.default_chart(), {})
    expected: dict[tuple[str, str], int] = {}
    for row in sums:
        chart, auxiliary, _ = look.of(row["account"])
        expected[chart.number, auxiliary] = expected.get((chart.number, auxiliary), 0) + row["amount"]
    assert found == expected
