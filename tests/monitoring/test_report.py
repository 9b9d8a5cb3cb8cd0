# SPDX-License-Identifier: Apache-2.0
"""The files of the contract, and the report of a month against a count of each second."""

import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import typer

from desmos_fast.base import window
from desmos_fast.base.clock import PARIS
from desmos_fast.commands import slo as command
from monitoring.slo.model import Contract, SloInvalid
from monitoring.slo.page import page
from monitoring.slo.reading import FOLDER, read_contract
from monitoring.slo.recorded import read_recorded
from monitoring.slo.report import NOT_MEASURED, Month, Report, make_report
from monitoring.slo.rules import objectives, rule_files
from tests.oracle import slo as oracle

CONTRACT: Final = read_contract()
Row = dict[str, Any]


def with_(**settings: str) -> Contract:
    return Contract(msgspec.structs.replace(CONTRACT.settings, **settings), CONTRACT.tiers)


def report(name: str, rows: list[Row], contract: Contract = CONTRACT) -> Report:
    start, end = window.month_of(datetime.strptime(name, "%Y-%m").replace(day=2, tzinfo=PARIS))
    lines = "\n".join(json.dumps({"kind": "outage"} | row) for row in rows).encode()
    month = Month(name=name, start=start, until=end, opened=list(window.spans(start, end)))
    return make_report(contract, month, *read_recorded(lines, "recorded"))


def found(made: Report, tier: str = "premium", percent: float = 99.9) -> dict[str, tuple[int, int]]:
    return {one.basis: (one.counted_s, one.down_s) for one in made.availability if (one.tier, one.percent) == (tier, percent)}


def random_rows(draw: random.Random, year: int, month: int) -> list[Row]:
    start = datetime(year, month, 1, tzinfo=UTC) - timedelta(days=1)
    rows: list[Row] = []
    for _ in range(draw.randint(6, 18)):
        since = start + timedelta(seconds=draw.randrange(33 * 86400))
        until = since + timedelta(seconds=draw.choice([1, 59, 3600, 7200, 50_000, 200_000]))
        row = {"start": since, "end": until, "cause": draw.choice(["provider", "client", "payer", "maintenance"])}
        row["state"] = draw.choice(["down", "down", "down", "degraded", "unknown"])
        if draw.random() < 0.6:
            row["declared"] = since + timedelta(seconds=draw.choice([-86400, -1, 0, 1, 600]))
        rows.append({key: f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value for key, value in row.items()})
    return rows


# Both months in which the clock changes, the shortest, that of most holidays, and those at the ends of a year.
@pytest.mark.parametrize("name", ["2026-03", "2026-10", "2026-02", "2026-05", "2026-12", "2027-01", "2024-02", "2030-04"])
def test_a_month_is_that_of_a_count_of_each_second(name: str) -> None:
    year, month = (int(part) for part in name.split("-"))
    rows = random_rows(random.Random(name), year, month)
    assert found(report(name, rows)) == oracle.month(year, month, rows), rows


def test_a_promise_is_kept_to_the_second() -> None:
    """November 2026 has 24 days of service, 288 h: 86.4 minutes may be down."""
    start = datetime.fromisoformat("2026-11-02T09:00:00+01:00")

    def kept(seconds: int) -> bool | None:
        rows = [{"start": start.isoformat(), "end": (start + timedelta(seconds=seconds)).isoformat()}]
        return next(one.kept for one in report("2026-11", rows).availability if (one.tier, one.basis) == ("standard", "window"))

    assert kept(5184) is True and kept(5185) is False
    rows = [{"start": "2026-11-02T09:00:00+01:00", "end": "2026-11-02T12:00:00+01:00", "acknowledged": "2026-11-02T09:59:59+01:00"}]
    made = report("2026-11", rows)
    # Three hours keep the GTR and break the promise.
    assert [(one.tier, one.kept, one.attended_kept) for one in made.recovery] == [("standard", True, None), ("premium", True, True)]
    assert not any(one.kept for one in made.availability if one.promised and one.basis == "window")
    told = page(made)
    assert "(1036800 − 10800) / 1036800 = 98.9583 %; budget 1036800 × 0.5 % = 5184.0; 5184.0 − 10800 = -5616.0 left" in told


@pytest.mark.parametrize(("seconds", "premium", "standard"), [(14399, True, True), (14400, False, True), (14401, False, False)])
def test_a_gtr_is_not_to_be_reached(seconds: int, premium: bool, standard: bool) -> None:
    start = datetime.fromisoformat("2026-11-02T09:00:00+01:00")
    rows = [
        {"start": start.isoformat(), "end": (start + timedelta(seconds=seconds)).isoformat(), "acknowledged": "2026-11-02T10:00:00+01:00"}
    ]
    made = {one.tier: one for one in report("2026-11", rows).recovery}
    assert (made["premium"].kept, made["standard"].kept) == (premium, standard)
    assert made["premium"].attended_kept is False
    # C16: the RTO of the table instead of the 4 h of the charter; and always for a disaster.
    assert {one.tier: one.kept for one in report("2026-11", rows, with_(recovery_limit="table")).recovery}["standard"]
    disaster = report("2026-11", [rows[0] | {"disaster": True}])
    assert {one.tier: one.limit_s for one in disaster.recovery} == {"standard": 86400, "premium": 14400}


def test_what_nobody_measured_is_said_to_be_so() -> None:
    whole = report("2026-11", [{"start": "2026-10-31T00:00:00+01:00", "end": "2026-12-02T00:00:00+01:00", "state": "unknown"}])
    assert {(one.available, one.kept, one.counted_s) for one in whole.availability} == {(NOT_MEASURED, None, 0)}
    assert {(one.found, one.kept) for one in whole.limits} == {(NOT_MEASURED, None)}
    assert "0 unknown" not in page(whole).replace("1036800 unknown", "").replace("2592000 unknown", "")
    seen = [{"kind": "measured", "at": "2026-11-03T04:00:00+01:00", "what": "rpo", "seconds": 901}]
    rpo = {one.tier: (one.found, one.kept) for one in report("2026-11", seen).limits if one.what == "rpo"}
    assert rpo == {"standard": (901, True), "premium": (901, False)}


@pytest.mark.parametrize(
    ("reading", "planned", "declared", "excluded"),
    [
        ("declared_before", False, -1, True), ("declared_before", False, 0, False), ("declared_before", False, 60, False),
        ("declared_before", True, -1, True), ("declared_before", True, None, False),
        ("always", False, None, True), ("always", False, 60, True),
        ("never", False, -1, False), ("never", True, -1, True), ("never", True, 60, False),
    ],
)  # fmt: skip
def test_maintenance_is_left_out_as_the_settings_read_it(reading: str, planned: bool, declared: int | None, excluded: bool) -> None:
    start = datetime.fromisoformat("2026-11-02T09:00:00+01:00")
    row: Row = {"start": start.isoformat(), "end": "2026-11-02T10:00:00+01:00", "cause": "maintenance", "planned": planned}
    if declared is not None:
        row["declared"] = (start + timedelta(seconds=declared)).isoformat()
    made = found(report("2026-11", [row], with_(unplanned_maintenance=reading)))
    assert made["window"] == ((1036800 - 3600, 0) if excluded else (1036800, 3600))


def test_each_setting_has_two_branches_that_differ() -> None:
    degraded = [{"start": "2026-11-02T09:00:00+01:00", "end": "2026-11-02T10:00:00+01:00", "state": "degraded"}]
    assert [found(report("2026-11", degraded, with_(degraded_counts_available=value)))["window"][1] for value in ("yes", "no")] == [0, 3600]
    for setting, one, other in (
        ("pra", "table", "always"), ("rpo_rto_commitment", "table", "zero"), ("weekly_backup", "on", "off"),
        ("erase_backups", "crypto_erase", "media_year"),
    ):  # fmt: skip
        assert report("2026-11", [], with_(**{setting: one})).limits != report("2026-11", [], with_(**{setting: other})).limits
    assert {(one.percent, one.basis) for one in objectives(CONTRACT)} == {(99.5, "window"), (99.9, "24x7")}
    for basis in ("window", "24x7"):
        assert {(one.percent, one.basis) for one in objectives(with_(sla_basis=basis))} == {(99.5, basis), (99.9, basis)}
        assert rule_files(with_(sla_basis=basis))["slo.yaml"] != rule_files(CONTRACT)["slo.yaml"]


def test_the_factors_are_rescaled_to_the_window() -> None:
    settings = CONTRACT.settings
    assert [round(settings.factor(one, "window"), 2) for one in settings.burn] == [5.98, 2.49, 2.49, 0.83]
    assert [round(settings.factor(one, "24x7"), 2) for one in settings.burn] == [14.4, 6, 3, 1]
    starts = [datetime(2026, 1, 1, tzinfo=PARIS) + timedelta(day) for day in range(2 * 365 - 30)]
    mean = sum(window.open_seconds(start, start + timedelta(30)) for start in starts) / len(starts) / 3600
    assert settings.window.mean_30_days_hours == pytest.approx(mean, rel=0.002)


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "slo"))
    settings = (FOLDER / "settings.toml").read_text()
    settings = settings.replace('pra = "table"', 'pra = "maybe"').replace('sla_basis = "each"\n', 'sla_bases = "each"\n')
    settings = settings.replace('long = "6h"', 'long = "6 h"').replace('closes = "20:00"', 'closes = "21:00"')
    (folder / "settings.toml").write_text(settings)
    (folder / "standard.toml").write_text((FOLDER / "standard.toml").read_text().replace("99.5", "100.0"))
    (folder / "premium.toml").write_text("tier = ")
    with pytest.raises(SloInvalid) as raised:
        read_contract(folder)
    assert [(fault.code, fault.file, fault.field) for fault in raised.value.faults] == [
        ("BAD_VALUE", "settings.toml", "pra"), ("UNKNOWN", "settings.toml", "sla_bases"), ("BAD_VALUE", "settings.toml", "window.closes"),
        ("BAD_VALUE", "settings.toml", "burn[1].long"), ("MISSING", "settings.toml", "sla_basis"),
        ("BAD_VALUE", "standard.toml", "objective[0].percent"), ("TOML", "premium.toml", ""),
    ]  # fmt: skip


def test_the_command_reports_or_tells_every_faulty_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "outages.jsonl"
    path.write_text('{"kind":"outage","start":"2026-10-05T09:00:00+02:00","end":"2026-10-05T10:00:00+02:00"}\n')
    command.report(month="2026-10", source=str(path), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert {(row["basis"], row["down_s"]) for row in told["availability"]} == {("window", 3600), ("24x7", 3600)}
    path.write_text('{"kind":"outage"}\n\n{"kind":"measured","at":"2026-10-05T09:00:00Z","what":"rpo"}\n[')
    with pytest.raises(typer.Exit):
        command.report(month="2026-10", source=str(path))
    assert [json.loads(line)["field"] for line in capsys.readouterr().err.splitlines()] == ["1", "3", "4"]
    for month in ("2026-13", "october", "2999-01"):
        with pytest.raises(typer.BadParameter):
            command.report(month=month, source=str(path))
