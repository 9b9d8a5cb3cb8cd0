# SPDX-License-Identifier: Apache-2.0
"""Which backend reads cards with their rights, as it is set."""

from readers.choices import Choices
from readers.errors import VendorLibrary
from readers.simulator.rights import SimulatedCards
from readers.ssv.identity import PcscCards
from readers.ssv.library import SsvCards
from readers.ssv.port import HealthCardBackend


def backend(chosen: Choices) -> HealthCardBackend:
    """Return the backend that is set; whoever has it closes it. Raises VendorLibrary."""
    if chosen.backend == "simulator":
        return SimulatedCards(chosen.simulator.seed)
    if chosen.backend == "pcsc":
        return PcscCards()
    if chosen.ssv is None:
        raise VendorLibrary("no library of the SSV components is set", hint="DESMOS_CARDS names a file that says where it is")
    return SsvCards(chosen.ssv)
