# SPDX-License-Identifier: Apache-2.0
"""Numbers of complementary insurers that name no insurer, where a rule of ours depends on one: see the list `amc_reserved`."""

from typing import Final

C2S_NUMBER: Final = "99999997"
C2S_CONTRACT: Final = "89"
