# SPDX-License-Identifier: Apache-2.0
"""Run the targets without a fuzzer: `python -m tests.fuzz.replay [CHANGED]`, golden files, crashers and so many changed inputs of each."""

import random
import sys
from collections.abc import Iterator

from tests.fuzz.targets import CRASHERS, TARGETS


def kept(name: str) -> Iterator[bytes]:
    """Give the golden files of a target, and every input that ever made it fail."""
    yield from TARGETS[name].seeds
    yield from (path.read_bytes() for path in sorted((CRASHERS / name).glob("*")))


def changed(name: str, runs: int) -> Iterator[bytes]:
    """Give so many inputs that the name of the target decides."""
    target, chance = TARGETS[name], random.Random(name)
    for _ in range(runs):
        yield target.change(chance, chance.choice(target.seeds), target.seeds)


def replay(name: str, runs: int, twin_each: int = 1) -> int:
    """Run a target, what is kept and one changed input in `twin_each` with its twin, 0 for none; return how often.

    An input that fails is in a note of its exception.
    """
    inputs = [(data, twin_each > 0) for data in kept(name)]
    inputs += [(data, twin_each > 0 and place % twin_each == 0) for place, data in enumerate(changed(name, runs))]
    for data, twin in inputs:
        try:
            TARGETS[name].run(data, twin)
        except Exception as error:
            error.add_note(f"the input: {data!r}")
            raise
    return len(inputs)


if __name__ == "__main__":
    for each in TARGETS:
        print(each, replay(each, int(sys.argv[1]) if len(sys.argv) > 1 else 100, 0), "inputs")
