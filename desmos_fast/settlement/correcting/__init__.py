# SPDX-License-Identifier: Apache-2.0
"""Do what a person decides: matches made, refused and undone, lines cut in pieces, shares closed."""
