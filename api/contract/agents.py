# SPDX-License-Identifier: Apache-2.0
"""The operations of workstations, their agents and card readers."""

from typing import Final

from api.contract.model import Operation
from desmos_fast.agents.model import READ_PROBLEMS, Agent, AgentPage, CardRead, CodeAsked, CodeMade, ReadAsked, ReaderPage
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
