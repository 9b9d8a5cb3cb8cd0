# SPDX-License-Identifier: Apache-2.0
"""Pictures of the dashboards: `python -m tests.monitoring.pictures FOLDER [URL]`.

Without the address of a Prometheus, one of its own plays the invented days of `story`, with what the rules record of them.
"""

import contextlib
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from desmos_fast.base.clock import PARIS
from monitoring.slo.reading import read_contract
from monitoring.slo.rules import rule_files
from tests.monitoring import story
from tests.monitoring.drawing import Series, draw
from tests.monitoring.story import Sample

BOARDS: Final = Path(__file__).parents[2] / "monitoring/dashboards"
SPANS: Final = {"h": 3600, "d": 86400}
POINTS: Final = 160
BLOCK_S: Final = 7200
# What Prometheus answers at most to one question, and what is recorded so often that it is there within five minutes.
MOST_POINTS: Final = 10_000
RARELY_S: Final = 240
START_S: Final = 60


class Prometheus:
    """The questions that pictures ask of a Prometheus at an address."""

    def __init__(self, url: str) -> None:
        """Ask nothing yet."""
        self.url = url

    def ask(self, route: str, **told: object) -> list[dict[str, Any]]:
        """Return what a question is answered with."""
        body = urllib.parse.urlencode(told).encode()
        with urllib.request.urlopen(f"{self.url}/api/v1/{route}", body, timeout=60) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def over(self, expr: str, start: float, end: float, step: float) -> Iterator[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Give each series of a question over time."""
        for one in self.ask("query_range", query=expr, start=start, end=end, step=step):
            yield one["metric"], [(when, float(value)) for when, value in one["values"]]


def pictures(prometheus: Prometheus, now: float) -> Iterator[tuple[str, str]]:
    """Give the name of each dashboard and its picture."""
    for path in sorted(BOARDS.glob("*.json")):
        board = json.loads(path.read_text(encoding="utf-8"))
        yield path.stem, picture(prometheus, board, now)


def picture(prometheus: Prometheus, board: Mapping[str, Any], now: float, span: float | None = None) -> str:
    """Return the picture of a dashboard at an instant, over its own span unless another one is given."""
    number, unit = re.fullmatch(r"now-(\d+)([hd])", board["time"]["from"]).groups()  # type: ignore[union-attr]
    span = int(number) * SPANS[unit] if span is None else span

    def answers(panel: Mapping[str, Any]) -> list[Series]:
        shown = span
        if panel.get("timeFrom") == "now/M":
            shown = now - datetime.fromtimestamp(now, PARIS).replace(day=1, hour=0, minute=0, second=0).timestamp()
        return [one for target in panel["targets"] for one in _answer(prometheus, target, now, shown)]

    return draw(board, (now - span, now), answers)


def _answer(prometheus: Prometheus, target: Mapping[str, Any], now: float, span: float) -> Iterator[Series]:
    step = max(span / POINTS, 1)
    expr = target["expr"].replace("$__rate_interval", f"{max(step + 15, 60):.0f}s").replace("$__range", f"{span:.0f}s")
    if target["instant"]:
        found = [(one["metric"], [(one["value"][0], float(one["value"][1]))]) for one in prometheus.ask("query", query=expr, time=now)]
    else:
        found = list(prometheus.over(expr, now - span, now, step))
    for labels, points in found:
        yield Series(_named(target["legendFormat"], labels), points)


def _named(legend: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda name: labels.get(name[1], ""), legend)


@contextlib.contextmanager
def running(data: Path) -> Iterator[Prometheus]:
    """Run a Prometheus over what is in a folder, which scrapes nothing."""
    config = data / "prometheus.yml"
    config.write_text("global: {}\n", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={data / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.retention.time=20y", "--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h",
    ]  # fmt: skip
    with (data / "log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(child, url)
        yield Prometheus(url)
    finally:
        child.terminate()
        child.wait(timeout=30)


def _wait(child: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=5):
                return
        except OSError:
            if child.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def fill(data: Path, samples: Iterable[Sample]) -> None:
    """Put samples where a Prometheus finds them: a block for every two hours."""
    blocks: dict[int, list[str]] = {}
    for at, name, value in samples:
        blocks.setdefault(at // BLOCK_S, []).append(f"{name} {value} {at}\n")
    file = data / "samples"
    for _, lines in sorted(blocks.items()):
        file.write_text("".join([*lines, "# EOF\n"]), encoding="utf-8")
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "-q", "openmetrics", file, data / "tsdb"], check=True, capture_output=True
        )


def record(data: Path, start: int, end: int) -> None:
    """Record what the rules say of the samples, each rule once all that it needs is recorded."""
    files = rule_files(read_contract()).values()
    pending = [rule for told in files for group in told["groups"] for rule in group["rules"] if "record" in rule]
    while pending:
        names = {rule["record"] for rule in pending}
        ready = [rule for rule in pending if not any(name in rule["expr"] for name in names)]
        with running(data) as prometheus:
            samples = [one for rule in ready for one in _recorded(prometheus, rule, start, end)]
        fill(data, samples)
        pending = [rule for rule in pending if rule not in ready]


def _recorded(prometheus: Prometheus, rule: Mapping[str, Any], start: int, end: int) -> Iterator[Sample]:
    step = RARELY_S if re.search(r"\[\d+[hd]\]\)\)", rule["expr"]) else story.STEP_S
    for begin in range(start, end + 1, MOST_POINTS * step):
        until = min(end, begin + (MOST_POINTS - 1) * step)
        for labels, points in prometheus.over(rule["expr"], begin, until, step):
            told = {key: value for key, value in (labels | rule.get("labels", {})).items() if key != "__name__"}
            yield from (Sample(int(at), story.series(rule["record"], **told), value) for at, value in points)


def main() -> None:
    """Draw every dashboard into a folder."""
    folder, *url = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if url:
            prometheus, now = Prometheus(url[0]), time.time()
        else:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            now = story.END.timestamp()
            fill(data, story.availability())
            fill(data, story.details())
            record(data, round(story.START.timestamp()), round(now))
            prometheus = stack.enter_context(running(data))
        for name, drawn in pictures(prometheus, now):
            (Path(folder) / f"{name}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
