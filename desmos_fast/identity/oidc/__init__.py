# SPDX-License-Identifier: Apache-2.0
"""People who are vouched for by a provider of identities, in the style of Pro Santé Connect."""
