# SPDX-License-Identifier: Apache-2.0
"""How each accounting program is written to: lines of the books in, bytes out."""
