# SPDX-License-Identifier: Apache-2.0
"""Fuzz one target, guided by the branches that the kernels take: `python -m tests.fuzz.run TARGET WORK CRASHERS [options of libFuzzer]`.

WORK keeps what was found interesting from one run to the next. An input that fails is written to CRASHERS/TARGET, where `make test`
replays it ever after when that is tests/crashers. Needs the build and the library of `make fuzz`. The branches of Python are not counted:
that takes three times as long, and the changes of the targets reach them without.
"""

import hashlib
import os
import random
import sys
import traceback
import zlib
from pathlib import Path
from typing import Final

import atheris  # type: ignore[import-untyped]

from tests.fuzz.targets import TARGETS, Target

# An answer that takes longer is a hang, whatever else the machine does; the sanitizers alone make an input ten times as slow. What Python
# never frees is no leak of ours.
LIMITS: Final = ("-timeout=10", "-rss_limit_mb=2048", "-max_len=8192", "-detect_leaks=0")
LONGEST_WORD: Final = 64
TWIN_EACH: Final = 64


def dictionary(words: list[bytes]) -> str:
    """Write words as libFuzzer reads them, each byte by its number."""
    return "".join('"' + "".join(f"\\x{byte:02X}" for byte in word) + '"\n' for word in words if 0 < len(word) <= LONGEST_WORD)


def prepare(target: Target, work: Path, crashers: Path) -> list[str]:
    """Write the seeds and the dictionary; return the arguments that name them."""
    corpus, seeds, words = work / "corpus", work / "seeds", work / "words"
    for folder in (corpus, seeds, crashers):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (seeds / f"{number:03d}").write_bytes(seed)
    words.write_text(dictionary(list(target.words)), encoding="ascii")
    return [f"-dict={words}", f"-artifact_prefix={crashers}/", str(corpus), str(seeds), str(crashers)]


def main(name: str, work: str, crashers: str, *options: str) -> None:
    """Run a target until its runs are done or one of them fails."""
    target = TARGETS[name]

    def one(data: bytes) -> None:
        try:
            # By its content, for a failing input to fail again.
            target.run(data, zlib.crc32(data) % TWIN_EACH == 0)
        except BaseException:
            # The fuzzer keeps what crashes or hangs; an exception too, but after a search for symbols that outlasts its own alarm.
            traceback.print_exc()
            Path(crashers, name, f"failed-{hashlib.sha1(data, usedforsecurity=False).hexdigest()}").write_bytes(data)
            sys.stderr.flush()
            os._exit(1)

    def change(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.randrange(2):
            return bytes(atheris.Mutate(data, most))
        return target.change(chance, data, target.seeds)[:most]

    atheris.Setup([sys.argv[0], *prepare(target, Path(work, name), Path(crashers, name)), *LIMITS, *options], one, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
