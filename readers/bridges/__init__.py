# SPDX-License-Identifier: Apache-2.0
"""Imaging programs that are started with the patient of the moment: what each is told, as data."""
