# SPDX-License-Identifier: Apache-2.0
"""How many decimals the minor unit of a currency has (ISO 4217)."""

from typing import Final

_OTHER_THAN_TWO: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
_UNITS: Final = {currency: units for units, currencies in _OTHER_THAN_TWO.items() for currency in currencies.split()}


def minor_units(currency: str) -> int:
    """Return the number of decimals of the currency's minor unit."""
    return _UNITS.get(currency, 2)
