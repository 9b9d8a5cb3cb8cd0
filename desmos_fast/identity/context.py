# SPDX-License-Identifier: Apache-2.0
"""What every use case is given: who calls, with which keys, and what time it is."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from desmos_fast.base.clock import paris_date
from desmos_fast.base.types import KeyKind, TenantId
from desmos_fast.db.keyring import TenantKeys
from desmos_fast.identity.model import Caller

NO_KEY: Final = UUID(int=0)
# Who does what an operator asks for on the command line.
OPERATOR: Final = "operator"


@dataclass(frozen=True)
class Context:
    """One request of one centre; `now` is aware, `by` is who does it when no key asked for it."""

    caller: Caller
    keys: TenantKeys
    now: datetime
    by: str | None = None

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
        return str(self.caller.key_id) if self.by is None else self.by

    @property
    def today(self) -> date:
        """Return the calendar day in Paris."""
        return paris_date(self.now)


def without_key(tenant: TenantId, finess: str, keys: TenantKeys, now: datetime, by: str) -> Context:
    """Return the context of what is done for a centre without a key: by the program itself, or by an operator."""
    return Context(Caller(tenant=tenant, finess=finess, kind="live", key_id=NO_KEY), keys, now, by)
