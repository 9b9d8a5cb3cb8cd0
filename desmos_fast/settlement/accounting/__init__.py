# SPDX-License-Identifier: Apache-2.0
"""The books as an accountant and the tax office take them: FEC and the import formats of accounting programs."""
