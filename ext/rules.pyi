# SPDX-License-Identifier: Apache-2.0
from array import array

from ext.claims import Claims
from ext.found import Found
from ext.reader import Scan

def rules(claims: Claims, scan: Scan, firsts: array[int], stops: array[int], limit: int) -> Found: ...
