# SPDX-License-Identifier: Apache-2.0
"""What is out of the ordinary: noticed once, told within a minute, kept until it is resolved."""
