# SPDX-License-Identifier: Apache-2.0
"""Examples about people: one who is made, sets a password, signs in, and is reset."""

from typing import Final

from api.contract.model import FINESS, UNKNOWN, Example

_LOGIN: Final = f"accueil@centre-{FINESS}.example"
_PASSWORD: Final = "cinq tambours rouillent"

EXAMPLES: Final = (
    Example(
        name="user", summary="Somebody at the desk", method="POST", path="/v1/users", status=201, keeps={"user": "id", "code": "code"},
        body={"login": _LOGIN, "name": "Camille Durand", "roles": ["biller"]},
    ),
    Example(
        name="user_changed", summary="Who keeps the webhooks too", method="POST", path="/v1/users/{user}:change",
        route="/v1/users/{id}:change", status=200, body={"roles": ["biller", "ops"]},
    ),
    Example(
        name="password", summary="The first password, with the code", method="POST", path="/v1/passwords", status=204,
        body={"login": _LOGIN, "code": "{code}", "password": _PASSWORD},
    ),
    Example(
        name="session", summary="Sign in as a program does", method="POST", path="/v1/sessions", status=201,
        body={"login": _LOGIN, "password": _PASSWORD},
    ),
    Example(
        name="session_refused", summary="A wrong password: 401, as for a login that nobody has", method="POST", path="/v1/sessions",
        status=401, body={"login": _LOGIN, "password": "cinq trompettes"},
    ),
    Example(
        name="reset", summary="The code generator is lost", method="POST", path="/v1/users/{user}:reset", route="/v1/users/{id}:reset",
        status=200, body={"totp": True},
    ),
    Example(
        name="user_unknown", summary="Nobody has this id: 404", method="POST", path=f"/v1/users/{UNKNOWN}:change",
        route="/v1/users/{id}:change", status=404, body={"name": "Claude Durand"},
    ),
    Example(
        name="password_changed", summary="A key has no password: 409", method="POST", path="/v1/me/password", status=409,
        body={"password": _PASSWORD, "new": "huit cornes de brume"},
    ),
    Example(
        name="code", summary="A key has no code generator: 409", method="POST", path="/v1/me/totp:confirm", status=409,
        body={"code": "123456"},
    ),
)  # fmt: skip
