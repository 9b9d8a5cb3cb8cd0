# SPDX-License-Identifier: Apache-2.0
"""Certificates that settings name, and when they end."""
