# SPDX-License-Identifier: Apache-2.0
"""Races of nothing much, as the processes of the harness find them."""

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
    return Job(lambda: [float(number) for number in range(1, size + 1)], size, len, lambda found: sum(found) / size, lambda found: found)


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
)  # fmt: skip
