# SPDX-License-Identifier: Apache-2.0
"""The dashboard of the agents of workstations and of the cards that they read."""

from typing import Final

from monitoring.dashboards.panels import BAD, RANGE, RATE, TOLD, WARNS, Query, Row, bars, figure, lines, made

READ: Final = 'outcome="done"'
BUCKETS: Final = "desmos_card_read_duration_seconds_bucket"


def readers() -> str:
    """Return the dashboard as JSON."""
    return made(
        "desmos-readers", "desmos-fast: readers",
        "Agents of workstations that are connected, what happens at their readers, and cards read.",
        [_now(), _cards(), _agents()],
    )  # fmt: skip


def _quantile(share: float) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({BUCKETS}[{RATE}])))"


def _now() -> Row:
    read, asked = (f"(sum(increase(desmos_card_reads_total{only}[{RANGE}])) or vector(0))" for only in (f"{{{READ}}}", ""))
    return Row("Now", [
        figure("Agents", "Workstations whose agent is connected.", "none", Query("sum(desmos_agents_connected)"), span=6),
        figure("Cards read", "In the time shown.", "none", Query(read), span=6, decimals=0),
        figure("Not read", "Share of the cards that were asked for and not read, in the time shown.", "percentunit",
               Query(f"1 - {read} / {asked} {TOLD}"), steps=((0.05, WARNS), (0.2, BAD)), span=6, decimals=1),
        figure("Time to read, p95", "95 of 100 cards are read faster.", "s",
               Query(f"{_quantile(0.95)} {TOLD}"), steps=((5, WARNS),), span=6),
    ])  # fmt: skip


def _cards() -> Row:
    return Row("Cards", [
        lines("Cards a minute", "That were asked for, by outcome.", "none",
              Query(f"sum by (outcome) (rate(desmos_card_reads_total[{RATE}])) * 60", "{{outcome}}"), span=8, stacked=True),
        lines("Time to read", "Median, 95th and 99th of 100 cards that were read.", "s",
              *(Query(_quantile(share), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)), span=8),
        bars("Not read, by model", "Cards that were asked for and not read in the time shown, by model of reader and outcome.", "none",
             Query(f'topk(10, sum by (model, outcome) (increase(desmos_card_reads_total{{outcome!="done"}}[{RANGE}]))) > 0',
                   "{{model}}, {{outcome}}"), span=8, steps=((None, WARNS),)),
    ])  # fmt: skip


def _agents() -> Row:
    return Row("Agents", [
        lines("Connected", "Agents, by service.", "none", Query('desmos_agents_connected{job="desmos-fast"}', "{{instance}}"), span=8,
              stepped=True),
        bars("Events of readers", "In the time shown, by kind.", "none",
             Query(f"sum by (kind) (increase(desmos_agent_events_total[{RANGE}])) > 0", "{{kind}}"), span=8),
        bars("Channels that ended", "In the time shown, by reason; one that left comes back by itself.", "none",
             Query(f"sum by (reason) (increase(desmos_agent_channels_ended_total[{RANGE}])) > 0", "{{reason}}"), span=8),
    ])  # fmt: skip
