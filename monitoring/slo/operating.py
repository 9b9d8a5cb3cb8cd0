# SPDX-License-Identifier: Apache-2.0
"""Alerts on what must never be and on what nobody looks after; each has its section in a runbook."""

from typing import Any, Final

RUNBOOKS: Final = "docs/runbooks"
PAGES: Final = {
    "DesmosBudgetBurnsFast": "availability", "DesmosBudgetBurnsSlowly": "availability", "DesmosBudgetSpent": "availability",
    "DesmosMetricsAbsent": "monitoring", "DesmosWindowAbsent": "monitoring", "DesmosRequestsAbsent": "monitoring",
    "DesmosProbeAbsent": "monitoring",
    "DesmosInvariantsAbsent": "monitoring", "DesmosWindowFlaps": "monitoring", "DesmosWorkerAbsent": "working",
    "DesmosWorkerMetricsAbsent": "working", "DesmosInvariantBroken": "money", "DesmosContentChanged": "money",
    "DesmosDeadLetter": "working", "DesmosAckMissing": "working", "DesmosAnomalyOpen": "working", "DesmosRecipientBroken": "working",
    "DesmosWebhookDead": "working", "DesmosWebhooksLate": "working", "DesmosScheduleLate": "working", "DesmosNoticesFail": "working",
    "DesmosRemindersWait": "money", "DesmosDatabaseAway": "availability",
    "DesmosProcessesRestart": "availability", "DesmosNobodyLeads": "working",
    "DesmosBackupAbsent": "saving", "DesmosBackupLate": "saving", "DesmosRestoreTestAbsent": "saving", "DesmosRestoreTestLate": "saving",
    "DesmosRestoreTestFailed": "saving", "DesmosLossOver": "saving", "DesmosRestoreOver": "saving",
    "DesmosCertificateEnds": "saving", "DesmosCertificateEndsNow": "saving",
    "DesmosProbeFails": "availability", "DesmosInterventionLate": "availability", "DesmosRecoveryLate": "availability",
}  # fmt: skip
AT_ONCE: Final = "content_changed|stage_differs"
DEAD: Final = "file_dead|return_dead"
DAY_S: Final = 86400
# A backup a day, with two hours to make it; a trial of restoring twice a year, as the charter says.
BACKUP_S, TRIAL_S = DAY_S + 7200, 184 * DAY_S
END_SOON_S, END_NOW_S = 21 * DAY_S, 2 * DAY_S
ENDS: Final = "min by (certificate, recipient) (desmos_certificate_end_timestamp_seconds) - time()"


def alert(name: str, expr: str, labels: dict[str, str], text: str, wait: str | None = None) -> dict[str, Any]:
    """Return an alert with the place of its section in the runbooks."""
    rule: dict[str, Any] = {"alert": name, "expr": expr}
    if wait is not None:
        rule["for"] = wait
    return rule | {"labels": labels, "annotations": {"summary": text, "runbook": f"{RUNBOOKS}/{PAGES[name]}.md#{name.lower()}"}}


def _page(name: str, expr: str, text: str, wait: str | None = None) -> dict[str, Any]:
    return alert(name, expr, {"severity": "page"}, text, wait)


def _ticket(name: str, expr: str, text: str, wait: str | None = None) -> dict[str, Any]:
    return alert(name, expr, {"severity": "ticket"}, text, wait)


ABSENT: Final = [
    _page("DesmosMetricsAbsent", 'absent(up{job="desmos-fast"})', "No service is scraped under the job desmos-fast.", "5m"),
    _page("DesmosWindowAbsent", "absent(desmos_service_window)", "No service tells whether the window is open.", "5m"),
    _ticket("DesmosProbeAbsent", "absent(desmos_probe_failing)", "No probe asks the service from outside.", "15m"),
    _page("DesmosRequestsAbsent", "absent(desmos_sli_requests_total)", "No service counts requests for availability.", "5m"),
    _ticket("DesmosInvariantsAbsent", "absent(desmos_invariant_difference)", "What must always hold is not counted.", "15m"),
    _ticket("DesmosWindowFlaps", "max(changes(desmos_service_window[26h])) > 4", "The window opens and closes too often: look at clocks."),
    _page("DesmosWorkerAbsent", 'absent(up{job="desmos-worker"} == 1)', "No worker runs: nothing is sent, built, told or noticed.", "5m"),
    _ticket("DesmosBackupAbsent", "absent(desmos_backup_timestamp_seconds)", "Nobody says that there is any backup.", "1h"),
    _ticket("DesmosRestoreTestAbsent", "absent(desmos_restore_test_timestamp_seconds)", "No backup was ever restored for trial.", "1h"),
    _ticket("DesmosWorkerMetricsAbsent", "absent(desmos_webhook_overdue_seconds)", "No worker tells how late webhooks are.", "15m"),
]
OPERATING: Final = [
    _page("DesmosInvariantBroken", "max by (invariant) (abs(desmos_invariant_difference)) > 0", "{{ $labels.invariant }} does not hold."),
    _page(
        "DesmosContentChanged",
        f'max by (kind) (desmos_anomalies_open{{kind=~"{AT_ONCE}"}}) > 0',
        "{{ $labels.kind }}: stop billing, look at the storage.",
    ),
    _ticket(
        "DesmosDeadLetter", f'max by (kind) (desmos_anomalies_open{{kind=~"{DEAD}"}}) > 0', "{{ $labels.kind }}: given up, kept.", "5m"
    ),
    _ticket(
        "DesmosAckMissing", 'max(desmos_anomalies_oldest_seconds{kind="ack_missing"}) > 86400', "A payer is silent for more than a day."
    ),
    _ticket(
        "DesmosAnomalyOpen",
        f'max by (kind) (desmos_anomalies_open{{kind!~"{AT_ONCE}|{DEAD}"}}) > 0',
        "{{ $labels.kind }} is open for an hour.",
        "1h",
    ),
    _ticket("DesmosRecipientBroken", "max by (recipient) (desmos_recipient_broken) > 0", "{{ $labels.recipient }} is left alone.", "15m"),
    _ticket(
        "DesmosWebhookDead", 'sum(increase(desmos_webhook_tries_total{outcome="dead"}[1h])) > 0', "Deliveries to a receiver were given up."
    ),
    _ticket("DesmosWebhooksLate", "max(desmos_webhook_overdue_seconds) > 300", "A delivery is due for five minutes.", "5m"),
    _ticket("DesmosScheduleLate", "max(desmos_schedule_overdue_seconds) > 900", "Lots are due for a quarter of an hour.", "5m"),
    _ticket("DesmosNoticesFail", 'sum(increase(desmos_notices_total{outcome="failed"}[1h])) > 0', "Mails to people of centres fail."),
    _ticket("DesmosRemindersWait", "max by (rule) (desmos_reminders_open) > 0", "Reminders of {{ $labels.rule }} wait for a week.", "7d"),
    _ticket("DesmosBackupLate", f"time() - max(desmos_backup_timestamp_seconds) > {BACKUP_S}", "The last backup is older than a day."),
    _ticket(
        "DesmosRestoreTestLate",
        f"time() - max(desmos_restore_test_timestamp_seconds) > {TRIAL_S}",
        "No backup was restored for half a year.",
    ),
    _ticket(
        "DesmosRestoreTestFailed", "max(desmos_restore_test_failed) > 0", "The last backup that was restored for trial does not serve."
    ),
    _ticket(
        "DesmosCertificateEnds",
        f"({ENDS} < {END_SOON_S}) >= {END_NOW_S}",
        "The {{ $labels.certificate }} certificate ({{ $labels.recipient }}) ends within three weeks.",
    ),
    _page(
        "DesmosCertificateEndsNow",
        f"{ENDS} < {END_NOW_S}",
        "The {{ $labels.certificate }} certificate ({{ $labels.recipient }}) ends within two days, has ended, or cannot be read.",
    ),
    # Three quarters of the hour and of the four hours of the contract: what speaks when they are over speaks too late.
    _page(
        "DesmosInterventionLate",
        'max(desmos_incident_clock_seconds{clock="gti"}) > 2700',
        "Nobody attends to an incident that is declared for 45 minutes of the hour of the contract.",
    ),
    _page(
        "DesmosRecoveryLate",
        'max(desmos_incident_clock_seconds{clock="gtr"}) > 10800',
        "An incident goes on for three of the four hours of the contract: let the service run at least degraded.",
    ),
    _page(
        "DesmosProbeFails",
        "max(desmos_probe_failing) > 0 and on () max(desmos_service_window) == 1",
        "Two of the last three transactions of the probe failed: centres cannot bill.",
    ),
    # One that dies is started again at once, and later and later up to every ten seconds.
    _page(
        "DesmosProcessesRestart",
        "sum(increase(desmos_process_restarts_total[15m])) > 5",
        "Processes of the service die and are started again and again.",
    ),
    # Another one leads within ten seconds or so.
    _page(
        "DesmosNobodyLeads", "sum(desmos_worker_leads) < 1", "Workers run and none leads: nothing that the clock asks for is done.", "3m"
    ),
    _page(
        "DesmosDatabaseAway", "sum(increase(desmos_database_unavailable_total[5m])) > 0", "Requests are refused for want of the database."
    ),
]
