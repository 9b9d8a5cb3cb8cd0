# SPDX-License-Identifier: Apache-2.0
"""How people and what they sign in with are refused."""

from uuid import UUID

from desmos_fast.base.errors import Conflict, InvalidInput, NotThere, OutsideFailed


class UserRefused(InvalidInput):
    """A user cannot be as asked for."""

    code = "user_refused"


class UserKnown(Conflict):
    """The login belongs to somebody already."""

    code = "user_known"


class UserEnded(Conflict):
    """The user has ended."""

    code = "user_ended"


class UserElsewhere(Conflict):
    """The person has rights in other centres too, so that none of them alone takes away what they sign in with."""

    code = "user_elsewhere"


class LastAdmin(Conflict):
    """Without this one nobody would administer the centre."""

    code = "last_admin"


class NotAPerson(Conflict):
    """A key asks for what only a person has."""

    code = "not_a_person"


class NoSuchUser(NotThere):
    """The centre has no such user, of that kind."""


class NoSuchSession(NotThere):
    """The user has no such session."""


class PasswordWeak(InvalidInput):
    """A password is too easy to guess."""

    code = "password_weak"


class CodeWrong(InvalidInput):
    """A code is not the present one, or was used."""

    code = "code_wrong"


class NoEnrolment(Conflict):
    """There is no code generator that waits to be confirmed."""

    code = "no_enrolment"


class HashingBusy(OutsideFailed):
    """Enough passwords are being looked at."""

    code = "busy"


class SignInForm(InvalidInput):
    """What is sent about a person has not its form."""

    code = "sign_in_form"


class TooSoon(InvalidInput):
    """After wrong tries the next one waits; `wait_s` says how long. It is the same for a login that nobody has."""

    code = "sign_in_delayed"

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"after wrong tries the next one waits {wait_s} s", hint="an administrator of the centre may end the wait")
        self.wait_s = wait_s


class SignInRefused(InvalidInput):
    """Login, password or code is wrong, which one is not said; `locked` is the account that waits from this try on."""

    code = "sign_in_refused"

    def __init__(self, locked: UUID | None = None, tries: int = 0) -> None:
        super().__init__("login, password or code is not right", hint="who has a code generator sends its code along")
        self.locked = locked
        self.tries = tries


class ScopeNeeded(Conflict):
    """The person has rights in more than one centre, or of both kinds."""

    code = "scope_needed"


class EnrolmentNeeded(InvalidInput):
    """Who has this role enrols a code generator before anything else."""

    code = "enrolment_needed"
