# SPDX-License-Identifier: Apache-2.0
"""Looking into the ledger: its entries, trial balances, and whether its chain still says what was posted."""
