# SPDX-License-Identifier: Apache-2.0
"""The reference page of the metrics, from the catalogue."""

from collections.abc import Iterable
from typing import Final

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
