# SPDX-License-Identifier: Apache-2.0
from typing import final

ZONES: tuple[str, ...]

@final
class Claims:
    def __init__(self, places: tuple[tuple[int, int], ...], codes: tuple[int, int, int, int], c2s: bytes, c2s_contract: bytes) -> None: ...
