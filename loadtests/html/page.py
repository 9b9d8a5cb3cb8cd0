# SPDX-License-Identifier: Apache-2.0
"""The report of a run as one page that needs nothing else: verdicts in words, charts, and a table beside each of them.

`python -m loadtests.html.page run.json [more.json] > report.html`
"""

import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from loadtests.chart import label, reach
from loadtests.gate import HISTORY, Line, history
from loadtests.html.svg import Bar, Curve, bars, curves, spark
from loadtests.html.verdicts import verdicts
from loadtests.judge import Row
from loadtests.record import Raced, Run, joined, load
from loadtests.report import cells

CSS: Final = Path(__file__).with_name("page.css")
NUMBERS: Final = frozenset({"size", "ours", "its value", "ratio", "asked", "spread", "memory"})
SIGNS: Final = {"reached": "✓ reached", "nearly": "≈ within the margin", "missed": "✗ missed", "open": "– not measured"}
KINDS: Final = {True: "good", False: "bad", None: "plain"}
# Where the shares of answers stand across the chart: evenly, since what matters are the last ones.
SHARES: Final = ("p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9")


def page(run: Run, lines: Sequence[Line]) -> str:
    """Return the page."""
    known = run.machine
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Benchmarks of desmos_fast, {escape(str(known['revision']))}</title>",
        f"<style>{CSS.read_text(encoding='utf-8')}</style></head>",
        f"<body><main><h1>Benchmarks of desmos_fast</h1>{_machine(run)}",
        _verdicts(run.goals),
        _goals([row for row in run.goals if row.goal is not None]),
        _peers([row for row in run.goals if row.goal is None]),
        *_growth(run.races),
        *_latency(run.races),
        *_trend(run, lines),
        "</main></body></html>\n",
    ]
    return "\n".join(parts)


def table(caption: str, rows: Sequence[Mapping[str, str]], numbers: Iterable[str] = NUMBERS) -> str:
    """Return a table; cells that begin with an element are put in as they are."""
    if not rows:
        return ""
    right = {name: ' class="n"' if name in numbers else "" for name in rows[0]}
    head = "".join(f'<th scope="col"{right[name]}>{escape(name)}</th>' for name in rows[0])
    body = "".join(f"<tr>{''.join(_cell(right[name], value) for name, value in row.items())}</tr>" for row in rows)
    whole = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table>{whole}</table></div>'


def _cell(kind: str, value: str) -> str:
    return f"<td{kind}>{value if value.startswith('<') else escape(value)}</td>"


def _machine(run: Run) -> str:
    known = run.machine
    look = " A look on less work and fewer rounds, not a measure." if run.quick else ""
    return (
        f'<p class="soft">{escape(str(known["cpu"]))}, {known["cores"]} cores, {escape(str(known["python"]))}, '
        f"revision {escape(str(known['revision']))}, load {known.get('load', 0):.1f} when it began.{look}</p>"
        "<p>Ratios are taken inside one run, by turns: ours, then each peer. An absolute time says little on another machine. "
        "“At least” asks how many times as fast as the peer ours is, “at most” which share of its time or memory ours takes.</p>"
    )


def _verdicts(rows: Sequence[Row]) -> str:
    told = [
        {"goal": one.id, "what": one.name, "verdict": f'<span class="state {one.state}">{SIGNS[one.state]}</span>', "in words": one.text}
        for one in verdicts(rows)
    ]
    counts = ", ".join(f"{sum(one.state == state for one in verdicts(rows))} {sign[2:]}" for state, sign in SIGNS.items())
    return f"<h2>Verdicts</h2><p>{counts}.</p>{table('Goals G1 to G16, one line each', told)}"


def _bars(rows: Sequence[Row], title: str, unit: str) -> str:
    shown = [(row, value) for row in rows if (value := reach(row)) is not None and value > 0]
    drawn = [Bar(label(row), value, "near" if row.gate and not row.met else KINDS[row.met]) for row, value in shown]
    return bars(drawn, title, unit) if drawn else "<p>Nothing was measured.</p>"


def _goals(rows: Sequence[Row]) -> str:
    chart = _bars(rows, "How many times each goal is reached", "times the goal: right of 1 it is reached")
    return f"<h2>Goals</h2>{chart}{_shut('The same as a table', table('Every goal', [cells(row) for row in rows]))}"


def _peers(rows: Sequence[Row]) -> str:
    measured = [row for row in rows if row.ratio is not None]
    absent = [{"what": f"{row.suite}: {row.work}", "against": row.peer, "why not": row.reason or ""} for row in rows if row.ratio is None]
    chart = _bars(measured, "How many times as fast as the peer", "times the peer")
    tables = _shut("The same as a table", table("Comparisons without a goal", [cells(row) for row in measured]))
    return f"<h2>Beside peers</h2>{chart}{tables}{table('Not compared', absent)}"


def _growth(races: Sequence[Raced]) -> Iterator[str]:
    lines, rows = [], []
    for race in races:
        if not race.name.startswith("growth-") or not all(each.samples for each in race.entrants):
            continue
        points = [(float(each.size), statistics.median(one.value for one in each.samples) * 1e9) for each in race.entrants]
        lines.append(Curve(race.name.removeprefix("growth-"), points))
        told = {each.name: f"{value:.3g} ns" for each, (_, value) in zip(race.entrants, points, strict=True)}
        rows.append({"work": race.work, "smallest": f"{points[0][0]:,.0f}", **told})
    if lines:
        chart = curves(lines, "Time an item as the work grows", "items (logarithmic)", "ns an item")
        yield f"<h2>As work grows</h2><p>A flat line is cost in proportion to the work.</p>{chart}"
        yield table("Nanoseconds an item, of the smallest work and of many times as much", rows, set(rows[0]) - {"work"})


def _latency(races: Sequence[Raced]) -> Iterator[str]:
    found = [race for race in races if any(sample.latency for each in race.entrants for sample in each.samples)]
    for race in found:
        lines, rows = [], []
        for each in race.entrants:
            if each.samples and each.samples[0].latency:
                at = {share: statistics.median(one.latency[share] for one in each.samples) * 1000 for share in SHARES}
                lines.append(Curve(each.name, [(float(number), at[share]) for number, share in enumerate(SHARES)]))
                rows.append({"who": each.name, **{share: f"{value:.3g}" for share, value in at.items()}})
        ticks = [(float(number), share) for number, share in enumerate(SHARES)]
        yield f"<h2>Latency: {escape(race.work)}</h2>{curves(lines, race.work, 'share of the answers', 'ms', ticks)}"
        yield table("Milliseconds within which a share of the answers came, median of the rounds", rows, SHARES)


def _trend(run: Run, lines: Sequence[Line]) -> Iterator[str]:
    same = [line for line in lines if line.quick == run.quick]
    rows = []
    for row in run.goals:
        values = [line.ratios[row.key] for line in same if row.key in line.ratios]
        if row.id and len(values) > 1:
            change = values[-1] / values[0] - 1 if row.direction == ">=" else values[0] / values[-1] - 1
            word = "faster" if change >= 0 else "slower"
            rows.append({
                "goal": row.id, "work": row.work, "runs": str(len(values)), "first": f"{values[0]:.3g}", "last": f"{values[-1]:.3g}",
                "since the first": f"{abs(change):.0%} {word}", "trend": spark(values, f"{row.work}: {values[0]:.3g} to {values[-1]:.3g}"),
            })  # fmt: skip
    if rows:
        yield f"<h2>Trend</h2><p>The ratio of each goal over {len(same)} runs, the oldest at the left, each on a scale of its own.</p>"
        yield table("Ratios from run to run", rows, {"runs", "first", "last", "since the first"})


def _shut(summary: str, inside: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


if __name__ == "__main__":
    sys.stdout.write(page(joined(load(Path(path)) for path in sys.argv[1:]), history(HISTORY)))
