# SPDX-License-Identifier: Apache-2.0
"""Incidents of the service and maintenance, as the contract of a centre counts them."""
