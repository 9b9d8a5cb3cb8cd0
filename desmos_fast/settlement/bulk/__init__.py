# SPDX-License-Identifier: Apache-2.0
"""The many lines of a run that one share answers to the letter (rules A1 and A2), settled without an object for each."""
