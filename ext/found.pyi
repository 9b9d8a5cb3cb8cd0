# SPDX-License-Identifier: Apache-2.0
REASONS: tuple[str, ...]

Fault = tuple[int, str, int]
# The faults that are kept, and how many there are.
Found = tuple[list[Fault], int]
