# SPDX-License-Identifier: Apache-2.0
from array import array

def match_rows(left: bytes, right: bytes, width: int, both_ways: bool) -> array[int]: ...
