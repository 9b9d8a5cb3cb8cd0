# SPDX-License-Identifier: Apache-2.0
"""The operations of incidents and maintenance."""

from typing import Final

from api.contract.model import Operation
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
