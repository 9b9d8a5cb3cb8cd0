# SPDX-License-Identifier: Apache-2.0
"""The operations of invoices, lots, files, returns, webhooks and the service itself."""

from typing import Final

from api.contract.model import BYTES, NDJSON, TEXT, Health, Operation, variant
from api.invoices import Valid
from desmos_fast.anomalies.model import AnomaliesShown, AnomalyShown, Resolution
from desmos_fast.billing.listing.model import InvoicePage
from desmos_fast.billing.model import BatchResult, Created, InvoiceView
from desmos_fast.billing.pricing.codec import Entered
from desmos_fast.billing.pricing.quote import Quote
from desmos_fast.identity.clocks.model import Advance, ClockShown
from desmos_fast.identity.options.model import OptionList
from desmos_fast.lots.follow.model import Cancelled, CancelRequest, DeadAcks, GivenUp, Resent
from desmos_fast.lots.listing.model import FilePage, FileView, LotPage, LotView
from desmos_fast.lots.model import BuildRequest, Built
from desmos_fast.lots.planned import Preview
from desmos_fast.lots.schedule.model import Plan, Schedule
from desmos_fast.notices.model import Contact, ContactList, Person
from desmos_fast.returns.letters.model import DeadPage, DeadWhole, Discard, Retry, Taken
from desmos_fast.returns.model import Imported
from desmos_fast.webhooks.model import DeliveryPage, NewSecret, NewWebhook, Replayed, SecretAsked, Subscription, WebhookList

_PLAN: Final = variant(Plan, "Plan", settings=BuildRequest)
_SCHEDULE: Final = variant(Schedule, "Schedule", settings=BuildRequest)
_FAULTY: Final = ("faulty_input",)
_SIGNED: Final = ("faulty_input", "invoice_numbers_exhausted", "conflict", "layout_not_in_force", "other_data")
_BUILT: Final = (
    "faulty_input", "lot_numbers_exhausted", "layout_changed", "layout_not_in_force", "recipients_mixed", "shares_moved", "other_data",
)  # fmt: skip
_RETURNED: Final = ("faulty_input", "wrong_recipient", "return_repeated", "return_conflict", "order_repeated")

OPERATIONS: Final = (
    Operation(method="GET", path="/livez", way="public", tag="service", answer=Health),
    Operation(method="GET", path="/readyz", way="public", tag="service", answer=Health),
    Operation(method="GET", path="/metrics", way="public", tag="service", media=(TEXT,)),
    Operation(method="GET", path="/v1/openapi.json", way="public", tag="service", answer=dict),
    Operation(method="GET", path="/docs", way="public", tag="service", media=("text/html",)),
    Operation(
        method="GET", path="/docs/{file}", way="public", tag="service", media=("text/css", "text/javascript", "image/png"),
        problems=("not_found",),
    ),
    Operation(
        method="POST", path="/v1/invoices", way="try", tag="invoices", body=Entered, answer=Created, status=201, tried=Valid,
        problems=_SIGNED, location=True,
    ),
    Operation(
        method="POST", path="/v1/invoices:batch", way="write", tag="invoices", body=Entered, body_media=(NDJSON,), answer=BatchResult,
        problems=("batch_too_long", *_SIGNED),
    ),
    Operation(
        method="POST", path="/v1/invoices:stream", way="write", tag="invoices", body=Entered, body_media=(NDJSON,), media=(NDJSON,),
        problems=_SIGNED,
    ),
    Operation(method="GET", path="/v1/invoices", way="read", tag="invoices", answer=InvoicePage),
    Operation(method="GET", path="/v1/invoices/{id}", way="read", tag="invoices", answer=InvoiceView),
    Operation(method="POST", path="/v1/quotes", way="ask", tag="invoices", body=Entered, answer=Quote, problems=_FAULTY),
    Operation(method="POST", path="/v1/lots:build", way="write", tag="lots", body=BuildRequest, answer=Built, problems=_BUILT),
    Operation(method="POST", path="/v1/lots:preview", way="ask", tag="lots", body=BuildRequest, answer=Preview, problems=_BUILT),
    Operation(method="GET", path="/v1/lots", way="read", tag="lots", answer=LotPage),
    Operation(method="GET", path="/v1/lots/{id}", way="read", tag="lots", answer=LotView),
    Operation(
        method="POST", path="/v1/lots/{id}:rebuild", way="write", tag="lots", empty=True, answer=GivenUp, problems=("lot_not_missing",)
    ),
    Operation(method="GET", path="/v1/files", way="read", tag="lots", answer=FilePage),
    Operation(method="GET", path="/v1/files/{id}", way="read", tag="lots", answer=FileView),
    Operation(method="GET", path="/v1/files/{id}/content", way="read", tag="lots", media=(BYTES,)),
    Operation(
        method="POST", path="/v1/files/{id}:cancel", way="write", tag="lots", body=CancelRequest, answer=Cancelled,
        problems=("why_missing", "file_left"),
    ),
    Operation(
        method="POST", path="/v1/files/{id}:resend", way="write", tag="lots", empty=True, answer=Resent, problems=("file_not_awaited",)
    ),
    Operation(method="GET", path="/v1/acknowledgements/unmatched", way="read", tag="lots", answer=DeadAcks),
    Operation(method="GET", path="/v1/anomalies", way="read", tag="anomalies", answer=AnomaliesShown),
    Operation(
        method="POST", path="/v1/anomalies/{id}:resolve", way="write", tag="anomalies", body=Resolution, answer=AnomalyShown,
        problems=("why_missing",),
    ),
    Operation(
        method="POST", path="/v1/contacts", way="write", tag="anomalies", body=Person, answer=Contact, status=201, location=True,
        problems=("contact_refused", "contact_known", "contact_limit"),
    ),
    Operation(method="GET", path="/v1/contacts", way="read", tag="anomalies", answer=ContactList),
    Operation(method="DELETE", path="/v1/contacts/{id}", way="write", tag="anomalies", empty=True, status=204),
    Operation(
        method="POST", path="/v1/contacts/{id}:test", way="write", tag="anomalies", empty=True, answer=Contact,
        problems=("mail_missing", "mail_failed"),
    ),
    Operation(
        method="PUT", path="/v1/schedule", way="try", tag="schedule", body=_PLAN, answer=_SCHEDULE,
        problems=("schedule_refused", "faulty_input"),
    ),
    Operation(method="GET", path="/v1/schedule", way="read", tag="schedule", answer=_SCHEDULE, problems=("not_found",)),
    Operation(method="DELETE", path="/v1/schedule", way="write", tag="schedule", empty=True, status=204, problems=("not_found",)),
    Operation(
        method="POST", path="/v1/returns", way="try", tag="returns", body_media=(BYTES,), answer=Imported, problems=_RETURNED
    ),
    Operation(method="GET", path="/v1/returns/dead", way="read", tag="returns", answer=DeadPage),
    Operation(method="GET", path="/v1/returns/dead/{id}", way="read", tag="returns", answer=DeadWhole),
    Operation(method="GET", path="/v1/returns/dead/{id}/content", way="read", tag="returns", media=(BYTES,)),
    Operation(
        method="POST", path="/v1/returns/dead/{id}:retry", way="try", tag="returns", body=Retry, empty=True, answer=Taken,
        problems=("dead_request_invalid", "dead_ended", "why_missing", *_RETURNED),
    ),
    Operation(
        method="POST", path="/v1/returns/dead/{id}:discard", way="try", tag="returns", body=Discard, answer=DeadWhole,
        problems=("dead_request_invalid", "dead_ended", "why_missing"),
    ),
    Operation(
        method="POST", path="/v1/webhooks", way="write", tag="webhooks", body=Subscription, answer=NewWebhook, status=201, location=True,
        problems=("webhook_refused", "webhook_limit"),
    ),
    Operation(method="GET", path="/v1/options", way="read", tag="access", answer=OptionList),
    Operation(method="GET", path="/v1/test/clock", way="read", tag="service", answer=ClockShown, problems=("test_key_needed",)),
    Operation(
        method="POST", path="/v1/test/clock", way="write", tag="service", body=Advance, answer=ClockShown,
        problems=("test_key_needed", "clock_refused", "centre_is_live"),
    ),
    Operation(method="GET", path="/v1/webhooks", way="read", tag="webhooks", answer=WebhookList),
    Operation(method="DELETE", path="/v1/webhooks/{id}", way="write", tag="webhooks", empty=True, status=204),
    Operation(method="GET", path="/v1/webhooks/{id}/deliveries", way="read", tag="webhooks", answer=DeliveryPage),
    Operation(
        method="POST", path="/v1/webhooks/{id}:rotate", way="write", tag="webhooks", body=SecretAsked, empty=True, answer=NewSecret,
        problems=("webhook_refused",),
    ),
    Operation(method="POST", path="/v1/webhooks/{id}:replay", way="write", tag="webhooks", empty=True, answer=Replayed),
)  # fmt: skip
