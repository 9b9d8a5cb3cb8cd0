# SPDX-License-Identifier: Apache-2.0
"""Rounds of a race: ours and the peers by turns, each in a fresh process, so that a slow moment of the machine falls on all."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from itertools import chain
from typing import Any, Final

from loadtests.kept import Kept
from loadtests.machine import ROOT
from loadtests.model import Contender, Outcome, Race, Sample

# Seconds that a process may take to say its next line.
PATIENCE: Final = 300
Told = Callable[[str], None]


def missing(contender: Contender) -> str | None:
    """Return the first module or program that a contender needs and that is not installed."""
    modules = (name for name in contender.needs if find_spec(name) is None)
    return next(chain(modules, (name for name in contender.programs if shutil.which(name) is None)), None)


def size_of(race: Race, contender: Contender, quick: bool) -> int:
    """Return how much a contender has to do."""
    return (contender.quick or race.quick) if quick else (contender.size or race.size)


def measure(module: str, race: Race, rounds: int, seconds: float, quick: bool, told: Told, stay: bool = False) -> dict[str, Outcome]:
    """Run all rounds of a race and return what became of each contender, by name.

    One that is not installed, breaks, or is proved wrong stops at once and keeps its reason; the others go on. With `stay` a process
    serves for all rounds where its work can be run again, and those of a race are made ready side by side, before any is timed.
    """
    sizes = {each.name: size_of(race, each, quick) for each in race.contenders}
    reasons = {each.name: f"{absent} is not installed" for each in race.contenders if (absent := missing(each)) is not None}
    samples: dict[str, list[Sample]] = {name: [] for name in sizes}
    wanted = {name: size for name, size in sizes.items() if name not in reasons}
    each = sorted({*wanted.values()})
    with contextlib.ExitStack() as closing, ThreadPoolExecutor(os.cpu_count()) as pool:
        asked = partial(_command, module, race.name)
        answers = dict(zip(each, pool.map(lambda size: _answer(asked("answer", size, seconds)), each), strict=True))
        reasons |= {name: answers[size]["reason"] for name, size in wanted.items() if "reason" in answers[size]}
        processes = {
            name: _process(asked(name, size, seconds, answers[size]["digest"])) for name, size in wanted.items() if name not in reasons
        }
        for process in processes.values():
            closing.callback(process.end)
        if stay:
            list(pool.map(Kept.ready, processes.values()))
        for number in range(1, rounds + 1):
            for name, process in processes.items():
                if name in reasons:
                    continue
                told(f"{race.name}: {name}, round {number} of {rounds}")
                found = process.turn()
                if not stay:
                    process.end()
                if "reason" in found:
                    reasons[name] = found["reason"]
                else:
                    samples[name].append(Sample(**found))
    return {name: Outcome(size, () if name in reasons else tuple(samples[name]), reasons.get(name, "")) for name, size in sizes.items()}


def _answer(command: list[str]) -> dict[str, Any]:
    process = _process(command)
    try:
        return process.ready()
    finally:
        process.end()


def _process(command: list[str]) -> Kept:
    return Kept(command, ROOT, _environment(), PATIENCE)


def _command(module: str, race: str, who: str, size: int, seconds: float, *expected: str) -> list[str]:
    return [sys.executable, "-m", "loadtests.child", module, race, who, str(size), str(seconds), *expected]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
