# SPDX-License-Identifier: Apache-2.0
"""`price` and `quote` through the real program: lines in, lines out, faults and explanations beside."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from desmos_fast.base.clock import paris_date, system_clock
from desmos_fast.billing.codec import encode_ndjson
from desmos_fast.billing.pricing import kernel, quote
from desmos_fast.billing.pricing.codec import price_block
from desmos_fast.cli import app
from desmos_fast.commands import streams
from desmos_fast.nomenclature.tariffs import load_tariffs
from desmos_fast.simulator.day import DEFAULT_DAY, Day, line
from desmos_fast.simulator.world import World
from tests.billing.odd import GOLDEN
from tests.billing.visits import SYNTHETIC

VISIT: dict[str, Any] = json.loads((GOLDEN / "01_ngap_visit.ndjson").read_bytes())
CROWN: dict[str, Any] = json.loads((GOLDEN / "02_dental_ccam.ndjson").read_bytes())
FOUND = ("base", "rate", "amo", "amc")


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], input=stdin)


def bare(invoice: dict[str, Any], *absent: str, **given: Any) -> dict[str, Any]:
    """Return an invoice of a synthetic person whose acts lack amounts, with other values in its first act."""
    acts = [{key: value for key, value in act.items() if key not in (absent or FOUND)} for act in invoice["acts"]]
    return invoice | {"insured_nir": SYNTHETIC, "acts": [acts[0] | given, *acts[1:]]}


def ndjson(*invoices: dict[str, Any] | bytes) -> bytes:
    return b"".join((item if isinstance(item, bytes) else json.dumps(item, ensure_ascii=False).encode()) + b"\n" for item in invoices)


def faults_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(text) for text in result.stderr.splitlines() if text.startswith("{")]


def test_what_lacks_is_filled_and_the_rest_stays_as_it_was_written(tmp_path: Path) -> None:
    given = bare(VISIT) | {"third_party": "amo"}
    given["beneficiary"] = given["beneficiary"] | {"last_name": "Élise\u00a0"}
    text = json.dumps(given, ensure_ascii=False, separators=(" ,  ", " : ")).encode()
    result = run("price", "-", "-o", tmp_path / "out.ndjson", stdin=text)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    (out,) = (tmp_path / "out.ndjson").read_bytes().splitlines()
    found = {"base": 3000, "rate": 70, "amo": 2100, "amc": 0}
    assert json.loads(out) == given | {"acts": [given["acts"][0] | found]}
    assert text[text.index(b'"beneficiary"') + 16 : text.index(b'"amo"')].rstrip(b" ,") in out


def test_whole_invoices_come_out_byte_for_byte() -> None:
    data = b"".join(map(line, Day(World(4)).invoices(300)))
    result = run("price", "-", "--json", stdin=data)
    assert (result.exit_code, result.stdout_bytes) == (0, data)
    sums = [sum(part) for part in (encode_ndjson(data).fees, encode_ndjson(data).amo)]
    summary = json.loads(result.stderr)
    assert [summary[name] for name in ("invoices", "total", "amo", "faults")] == [300, *sums, 0]
    assert summary["total"] == summary["amo"] + summary["amc"] + summary["patient"]


def test_a_day_without_its_amounts_is_priced_as_the_simulator_prices_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BLOCK", 20_000)
    whole = [json.loads(line(invoice)) for invoice in Day(World(5), DEFAULT_DAY).invoices(200)]
    result = run("price", "-", stdin=ndjson(*({**one, "acts": bare(one)["acts"]} for one in whole)))
    assert result.exit_code == 0
    assert [json.loads(text) for text in result.stdout_bytes.splitlines()] == whole


def test_a_number_may_be_absent_and_null_is_absent() -> None:
    given = {key: value for key, value in bare(VISIT, amo=None).items() if key != "number"}
    result = run("price", "-", stdin=ndjson(given))
    assert result.exit_code == 0
    (out,) = map(json.loads, result.stdout_bytes.splitlines())
    assert "number" not in out
    assert out["acts"][0]["amo"] == 2100


def test_a_wrong_amount_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out.ndjson"
    out.write_bytes(b"former")
    data = ndjson(bare(VISIT), bare(VISIT, "base", amo=2099), b"{", bare(VISIT, "amc", code="ZZ", rate=None))
    result = run("price", "-", "-o", out, "--json", stdin=data)
    assert (result.exit_code, result.stdout, out.read_bytes()) == (1, "", b"former")
    wrong, unread, missing = faults_of(result)
    assert {key: wrong[key] for key in ("code", "line", "invoice", "field", "value", "expected", "rule")} == {
        "code": "amount_mismatch", "line": 2, "invoice": 1, "field": "acts[0].amo", "value": 2099, "expected": 2100, "rule": "P10"
    }  # fmt: skip
    assert (unread["code"], unread["line"]) == ("B2_BAD_JSON", 3)
    assert (missing["code"], missing["line"], missing["field"], missing["rule"]) == ("amount_missing", 4, "acts[0].rate", "P7")
    assert SYNTHETIC[:13] not in result.stderr


def test_the_sound_ones_are_written_when_asked_for() -> None:
    data = ndjson(bare(VISIT), bare(VISIT, amo=1), bare(CROWN))
    assert run("price", "-", stdin=data).stdout_bytes == b""
    result = run("price", "-", "--keep-going", "--json", stdin=data)
    assert result.exit_code == 1
    assert [json.loads(text)["acts"][0]["amo"] for text in result.stdout_bytes.splitlines()] == [2100, 7200]
    summary = json.loads(result.stderr.splitlines()[-1])
    assert summary == {
        "invoices": 2, "total": 53000, "amo": 9300, "amc": 42800, "patient": 900, "participation": 200, "faults": 1
    }  # fmt: skip


def test_another_day_has_other_rows() -> None:
    heavy = bare(CROWN, code="HBLD634", date="2023-11-15")
    on = run("price", "-", "--on", "2023-10-14", stdin=ndjson(heavy))
    own = run("price", "-", "--allow-late", stdin=ndjson(heavy))
    shares = [json.loads(result.stdout_bytes)["acts"][0] for result in (on, own)]
    assert [(act["date"], act["amo"], act["amc"]) for act in shares] == [("2023-11-15", 8400, 41600), ("2023-11-15", 7200, 42800)]
    assert run("price", "-", "--on", "2023-02-30", stdin=b"").exit_code == 2


def test_old_care_is_refused_unless_a_person_allows_it() -> None:
    old = bare(VISIT, date="2025-10-01")
    result = run("price", "-", stdin=ndjson(old))
    assert (result.exit_code, [(fault["code"], fault["field"]) for fault in faults_of(result)]) == (1, [("care_too_old", "acts[0].date")])
    assert run("price", "-", "--allow-late", stdin=ndjson(old)).exit_code == 0


def test_it_says_why_in_french_and_of_nobody(tmp_path: Path) -> None:
    data = ndjson(bare(VISIT, unit_price=2800), bare(CROWN) | {"number": 8}, bare(VISIT, amo=2099) | {"number": 9})
    beside = run("price", "-", "--explain", "--keep-going", stdin=data)
    file = run("price", "-", "--explain", "--keep-going", "-o", tmp_path / "out.ndjson", stdin=data)
    assert file.stdout in beside.stderr
    said = file.stdout.replace("\u00a0", " ").replace("\u202f", " ")
    for words in (
        "Facture 1 : total 30,00 €, AMO 19,60 €",
        "il diffère du tarif de G, qui est de 30,00 €",
        "Taux : 70 %",
        "[règle P7g]",
        "table rates, ligne doctor/10/in, depuis le",
        "confiance H",
        "sera retenue par la caisse, n'est pas demandée au centre",
        "panier 100 % Santé, plafond 500,00 €",
        "et 380,00 € de dépassement",
        "À corriger : acte 1, part AMO : 20,99 € donné, 21,00 € attendu (règle P10)",
        "profil d'essai, non agréé",
    ):
        assert words in said
    for secret in (SYNTHETIC[:13], "DUPONT", "MARIE", "19550814"):
        assert secret not in file.stdout + beside.stderr


def test_a_foreign_input_and_a_long_line_are_one_fault_each(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [fault["code"] for fault in faults_of(run("price", "-", stdin=b"\x1f\x8b\x08\0" + bytes(100)))] == ["B2_BAD_JSON"]
    monkeypatch.setattr(streams, "LONGEST_LINE", 5000)
    monkeypatch.setattr(streams, "BLOCK", 2000)
    monkeypatch.setattr(streams, "HEAD", 1000)
    data = ndjson(bare(VISIT), b"[" + b" " * 9000, bare(CROWN))
    result = run("price", "-", "--keep-going", stdin=data)
    assert [(fault["code"], fault["line"]) for fault in faults_of(result)] == [("B2_BAD_JSON", 2)]
    assert [json.loads(text)["number"] for text in result.stdout_bytes.splitlines()] == [1, 2]


@pytest.mark.parametrize("name", ["price", "quote"])
def test_the_installed_program_does_it(name: str, tmp_path: Path) -> None:
    file = tmp_path / "in.ndjson"
    file.write_bytes(ndjson(bare(VISIT)))
    done = subprocess.run([sys.executable, "-m", "desmos_fast.cli", name, file], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"2100" in done.stdout or b"21,00" in done.stdout


FREE = {"code": "HBLD403", "grouping": "PFC", "fees": 80000, "unit_price": 12000}
MODERATED = {"code": "HBLD073", "grouping": "PF1", "teeth": ["26"], "fees": 44000, "unit_price": None}


def test_a_quote_proposes_what_leaves_nothing_to_pay() -> None:
    result = run("quote", "-", "--json", stdin=ndjson(bare(CROWN, **FREE), bare(CROWN, **MODERATED), bare(CROWN), bare(VISIT)))
    assert result.exit_code == 0
    quotes = [json.loads(text) for text in result.stdout.splitlines()]
    assert [(quote["patient"], quote["desk"]) for quote in quotes] == [(68000, 68000), (32000, 32000), (0, 0), (900, 900)]
    baskets = [quote["acts"][0]["basket"] for quote in quotes]
    assert [basket and basket["name"] for basket in baskets] == ["tarifs libres", "tarifs maîtrisés", "100 % Santé", None]
    others = [quote["acts"][0]["alternative"] for quote in quotes]
    assert [other and (other["code"], other["basket"]["cap"], other["shares"]["fees"], other["shares"]["patient"]) for other in others] == [
        ("HBLD680", 50000, 50000, 0), ("HBLD038", 29000, 29000, 0), None, None
    ]  # fmt: skip
    assert others[0]["shares"] == {"fees": 50000, "base": 12000, "rate": 60, "amo": 7200, "amc": 42800, "patient": 0}
    assert [quote["participation"] for quote in quotes] == [0, 0, 0, 200]


def test_a_quote_is_said_in_french_with_what_it_is_not() -> None:
    result = run("quote", "-", stdin=ndjson(bare(CROWN, **FREE), bare(VISIT, amo=1)))
    said = result.stdout.replace("\u00a0", " ").replace("\u202f", " ")
    assert result.exit_code == 1
    assert [fault["line"] for fault in faults_of(result)] == [2]
    for words in (
        f"Devis du {paris_date(system_clock()):%d/%m/%Y}", "non agréé", "Panier « tarifs libres »", "reste à la charge du patient 680,00 €",
        "Alternative à proposer : HBLD680, panier « 100 % Santé », honoraires de 500,00 € au plus",
    ):  # fmt: skip
        assert words in said
    for secret in (SYNTHETIC[:13], "DUPONT", "MARIE"):
        assert secret not in result.stdout + result.stderr


def test_the_last_day_of_a_row_is_that_of_the_quote() -> None:
    (before,) = map(json.loads, run("quote", "-", "--json", "--on", "2023-10-14", stdin=ndjson(bare(CROWN))).stdout.splitlines())
    assert (before["amo"], before["valid_until"]) == (8400, "2023-10-14")


def test_an_alternative_without_a_ceiling_or_a_price_has_no_amounts() -> None:
    removable = {"code": "HBLD203", "grouping": "PA1", "teeth": [], "unit_price": 20000, "fees": 60000}
    data = ndjson(bare(CROWN, **removable))
    (quote,) = map(json.loads, run("quote", "-", "--json", stdin=data).stdout.splitlines())
    assert quote["acts"][0]["alternative"] == {
        "code": "HBLD083", "basket": {"basket": "rac0", "name": "100 % Santé", "cap": None}, "shares": None
    }  # fmt: skip
    assert "HBLD083, panier « 100 % Santé » : aucun tarif n'en fixe le prix" in run("quote", "-", stdin=data).stdout


def test_what_is_proposed_costs_as_often_as_the_act() -> None:
    twice = {**FREE, "quantity": 2, "fees": 160_000, "teeth": ["11", "12"]}
    (quote,) = map(json.loads, run("quote", "-", "--json", stdin=ndjson(bare(CROWN, **twice))).stdout.splitlines())
    shares = quote["acts"][0]["alternative"]["shares"]
    assert (shares["fees"], shares["base"], shares["amo"], shares["patient"]) == (100_000, 24000, 14400, 0)


def test_what_is_proposed_instead_of_many_acts_is_priced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    priced: list[int] = []

    def counted(invoices: list[Any], **given: Any) -> Any:
        priced.extend(len(invoice.acts) for invoice in invoices)
        return kernel.price(invoices, **given)

    monkeypatch.setattr(quote, "kernel", SimpleNamespace(price=counted))
    (act,) = bare(CROWN, **FREE)["acts"]
    many = bare(CROWN) | {"acts": [act] * 150}
    block = price_block(ndjson(many, bare(VISIT)), load_tariffs(), today=date(2026, 11, 25))
    first, second = [made for _, made in quote.quotes(block)]
    assert priced == [150]
    assert {found.alternative.shares.patient for found in first.acts if found.alternative and found.alternative.shares} == {0}
    assert (len(first.acts), second.acts[0].alternative) == (150, None)
