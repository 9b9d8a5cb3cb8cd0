# SPDX-License-Identifier: Apache-2.0
from ext.found import Found
from ext.reader import Scan

OPS: tuple[str, ...]

class Zones:
    def __init__(self, layouts: tuple[tuple[object, ...], ...]) -> None: ...
    def check(self, scan: Scan, limit: int) -> Found: ...
