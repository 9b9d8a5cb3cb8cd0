# SPDX-License-Identifier: Apache-2.0
"""The rows of dead letters: what is kept of returns that were refused, and of orders that came before."""
