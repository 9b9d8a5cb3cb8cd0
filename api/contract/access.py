# SPDX-License-Identifier: Apache-2.0
"""The operations of API keys, of users and their sessions, and of the trail of who looked at what."""

from typing import Final

from api.contract.model import Operation
from desmos_fast.identity.audit.model import AccessPage
from desmos_fast.identity.model import KeyAsked, KeyMade, KeyPage, RotationAsked
from desmos_fast.identity.people.model import (
    CodeGiven,
    Enrolment,
    FirstPassword,
    Myself,
    PasswordChange,
    Recovery,
    ResetAsked,
    SessionList,
    SessionMade,
    SignIn,
    User,
    UserAsked,
    UserChange,
    UserMade,
    UserPage,
)
from desmos_fast.identity.review.model import Review

_TRIED: Final = ("sign_in_form", "sign_in_refused", "sign_in_delayed")
_NOBODY: Final = ("bad_request", "bad_parameter", "internal", "database_unavailable", "deadline_passed", "stopping")
_MINE: Final = ("not_a_person",)
OPERATIONS: Final = (
    Operation(method="GET", path="/v1/keys", way="read", tag="access", answer=KeyPage),
    Operation(
        method="POST", path="/v1/keys", way="write", tag="access", body=KeyAsked, answer=KeyMade, status=201, location=True,
        problems=("key_refused",),
    ),
    Operation(
        method="POST", path="/v1/keys/{id}:rotate", way="write", tag="access", body=RotationAsked, empty=True, answer=KeyMade, status=201,
        location=True, problems=("key_refused", "key_ended"),
    ),
    Operation(method="DELETE", path="/v1/keys/{id}", way="write", tag="access", empty=True, status=204),
    Operation(method="GET", path="/v1/access/review", way="read", tag="access", answer=Review),
    Operation(method="GET", path="/v1/audit", way="read", tag="access", answer=AccessPage),
    Operation(
        method="POST", path="/v1/sessions", way="open", tag="people", body=SignIn, answer=SessionMade, status=201,
        problems=(*_TRIED, "scope_needed", "cross_site"),
    ),
    Operation(
        method="POST", path="/v1/passwords", way="open", tag="people", body=FirstPassword, status=204, problems=(*_TRIED, "password_weak")
    ),
    Operation(
        method="GET", path="/v1/oidc/start", way="public", tag="people", status=302, location=True,
        problems=(*_NOBODY, "oidc_missing", "oidc_unavailable"),
    ),
    Operation(
        method="GET", path="/v1/oidc/callback", way="public", tag="people", media=("text/html",),
        problems=(
            *_NOBODY, "oidc_missing", "oidc_unavailable", "oidc_state", "oidc_refused", "oidc_token_invalid", "oidc_level", "oidc_subject",
            "scope_needed",
        ),
    ),
    Operation(method="GET", path="/v1/sessions", way="read", tag="people", answer=SessionList, problems=_MINE),
    Operation(method="DELETE", path="/v1/sessions", way="read", tag="people", status=204, problems=(*_MINE, "not_found")),
    Operation(method="DELETE", path="/v1/sessions/{id}", way="read", tag="people", status=204, problems=_MINE),
    Operation(method="POST", path="/v1/sessions:end-all", way="read", tag="people", status=204, problems=_MINE),
    Operation(method="GET", path="/v1/me", way="read", tag="people", answer=Myself, problems=_MINE),
    Operation(
        method="POST", path="/v1/me/password", way="ask", tag="people", body=PasswordChange, status=204,
        problems=(*_MINE, *_TRIED, "password_weak"),
    ),
    Operation(
        method="POST", path="/v1/me/totp", way="read", tag="people", answer=Enrolment, problems=(*_MINE, "code_wrong")
    ),
    Operation(
        method="POST", path="/v1/me/totp:confirm", way="ask", tag="people", body=CodeGiven, answer=Recovery,
        problems=(*_MINE, "sign_in_form", "code_wrong", "no_enrolment"),
    ),
    Operation(method="GET", path="/v1/users", way="read", tag="people", answer=UserPage),
    Operation(
        method="POST", path="/v1/users", way="write", tag="people", body=UserAsked, answer=UserMade, status=201, location=True,
        problems=("user_refused", "user_known", "user_elsewhere"),
    ),
    Operation(
        method="POST", path="/v1/users/{id}:change", way="write", tag="people", body=UserChange, answer=User,
        problems=("user_refused", "user_ended", "last_admin", "user_known", "user_elsewhere"),
    ),
    Operation(
        method="POST", path="/v1/users/{id}:reset", way="write", tag="people", body=ResetAsked, empty=True, answer=UserMade,
        problems=("user_refused", "user_ended", "user_elsewhere"),
    ),
    Operation(
        method="POST", path="/v1/users/{id}:release", way="write", tag="people", empty=True, answer=User, problems=("user_ended",)
    ),
    Operation(method="DELETE", path="/v1/users/{id}", way="write", tag="people", empty=True, status=204, problems=("last_admin",)),
)  # fmt: skip
