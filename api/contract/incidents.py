# SPDX-License-Identifier: Apache-2.0
"""The operations of incidents and maintenance."""

from typing import Final

from api.contract.model import Example, Operation
from desmos_fast.incidents.model import Attribution, Incident, IncidentPage, IncidentTold, MaintenanceTold, Moment

REFUSED: Final = ("incident_refused", "incident_over")
OPERATIONS: Final = (
    Operation(method="GET", path="/v1/incidents", way="read", tag="operations", answer=IncidentPage),
    Operation(
        method="POST", path="/v1/incidents", way="try", tag="operations", body=IncidentTold, answer=Incident, status=201, tried=Incident,
        location=True, problems=("incident_refused",),
    ),
    Operation(
        method="POST", path="/v1/maintenance", way="try", tag="operations", body=MaintenanceTold, answer=Incident, status=201,
        tried=Incident, location=True, problems=("incident_refused",),
    ),
    *(
        Operation(
            method="POST", path=f"/v1/incidents/{{id}}:{step}", way="try", tag="operations", body=Moment, empty=True, answer=Incident,
            tried=Incident, problems=REFUSED,
        )
        for step in ("acknowledge", "degrade", "restore")
    ),
    Operation(
        method="POST", path="/v1/incidents/{id}:attribute", way="try", tag="operations", body=Attribution, answer=Incident, tried=Incident,
        problems=REFUSED,
    ),
    Operation(
        method="POST", path="/v1/incidents/{id}:cancel", way="try", tag="operations", empty=True, answer=Incident, tried=Incident,
        problems=("incident_over",),
    ),
)  # fmt: skip
_STEPS: Final[tuple[tuple[str, str, str, dict[str, str]], ...]] = (
    ("attended", "Somebody attends to it: the clock of intervention stops", "acknowledge", {}),
    ("degraded", "It runs again, though not as it should: the clock of recovery stops", "degrade", {}),
    ("restored", "It runs as it should", "restore", {}),
    ("attributed", "It was the payer's", "attribute", {"cause": "payer", "why": "le serveur de la caisse ne répondait pas"}),
)
EXAMPLES: Final = (
    Example(
        name="incident", summary="The service is down", method="POST", path="/v1/incidents", status=201,
        body={"what": "les lectures échouent"}, keeps={"incident": "id"},
    ),
    *(
        Example(
            name=name, summary=summary, method="POST", path=f"/v1/incidents/{{incident}}:{step}", route=f"/v1/incidents/{{id}}:{step}",
            status=200, body=body,
        )
        for name, summary, step, body in _STEPS
    ),
    Example(
        name="maintenance", summary="An hour of maintenance in the evening", method="POST", path="/v1/maintenance", status=201,
        body={"what": "mise à jour", "starts_at": "2099-12-01T21:00:00+01:00", "ends_at": "2099-12-01T22:00:00+01:00"},
    ),
)  # fmt: skip
