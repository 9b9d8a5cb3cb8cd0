# SPDX-License-Identifier: Apache-2.0
"""What a centre sets for matching, and the labels of its bank that people explained: kept with who and when, revision by revision."""
