# SPDX-License-Identifier: Apache-2.0
"""Results as text."""

from collections.abc import Iterator

from loadtests.scenarios.figures import Figures
from loadtests.scenarios.model import Result
from loadtests.scenarios.ramp import Ramp

HEAD = f"{'':24} {'asked':>7} {'good/s':>8} {'p50':>8} {'p95':>8} {'p99':>8} {'p99.9':>8}  errors"


def result(told: Result) -> str:
    """Show the result of a scenario."""
    return "\n".join(_lines(told))


def _lines(told: Result) -> Iterator[str]:
    yield f"{told.scenario}: {told.says}"
    yield (
        f"{told.day}, {told.centres} centres, scale {told.scale:g}, load {told.load:g}, {told.seconds:g} s of which {told.warm_s:g}"
        f" warm up, seed {told.seed}; milliseconds; the client was late by {told.late_p99:g} at p99"
    )
    yield HEAD
    for name, part in told.actions.items():
        yield line(name, part)
    if len(told.groups) > 1:
        for name, part in told.groups.items():
            yield line(f"[{name}]", part)
    yield line("all", told.total)
    for aim in told.aims:
        yield f"{'met    ' if aim.met else 'NOT MET'} {aim.name} {aim.asked}: {aim.seen}" + (f" ({told.judged})" if told.judged else "")
    for proof in told.proofs:
        yield f"{'holds  ' if proof.holds else 'BROKEN '} {proof.name}: {proof.said}"


def line(name: str, part: Figures) -> str:
    """Show some requests on one line."""
    times = " ".join(f"{'-' if value is None else format(value, '.1f'):>8}" for value in (part.p50, part.p95, part.p99, part.p999))
    errors = ", ".join(f"{code}: {count}" for code, count in part.errors.items())
    return f"{name:24} {part.asked:7} {part.goodput_per_s:8.1f} {times}  {errors}".rstrip()


def step(told: Result) -> str:
    """Show one load of a ramp on one line."""
    missed = ", ".join(aim.name for aim in told.aims if not aim.met)
    return line(f"load {told.load:g}", told.total) + (f"  missed: {missed}" if missed else "")


def ramp(told: Ramp) -> str:
    """Show a ramp."""
    return "\n".join([f"{told.scenario}: {told.says}", HEAD, *map(step, told.steps), told.said])
