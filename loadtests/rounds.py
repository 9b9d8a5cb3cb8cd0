# SPDX-License-Identifier: Apache-2.0
"""Rounds of a race: ours and the peers by turns, each in a fresh process, so that a slow moment of the machine falls on all."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from itertools import chain
from typing import Any, Final

from loadtests.kept import Kept, broken
from loadtests.machine import ROOT
from loadtests.model import Contender, Outcome, Race, Sample

PATIENCE: Final = 900
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
    serves for all rounds where its work can be run again.
    """
    sizes = {each.name: size_of(race, each, quick) for each in race.contenders}
    reasons = {each.name: f"{absent} is not installed" for each in race.contenders if (absent := missing(each)) is not None}
    samples: dict[str, list[Sample]] = {name: [] for name in sizes}
    answers: dict[int, dict[str, Any]] = {}
    with contextlib.ExitStack() as kept:
        turns: dict[str, Callable[[], dict[str, Any]]] = {}
        for number in range(1, rounds + 1):
            for name, size in sizes.items():
                if name in reasons:
                    continue
                told(f"{race.name}: {name}, round {number} of {rounds}")
                if size not in answers:
                    answers[size] = _child(module, race.name, "answer", size, seconds)
                if name not in turns:
                    turns[name] = _turn(kept, stay, module, race.name, name, size, seconds, answers[size])
                found = turns[name]()
                if "reason" in found:
                    reasons[name] = found["reason"]
                else:
                    samples[name].append(Sample(**found))
    return {name: Outcome(size, () if name in reasons else tuple(samples[name]), reasons.get(name, "")) for name, size in sizes.items()}


def _turn(
    kept: contextlib.ExitStack, stay: bool, module: str, race: str, name: str, size: int, seconds: float, answer: dict[str, Any]
) -> Callable[[], dict[str, Any]]:
    """Return what measures a contender once; without an answer it tells why there is none."""
    if "digest" not in answer:
        return lambda: answer
    if not stay:
        return lambda: _child(module, race, name, size, seconds, answer["digest"])
    process = Kept(_command(module, race, name, size, seconds, answer["digest"], "stay"), ROOT, _environment(), PATIENCE)
    kept.callback(process.end)
    return process.turn


def _command(module: str, race: str, who: str, size: int, seconds: float, *expected: str) -> list[str]:
    return [sys.executable, "-m", "loadtests.child", module, race, who, str(size), str(seconds), *expected]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}


def _child(module: str, race: str, who: str, size: int, seconds: float, *expected: str) -> dict[str, Any]:
    """Run one process of a race; one that ends badly gives a reason of one line."""
    command = _command(module, race, who, size, seconds, *expected)
    try:
        ended = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return {"reason": f"it did not end within {PATIENCE} s"}
    if ended.returncode != 0:
        return {"reason": broken(ended.stderr, ended.returncode)}
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found
