# SPDX-License-Identifier: Apache-2.0
"""Dashboards of the service: requests, errors and durations; the pool of the database."""

from typing import Final

from monitoring.dashboards.panels import BAD, GOOD, RANGE, RATE, TOLD, WARNS, Query, Row, bars, figure, lines, made

JOB: Final = 'job="desmos-fast"'
# What people and programs ask for: without what a supervisor asks.
ASKED: Final = 'route!~"/livez|/readyz|/metrics"'
READS, WRITES = f'method=~"GET|HEAD",{ASKED}', f'method!~"GET|HEAD",{ASKED}'
READY: Final = {0: ("not ready", BAD), 1: ("ready", GOOD)}
BUCKETS: Final = "desmos_http_request_duration_seconds_bucket"
READ_S, WRITE_S, LAG_S = 0.15, 0.3, 0.1
MOST: Final = 10


def service() -> str:
    """Return the dashboard of requests as JSON."""
    return made(
        "desmos-service", "desmos-fast: service", "Rate, errors and duration of requests, and what could run short.",
        [_now(), _rate(), _errors(), _duration(), _saturation()],
    )  # fmt: skip


def _quantile(share: float, only: str, by: str = "") -> str:
    return f"histogram_quantile({share}, sum by (le{by}) (rate({BUCKETS}{{{only}}}[{RATE}])))"


def _now() -> Row:
    bad = f'(sum(rate(desmos_sli_requests_total{{outcome="bad"}}[{RATE}])) or vector(0)) / sum(rate(desmos_sli_requests_total[{RATE}]))'
    return Row("Now", [
        figure("Services", "Services that Prometheus reaches.", "none",
               Query(f"sum(up{{{JOB}}})"), steps=((None, BAD), (1, GOOD)), span=3),
        figure("Ready", "What the last readiness check said, of the worst service; not ready until a first one.", "none",
               Query(f"min(desmos_ready{{{JOB}}})"), words=READY, span=3),
        figure("Requests", "Requests answered a second.", "reqps",
               Query(f"sum(rate(desmos_http_requests_total{{{ASKED}}}[{RATE}]))"), span=3),
        figure("Bad", "Share of requests with 429, 5xx or over 2 s; from 5 % on a minute is one of outage.", "percentunit",
               Query(f"{bad} {TOLD}"),
               steps=((0.01, WARNS), (0.05, BAD)), span=3, decimals=2),
        figure("Reads, p95", "95 of 100 reads are faster; 150 ms is the aim.", "s",
               Query(f"{_quantile(0.95, READS)} {TOLD}"), steps=((READ_S, WARNS),), span=3),
        figure("Writes, p95", "95 of 100 writes are faster; 300 ms is the aim.", "s",
               Query(f"{_quantile(0.95, WRITES)} {TOLD}"), steps=((WRITE_S, WARNS),), span=3),
        figure("Running", "Requests being answered.", "none", Query("sum(desmos_http_requests_running)"), span=3),
        figure("Loop lag", "How late the worst event loop wakes up; from 500 ms on it is not ready.", "s",
               Query(f"max(desmos_event_loop_lag_seconds{{{JOB}}})"), steps=((LAG_S, WARNS), (0.5, BAD)), span=3),
    ])  # fmt: skip


def _rate() -> Row:
    return Row("Rate", [
        lines("Requests by route", f"The {MOST} routes that are asked most.", "reqps",
              Query(f"topk({MOST}, sum by (method, route) (rate(desmos_http_requests_total{{{ASKED}}}[{RATE}])))", "{{method}} {{route}}"),
              stacked=True),
        lines("Requests by status", "2xx done, 4xx the caller's fault, 5xx ours.", "reqps",
              Query(f"sum by (status) (rate(desmos_http_requests_total{{{ASKED}}}[{RATE}]))", "{{status}}"), stacked=True),
    ])  # fmt: skip


def _errors() -> Row:
    return Row("Errors", [
        lines("Failed and shed", "Requests answered with 5xx or 429, by route.", "reqps",
              Query(f'sum by (route, status) (rate(desmos_http_requests_total{{status=~"5..|429"}}[{RATE}]))', "{{status}} {{route}}"),
              span=8),
        bars("Problems", "Problems answered in the time shown, by stable code.", "none",
             Query(f"topk({MOST}, sum by (code) (increase(desmos_http_problems_total[{RANGE}]))) > 0", "{{code}}"), span=8),
        lines("Connections cut", "A minute, before they asked for anything whole, by reason.", "none",
              Query(f"sum by (reason) (rate(desmos_connections_cut_total[{RATE}])) * 60", "{{reason}}"), span=8),
    ])  # fmt: skip


def _duration() -> Row:
    fast = f'sum(rate({BUCKETS}{{le="1.0",{ASKED}}}[{RATE}])) / sum(rate(desmos_http_request_duration_seconds_count{{{ASKED}}}[{RATE}]))'
    return Row("Duration", [
        lines("Reads", "Median, 95th and 99th of 100.", "s",
              *(Query(_quantile(share, READS), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)), span=8, steps=((READ_S, WARNS),)),
        lines("Writes", "Median, 95th and 99th of 100.", "s",
              *(Query(_quantile(share, WRITES), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)), span=8, steps=((WRITE_S, WARNS),)),
        lines("Within a second", "Share of requests answered within a second; 99 % is the aim.", "percentunit", Query(fast, "within 1 s"),
              span=8, steps=((None, BAD), (0.99, GOOD)), low=0.9, high=1),
        lines("Slowest routes, p95", f"The {MOST} routes whose 95th of 100 is slowest.", "s",
              Query(f"topk({MOST}, {_quantile(0.95, ASKED, ', method, route')})", "{{method}} {{route}}"), span=24),
    ])  # fmt: skip


def _saturation() -> Row:
    return Row("What could run short", [
        lines("Processes", "That serve, of all services, and how many had to be started again in the time of a point.", "none",
              Query("sum(desmos_processes)", "serving"),
              Query(f"sum(increase(desmos_process_restarts_total[{RATE}]))", "started again"), span=8, stepped=True),
        lines("Loop lag", "How late the event loop of each service wakes up.", "s",
              Query(f"desmos_event_loop_lag_seconds{{{JOB}}}", "{{instance}}"),
              span=8, steps=((LAG_S, WARNS),)),
        lines("Running", "Requests being answered, by service.", "none", Query(f"desmos_http_requests_running{{{JOB}}}", "{{instance}}"),
              span=8),
        lines("Processor", "Processors in use, by service.", "none",
              Query(f"rate(desmos_cpu_seconds_total{{{JOB}}}[{RATE}])", "{{instance}}")),
        lines("Memory", "Of all processes of each service.", "bytes", Query(f"desmos_memory_bytes{{{JOB}}}", "{{instance}}")),
    ])  # fmt: skip


def database() -> str:
    """Return the dashboard of the database and its pool as JSON."""
    used = 'sum(desmos_database_connections{state="used"})'
    busy = 'sum by (instance) (desmos_database_connections{state="used"})'
    return made(
        "desmos-database", "desmos-fast: PostgreSQL and pool",
        "What services and workers see of the database: their connections, and requests refused for want of it. What the server itself"
        " counts needs an exporter of its own.",
        [
            Row("Now", [
                figure("Connections in use", "Of all services and workers.", "none", Query(used), span=5),
                figure("Connections idle", "Open, and waiting for a request.", "none",
                       Query('sum(desmos_database_connections{state="idle"})'), span=5),
                figure("In use", "Share of the open connections of the busiest service: it may still open more.", "percentunit",
                       Query(f"max({busy} / sum by (instance) (desmos_database_connections))"),
                       steps=((0.8, WARNS),), span=5),
                figure("Refused, 5 minutes", "Requests refused because the database was away: at once somebody's work.", "none",
                       Query("sum(increase(desmos_database_unavailable_total[5m]))"), steps=((0.5, BAD),), span=5, decimals=0),
                figure("Ready", "Not ready: the database, its version or the loop.", "none",
                       Query(f"min(desmos_ready{{{JOB}}})"), words=READY, span=4),
            ]),
            Row("Pool", [
                lines("Connections", "Of all services and workers, by state.", "none",
                      Query("sum by (state) (desmos_database_connections)", "{{state}}"), stacked=True),
                lines("In use, by service", "Connections that requests and jobs hold.", "none",
                      Query(busy, "{{instance}}")),
            ]),
            Row("Database", [
                lines("Refused for want of it", "Requests a second.", "reqps",
                      Query(f"sum(rate(desmos_database_unavailable_total[{RATE}]))", "refused")),
                lines("Writes and repeats", "Writes answered a second, and those that were answered from the stored answer.", "reqps",
                      Query(f'sum(rate(desmos_http_requests_total{{method!~"GET|HEAD"}}[{RATE}]))', "writes"),
                      Query(f"sum(rate(desmos_idempotent_replays_total[{RATE}]))", "repeats")),
            ]),
        ],
    )  # fmt: skip
