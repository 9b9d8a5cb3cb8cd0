# SPDX-License-Identifier: Apache-2.0
"""Requests that the description shows, in an order in which they can be sent one after the other to a new centre."""

from dataclasses import dataclass, field
from typing import Any, Final

# An invented centre, and an invented person: no NIR has 99999 for its place of birth.
FINESS: Final = "750000010"
NIR: Final = "255089999901283"
UNKNOWN: Final = "01a21227-0000-7000-8000-000000000000"
IBAN: Final = "FR7630006000011234567890189"
_WHY: Final = {"why": "Saisi deux fois."}
_VISIT: Final[dict[str, Any]] = {
    "biller": FINESS,
    "insured_nir": NIR,
    "created_on": "2026-11-20",
    "beneficiary": {"birth_date": "19550814", "birth_rank": 1, "rank": 0, "nir": None, "last_name": "DUPONT", "first_name": "MARIE"},
    "amo": {
        "regime": "01", "caisse": "751", "centre": "0000", "rights_source": 4, "nature": 10, "exemption": "0", "pathway": "T",
        "treating_physician": "O",
    },
    "acts": [
        {
            "kind": "ngap", "code": "G", "date": "2026-11-20", "quantity": 1, "coefficient": 100, "units": 1, "unit_price": 3000,
            "base": 3000, "rate": 70, "amo": 2100, "fees": 3000, "amc": 0,
            "executor": {"am": "751234568", "rpps": "10001234565", "specialty": "01", "zone": "26", "condition": "S"},
        }
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One request and the status of its answer.

    `{name}` in a path stands for what an earlier example kept: `keeps` says under which name, and by which key of its answer.
    """

    name: str
    summary: str
    method: str
    path: str
    status: int
    route: str = ""
    body: Any = None
    keeps: dict[str, str] = field(default_factory=dict)


EXAMPLES: Final[tuple[Example, ...]] = (
    Example(
        name="checked",
        summary="Only check it",
        method="POST",
        path="/v1/invoices?validate_only=true",
        route="/v1/invoices",
        status=200,
        body=_VISIT,
    ),
    Example(
        name="signed",
        summary="Sign a visit",
        method="POST",
        path="/v1/invoices",
        status=201,
        body=_VISIT,
        keeps={"invoice": "id"},
    ),
    Example(
        name="refused",
        summary="A NIR with a wrong key: 422, with the place of the fault",
        method="POST",
        path="/v1/invoices",
        status=422,
        body=_VISIT | {"insured_nir": NIR[:-2] + "11"},
    ),
    Example(
        name="quoted",
        summary="Quote it on another day",
        method="POST",
        path="/v1/quotes?on=2026-11-23",
        route="/v1/quotes",
        status=200,
        body=_VISIT,
    ),
    Example(
        name="previewed",
        summary="With the settings of the centre",
        method="POST",
        path="/v1/lots:preview",
        status=200,
        body={},
    ),
    Example(
        name="built",
        summary="Lots of 50 invoices",
        method="POST",
        path="/v1/lots:build",
        status=200,
        body={"max_invoices_per_lot": 50},
    ),
    Example(
        name="listed",
        summary="The files that were built",
        method="GET",
        path="/v1/files",
        status=200,
        body=None,
        keeps={"file": "files.0.id"},
    ),
    Example(
        name="cancelled",
        summary="Cancel a file that has not left",
        method="POST",
        path="/v1/files/{file}:cancel",
        route="/v1/files/{id}:cancel",
        status=200,
        body=_WHY,
    ),
    Example(
        name="resolved",
        summary="An anomaly that is not there: 404",
        method="POST",
        path="/v1/anomalies/{unknown}:resolve",
        route="/v1/anomalies/{id}:resolve",
        status=404,
        body={"why": "Fait."},
    ),
    Example(
        name="told",
        summary="Tell somebody",
        method="POST",
        path="/v1/contacts",
        status=201,
        body={"name": "Camille Martin", "email": "facturation@example.org"},
    ),
    Example(
        name="noon",
        summary="Twice a day",
        method="PUT",
        path="/v1/schedule",
        status=200,
        body={"at": ["12:30", "19:00"], "days": ["mon", "tue", "wed", "thu", "fri"]},
    ),
    Example(
        name="inside",
        summary="An address inside a network is refused: 422",
        method="POST",
        path="/v1/webhooks",
        status=422,
        body={"url": "https://127.0.0.1/desmos", "events": ["share.rejected"]},
    ),
    Example(
        name="described",
        summary="The columns of a bank",
        method="PUT",
        path="/v1/bank-mappings/ma-banque",
        route="/v1/bank-mappings/{name}",
        status=200,
        body={"account": IBAN, "columns": {"booking_date": "Date", "label": "Libellé", "amount": "Montant"}},
    ),
    Example(
        name="accepted",
        summary="A record that is not there: 404",
        method="POST",
        path="/v1/decisions?validate_only=true",
        route="/v1/decisions",
        status=404,
        body={"kind": "accept", "record": UNKNOWN, "why": "Vu avec la caisse."},
    ),
    Example(
        name="paid_after_all",
        summary="A share that is not there: 404",
        method="POST",
        path="/v1/decisions?validate_only=true",
        route="/v1/decisions",
        status=404,
        body={"kind": "from_patient", "share": "750000010/9999/amo", "amount": 2100, "why": "La caisse a payé."},
    ),
    Example(
        name="never_identified",
        summary="A line that is not there: 404",
        method="POST",
        path="/v1/decisions?validate_only=true",
        route="/v1/decisions",
        status=404,
        body={"kind": "indu_write_off", "line": "0123456789abcdef:1#1", "amount": 500, "why": "Introuvable."},
    ),
    Example(
        name="set",
        summary="Credits come up to five days late",
        method="PUT",
        path="/v1/matching/settings",
        status=200,
        body={"window_from": -2, "window_to": 5},
    ),
    Example(
        name="taught",
        summary="Who a label stands for",
        method="POST",
        path="/v1/matching/labels",
        status=201,
        body={"account": IBAN, "label": "VIR CPAM PARIS", "payer": "amo:01751"},
    ),
    Example(
        name="forgotten",
        summary="That it stands for nobody any more",
        method="POST",
        path="/v1/matching/labels:forget",
        status=204,
        body={"account": IBAN, "label": "VIR CPAM PARIS"},
    ),
    Example(
        name="not_rejected",
        summary="A share that is not rejected: 409",
        method="POST",
        path="/v1/rejects/{invoice}/amo:recycle",
        route="/v1/rejects/{id}/{part}:recycle",
        status=409,
        body={"why": "Droits corrigés."},
    ),
    Example(
        name="claimed",
        summary="A share that is not rejected: 409",
        method="POST",
        path="/v1/rejects/{invoice}/amo:claim",
        route="/v1/rejects/{id}/{part}:claim",
        status=409,
        body={"why": "Réclamation envoyée."},
    ),
    Example(
        name="assigned",
        summary="A share that is not rejected: 409",
        method="POST",
        path="/v1/rejects/{invoice}/amo:assign",
        route="/v1/rejects/{id}/{part}:assign",
        status=409,
        body={"to": "Camille"},
    ),
    Example(
        name="kept",
        summary="A card payment that is not for an invoice yet",
        method="POST",
        path="/v1/payments",
        status=201,
        body={"means": "card", "amount": 900, "reference": "T-0042"},
        keeps={"payment": "id"},
    ),
    Example(
        name="attached",
        summary="An invoice that is not there: 404",
        method="POST",
        path="/v1/payments/{payment}:attach?validate_only=true",
        route="/v1/payments/{id}:attach",
        status=404,
        body={"invoices": [{"invoice": UNKNOWN, "amount": 900}]},
    ),
    Example(
        name="refunded",
        summary="Give a part back",
        method="POST",
        path="/v1/refunds",
        status=201,
        body={"means": "card", "amount": 400, "payment": "{payment}"},
    ),
    Example(
        name="bounced",
        summary="A card payment that the bank took back",
        method="POST",
        path="/v1/payments/{payment}:unpay",
        route="/v1/payments/{id}:unpay",
        status=200,
        body={"why": "Carte contestée."},
    ),
    Example(
        name="disputed",
        summary="A sum that is not there: 404",
        method="POST",
        path="/v1/follow-up/indus:dispute",
        status=404,
        body={"subject": UNKNOWN, "disputed": True, "why": "Déjà réglé."},
    ),
    Example(
        name="unknown_setting",
        summary="A setting that does not exist: 422",
        method="POST",
        path="/v1/follow-up/settings",
        status=422,
        body={"name": "patience", "value": "9", "since": "2026-01-01", "source": "convention"},
    ),
    Example(
        name="reminder",
        summary="A reminder that is not there: 404",
        method="POST",
        path="/v1/reminders/{unknown}:cancel",
        route="/v1/reminders/{id}:cancel",
        status=404,
        body={"why": "Réglé par téléphone."},
    ),
    Example(
        name="again",
        summary="A dead letter that is not there: 404",
        method="POST",
        path="/v1/returns/dead/{unknown}:retry",
        route="/v1/returns/dead/{id}:retry",
        status=404,
        body={"although": []},
    ),
    Example(
        name="given_up",
        summary="A dead letter that is not there: 404",
        method="POST",
        path="/v1/returns/dead/{unknown}:discard",
        route="/v1/returns/dead/{id}:discard",
        status=404,
        body={"why": "Fichier d'essai."},
    ),
    Example(
        name="books",
        summary="The SIREN of the centre",
        method="PUT",
        path="/v1/accounting/settings",
        status=200,
        body={"siren": "732829320", "closing_month": 12},
    ),
    Example(
        name="too_early",
        summary="A month that is not over: 409",
        method="POST",
        path="/v1/accounting/exports",
        status=409,
        body={"period": "2099-01"},
    ),
    Example(
        name="made",
        summary="A key that may look only",
        method="POST",
        path="/v1/keys",
        status=201,
        body={"roles": ["auditor"], "label": "expert-comptable"},
        keeps={"key": "id"},
    ),
    Example(
        name="rotated",
        summary="The old key works one hour more",
        method="POST",
        path="/v1/keys/{key}:rotate",
        route="/v1/keys/{id}:rotate",
        status=201,
        body={"overlap_s": 3600},
    ),
)


def of_operation(method: str, path: str) -> list[Example]:
    """Return the examples of an operation."""
    return [one for one in EXAMPLES if (one.method, one.route or one.path) == (method, path)]
