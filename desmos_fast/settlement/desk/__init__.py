# SPDX-License-Identifier: Apache-2.0
"""What patients pay at the desk: payments, deposits, refunds, and what becomes of their shares."""
