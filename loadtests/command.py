# SPDX-License-Identifier: Apache-2.0
"""What `desmos-fast bench` does in a checkout: measure, show how far it is, print, draw, and hold it against the baseline."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from os.path import relpath
from pathlib import Path
from typing import Any, Final

import msgspec

from loadtests import chart, gate, machine, record, report, suite
from loadtests.html import page
from loadtests.judge import Row
from loadtests.rounds import Told

FOLDER: Final = machine.ROOT / "build" / "bench"
RECORD: Final = "run.json"


def run(
    names: Sequence[str], *, quick: bool, as_json: bool, hold: bool = False, keep: bool = False, resume: bool = False
) -> bool:  # fmt: skip
    """Measure suites and print what came of it; record, report and chart go to `build/bench`. Say whether nothing has become slower.

    With `hold` the run is held against the baseline, with `keep` it becomes the baseline. With `resume` suites that a run before this one
    has ended stay as they were found.
    """
    baseline = gate.read(gate.path_of(quick))
    known = {**machine.fingerprint(), "probe_seconds": machine.probe(), "quick": quick}
    with leaving_nothing(), progress(suite.processes(names, quick)) as told:
        found = _measured(known, names, told, resume)
        findings = _held(baseline, found, told) if hold and baseline else []
    put(FOLDER / RECORD, msgspec.json.encode(found))
    histories = [FOLDER / "history.ndjson", gate.HISTORY]
    gate.remember(found, *histories[: 2 if keep else 1])
    written = FOLDER / "report.html"
    written.write_text(page.page(found, gate.history(*histories)), encoding="utf-8")
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        report.show(found.machine, found.goals)
    print(_drawn(found.goals, found.machine), f"report: {relpath(written, machine.ROOT)}", sep="\n", file=sys.stderr)
    if hold:
        _tell(baseline, findings)
    if keep:
        gate.write(gate.kept(found, baseline), gate.path_of(quick))
    return not any(finding.bad for finding in findings)


@contextlib.contextmanager
def leaving_nothing() -> Iterator[None]:
    """Let who is told to end take away what was started: databases, services, processes of a race."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_bytes(content)
    partial.replace(path)


def part_of(name: str, quick: bool) -> Path:
    """Return where what came of one suite is kept until the run ends, and after."""
    return FOLDER / ("quick" if quick else "whole") / f"{name}.json"


def _measured(known: dict[str, Any], names: Sequence[str], told: Told, resume: bool) -> record.Run:
    """Measure suite by suite, keep each as it ends, and return them in the order asked."""
    quick, began = bool(known["quick"]), time.monotonic()
    parts: dict[str, record.Run] = {}
    for name in names:
        path = part_of(name, quick)
        if resume and path.exists() and (part := record.load(path)).is_whole:
            parts[name] = part
            _note(f"{name}: stays as it was found at {datetime.fromtimestamp(path.stat().st_mtime):%d %B %H:%M}")
        else:
            path.unlink(missing_ok=True)
    with suite.Stage() as stage:
        for name in suite.in_order([name for name in names if name not in parts]):
            start = time.monotonic()
            parts[name] = record.of(known, suite.run([name], quick, told, stage=stage))
            put(part_of(name, quick), msgspec.json.encode(parts[name]))
            now = time.monotonic()
            broken = "" if parts[name].is_whole else "; not all of it could be measured"
            _note(f"{name}: {now - start:.0f} s, {now - began:.0f} s since the run began{broken}")
    found = record.joined([parts[name] for name in names])
    revisions = dict.fromkeys(str(part.machine["revision"]) for part in parts.values())
    return msgspec.structs.replace(found, machine={**found.machine, "revision": ", ".join(revisions)})


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _held(baseline: gate.Baseline, run: record.Run, told: Told) -> list[gate.Finding]:
    """Hold a run against the baseline; what looks slower is measured once more, and counts only if it is again."""
    findings = gate.compare(baseline, run)
    suspects = {finding.row.race for finding in findings if finding.bad and finding.row.race}
    if not suspects:
        return findings
    names = [name for name in suite.SUITES if any(finding.bad and finding.row.suite == name for finding in findings)]
    again = record.of(run.machine, suite.run(names, run.quick, told, suspects))
    second = {finding.row.key: finding for finding in gate.compare(baseline, again) if finding.row.race}
    return [second.get(finding.row.key, finding) if finding.bad else finding for finding in findings]


def _tell(baseline: gate.Baseline | None, findings: Sequence[gate.Finding]) -> None:
    if baseline is None:
        print("gate: there is no baseline of such runs yet; `--keep` makes this one the baseline", file=sys.stderr)
        return
    bad = [finding.text for finding in findings if finding.bad]
    where = f"baseline of {baseline.day}, revision {baseline.revision}, {baseline.cpu}, {baseline.cores} cores"
    silent = [finding.text for finding in findings if finding.slower is None and not finding.bad]
    print(f"gate: {len(findings)} rows held against the {where}; {len(bad)} have become slower", *bad, sep="\n  ", file=sys.stderr)
    if silent:
        print("not compared:", *silent, sep="\n  ", file=sys.stderr)


def _drawn(rows: Sequence[Row], known: dict[str, object]) -> str:
    path = FOLDER / "bench.svg"
    try:
        drawn = chart.draw(rows, known, path)
    except ModuleNotFoundError as absent:
        return f"no chart: {absent.name} is not installed"
    return f"chart: {relpath(path, machine.ROOT)}" if drawn else "no chart: nothing was measured"


@contextlib.contextmanager
def progress(total: int) -> Iterator[Told]:
    """Show a bar on standard error, to a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda doing: bar.update(task, advance=1, description=doing)
