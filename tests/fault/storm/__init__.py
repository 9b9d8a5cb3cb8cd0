# SPDX-License-Identifier: Apache-2.0
"""A small centre at work whose processes are killed, again and again: see docs/why/faults.md."""
