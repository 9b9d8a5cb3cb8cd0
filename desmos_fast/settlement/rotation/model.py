# SPDX-License-Identifier: Apache-2.0
"""What changing the master key is about."""

from typing import ClassVar, NamedTuple

import msgspec

from desmos_fast.base.errors import Conflict


class RotationRuns(Conflict):
    """Another program is changing the keys."""

    code: ClassVar[str] = "rotation_runs"


class RotationStuck(Conflict):
    """Rows are left under the former key, and no more of them can be moved; both keys stay in use."""

    code: ClassVar[str] = "rotation_stuck"


class Left(NamedTuple):
    """How much of one centre is still under the former key: sealed rows, and rows by the index of a patient."""

    sealed: int
    indexed: int


class Rotated(msgspec.Struct, frozen=True):
    """What a rotation did: from which key to which, and how many rows it sealed anew."""

    former: int
    present: int
    rows: int


class KeyShown(msgspec.Struct, frozen=True):
    """One master key: since when rows are sealed and indexed under it, and since when nothing is left under those before."""

    number: int
    seals: bool
    indexes: bool
    alone: bool
