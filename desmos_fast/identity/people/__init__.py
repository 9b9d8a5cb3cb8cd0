# SPDX-License-Identifier: Apache-2.0
"""People of a centre: users, passwords, codes, sessions."""
