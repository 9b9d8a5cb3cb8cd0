# SPDX-License-Identifier: Apache-2.0
"""The rules that are committed: what the contract says, what promtool takes, what a story makes them say."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from desmos_fast.commands import slo as command
from monitoring import metrics
from monitoring.slo import operating
from monitoring.slo.reading import read_contract
from monitoring.slo.rules import rule_files
from tests.monitoring import cases
from tests.test_docs import anchors

ROOT: Final = Path(__file__).parents[2]
promtool: Final = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not there: scripts/system-packages promtool")


def rules() -> list[dict[str, Any]]:
    return [rule for told in rule_files(read_contract()).values() for group in told["groups"] for rule in group["rules"]]


def test_the_rules_are_those_of_the_contract(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command.rules(to=cases.RULES, check=True)
    command.rules(to=tmp_path)
    path = tmp_path / "slo.yaml"
    path.write_text(path.read_text().replace("0.02992000", "0.07200000"))
    (tmp_path / "old.yaml").write_text("groups: []\n")
    with pytest.raises(Exception, match="1"):
        command.rules(to=tmp_path, check=True)
    assert [line.split(" ")[0] for line in capsys.readouterr().err.splitlines()] == [str(tmp_path / "old.yaml"), str(path)]


def test_the_cases_are_those_that_are_written() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in cases.FOLDER.iterdir()} == cases.files()


@promtool
def test_promtool_takes_the_rules() -> None:
    files = sorted(cases.RULES.glob("*.yaml"))
    run = subprocess.run(["promtool", "check", "rules", *files], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert sum(int(count) for count in re.findall(r"(\d+) rules found", run.stdout)) == len(rules())


@promtool
@pytest.mark.parametrize("name", sorted(cases.files()))
def test_the_rules_say_what_a_story_makes_them_say(name: str) -> None:
    run = subprocess.run(["promtool", "test", "rules", name], cwd=cases.FOLDER, capture_output=True, text=True, timeout=110)
    assert run.returncode == 0, run.stdout + run.stderr


@promtool
@pytest.mark.parametrize(
    ("file", "now", "instead", "case"),
    [
        # The usual factor, made for a month of 720 h, would find an outage of the window too late.
        ("slo.yaml", "ratio_1h{basis=\\\"window\\\"} > 0.02992000", "ratio_1h{basis=\\\"window\\\"} > 0.07200000", "outage_inside"),
        ("slo.yaml", "> 0.01440000", "> 0.00600000", "outage_inside"),
        ("sli.yaml", "* 15 / 3600", "* 15 / 7200", "outage_inside"),
        ("slo.yaml", "> 0.00415556", "> 0.00515556", "slow_burn"),
        ("sli.yaml", ">= bool 0.05", ">= bool 0.005", "slow_burn"),
        ("sli.yaml", "[6d]) > time()", "[6d])", "across_closing"),
        ("budget.yaml", "* 0.001 / 60", "* 0.002 / 60", "budgets"),
        ("saving.yaml", "max(desmos_rpo_seconds) > 900", "max(desmos_rpo_seconds) >= 900", "saving"),
        ("saving.yaml", "max(sum by (instance)", "max(max by (instance)", "saving"),
    ],
)  # fmt: skip
def test_a_rule_that_is_changed_is_seen(file: str, now: str, instead: str, case: str, tmp_path: Path) -> None:
    folder = shutil.copytree(cases.RULES, tmp_path / "rules")
    told = (folder / file).read_text(encoding="utf-8")
    assert now in told
    (folder / file).write_text(told.replace(now, instead), encoding="utf-8")
    run = subprocess.run(["promtool", "test", "rules", f"{case}.test.yaml"], cwd=folder / "tests", capture_output=True, text=True)
    assert run.returncode == 1, run.stdout


def test_every_alert_has_its_section_in_a_runbook() -> None:
    alerts = {rule["alert"]: rule["annotations"]["runbook"] for rule in rules() if "alert" in rule}
    assert alerts.keys() == operating.PAGES.keys()
    for alert, link in alerts.items():
        path, _, anchor = link.partition("#")
        assert anchor == alert.lower() and anchor in anchors(ROOT / path), link


def test_every_metric_of_the_rules_is_in_the_catalogue() -> None:
    told = {name for rule in rules() for name in re.findall(r"\bdesmos_[a-z_]+", rule["expr"])}
    kinds = dict(re.findall(r"^# TYPE (desmos_\w+) (\w+)$", metrics.exposition().decode(), re.MULTILINE))
    known = kinds.keys() | {f"{name}_{part}" for name, kind in kinds.items() if kind == "histogram" for part in ("bucket", "count", "sum")}
    assert told and told <= known


def test_every_alert_is_in_a_case() -> None:
    texts = "".join(cases.files().values())
    assert not [rule["alert"] for rule in rules() if "alert" in rule and rule["alert"] not in texts]
