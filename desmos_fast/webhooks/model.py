# SPDX-License-Identifier: Apache-2.0
"""What a webhook is: where a centre wants to be told of what happens, and each telling."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput
from desmos_fast.base.types import TenantId
from desmos_fast.exchange.faults import Fault

# The trigger that fills the outbox names it too.
DELIVER: Final = "deliver_webhook"
MOST_WEBHOOKS: Final = 16
OVERLAP_S: Final = 86_400
LONGEST_OVERLAP_S: Final = 7 * 86_400
PAGE: Final = 200
STATES: Final = ("waiting", "delivered", "dead", "dropped")


class WebhookRefused(InvalidInput):
    """A webhook cannot be as it was asked for."""

    code: ClassVar[str] = "webhook_refused"

    def __init__(self, detail: str, *, hint: str = "", faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail, hint=hint)
        self.faults = tuple(faults)


class TooManyWebhooks(Conflict):
    """The centre has as many webhooks as a centre may have."""

    code: ClassVar[str] = "webhook_limit"


class Subscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a centre asks for: an https URL, and the names of events; none is all of them."""

    url: str
    events: tuple[str, ...] = ()


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook as it stands: how many deliveries wait and are dead, until when its receiver is left alone and its former secret signs."""

    id: UUID
    url: str
    events: list[str]
    created_at: datetime
    waiting: int
    dead: int
    failures: int
    paused_until: datetime | None
    delivered_at: datetime | None
    former_secret_until: datetime | None


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that was made; `secret` is shown this once, and is null when the answer is given again."""

    id: UUID
    url: str
    events: list[str]
    created_at: datetime
    secret: str | None


class SecretAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long the former secret signs beside the new one."""

    overlap_s: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_OVERLAP_S)] = OVERLAP_S


class NewSecret(msgspec.Struct, frozen=True, kw_only=True):
    """The secret that signs from now on, shown this once, and until when the former one signs too."""

    id: UUID
    former_secret_until: datetime
    secret: str | None


class WebhookList(msgspec.Struct, frozen=True):
    """The webhooks of a centre, the oldest first."""

    webhooks: list[Webhook]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One telling of one event; `status` is the last one answered, `reason` why the last try failed."""

    id: int
    event: str
    event_id: UUID
    subject: UUID
    state: str
    tried: int
    status: int | None
    reason: str | None
    ended_at: datetime | None


class DeliveryPage(msgspec.Struct, frozen=True):
    """Deliveries, the newest first; `next` is the cursor of what follows, null at the end."""

    deliveries: list[Delivery]
    next: str | None


class Replayed(msgspec.Struct, frozen=True):
    """How many events are to be told again."""

    queued: int


class RejectTold(msgspec.Struct, frozen=True, kw_only=True):
    """Why a payer refused a share: its code, what kind of work that is, and in French what there is to do."""

    code: str
    name: str = msgspec.field(name="class")
    label: str
    owner: str
    action: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a delivery: ids, names and codes alone, so that nothing in it tells of a person; `reject` with `share.rejected`."""

    id: UUID
    event: str
    at: datetime
    subject: UUID
    invoice: UUID | None
    part: str | None
    reject: RejectTold | msgspec.UnsetType = msgspec.UNSET


class DeliverWebhook(msgspec.Struct, frozen=True):
    """What a `deliver_webhook` job is given: a webhook that may have something to be told."""

    tenant: TenantId
    webhook: UUID


class Letter(NamedTuple):
    """One delivery that was taken to be made; `tried` counts this time."""

    seq: int
    tried: int
    message: Message


class Outcome(NamedTuple):
    """What became of one try: the status answered, or why there was none."""

    status: int | None
    reason: str | None = None

    @property
    def delivered(self) -> bool:
        """Say whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def away(self) -> bool:
        """Say whether the receiver is in no state to take anything, rather than unwilling to take this."""
        return self.status is None or self.status >= 500 or self.status == 429
