# SPDX-License-Identifier: Apache-2.0
"""What becomes of lots and files once they are built: cancelled, awaited, sent again, built again, counted from stage to stage."""
