# SPDX-License-Identifier: Apache-2.0
"""Races of nothing much, as the processes of the harness find them."""

import itertools
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from loadtests.model import Contender, Job, Race, growing


def summed(size: int) -> Job:
    return Job(lambda: sum(range(size)), size)


def by_formula(size: int) -> Job:
    return Job(lambda: size * (size - 1) // 2, size)


def wrong(size: int) -> Job:
    return Job(lambda: size, size)


def broken(_: int) -> Job:
    def run() -> NoReturn:
        raise ValueError("no such thing")

    return Job(run)


def answer(size: int) -> int:
    return sum(number for number in range(size))


def weighed(size: int) -> Job:
    """A job whose value is read from its result."""
    return Job(lambda: size * (size - 1) // 2, reading=lambda found: float(found))


def asked(size: int) -> Job:
    """A job of which each answer has a time: a second more each time."""
    return Job(
        lambda: [float(number) for number in range(1, size + 1)], size, len, lambda found: sum(found) / size, lambda found: found,
        refused=lambda found: 7,
    )  # fmt: skip


def anew(last: int) -> Callable[[int], Job]:
    """A job that may be run again although its value is read: it counts its runs, and is right until the last of them."""

    def prepare(_: int) -> Job:
        runs = itertools.count(1)
        return Job(lambda: next(runs), proof=lambda run: run <= last, reading=lambda run: float(run), again=True)

    return prepare


def asleep(_: int) -> Job:
    """A job that starts a program and waits for it."""

    def run() -> None:
        with subprocess.Popen(["sleep", "600"]) as process:
            Path(os.environ["SLEEPER"]).write_text(str(process.pid), encoding="ascii")

    return Job(run)


RACES: Final = (
    Race(
        "sum", "sum of numbers", 2_000, 200,
        ours=(Contender("formula", by_formula),),
        peers=(
            Contender("loop", summed), Contender("wrong", wrong), Contender("broken", broken),
            Contender("absent", summed, needs=("no_such_module_at_all",)),
        ),
        answer=answer,
    ),
    Race("weight", "weight of numbers", 10, 10, (Contender("large", weighed, size=101, quick=11),), (Contender("small", weighed),), answer),
    Race("no-answer", "nothing is right", 1, 1, (Contender("formula", by_formula),), (), answer=lambda _: 1 // 0),
    growing("growth", "sum of numbers", summed, answer, 100, 10),
    Race("answers", "answer questions", 100, 100, (Contender("asked", asked),), (), lambda size: size),
    Race("anew", "count", 10, 10, (Contender("sound", anew(9)),), (Contender("unsound", anew(1), size=9, quick=9),), lambda size: True),
    Race("asleep", "sleep", 1, 1, (Contender("asleep", asleep),), (), lambda size: None),
)  # fmt: skip
