# SPDX-License-Identifier: Apache-2.0
"""What each parameter of a path or a query may be: by its name, and by route where a name means something else there."""

from typing import Any, Final, get_args

from api.accounting import SEPARATORS
from desmos_fast.billing.listing.model import Document, ShareState
from desmos_fast.identity.review.model import LONGEST
from desmos_fast.incidents.model import KINDS as INCIDENT_KINDS
from desmos_fast.lots.model import FileState, LotState
from desmos_fast.nomenclature.rejects import OWNERS_FR
from desmos_fast.returns.letters.model import STATES as DEAD_STATES
from desmos_fast.settlement.accounting.model import FORMATS as BOOK_FORMATS
from desmos_fast.settlement.bank import Format as BankFormat
from desmos_fast.settlement.decisions.model import Kind as DecisionKind
from desmos_fast.settlement.desk.model import Kind, Means, State
from desmos_fast.settlement.dunning.audit.model import FORMS as AUDIT_FORMS
from desmos_fast.settlement.dunning.model import FILTERS
from desmos_fast.settlement.dunning.reminders.letters import FORMS as LETTER_FORMS
from desmos_fast.settlement.dunning.reminders.model import RULES, STATES
from desmos_fast.settlement.ledger.model import By
from desmos_fast.settlement.matches.model import STATUSES
from desmos_fast.settlement.model import Outcome
from desmos_fast.settlement.rejects.model import PARTS
from desmos_fast.settlement.rejects.rules import AGES
from desmos_fast.webhooks.model import STATES as DELIVERY_STATES

Schema = dict[str, Any]
_UUID: Final[Schema] = {"type": "string", "format": "uuid"}
_DAY: Final[Schema] = {"type": "string", "format": "date"}
_FLAG: Final[Schema] = {"type": "boolean", "default": False}
_TEXT: Final[Schema] = {"type": "string"}
# Every list that is cut into pages.
_PAGE: Final = 200


def _words(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


IN_PATH: Final[dict[str, Schema]] = {
    "id": _UUID,
    "part": _words(*PARTS),
    "quarter": {"type": "string", "pattern": "^[0-9]{4}Q[1-4]$"},
    "name": _TEXT,
    "file": _TEXT,
}
IN_QUERY: Final[dict[str, tuple[Schema, str]]] = {
    "action": (_TEXT, "Only what was asked for so: a method and a route, or an act."),
    "actor": (_TEXT, "Only what this key did, by its id, or `operator`."),
    "account": (_TEXT, "An account of the ledger."),
    "age": (_words(*(name for name, _, _ in AGES)), "Only those of this age in days."),
    "allow_late": (_FLAG, "Bill care that is too old, on a person's word."),
    "assigned": (_TEXT, "Only those that this person takes care of."),
    "by": (_words(*get_args(By)), "What each row of the balance stands for."),
    "care_from": (_DAY, "Only care from this day on."),
    "care_to": (_DAY, "Only care up to this day."),
    "centre": (_TEXT, "The FINESS of the centre that is meant."),
    "class": (_TEXT, "A class of rejects."),
    "code": (_TEXT, "A code: of reject, or what the provider of identities gives."),
    "credit": (_TEXT, "Only those of this credit."),
    "cursor": (_TEXT, "Where the page begins: `next` of the page before, as it was given."),
    "days": ({"type": "integer", "minimum": 1, "maximum": LONGEST}, "What was not used for so many days is told."),
    "destination": (
        {"type": "string", "pattern": "^[0-9]{2}(/[0-9]{3}(/[0-9]{4})?)?$"},
        "A regime, regime/caisse or regime/caisse/centre.",
    ),
    "document": (_words(*get_args(Document)), "Only those of which the centre did this."),
    "draft": (_FLAG, "Stop before the signature."),
    "error": (_TEXT, "Why the provider refuses."),
    "error_description": (_TEXT, "Why the provider refuses, in words."),
    "error_uri": (_TEXT, "Where the provider says more."),
    "event": (_TEXT, "Only entries that this event made."),
    "executor": ({"type": "string", "pattern": "^[0-9]{9}$"}, "Only those whose first act this professional did, by number."),
    "explain": (_FLAG, "Say what made each amount."),
    "fields": (
        {"type": "string", "maxLength": 2000},
        "Only these, such as `lots.id,lots.state`, and `next`; the rest is left out, required or not.",
    ),
    "first": (_DAY, "The first day, instead of `period`."),
    "format": (_words(*BOOK_FORMATS), "The format of the file."),
    "from": (_DAY, "From this day on."),
    "history": (_FLAG, "Show what no longer holds, too."),
    "invoice": (_UUID, "Only those of this invoice."),
    "kind": (_words(*get_args(Kind)), "Only those of this kind."),
    "iss": (_TEXT, "Which provider answers."),
    "last": (_DAY, "The last day, instead of `period`."),
    "limit": ({"type": "integer", "minimum": 1, "maximum": _PAGE}, "How many at most."),
    "mapping": (_TEXT, "The mapping that a CSV is read with."),
    "means": (_words(*get_args(Means)), "Only those by these means."),
    "number": ({"type": "integer", "minimum": 1, "maximum": 999_999_999}, "Only the one of this number."),
    "on": (_DAY, "The day that is meant."),
    "owner": (_words(*OWNERS_FR), "Whose work the class is."),
    "outcome": (_words(*get_args(Outcome)), "Only order lines that came to this."),
    "payer": (_TEXT, "Only those of this payer."),
    "period": (_TEXT, "A month or a year: 2026-11, 2026."),
    "problem": (_words("A", "B"), "A: lines and parts; B: credits and orders."),
    "ref": (_TEXT, "Only entries of this reference."),
    "resolved": (_FLAG, "Show what was settled, too."),
    "rule": (_TEXT, "Only those of this rule."),
    "seconds": ({"type": "integer", "minimum": 1, "maximum": 300}, "How long the stream lasts."),
    "running": (_FLAG, "Leave out what is over or cancelled."),
    "share": (_words(*get_args(ShareState)), "Only those with a share in this state; with `payer`, one of that payer."),
    "separator": (_words(*SEPARATORS), "What stands between two fields of a FEC."),
    "session_state": (_TEXT, "What the provider keeps of its own session."),
    "stage": ({"type": "string"}, "Months since the care, or `barred`."),
    "state": (_TEXT, "Only those in this state."),
    "status": (_TEXT, "Only those of this status."),
    "subject": (_TEXT, "Only those about this."),
    "to": (_DAY, "Up to this day."),
    "validate_only": (_FLAG, "Answer as a real request would, keep nothing; no Idempotency-Key is needed."),
}
_OWN: Final[dict[tuple[str, str], Schema]] = {
    ("/v1/oidc/start", "kind"): _words("test", "live"),
    ("/v1/oidc/callback", "state"): _TEXT,
    ("/v1/oidc/callback", "code"): _TEXT,
    ("/v1/lots", "state"): _words(*(state.value for state in LotState)),
    ("/v1/files", "state"): _words(*(state.value for state in FileState)),
    ("/v1/payments", "state"): _words(*get_args(State)),
    ("/v1/reminders", "state"): _words(*STATES),
    ("/v1/reminders", "rule"): _words(*RULES),
    ("/v1/returns/dead", "state"): _words(*DEAD_STATES),
    ("/v1/webhooks/{id}/deliveries", "state"): _words(*DELIVERY_STATES),
    ("/v1/webhooks/{id}:replay", "from"): {"type": "string", "format": "date-time"},
    ("/v1/webhooks/{id}:replay", "to"): {"type": "string", "format": "date-time"},
    ("/v1/webhooks/{id}:replay", "event"): _UUID,
    ("/v1/matches", "status"): _words(*STATUSES),
    ("/v1/matches", "invoice"): _TEXT,
    ("/v1/incidents", "kind"): _words(*INCIDENT_KINDS),
    ("/v1/decisions", "kind"): _words(*get_args(DecisionKind)),
    ("/v1/bank-statements", "format"): _words(*get_args(BankFormat)),
    ("/v1/reminders/{id}/letter", "format"): _words(*LETTER_FORMS),
    ("/v1/audits/tp/{quarter}", "format"): _words(*AUDIT_FORMS),
    **{(f"/v1/follow-up/{name}", word): _words(*words) for name, (word, words) in FILTERS.items() if word != "stage"},
}


def in_query(path: str, name: str) -> dict[str, Any]:
    """Return the description of one parameter of the query of a route."""
    schema, text = IN_QUERY[name]
    return {
        "name": name, "in": "query", "description": text, "required": False, "schema": _OWN.get((path, name), schema),
    }  # fmt: skip


def in_path(name: str) -> dict[str, Any]:
    """Return the description of one parameter of a path."""
    return {"name": name, "in": "path", "required": True, "schema": IN_PATH[name]}
