# SPDX-License-Identifier: Apache-2.0
"""What availability counts of a request, and what is shown of the service window at an instant."""

import time
from datetime import datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.health import tell_window
from monitoring import metrics


def shown() -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {(one.name, ",".join(sorted(one.labels.values()))): one.value for family in families for one in family.samples}


@pytest.mark.parametrize(
    ("status", "seconds", "outcome"),
    [
        (200, 0.1, "good"), (304, 2.0, "good"), (201, 2.01, "bad"), (500, 0.1, "bad"), (503, 0.1, "bad"), (429, 0.1, "bad"),
        (404, 0.1, None), (422, 9.0, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("window", ["open", "closed"])
def test_what_a_request_counts_as(status: int, seconds: float, outcome: str | None, window: str) -> None:
    before = shown()
    metrics.count_availability(status, seconds, is_open=window == "open")
    after = shown()
    grown = {key: after[key] - before[key] for key in after if key[0] == "desmos_sli_requests_total" and after[key] != before[key]}
    assert grown == ({} if outcome is None else {("desmos_sli_requests_total", ",".join(sorted((window, outcome)))): 1})


def test_what_a_process_takes_is_told_once() -> None:
    metrics.tell_usage()
    before, began = shown(), time.process_time()
    while time.process_time() - began < 0.05:
        pass
    metrics.tell_usage()
    took = shown()["desmos_cpu_seconds_total", ""] - before["desmos_cpu_seconds_total", ""]
    assert 0.05 <= took <= time.process_time() - began + 0.05
    metrics.tell_usage()
    assert shown()["desmos_cpu_seconds_total", ""] - before["desmos_cpu_seconds_total", ""] < 2 * took
    assert 2**24 < shown()["desmos_memory_bytes", ""] < 2**36


def test_the_window_at_an_instant() -> None:
    def at(text: str) -> dict[tuple[str, str], float]:
        tell_window(datetime.fromisoformat(text))
        return shown()

    holiday = at("2026-07-14T12:00:00+02:00")
    assert holiday["desmos_service_window", ""] == 0
    opens = datetime.fromisoformat("2026-07-15T08:00:00+02:00").timestamp()
    assert holiday["desmos_service_window_edge_timestamp_seconds", "1,opens"] == opens
    assert holiday["desmos_service_window_edge_timestamp_seconds", "1,closes"] == opens + 43200
    assert holiday["desmos_service_window_edge_timestamp_seconds", "5,closes"] == opens + 5 * 86400 + 43200
    assert holiday["desmos_service_period_seconds", "month,window"] == 26 * 43200
    assert holiday["desmos_service_period_seconds", "window,year"] == 303 * 43200
    assert holiday["desmos_service_period_seconds", "24x7,month"] == 31 * 86400
    day = at("2026-07-15T09:00:00+02:00")
    assert day["desmos_service_window", ""] == 1
    assert day["desmos_service_window_seconds_total", ""] - holiday["desmos_service_window_seconds_total", ""] == 3600
