# SPDX-License-Identifier: Apache-2.0
"""The agents of workstations: how they are let in, known again and shut out, and what their readers tell."""
