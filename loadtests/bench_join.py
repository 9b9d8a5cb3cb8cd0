# SPDX-License-Identifier: Apache-2.0
"""The exact join of order lines to invoice parts, beside a dictionary of the same keys.

Shows packed keys joined both ways in one thread. It does not show the packing of the keys, nor the columnar joins of other packages.
"""

import argparse
import random

from ext import join
from loadtests.rounds import compare

WIDTH = 64


def dictionary(left: list[bytes], right: list[bytes]) -> list[int]:
    rows: dict[bytes, int] = {}
    for row, key in enumerate(right):
        rows[key] = -2 if key in rows else row
    found = [rows.get(key, -1) for key in left]
    taken: dict[int, int] = {}
    for row in found:
        taken[row] = taken.get(row, 0) + 1
    return [-2 if row >= 0 and taken[row] > 1 else row for row in found]


def run(rows: int, rounds: int) -> None:
    chance = random.Random(7)
    right = [chance.randbytes(WIDTH) for _ in range(rows)]
    left = [right[chance.randrange(rows)] for _ in range(rows)]
    packed_left, packed_right = b"".join(left), b"".join(right)
    if list(join.match_rows(packed_left, packed_right, WIDTH, True)) != dictionary(left, right):
        raise SystemExit("the two joins differ")
    compare(
        f"{rows} x {rows} keys of {WIDTH} bytes",
        rows,
        lambda: join.match_rows(packed_left, packed_right, WIDTH, True),
        lambda: dictionary(left, right),
        rounds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds")
    quick = parser.parse_args().quick
    sizes, rounds = ((10_000, 100_000), 5) if quick else ((10_000, 100_000, 1_000_000), 9)
    print(f"{rounds} rounds in turn; peer: dict of bytes keys")
    for rows in sizes:
        run(rows, rounds)


if __name__ == "__main__":
    main()
