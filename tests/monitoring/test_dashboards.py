# SPDX-License-Identifier: Apache-2.0
"""The dashboards that are committed: what the contract says, what Prometheus can answer, what Grafana can draw."""

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.commands import dashboards as command
from monitoring import catalogue
from monitoring.reference import dashboards_page
from monitoring.slo.reading import FOLDER as CONTRACT
from monitoring.slo.reading import read_contract
from monitoring.slo.rules import objectives, rule_files

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "monitoring/dashboards"
PAGES: Final = ROOT / "docs/reference"
FILES: Final = ("sla.json", "service.json", "database.json", "claims.json", "reconciliation.json", "readers.json", "jobs.json")
promtool: Final = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not there: scripts/system-packages promtool")
sdk: Final = pytest.mark.skipif(
    importlib.util.find_spec("grafana_foundation_sdk") is None, reason="what writes dashboards is not there: desmos-fast[dashboards]"
)
# What Grafana puts in, as it would in a panel of six hours.
MACROS: Final = {"$__rate_interval": "1m", "$__range": "6h"}
WORDS: Final = {"or", "and", "unless", "bool", "by", "on", "without"}
# What Prometheus gives to each series by itself.
OWN: Final = {"job", "instance", "le", "alertname", "alertstate", "severity"}
UNITS: Final = {"none", "s", "suffix: min", "reqps", "percentunit", "bytes", "currencyEUR"}


class Asked(NamedTuple):
    """One question of a panel."""

    file: str
    panel: str
    expr: str
    legend: str


def board(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return told


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in board(name)["panels"] if panel["type"] != "row"]


def asked() -> Iterator[Asked]:
    for name in FILES:
        for panel in panels(name):
            for target in panel["targets"]:
                expr = target["expr"]
                for macro, value in MACROS.items():
                    expr = expr.replace(macro, value)
                yield Asked(name, panel["title"], expr, target["legendFormat"])


def recorded() -> dict[str, set[str]]:
    """Return the names that rules record, with the labels that they are given."""
    found: dict[str, set[str]] = {}
    for told in rule_files(read_contract()).values():
        for rule in (rule for group in told["groups"] for rule in group["rules"] if "record" in rule):
            found.setdefault(rule["record"], set()).update(rule.get("labels", {}), {"period"} if "by (period)" in rule["expr"] else ())
    found["desmos:outage"].add("basis")
    return found


def labels_of(name: str) -> set[str]:
    """Return the labels that a metric may have; KeyError for one that nobody knows."""
    known = catalogue.known_samples() | recorded() | {"up": set(), "ALERTS": set()}
    return {*known[name]} | OWN


def names(expr: str) -> set[str]:
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", re.sub(r'"[^"]*"', "", expr))
    bare = re.sub(r"\b(by|without|on|ignoring|group_left)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"(?<![\w.:])([A-Za-z_:][\w:]*)\b(?!\s*\()", bare)) - WORDS


@sdk
def test_the_dashboards_are_those_of_the_contract(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command.dashboards(to=FOLDER, pages=PAGES, check=True)
    command.dashboards(to=tmp_path)
    (tmp_path / "old.json").write_text("{}")
    path = tmp_path / "sla.json"
    path.write_text(path.read_text(encoding="utf-8").replace("89.8", "90.8"), encoding="utf-8")
    (tmp_path / "provisioning/dashboards/desmos-fast.yaml").unlink()
    with pytest.raises(Exception, match="1"):
        command.dashboards(to=tmp_path, check=True)
    told = [line.split(" ")[0].removeprefix(f"{tmp_path}/") for line in capsys.readouterr().err.splitlines()]
    assert told == ["old.json", "provisioning/dashboards/desmos-fast.yaml", "sla.json"]


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(OutsideFailed, match="not installed"):
        command.dashboards(to=tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_the_page_is_that_of_the_dashboards() -> None:
    told = dashboards_page({name: (FOLDER / name).read_text(encoding="utf-8") for name in FILES})
    assert (PAGES / "dashboards.md").read_text(encoding="utf-8") == told, "run: make dashboards"
    assert {path.name for path in FOLDER.glob("*.json")} == set(FILES)


@sdk
@pytest.mark.parametrize("name", FILES)
def test_the_schema_of_grafana_loses_nothing_of_it(name: str) -> None:
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()

    def again(told: dict[str, Any]) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(JSONEncoder().encode(Dashboard.from_json(told)))
        return read

    assert again(board(name)) == board(name)
    # A word that the schema does not know would not come back.
    wrong = board(name)
    place = next(number for number, panel in enumerate(wrong["panels"]) if panel["type"] != "row")
    wrong["panels"][place]["fieldConfig"]["defaults"]["unti"] = "s"
    assert again(wrong) != wrong


@sdk
def test_another_contract_has_other_rows(tmp_path: Path) -> None:
    folder = shutil.copytree(CONTRACT, tmp_path / "contract", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    settings = folder / "settings.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace('sla_basis = "each"', 'sla_basis = "window"'), encoding="utf-8")
    command.dashboards(to=tmp_path / "made", contract=folder)
    told = json.loads((tmp_path / "made/sla.json").read_text(encoding="utf-8"))
    rows = [panel["title"] for panel in told["panels"] if panel["type"] == "row" and "%" in panel["title"]]
    assert len(rows) == 2 and all("while the service window is open" in row for row in rows)


def test_each_promise_has_its_row() -> None:
    rows = [panel["title"] for panel in board("sla.json")["panels"] if panel["type"] == "row"]
    for one, tiers in objectives(read_contract()).items():
        (row,) = [row for row in rows if row.startswith(f"{one.percent:g} % ")]
        assert all(tier in row for tier in tiers) and one.clause in row


@promtool
def test_promtool_takes_every_expression(tmp_path: Path) -> None:
    exprs = [one.expr for one in asked()]
    assert len(exprs) > 100
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(exprs)]

    def check(told: list[dict[str, str]]) -> "subprocess.CompletedProcess[str]":
        file = tmp_path / "rules.yaml"
        file.write_text(json.dumps({"groups": [{"name": "panels", "rules": told}]}))
        return subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, timeout=60)

    run = check(rules)
    assert run.returncode == 0 and f"{len(exprs)} rules found" in run.stdout, run.stderr
    assert check([*rules, {"record": "panel:bad", "expr": exprs[0].replace(")", "", 1)}]).returncode != 0


@pytest.mark.parametrize("one", [*asked()], ids=lambda one: f"{one.file}-{one.panel}-{one.legend}")
def test_every_metric_and_label_is_known(one: Asked) -> None:
    told = names(one.expr)
    assert told, one.expr
    having = set[str]().union(*(labels_of(name) for name in told))
    for name, matchers in re.findall(r"([\w:]+)\{([^}]*)\}", one.expr):
        for label, value in re.findall(r'(\w+)\s*[=!]~?\s*"([^"]*)"', matchers):
            assert label in labels_of(name), f"{name} has no {label}"
            shape = catalogue.LABELS.get(re.sub("_(bucket|count|sum)$", "", name), {}).get(label)
            if shape is not None and label not in ("method", "status", "route"):
                assert [part for part in value.split("|") if not re.fullmatch(shape.shape, part)] == [], f"{name} has no {label} {value}"
    by = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", one.expr) for label in group.split(",")}
    assert by <= having, f"nothing has {by - having}"
    left = by if by else having
    assert set(re.findall(r"\{\{(\w+)\}\}", one.legend)) <= left


def test_the_least_is_never_what_another_process_does_not_count() -> None:
    """Each process shows every metric, and 0 for what another one does."""
    least = [one.expr for one in asked() if re.search(r"\bmin\b[^(]*\(desmos_", one.expr)]
    assert least and all('job="desmos-fast"' in expr for expr in least)


def test_what_names_finds() -> None:
    expr = 'max by (kind) (abs(desmos_x{kind=~"a|b"})) / on () sum(rate(desmos:y[5m])) > bool 1e3 or vector(0)'
    assert names(expr) == {"desmos_x", "desmos:y"}
    with pytest.raises(KeyError):
        labels_of("desmos_x")


@pytest.mark.parametrize("name", FILES)
def test_grafana_can_draw_it(name: str) -> None:
    told = board(name)
    assert told["uid"] == f"desmos-{name.removesuffix('.json')}" and told["title"].startswith("desmos-fast: ") and told["description"]
    assert told["timezone"] == "Europe/Paris" and [one["type"] for one in told["templating"]["list"]] == ["datasource"]
    ids = [panel["id"] for panel in told["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in told["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    for panel in panels(name):
        assert panel["title"] and panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        refs = [target["refId"] for target in panel["targets"]]
        assert refs and len(refs) == len(set(refs))
        assert {one["datasource"]["uid"] for one in (panel, *panel["targets"])} == {"${datasource}"}
        if panel["type"] != "timeseries":
            assert panel["options"]["reduceOptions"]["calcs"] == ["lastNotNull"] and all(target["instant"] for target in panel["targets"])


@pytest.mark.parametrize("name", FILES)
def test_each_line_of_panels_is_full(name: str) -> None:
    lines: dict[int, list[dict[str, int]]] = {}
    for panel in board(name)["panels"]:
        lines.setdefault(panel["gridPos"]["y"], []).append(panel["gridPos"])
    assert {sum(place["w"] for place in line) for line in lines.values()} == {24}
    assert [line for line in lines.values() if len({place["h"] for place in line}) > 1] == []


@pytest.mark.parametrize(
    ("file", "panel", "alert"),
    [
        ("jobs.json", "Webhooks are due for", "DesmosWebhooksLate"), ("jobs.json", "Lots are due for", "DesmosScheduleLate"),
        ("claims.json", "Silent payers", "DesmosAckMissing"),
    ],
)  # fmt: skip
def test_a_figure_turns_red_where_its_alert_speaks(file: str, panel: str, alert: str) -> None:
    rules = [rule for told in rule_files(read_contract()).values() for group in told["groups"] for rule in group["rules"]]
    (expr,) = [rule["expr"] for rule in rules if rule.get("alert") == alert]
    (shown,) = [one for one in panels(file) if one["title"] == panel]
    reds = [step["value"] for step in shown["fieldConfig"]["defaults"]["thresholds"]["steps"] if step["color"] == "red"]
    assert reds == [float(expr.rpartition("> ")[2])]


def test_every_state_of_a_part_has_its_place_in_the_funnel() -> None:
    schema = (ROOT / "desmos_fast/db/schema.sql").read_text(encoding="utf-8")
    (moves,) = re.findall(r"TRIGGER share_share_moves .*?'\{([^}]*)\}'", schema)
    for kind in ("amo", "amc", "patient"):
        shown = [re.findall(rf'desmos_billed_cents{{kind="{kind}",state=~"([^"]*)"}}', one.expr) for one in asked()]
        places = [state for found in shown for states in found for state in states.split("|")]
        assert sorted(places) == sorted(set(re.split("[,>]", moves)))


def test_every_metric_is_shown_somewhere() -> None:
    shown = set[str]().union(*(names(one.expr) for one in asked()))
    own = {name: metric for name, metric in catalogue.catalogue().items() if name.startswith("desmos_")}
    unseen = {name for name, metric in own.items() if not metric.samples().keys() & shown}
    # What recorded rules are made of, and what only reports ask.
    assert unseen == {"desmos_service_window", "desmos_service_period_seconds", "desmos_service_window_seconds_total"}
