# SPDX-License-Identifier: Apache-2.0
"""What dashboards are made of: a figure, bars, lines; each with a title, what it says, a unit and its queries."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as model

GOOD, WARNS, BAD, NEUTRAL = "green", "orange", "red", "blue"
COLUMNS: Final = 24
# Four scrapes, or what is drawn as one point when that is longer.
RATE: Final = "$__rate_interval"
RANGE: Final = "$__range"
# What leaves out a share of nothing, which is no number.
TOLD: Final = ">= 0"
THIS_MONTH: Final = "now/M"
LAST: Final = ["lastNotNull"]
TAG: Final = "desmos-fast"
SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
Panel = bargauge.Panel | stat.Panel | timeseries.Panel
P = TypeVar("P", bargauge.Panel, stat.Panel, timeseries.Panel)
# From which value on which colour holds; what is below the first is good.
Steps = Sequence[tuple[float | None, str]]


class Query(NamedTuple):
    """One question to Prometheus, and what its answer is called: a text with `{{label}}`."""

    expr: str
    legend: str = ""


class Row(NamedTuple):
    """Panels under one heading, placed from left to right."""

    title: str
    panels: Sequence[Panel]


def figure(
    title: str, says: str, unit: str, *queries: Query, span: int = 4, height: int = 4, steps: Steps = (),
    words: Mapping[int, tuple[str, str]] | None = None, since: str = "", decimals: int | None = None,
) -> stat.Panel:  # fmt: skip
    """Return a panel with the last value of each query; `words` are shown in the place of values, each with its colour."""
    panel = _filled(stat.Panel(), title, says, unit, queries, span, height, steps, instant=True).graph_mode(shapes.BigValueGraphMode.NONE)
    panel.reduce_options(common.ReduceDataOptions().calcs(LAST))
    panel.color_mode(shapes.BigValueColorMode.BACKGROUND if steps or words else shapes.BigValueColorMode.VALUE)
    if words:
        shown = {str(value): model.ValueMappingResult(text=text, color=color) for value, (text, color) in words.items()}
        panel.mappings([model.ValueMap(options=shown)])
    if since:
        panel.time_from(since)
    return panel if decimals is None else panel.decimals(decimals)


def bars(title: str, says: str, unit: str, *queries: Query, span: int = 12, height: int = 8, steps: Steps = ()) -> bargauge.Panel:
    """Return a panel with one bar for each series."""
    panel = _filled(bargauge.Panel(), title, says, unit, queries, span, height, steps or ((None, NEUTRAL),), instant=True)
    panel.reduce_options(common.ReduceDataOptions().calcs(LAST))
    return panel.orientation(shapes.VizOrientation.HORIZONTAL).display_mode(shapes.BarGaugeDisplayMode.BASIC).min(0)


def lines(
    title: str, says: str, unit: str, *queries: Query, span: int = 12, height: int = 8, steps: Steps = (), stacked: bool = False,
    stepped: bool = False, low: float | None = 0, high: float | None = None, cut: float | None = None,
) -> timeseries.Panel:  # fmt: skip
    """Return a panel over time; `steps` are drawn as dashed lines, `cut` is where the axis ends whatever comes."""
    panel = _filled(timeseries.Panel(), title, says, unit, queries, span, height, steps)
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST).placement(shapes.LegendPlacement.BOTTOM)
    panel.legend(legend.show_legend(True)).tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))
    panel.fill_opacity(30 if stacked else 8).show_points(shapes.VisibilityMode.NEVER)
    if stacked:
        panel.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))
    if stepped:
        panel.line_interpolation(shapes.LineInterpolation.STEP_AFTER)
    if steps:
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(shapes.GraphThresholdsStyleMode.DASHED))
    if low is not None:
        panel.axis_soft_min(low)
    if cut is not None:
        panel.max(cut)
    return panel if high is None else panel.axis_soft_max(high)


def _filled(
    panel: P, title: str, says: str, unit: str, queries: Sequence[Query], span: int, height: int, steps: Steps, *, instant: bool = False
) -> P:
    panel.title(title).description(says).unit(unit).span(span).height(height).datasource(SOURCE)
    for place, query in enumerate(queries):
        asked = (
            prometheus.Dataquery().expr(query.expr).legend_format(query.legend or title).ref_id(chr(ord("A") + place)).datasource(SOURCE)
        )
        panel.with_target(asked.instant() if instant else asked.range())
    whole = steps if steps and steps[0][0] is None else ((None, GOOD), *steps)
    found = [model.Threshold(value=value, color=color) for value, color in whole]
    panel.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found))
    return panel


def made(uid: str, title: str, says: str, rows: Sequence[Row], *, span: str = "now-6h") -> str:
    """Return a dashboard as the JSON that Grafana provisions, with a menu of its sisters."""
    board = dashboard.Dashboard(title).uid(uid).description(says).tags([TAG]).timezone("Europe/Paris").readonly()
    board.time(span, "now").refresh("1m").week_start("monday").tooltip(model.DashboardCursorSync.CROSSHAIR)
    board.with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    sisters = dashboard.DashboardLink("desmos-fast").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    board.link(sisters.as_dropdown(True).keep_time(True).include_vars(True))
    number = 0
    for row in rows:
        number += 1
        board.with_row(dashboard.Row(row.title).id(number))
        for panel in row.panels:
            number += 1
            board.with_panel(panel.id(number))
    told = json.loads(JSONEncoder().encode(board.build()))
    return json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
