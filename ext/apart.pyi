# SPDX-License-Identifier: Apache-2.0
class Apart:
    @property
    def pairs(self) -> int: ...
