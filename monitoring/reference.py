# SPDX-License-Identifier: Apache-2.0
"""The reference pages of the metrics, from the catalogue, and of the dashboards, from their JSON."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from monitoring.catalogue import Label, Metric, catalogue

HEAD: Final = """# The metrics

Written by `make dashboards` from `monitoring/catalogue.py` and `monitoring/metrics.py`; a test compares.

`serve` shows them at `/metrics`, and `worker --metrics-port` on a port of its own: the same list, each counts what it does. What is
counted from the database (anomalies, invariants, what is due) is over all centres and the same from every service: take its `max`, and the
`sum` of what is counted as it happens.

**No label tells a person, a number or a centre.** Each value of a label has the shape that is said here, which no NIR, FINESS, RPPS,
IBAN, id, amount, number of an invoice or key has, and each label has at most so many values. *Series* is how many time series of one
process a metric has at most, those of a histogram all counted. A counter and a histogram also have a `_created` series beside each, which
says since when they count.
"""
BOARDS: Final = """# The dashboards

Written by `make dashboards` from `monitoring/dashboards`; a test compares. The SLA dashboard follows
[the files of the contract](slo.md#the-files): one row for each promise.

`monitoring/dashboards` holds one JSON for each, of the schema of Grafana 11.6, and `provisioning` what tells Grafana where they are. They
ask a Prometheus that scrapes the jobs `desmos-fast` (`serve`) and `desmos-worker` (`worker --metrics-port`) every 15 seconds and has loaded
[the rules](slo.md#the-rules); the [probe](slo.md#the-probe) may have any name. To put them into a Grafana:

1. Copy the JSON files to `/etc/grafana/dashboards/desmos-fast`, or elsewhere with that place in `provisioning/dashboards/desmos-fast.yaml`.
2. Copy `provisioning/datasources/desmos-fast.yaml` and `provisioning/dashboards/desmos-fast.yaml` into the folders of the same names below
   `/etc/grafana/provisioning`, with the address of Prometheus in the first; leave it out when Grafana has that Prometheus already.
3. Restart Grafana. Each dashboard has a menu of the others, and a field that says which Prometheus it asks.

For another contract, `desmos-fast slo dashboards --contract FOLDER --to FOLDER` writes them anew; that needs the extra
`desmos-fast[dashboards]`.

No Grafana loaded them here, for none is packaged. What is shown instead: each file, read by the classes that Grafana generates from its
schema and written again, is the same (a test); the types of `@grafana/schema` 11.6.0 take all of them but for one word, `auto`, that
Grafana's own builder writes for the choice of the Prometheus; promtool takes every question. How a Grafana lays them out, and that its
panels do what the schema says, is not shown.

The pictures below are not those of a Grafana: `python -m tests.monitoring.pictures docs/reference/pictures` draws them from the same
files and the answers of a Prometheus to which a week of an invented service was told, with two outages, a database that was away for some
minutes, and a recipient that was. With the address of a running Prometheus behind the folder it draws what that one knows.

What is counted *in the time shown* follows the time picker. Counts of Prometheus are reckoned from scrapes: over a short time they can be a
fraction of one off. Times are those of Paris.
"""


def dashboards_page(files: Mapping[str, str]) -> str:
    """Return the page as Markdown, from the files of the dashboards by their names."""
    told = [BOARDS]
    for name, content in files.items():
        if name.endswith(".json"):
            board = json.loads(content)
            title = board["title"].removeprefix("desmos-fast: ")
            told += [f"## {title[0].upper()}{title[1:]}", "", f"`{name}`. {board['description']}", ""]
            told += [f"![{title}, drawn of invented days](pictures/{name.removesuffix('.json')}.svg)", ""]
            told += ["| panel | shows | of |", "|---|---|---|", *map(_panel, board["panels"]), ""]
    return "\n".join(told)


def _panel(panel: Mapping[str, Any]) -> str:
    if panel["type"] == "row":
        return f"| **{_cell(panel['title'])}** | | |"
    asked = [target["expr"] for target in panel["targets"]]
    names = sorted({name for expr in asked for name in re.findall(r"\b(?:desmos|process)[_:][\w:]+|\bALERTS\b|\bup\b", expr)})
    return f"| {_cell(panel['title'])} | {_cell(panel['description'])} | {' '.join(f'`{name}`' for name in names)} |"


def metrics_page() -> str:
    """Return the page as Markdown."""
    metrics = list(catalogue().values())
    own = [one for one in metrics if one.name.startswith("desmos_")]
    rest = [one for one in metrics if not one.name.startswith("desmos_")]
    return "\n".join(
        [
            HEAD, "## What the program counts", "", *_metrics(own), "",
            f"{sum(one.series for one in own):,} series of one process at most.", "",
            "## Labels", "", "A value matches the whole regular expression.", "", *_labels(metrics), "",
            "## Process and interpreter", "", *_metrics(rest),
        ]
    ) + "\n"  # fmt: skip


def _metrics(metrics: Iterable[Metric]) -> Iterable[str]:
    yield from ("| metric | type | unit | is | labels | series |", "|---|---|---|---|---|---|")
    for one in metrics:
        labels = " ".join(f"`{name}`" for name in one.labels)
        yield f"| `{one.name}` | {one.type} | {one.unit} | {_cell(one.help)} | {labels} | {one.series:,} |"


def _labels(metrics: Iterable[Metric]) -> Iterable[str]:
    found: dict[tuple[str, Label], list[str]] = {}
    for one in metrics:
        for name, label in one.labels.items():
            found.setdefault((name, label), []).append(one.name)
    yield from ("| label | of | is | shape | values |", "|---|---|---|---|---|")
    for (name, label), of in sorted(found.items()):
        yield f"| `{name}` | {' '.join(f'`{one}`' for one in of)} | {_cell(label.says)} | `{_cell(label.shape)}` | {label.most} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
