# SPDX-License-Identifier: Apache-2.0
"""The people of a centre who are told by mail, by name, of what is out of the ordinary."""
