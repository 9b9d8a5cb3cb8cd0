# SPDX-License-Identifier: Apache-2.0
"""Which slots belong to one device: by a setting, else by their names."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

# Device, then two hexadecimal numbers: the device among those of its kind, the slot in it. Windows ends with the slot's number alone.
_SLOT: Final = re.compile(r"(.*\S) ([0-9A-F]{2}) ([0-9A-F]{2})|(.*\D)(\d)")


def pairs(names: Sequence[str], given: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Return the pairs among readers, in the order of their names in the list.

    `given` names for a reader the one that goes with it, and comes first; a name that is not there is passed over.
    """
    found = [(one, other) for one, other in (given or {}).items() if one in names and other in names and one != other]
    taken = {name for pair in found for name in pair}
    devices: dict[tuple[str, str], list[str]] = {}
    for name in names:
        if name not in taken and (parts := _SLOT.fullmatch(name)) is not None:
            devices.setdefault((parts[1] or parts[4], parts[2] or ""), []).append(name)
    return [*found, *((slots[0], slots[1]) for slots in devices.values() if len(slots) == 2)]
