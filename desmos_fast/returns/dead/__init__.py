# SPDX-License-Identifier: Apache-2.0
"""Returns that were refused, and orders that came before: kept until a person or a new try ends them."""
