# SPDX-License-Identifier: Apache-2.0
"""What every use case is given: who calls, with which keys, and what time it is."""

from dataclasses import dataclass
from datetime import date, datetime

from desmos_fast.base.clock import paris_date
from desmos_fast.base.types import KeyKind, TenantId
from desmos_fast.db.keyring import TenantKeys
from desmos_fast.identity.model import Caller


@dataclass(frozen=True)
class Context:
    """One request of one centre; `now` is aware."""

    caller: Caller
    keys: TenantKeys
    now: datetime

    @property
    def tenant(self) -> TenantId:
        """Return the centre's id."""
        return self.caller.tenant

    @property
    def finess(self) -> str:
        """Return the centre's FINESS, the biller of all it signs."""
        return self.caller.finess

    @property
    def kind(self) -> KeyKind:
        """Return the kind of key: test accepts only synthetic people, live refuses them."""
        return self.caller.kind

    @property
    def actor(self) -> str:
        """Return who does it, as events keep it: the id of the key, never the key."""
        return str(self.caller.key_id)

    @property
    def today(self) -> date:
        """Return the calendar day in Paris."""
        return paris_date(self.now)
