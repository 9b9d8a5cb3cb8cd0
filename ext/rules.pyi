# SPDX-License-Identifier: Apache-2.0
from array import array

from ext.claims import Claims
from ext.reader import Found, Scan

def rules(claims: Claims, scan: Scan, firsts: array[int], stops: array[int], limit: int) -> Found: ...
