# SPDX-License-Identifier: Apache-2.0
"""The catalogue of metrics: it names the labels that they have, no label takes what names anybody, and the page is what it says."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final, get_args

import pytest
from prometheus_client.metrics import MetricWrapperBase

from api.titles import PROBLEMS
from desmos_fast.anomalies.model import Kind as Anomaly
from desmos_fast.base.identifiers import nir_key
from desmos_fast.lots.gate import Reason
from desmos_fast.lots.recipients.model import MOST_RECIPIENTS, RecipientsInvalid
from desmos_fast.lots.recipients.reading import read_recipients
from desmos_fast.settlement.decisions.model import Kind as Decision
from desmos_fast.settlement.dunning.model import AGES, STAGES
from desmos_fast.settlement.dunning.reminders.model import RULES
from monitoring import catalogue, metrics
from monitoring.kinds import Own
from monitoring.reference import metrics_page

PAGE: Final = Path(__file__).parents[2] / "docs/reference/metrics.md"
NIR: Final = "2550899999012"
ID: Final = "0190b2a4-7c1e-7abc-8def-0123456789ab"
SOMEBODY: Final = (
    NIR, f"{NIR}{nir_key(NIR):02d}", "2552A99999012", "751000001", "2A1000001", "10100000001", "75100000100011",
    "FR7630006000011234567890189", "fr7630006000011234567890189", "000000123", "dsf_test_Zk3" + "x" * 40, "marie.dupont@centre.example",
    "DUPONT Marie", "Dupont", "dupont marie", f"/v1/invoices/{ID}", "/v1/lots/123", f"/v1/returns/dead/{ID}:retry",
    f"/v1/invoices/{{id}}/{NIR}",
    ID, ID.replace("-", ""), "12,34", "1999-12-31", "\n", "",
)  # fmt: skip


def test_the_page_is_what_the_catalogue_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == metrics_page(), "run: make dashboards"


def test_the_catalogue_names_the_labels_that_metrics_have() -> None:
    known = catalogue.catalogue()
    for one in vars(metrics).values():
        if isinstance(one, MetricWrapperBase | Own):
            (family,) = one.describe()
            entry = known.get(family.name) or known[f"{family.name}_total"]
            assert tuple(entry.labels) == (one.labels if isinstance(one, Own) else one._labelnames), family.name
    assert {family.name for family in metrics.REGISTRY.collect()} <= {name.removesuffix("_total") for name in known}
    assert catalogue.LABELS.keys() <= known.keys()


@pytest.mark.parametrize("value", SOMEBODY)
def test_no_label_takes_what_names_anybody(value: str) -> None:
    labels = {(name, label) for metric in catalogue.catalogue().values() for name, label in metric.labels.items()}
    assert [name for name, label in labels if name not in catalogue.VERSION and re.fullmatch(label.shape, value)] == []


@pytest.mark.parametrize("name", ["751000001", "2a1000001", "fr7630006000011234567890189", ID, "cpam-751000", "9"])
def test_no_recipient_is_called_by_a_number(name: str, tmp_path: Path) -> None:
    file = tmp_path / "recipients.toml"
    file.write_text(f'[recipients.{name}]\ntransport = "directory"\nfolder = "{tmp_path}"\n', encoding="utf-8")
    with pytest.raises(RecipientsInvalid, match="six digits"):
        read_recipients(file)


@pytest.mark.parametrize(
    ("metric", "label", "values"),
    [
        ("desmos_reminders_open", "rule", RULES),
        ("desmos_outstanding_cents", "age", AGES),
        ("desmos_forclusion_cents", "stage", STAGES),
        ("desmos_files_put_off_total", "reason", get_args(Reason)),
    ],
)
def test_lists_are_those_of_the_program(metric: str, label: str, values: list[str]) -> None:
    assert sorted(catalogue.LABELS[metric][label].shape.split("|")) == sorted(values)


@pytest.mark.parametrize(
    ("label", "values"),
    [
        (catalogue.CODE, [*PROBLEMS]),
        (catalogue.STATUS, [str(status) for status in {200, 201, 202, 204, 304, *(title.status for title in PROBLEMS.values())}]),
        (catalogue.LABELS["desmos_decisions_total"]["kind"], get_args(Decision)),
        (catalogue.ANOMALY, [kind.value for kind in Anomaly]),
        (catalogue.METHOD, [*metrics.METHODS, "OTHER"]),
        (catalogue.RECIPIENT, ["*", *(f"payer-{number}" for number in range(MOST_RECIPIENTS))]),
    ],
)
def test_what_the_program_says_fits(label: catalogue.Label, values: list[str]) -> None:
    assert [value for value in values if not re.fullmatch(label.shape, value)] == []
    assert len(values) <= label.most


def test_series_are_counted() -> None:
    known = catalogue.catalogue()
    assert known["desmos_outstanding_cents"].series == 15
    assert known["desmos_sending_duration_seconds"].series == 201 * (len(metrics.SECONDS) + 3)
    assert known["desmos_http_requests_total"].series == catalogue.PLACES * 25
    assert known["desmos_sending_duration_seconds"].samples()["desmos_sending_duration_seconds_bucket"] == {"recipient", "le"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not there: scripts/system-packages promtool")
def test_promtool_finds_nothing_to_mend() -> None:
    def lint(text: bytes) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60)

    run = lint(metrics.exposition())
    assert (run.returncode, run.stdout + run.stderr) == (0, b"")
    assert lint(metrics.exposition() + b"# TYPE desmos_odd counter\ndesmos_odd 1\n").returncode != 0
