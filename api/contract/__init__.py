# SPDX-License-Identifier: Apache-2.0
"""What the HTTP API promises: a table of operations, and the OpenAPI description made of it and of the Structs."""
