# SPDX-License-Identifier: Apache-2.0
"""Rules of Prometheus from the files of the contract: what is recorded of availability, and when a budget burns too fast."""

from collections.abc import Mapping
from typing import Any, Final

from monitoring.slo.model import BASES, Basis, Burn, Contract, Objective
from monitoring.slo.operating import ABSENT, OPERATING, alert

STEP_S: Final = 15
# A minute is one of outage when of twenty requests or more, one in twenty is bad; and a long window speaks of requests from 500 on.
BAD_SHARE: Final = 0.05
MINUTE_EVENTS: Final = 20
LONG_EVENTS: Final = 500
LOOK_BACK: Final = "6d"
UP: Final = 'up{job="desmos-fast"}'
Rule = dict[str, Any]


def rule_files(contract: Contract) -> dict[str, Mapping[str, Any]]:
    """Return each file of rules by its name."""
    return {
        "sli.yaml": _file(("desmos_sli", STEP_S, _availability()), ("desmos_burn", STEP_S, _windows(contract))),
        "budget.yaml": _file(("desmos_budget", 60, _budgets(contract))),
        "slo.yaml": _file(("desmos_slo", STEP_S, _burning(contract)), ("desmos_spent", 60, _spent(contract))),
        "operating.yaml": _file(("desmos_absent", 60, ABSENT), ("desmos_operating", 60, OPERATING)),
        "saving.yaml": _file(("desmos_saving", 60, _saving(contract))),
    }


def objectives(contract: Contract) -> dict[Objective, list[str]]:
    """Return each promise once, with the tiers that have it: by percent and basis."""
    found: dict[Objective, list[str]] = {}
    for tier in contract.tiers:
        for one in contract.objectives(tier):
            found.setdefault(one, []).append(tier.tier)
    return found


def _file(*groups: tuple[str, int, list[Rule]]) -> Mapping[str, Any]:
    return {"groups": [{"name": name, "interval": f"{step}s", "rules": rules} for name, step, rules in groups]}


def _record(name: str, expr: str, **labels: str) -> Rule:
    rule: Rule = {"record": name, "expr": expr}
    return rule | ({"labels": labels} if labels else {})


def _availability() -> list[Rule]:
    """Say whether the window is open, also when nobody is there to ask, and whether the service is down."""
    edge = 'min(last_over_time(desmos_service_window_edge_timestamp_seconds{{edge="{}"}}[{}]) > time())'
    closes, opens = edge.format("closes", LOOK_BACK), edge.format("opens", LOOK_BACK)
    # A service that is down tells no more, but it told when the window would open and close.
    opened = f"max(desmos_service_window) or ({closes} < bool {opens})"
    bad, all_ = (f"sum(increase(desmos_sli_requests_total{which}[1m]))" for which in ('{outcome="bad"}', ""))
    failing = f"(({bad} / {all_}) >= bool {BAD_SHARE}) * ({all_} >= bool {MINUTE_EVENTS})"
    return [
        _record("desmos:open", opened, basis="window"),
        _record("desmos:open", "vector(1)", basis="24x7"),
        # Without any `up` nothing is known: that is no outage, and has its own alert.
        _record("desmos:down", f"clamp_max((1 - max({UP})) + ({failing} or vector(0)) + (max(desmos_probe_failing) or vector(0)), 1)"),
        _record("desmos:outage", "desmos:open * on () group_left () desmos:down"),
    ]


def _windows(contract: Contract) -> list[Rule]:
    """Record the share of bad time and of bad requests over each window, on both bases."""
    burns = contract.settings.burn
    rules = []
    for basis in BASES:
        only = f'{{basis="{basis}"}}'
        for burn in {one.long: one for one in burns}.values():
            whole_s = burn.service_hours.on(basis) * 3600
            # Of the service hours that the window has when it is whole: what a burnt share means does not depend on the hour.
            burnt = f"sum without (basis) (sum_over_time(desmos:outage{only}[{burn.long}])) * {STEP_S} / {whole_s:g}"
            rules.append(_record(f"desmos:burnt:ratio_{burn.long}", burnt, basis=basis, sli="time"))
            bad, all_ = _requests(basis, burn.long)
            rules.append(_record(f"desmos:burnt:ratio_{burn.long}", f"{bad} / ({all_} >= {LONG_EVENTS})", basis=basis, sli="requests"))
        for short in dict.fromkeys(one.short for one in burns):
            down, opened = (f"sum without (basis) (sum_over_time(desmos:{what}{only}[{short}]))" for what in ("outage", "open"))
            rules.append(_record(f"desmos:burning:ratio_{short}", f"{down} / {opened}", basis=basis, sli="time"))
            bad, all_ = _requests(basis, short)
            rules.append(_record(f"desmos:burning:ratio_{short}", f"{bad} / {all_}", basis=basis, sli="requests"))
    return rules


def _requests(basis: Basis, span: str) -> tuple[str, str]:
    opened = ',window="open"' if basis == "window" else ""
    bad = f'sum(increase(desmos_sli_requests_total{{outcome="bad"{opened}}}[{span}]))'
    return bad, f'sum(increase(desmos_sli_requests_total{{outcome=~"good|bad"{opened}}}[{span}]))'


def _burning(contract: Contract) -> list[Rule]:
    return [_burn(contract, burn, one, tiers) for one, tiers in objectives(contract).items() for burn in contract.settings.burn]


def _burn(contract: Contract, burn: Burn, one: Objective, tiers: list[str]) -> Rule:
    factor = contract.settings.factor(burn, one.basis)
    limit = f"{factor * one.budget:.8f}"
    only = f'{{basis="{one.basis}"}}'
    expr = f"desmos:burnt:ratio_{burn.long}{only} > {limit} and desmos:burning:ratio_{burn.short}{only} > {limit}"
    if burn.severity == "page" and one.basis == "window":
        # What went before closing is still in the windows: it can wait until somebody is there.
        expr = f"({expr}) and on () desmos:open{only} == 1"
    promise = f"{one.percent:g} % ({one.basis}, § {one.clause})"
    text = (
        f"{burn.budget_share:.0%} of the budget of 30 days of {promise} went within {burn.long}, {factor:.2f} times what is allowed, "
        "and it goes on. A recovery within 4 h keeps the GTR, and takes more than a month has: the two are told apart."
    )
    name = "DesmosBudgetBurnsFast" if burn.severity == "page" else "DesmosBudgetBurnsSlowly"
    labels = {"severity": burn.severity, "tiers": " ".join(tiers), "percent": f"{one.percent:g}", "basis": one.basis, "long": burn.long}
    return alert(name, expr, labels, text)


def _budgets(contract: Contract) -> list[Rule]:
    """Record every percent on both bases, whatever the settings choose: minutes of this month and year, and what 30 days left."""
    rules = []
    for percent, budget in sorted({(one.percent, one.budget) for tier in contract.tiers for one in tier.objective}):
        for basis in BASES:
            labels = {"percent": f"{percent:g}", "basis": basis}
            only = f'{{basis="{basis}"}}'
            minutes = f"max by (period) (desmos_service_period_seconds{only}) * {budget:g} / 60"
            rules.append(_record("desmos:budget_minutes", minutes, **labels))
            whole = contract.settings.period_hours(basis) * 60 * budget
            left = f"{whole:.4f} - sum without (basis) (sum_over_time(desmos:outage{only}[30d])) * {STEP_S} / 60"
            rules.append(_record("desmos:budget_left_minutes:30d", left, **labels))
    return rules


def _spent(contract: Contract) -> list[Rule]:
    rules = []
    for one, tiers in objectives(contract).items():
        labels = {"severity": "ticket", "tiers": " ".join(tiers)}
        expr = f'desmos:budget_left_minutes:30d{{percent="{one.percent:g}",basis="{one.basis}"}} <= 0'
        rules.append(alert("DesmosBudgetSpent", expr, labels, f"30 days had more bad minutes than {one.percent:g} % ({one.basis}) allows."))
    return rules


def _saving(contract: Contract) -> list[Rule]:
    """Say when what would be lost now, or what the last trial of restoring took, is more than a tier allows (C1, C2)."""
    # Of several workers each shows the same trial.
    took = "max(sum by (instance) (desmos_restore_test_duration_seconds))"
    told = (
        ("DesmosLossOver", "max(desmos_rpo_seconds)", 0, "With the database more than {limit} s of commits would be lost (RPO)."),
        ("DesmosRestoreOver", took, 1, "The last trial of restoring took more than {limit} s (RTO)."),
    )
    rules = []
    for name, what, place, text in told:
        tiers: dict[int, list[str]] = {}
        for tier in contract.tiers:
            tiers.setdefault(contract.limits(tier)[place], []).append(tier.tier)
        for limit, names in tiers.items():
            labels = {"severity": "ticket", "tiers": " ".join(names), "limit": str(limit)}
            rules.append(alert(name, f"{what} > {limit}", labels, text.format(limit=limit), "5m"))
    return rules
