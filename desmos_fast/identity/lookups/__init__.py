# SPDX-License-Identifier: Apache-2.0
"""How much each account looks up, and where that ends."""
