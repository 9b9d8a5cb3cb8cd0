# SPDX-License-Identifier: Apache-2.0
"""How many decimals the minor unit of a currency has (ISO 4217)."""

from typing import Final

_BY_UNITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
OTHER_THAN_TWO: Final = {currency: units for units, currencies in _BY_UNITS.items() for currency in currencies.split()}


def minor_units(currency: str) -> int:
    """Return the number of decimals of the currency's minor unit."""
    return OTHER_THAN_TWO.get(currency, 2)
