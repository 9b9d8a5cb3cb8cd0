# SPDX-License-Identifier: Apache-2.0
"""What is set for the cards of a workstation: one file, which DESMOS_CARDS names. Without it cards are read by PC/SC alone."""

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec

from desmos_fast.base import settings
from desmos_fast.base.errors import InvalidInput
from readers.cps.chosen import CpsChoices
from readers.ssv.library import SsvChoices

EXAMPLE: Final = "docs/reference/agent.md has an example"
BackendName = Literal["pcsc", "ssv", "simulator"]


class BadChoices(InvalidInput):
    """The file of the cards cannot be used."""

    code = "invalid_input"


class SimulatorChoices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which invented people the simulator reads."""

    seed: int = 1


class Choices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it. `pairs` names for a reader the one that goes with it."""

    backend: BackendName = "pcsc"
    pairs: dict[str, str] = {}
    cps: CpsChoices | None = None
    ssv: SsvChoices | None = None
    simulator: SimulatorChoices = SimulatorChoices()


def choices(env: Mapping[str, str] | None = None) -> Choices:
    """Return what is set. Raises BadChoices, which says where in the file, and BadSetting."""
    path = settings.cards(env)
    return read(path) if path is not None else Choices()


def read(path: Path) -> Choices:
    """Return what a file sets. Raises BadChoices."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), type=Choices)
    except OSError as error:
        raise BadChoices(f"{path} cannot be read: {error.strerror}", hint="DESMOS_CARDS names it") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BadChoices(f"{path}: {error}", hint=EXAMPLE) from error
    if found.backend == "ssv" and found.ssv is None:
        raise BadChoices(f"{path}: the backend is ssv, and there is no [ssv] with its library", hint=EXAMPLE)
    paths = {"cps.library": found.cps.library} if found.cps is not None else {}
    if found.ssv is not None:
        paths |= {"ssv.library": found.ssv.library, "ssv.python": found.ssv.python or sys.executable}
    for name, value in paths.items():
        # Where a program or a library without a place is looked for differs with the system, and may be open to others.
        if not Path(value).is_absolute():
            raise BadChoices(f"{path}: {name} is no absolute path", hint="write where it is, from the root on")
    return found
