# SPDX-License-Identifier: Apache-2.0
"""The operations of settlement: bank, matches, decisions, rejects, payments, follow-up, ledger, accounting."""

import types
from typing import Any, Final

import msgspec

from api.contract.model import BYTES, TEXT, Operation, variant
from desmos_fast.settlement.accounting.model import AccountingSettings, Export, ExportAsked, ExportList
from desmos_fast.settlement.accounting.model import SettingsShown as BooksShown
from desmos_fast.settlement.bank.mapping import Mapping
from desmos_fast.settlement.bank.model import NamedMapping
from desmos_fast.settlement.bank.service import Mappings
from desmos_fast.settlement.correcting.model import Decided
from desmos_fast.settlement.dashboard import Dashboard
from desmos_fast.settlement.decisions.model import Request
from desmos_fast.settlement.desk.model import AttachAsked, PaymentAsked, PaymentPage, PaymentView, RefundAsked, Till, UnpayAsked
from desmos_fast.settlement.dunning.audit.model import KeptList, TpAudit
from desmos_fast.settlement.dunning.model import (
    CreditUnexplained,
    Dispute,
    Disputed,
    Expiring,
    Indu,
    OrderUncredited,
    Outstanding,
    Page,
    Penalty,
    TermAsked,
    TermSet,
    TermsShown,
)
from desmos_fast.settlement.dunning.reminders.model import Ending, ReminderPage, ReminderView
from desmos_fast.settlement.ledger.model import EntryPage, TrialBalance
from desmos_fast.settlement.matches.model import DecisionPage, MatchPage, MatchView
from desmos_fast.settlement.model import RunAnswer, StatementAnswer
from desmos_fast.settlement.rejects.model import (
    Assigned,
    AssignRequest,
    Claimed,
    ClaimRequest,
    PaymentsFound,
    Recycled,
    RecycleRequest,
    RejectFigures,
    RejectPage,
)
from desmos_fast.settlement.taught.model import ChosenSettings, Forgetting, LabelShown, LabelsShown, SettingsShown, Teaching

_LISTS: Final[dict[str, tuple[Any, str]]] = {
    "outstanding": (Outstanding, "List what is due."),
    "late": (Outstanding, "List what is past the delay of its payer."),
    "penalties": (Penalty, "List what payers owe for paying late."),
    "forclusion": (Expiring, "List what can soon be asked for no more, or no longer."),
    "indus": (Indu, "List the sums that payers took back."),
    "orders": (OrderUncredited, "List the payment orders without their credit."),
    "credits": (CreditUnexplained, "List the credits that no order explains."),
}
_MATCHED: Final = (
    "already_matched", "decision_final", "decision_invalid", "decision_stale", "match_contradicts", "match_not_confirmed",
    "not_a_candidate", "not_a_recovery", "not_barred_yet", "not_found", "nothing_proposed", "nothing_to_take_back",
    "pieces_taken", "share_closed", "share_refuses", "split_refused", "sum_differs",
)  # fmt: skip
_PAID: Final = ("payment_refused", "not_found", "nothing_at_desk", "payment_bounced", "payment_spent", "prepayment_forbidden")
_BOOKS: Final = ("accounting_invalid", "siren_missing")
_REJECT: Final = ("reject_request_invalid", "share_not_rejected", "why_missing")


def _page_of(item: type[msgspec.Struct]) -> type[msgspec.Struct]:
    return variant(Page, f"PageOf{item.__name__}", items=types.GenericAlias(tuple, (item, ...)))


def _read(path: str, tag: str, answer: Any, *problems: str, **more: Any) -> Operation:
    return Operation(method="GET", path=path, way="read", tag=tag, answer=answer, problems=problems, **more)


def _write(path: str, tag: str, body: Any, answer: Any, *problems: str, **more: Any) -> Operation:
    return Operation(**{"method": "POST", "way": "write"} | more, path=path, tag=tag, body=body, answer=answer, problems=problems)


def _try(path: str, tag: str, body: Any, answer: Any, *problems: str, **more: Any) -> Operation:
    # What is tried makes nothing, whatever the real request would make.
    return _write(path, tag, body, answer, *problems, way="try", tried=answer if more.get("status") == 201 else None, **more)


OPERATIONS: Final = (
    _try("/v1/bank-statements", "bank", None, StatementAnswer, "bank_refused", "bank_mapping_invalid", "not_found", body_media=(BYTES,)),
    _write(
        "/v1/bank-mappings/{name}", "bank", Mapping, NamedMapping, "bank_mapping_invalid", method="PUT",
        body_media=("application/json", "application/toml"),
    ),
    _read("/v1/bank-mappings", "bank", Mappings),
    _read("/v1/bank-mappings/{name}", "bank", NamedMapping),
    _try("/v1/reconciliations", "matching", None, RunAnswer, "not_json", empty=True),
    _read("/v1/dashboard", "settlement", Dashboard),
    _try("/v1/decisions", "decisions", Request, Decided, *_MATCHED, status=201),
    _read("/v1/decisions", "decisions", DecisionPage),
    _read("/v1/matches", "matching", MatchPage),
    _read("/v1/matches/{id}", "matching", MatchView),
    _read("/v1/matching/settings", "matching", SettingsShown),
    _try("/v1/matching/settings", "matching", ChosenSettings, SettingsShown, "matching_invalid", method="PUT"),
    _read("/v1/matching/labels", "matching", LabelsShown),
    _try("/v1/matching/labels", "matching", Teaching, LabelShown, "matching_invalid", "label_limit", status=201),
    _try("/v1/matching/labels:forget", "matching", Forgetting, None, "matching_invalid", "not_found", status=204),
    _read("/v1/rejects", "rejects", RejectPage),
    _read("/v1/rejects/figures", "rejects", RejectFigures),
    _read("/v1/rejects/{id}/{part}/payments", "rejects", PaymentsFound, "share_not_rejected"),
    _try(
        "/v1/rejects/{id}/{part}:recycle", "rejects", RecycleRequest, Recycled, *_REJECT, "reject_not_resent", "recycle_parts",
        "recycle_amount_differs", "faulty_input", "invoice_numbers_exhausted", "conflict", "layout_not_in_force", "other_data",
        status=201, location=True,
    ),
    _try("/v1/rejects/{id}/{part}:claim", "rejects", ClaimRequest, Claimed, *_REJECT),
    _try("/v1/rejects/{id}/{part}:assign", "rejects", AssignRequest, Assigned, *_REJECT),
    _try("/v1/payments", "payments", PaymentAsked, PaymentView, *_PAID, status=201, location=True),
    _try("/v1/payments/{id}:attach", "payments", AttachAsked, PaymentView, *_PAID),
    _try("/v1/payments/{id}:unpay", "payments", UnpayAsked, PaymentView, *_PAID, "why_missing"),
    _try(
        "/v1/refunds", "payments", RefundAsked, PaymentView, *_PAID, "refund_too_high", "why_missing", status=201, location=True,
    ),
    _read("/v1/payments", "payments", PaymentPage),
    _read("/v1/payments/{id}", "payments", PaymentView),
    _read("/v1/till", "payments", Till),
    *(_read(f"/v1/follow-up/{name}", "follow-up", _page_of(item), summary=summary) for name, (item, summary) in _LISTS.items()),
    _read("/v1/follow-up/settings", "follow-up", TermsShown),
    _try("/v1/follow-up/settings", "follow-up", TermAsked, TermSet, "setting_refused", "follow_up_invalid", status=201),
    _try("/v1/follow-up/indus:dispute", "follow-up", Dispute, Disputed, "not_found", "why_missing", "follow_up_invalid"),
    _read("/v1/reminders", "follow-up", ReminderPage),
    _read("/v1/reminders/{id}", "follow-up", ReminderView),
    _read("/v1/reminders/{id}/letter", "follow-up", None, media=(TEXT, "text/html")),
    _try("/v1/reminders/{id}:sent", "follow-up", None, ReminderView, "reminder_closed", empty=True),
    _try("/v1/reminders/{id}:cancel", "follow-up", Ending, ReminderView, "reminder_closed", "why_missing", "follow_up_invalid"),
    _read("/v1/audits/tp", "follow-up", KeptList),
    _read("/v1/audits/tp/{quarter}", "follow-up", TpAudit, "quarter_invalid", media=("application/json", "text/html", "text/markdown")),
    _read("/v1/ledger/entries", "ledger", EntryPage),
    _read("/v1/ledger/balance", "ledger", TrialBalance),
    _read("/v1/accounting/settings", "accounting", BooksShown),
    _write("/v1/accounting/settings", "accounting", AccountingSettings, BooksShown, *_BOOKS, method="PUT"),
    _write("/v1/accounting/exports", "accounting", ExportAsked, Export, *_BOOKS, "period_open", "period_closed", status=201),
    _read("/v1/accounting/exports", "accounting", ExportList),
    _read("/v1/accounting/exports/{id}/file", "accounting", None, *_BOOKS, "busy", media=(BYTES,)),
    _read("/v1/accounting/draft", "accounting", None, *_BOOKS, "busy", media=(BYTES,)),
)  # fmt: skip
