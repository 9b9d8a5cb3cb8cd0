# SPDX-License-Identifier: Apache-2.0
"""A month of a centre whose concentrator loses, doubles, delays and damages messages, on a clock that is passed in."""
