# SPDX-License-Identifier: Apache-2.0
"""The operations of workstations, their agents and card readers."""

from typing import Final

from api.contract.model import Example, Operation
from desmos_fast.agents.model import (
    READ_PROBLEMS,
    Agent,
    AgentPage,
    AgentReport,
    CardRead,
    CodeAsked,
    CodeMade,
    DoctorAsked,
    ReadAsked,
    ReaderPage,
    TicketMade,
)
from desmos_fast.agents.wire import ENROL_PATH, PATH, EnrolAsked, Enrolled

OPERATIONS: Final = (
    Operation(method="GET", path="/v1/agents", way="read", tag="agents", answer=AgentPage),
    Operation(
        method="POST", path="/v1/agents/codes", way="write", tag="agents", body=CodeAsked, answer=CodeMade, status=201, location=True,
        problems=("agent_refused",),
    ),
    Operation(
        method="POST", path=ENROL_PATH, way="open", tag="agents", body=EnrolAsked, answer=Enrolled, status=201,
        problems=("agent_refused", "enrolment_refused", "enrolment_limited"),
    ),
    Operation(method="POST", path="/v1/agents/{id}:block", way="write", tag="agents", empty=True, body=None, answer=Agent),
    Operation(method="GET", path="/v1/agents/{id}/doctor", way="read", tag="agents", answer=AgentReport),
    Operation(
        method="POST", path="/v1/agents/{id}/doctor", way="ask", tag="agents", body=DoctorAsked, empty=True, answer=AgentReport,
        problems=("agent_refused", "agent_away", *READ_PROBLEMS),
    ),
    Operation(
        method="POST", path="/v1/agents/{id}:watch", way="ask", tag="agents", body=None, empty=True, answer=TicketMade,
        problems=("agent_refused",),
    ),
    Operation(
        method="POST", path="/v1/agents/{id}:read", way="ask", tag="agents", body=None, empty=True, answer=TicketMade,
        problems=("agent_refused",),
    ),
    Operation(method="GET", path="/poste", way="public", tag="agents", media=("text/html",)),
    Operation(
        method="GET", path="/poste/lecteurs", way="public", tag="agents", media=("text/html",),
        problems=("unauthorized", "role_missing", "enrolment_needed"),
    ),
    Operation(
        method="GET", path="/poste/{file}", way="public", tag="agents", media=("text/css", "text/javascript", "image/svg+xml"),
        problems=("not_found",),
    ),
    Operation(
        method="GET", path=PATH, way="public", tag="agents", status=101, media=(), problems=("bad_request", "cross_site", "stopping")
    ),
    Operation(method="GET", path="/v1/readers", way="read", tag="agents", answer=ReaderPage),
    Operation(method="GET", path="/v1/readers/events", way="read", tag="agents", media=("text/event-stream",), problems=("busy",)),
    Operation(
        method="POST", path="/v1/readers/{id}:read", way="ask", tag="agents", body=ReadAsked, empty=True, answer=CardRead,
        problems=("agent_refused", *READ_PROBLEMS),
    ),
)  # fmt: skip
_CSR: Final = """-----BEGIN CERTIFICATE REQUEST-----
MIG7MGICAQAwADBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFaDsM+LjthQWA4g
WWl1zV4dJN41CqkPWxOrhQrFly8j4Qdiu02GMHbgMwayflr+5E2FzGlVgTX338hA
tI0vFBugADAKBggqhkjOPQQDAgNJADBGAiEAn5I4aaBSG1rkeApyZTMhhVsv9Ujx
5wPWo61yvxm8T0UCIQCJh/zMm3NvGDhjvBuazDOeBBAEQm4ZD1n7jd6KdXSdHw==
-----END CERTIFICATE REQUEST-----
"""
EXAMPLES: Final = (
    Example(
        name="desk", summary="A code for one workstation", method="POST", path="/v1/agents/codes", status=201, body={"desk": "Accueil 3"},
    ),
    Example(
        name="let_in", summary="A code that lets nobody in: 403", method="POST", path=ENROL_PATH, status=403,
        body={"code": "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ", "csr": _CSR},
    ),
    Example(
        name="look", summary="How a workstation is that is not there: 404", method="POST", path="/v1/agents/{unknown}/doctor",
        route="/v1/agents/{id}/doctor", status=404, body={"mobile": False},
    ),
    Example(
        name="card", summary="The card in a reader that is not there: 404", method="POST", path="/v1/readers/{unknown}:read",
        route="/v1/readers/{id}:read", status=404, body={"deadline_s": 20.0},
    ),
)  # fmt: skip
