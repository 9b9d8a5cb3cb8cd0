# SPDX-License-Identifier: Apache-2.0
"""What a worker shows of backups, trials of restoring, certificates and the queue, each told whole: what is not told is absent, never 0."""

from collections.abc import Mapping

from monitoring import metrics


def set_backups(
    *, saved_s: float | None, size: int, lost_s: float | None, served_s: float | None, failed: bool | None, phases: Mapping[str, float]
) -> None:
    """Set how old the last backup is and what became of trials; None, and what has no phase, is not shown."""
    for told, value in (
        (metrics.backup_time, saved_s), (metrics.backup_bytes, size if saved_s is not None else None), (metrics.rpo_seconds, lost_s),
        (metrics.restore_test_time, served_s), (metrics.restore_test_failed, failed),
    ):  # fmt: skip
        told.values = {} if value is None else {(): float(value)}
    metrics.restore_test_seconds.values = {(phase,): seconds for phase, seconds in phases.items()}


def set_certificates(ends: Mapping[tuple[str, ...], float]) -> None:
    """Set when certificates end, by what each is for and its recipient, `*` for the house."""
    metrics.certificate_end.values = dict(ends)


def set_jobs(counts: Mapping[tuple[str, ...], int]) -> None:
    """Set how many jobs the queue has, by what they do and their state; of what it had and has no more there are 0."""
    metrics.jobs.replace(counts)
