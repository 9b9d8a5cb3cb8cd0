# SPDX-License-Identifier: Apache-2.0
"""The dashboard of the workers: what they send, build and tell, and how late they are."""

from typing import Final

from monitoring.dashboards.panels import BAD, GOOD, RANGE, RATE, WARNS, Query, Row, bars, figure, lines, made

JOB: Final = 'job="desmos-worker"'
WEBHOOKS_LATE_S, SCHEDULE_LATE_S = 300, 900
BUILT: Final = "max(desmos_scheduled_build_timestamp_seconds > 0)"


def jobs() -> str:
    """Return the dashboard as JSON."""
    return made(
        "desmos-jobs", "desmos-fast: jobs", "What workers do: send files, build lots at their times, tell webhooks and people.",
        [
            _now(),
            Row("Sending", [
                lines("Files", "A second: handed over, tried in vain, put off, given up.", "none",
                      Query(f"sum(rate(desmos_files_sent_total[{RATE}]))", "sent"),
                      Query(f"sum(rate(desmos_sendings_failed_total[{RATE}]))", "failed"),
                      Query(f"sum(rate(desmos_files_put_off_total[{RATE}]))", "put off"),
                      Query(f"sum(rate(desmos_files_dead_total[{RATE}]))", "given up")),
                bars("Put off", "In the time shown, by reason: closed, broken, pace, busy.", "none",
                     Query(f"sum by (reason) (increase(desmos_files_put_off_total[{RANGE}]))", "{{reason}}")),
            ]),
            Row("Schedules and webhooks", [
                bars("Scheduled builds", "In the time shown, by result.", "none",
                     Query(f"sum by (result) (increase(desmos_scheduled_builds_total[{RANGE}]))", "{{result}}"), span=6),
                lines("Deliveries to webhooks", "A second, by outcome: a failed one is tried again, a dead one is not.", "none",
                      Query(f"sum by (outcome) (rate(desmos_webhook_tries_total[{RATE}]))", "{{outcome}}"), span=9, stacked=True),
                lines("Late", "For how long the oldest that nobody began is due.", "s",
                      Query("max(desmos_webhook_overdue_seconds)", "webhooks"),
                      Query("max(desmos_schedule_overdue_seconds)", "lots"), span=9,
                      steps=((WEBHOOKS_LATE_S, WARNS), (SCHEDULE_LATE_S, BAD))),
            ]),
            Row("Queue", [
                lines("Waiting", "Jobs that wait, those that are to come later included, by what they do.", "none",
                      Query('max by (queue) (desmos_jobs{state="waiting"})', "{{queue}}"), span=8),
                lines("Being done", "By what they do.", "none",
                      Query('max by (queue) (desmos_jobs{state="running"})', "{{queue}}"), span=8),
                lines("Held", "Given up until somebody has them tried again.", "none",
                      Query('max by (queue) (desmos_jobs{state="held"})', "{{queue}}"), span=8, steps=((0.5, WARNS),)),
            ]),
            Row("Notices and processes", [
                bars("Mails to people of centres", "In the time shown, by outcome.", "none",
                     Query(f"sum by (outcome) (increase(desmos_notices_total[{RANGE}]))", "{{outcome}}"), span=8),
                lines("Processor", "Processors in use, by worker.", "none",
                      Query(f"rate(process_cpu_seconds_total{{{JOB}}}[{RATE}])", "{{instance}}"), span=8),
                lines("Memory", "Memory of each worker.", "bytes",
                      Query(f"process_resident_memory_bytes{{{JOB}}}", "{{instance}}"), span=8),
            ]),
        ],
    )  # fmt: skip


def _now() -> Row:
    return Row("Now", [
        figure("Workers", "Processes that Prometheus reaches; without one nothing is sent, built, told or noticed.", "none",
               Query(f"sum(up{{{JOB}}})"), steps=((None, BAD), (1, GOOD)), span=4),
        figure("Lots are due for", "The oldest due time that nobody dealt with.", "s",
               Query("max(desmos_schedule_overdue_seconds)"),
               steps=((SCHEDULE_LATE_S / 3, WARNS), (SCHEDULE_LATE_S, BAD)), span=4),
        figure("Webhooks are due for", "The oldest delivery that nobody looked at.", "s",
               Query("max(desmos_webhook_overdue_seconds)"),
               steps=((WEBHOOKS_LATE_S / 3, WARNS), (WEBHOOKS_LATE_S, BAD)), span=4),
        figure("Leading", "The one worker that does what the clock asks for.", "none", Query("sum(desmos_worker_leads)"),
               steps=((None, BAD), (1, GOOD), (2, BAD)), span=3),
        figure("Last scheduled build", "How long ago.", "s", Query(f"time() - {BUILT}"), span=3),
        figure("Its delay", "How long after its due time it ran.", "s",
               Query("max(desmos_scheduled_build_delay_seconds)"), steps=((60, WARNS),), span=3),
        figure("Given up", "Files and returns that wait for somebody.", "none",
               Query('sum(max by (kind) (desmos_anomalies_open{kind=~"file_dead|return_dead"})) or vector(0)'), steps=((1, BAD),),
               span=3),
    ])  # fmt: skip
