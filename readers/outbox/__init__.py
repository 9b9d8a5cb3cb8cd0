# SPDX-License-Identifier: Apache-2.0
"""What waits on a workstation until the service has it."""
