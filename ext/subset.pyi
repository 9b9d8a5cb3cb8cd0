# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterable

def explain(amounts: Iterable[int], target: int, halves: int = 24) -> tuple[int, list[int]]: ...
