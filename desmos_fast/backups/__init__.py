# SPDX-License-Identifier: Apache-2.0
"""Backups of the database: taken whole, looked at, and restored for trial, so that it is known whether they serve."""
