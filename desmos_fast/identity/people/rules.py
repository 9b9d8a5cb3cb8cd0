# SPDX-License-Identifier: Apache-2.0
"""Logins, the strength of a password, how long a next try waits. Pure."""

import csv
import math
import re
import secrets
import unicodedata
from datetime import datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from typing import Final

from desmos_fast.base.identifiers import mask_nir, rpps_is_valid
from desmos_fast.identity.model import ROLES
from desmos_fast.identity.people.errors import PasswordWeak, UserRefused
from desmos_fast.identity.people.model import LOGIN_WIDTH, NAME_WIDTH, PASSWORD_WIDTH
from desmos_fast.identity.people.policy import Delays

_LOGIN: Final = re.compile(r"[a-z0-9._%+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)*")
# Sizes of alphabets as the CNIL's examples count them; letters with accents count as signs.
_CLASSES: Final = ((re.compile(r"[a-z]"), 26), (re.compile(r"[A-Z]"), 26), (re.compile(r"[0-9]"), 10), (re.compile(r"[^a-zA-Z0-9]"), 37))
_ROWS: Final = ("azertyuiop", "qwertyuiop", "qwertzuiop", "qsdfghjklm", "asdfghjkl", "wxcvbn", "zxcvbnm", "yxcvbnm")
_NEIGHBOURS: Final = frozenset(pair for row in _ROWS for pair in (*pairwise(row), *pairwise(row[::-1])))
_LEET: Final = str.maketrans("013457@$!", "oieastasi")


def _read_words() -> list[str]:
    with (files("desmos_fast.identity.people") / "common.csv").open(encoding="utf-8") as table:
        return sorted((row["word"] for row in csv.DictReader(table)), key=len, reverse=True)


# Words that people begin with, the longest first; each counts as one character. The list is our own.
_COMMON: Final = re.compile("|".join(_read_words()))
_PART: Final = re.compile(r"[a-z0-9]{4,}")
_RUN: Final = 3
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_RECOVERY: Final = 16


def login_of(text: str) -> str:
    """Return a login as it is kept: without spaces around it, in lower case, and no longer than one that is too long."""
    return unicodedata.normalize("NFKC", text[: 2 * LOGIN_WIDTH]).strip().lower()[: LOGIN_WIDTH + 1]


def check_user(login: str, name: str, roles: tuple[str, ...], rpps: str | None) -> None:
    """Refuse a login that looks like no e-mail address, an empty name, roles that there are not, a wrong RPPS. Raises UserRefused."""
    if len(login) > LOGIN_WIDTH or _LOGIN.fullmatch(login) is None or mask_nir(login) != login:
        raise UserRefused(f"a login looks like an e-mail address, has at most {LOGIN_WIDTH} characters, and never holds an identity number")
    if not 0 < len(name.strip()) <= len(name) <= NAME_WIDTH or not name.isprintable() or mask_nir(name) != name:
        raise UserRefused(f"a name has 1 to {NAME_WIDTH} printable characters, and never holds an identity number")
    if not roles or set(roles) - ROLES.keys():
        raise UserRefused(f"a user has one role or more of {', '.join(ROLES)}")
    if rpps is not None and not rpps_is_valid(rpps):
        raise UserRefused("an RPPS number has 11 digits, the last one a key")


def normal(password: str) -> str:
    """Return a password as it is hashed, however its accents were typed."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, bits: int, *known: str) -> None:
    """Refuse a password of less than so many bits, and one that repeats what is known of the person. Raises PasswordWeak."""
    if len(password) > PASSWORD_WIDTH:
        raise PasswordWeak(f"a password has at most {PASSWORD_WIDTH} characters")
    bare = _bare(password)
    if any(part in bare for text in known for part in _PART.findall(_bare(text))):
        raise PasswordWeak("a password repeats neither the login nor the name")
    # As it is hashed: wide letters and other forms of a character are the plain one there.
    found = strength(normal(password))
    # Twelve characters of all kinds, an example of the recommendation for 80 bits, have 79.6.
    if round(found) < bits:
        raise PasswordWeak(
            f"this password is too easy to guess: {math.floor(found)} bits, {bits} are needed",
            hint="a dozen characters of several kinds, or six words that have nothing to do with each other",
        )


def _bare(text: str) -> str:
    """Return a text in lower case without accents: a name is as easy to guess with them."""
    return "".join(one for one in unicodedata.normalize("NFKD", text).lower() if not unicodedata.combining(one))


def strength(password: str) -> float:
    """Return the bits of a password: characters times the logarithm of their alphabet.

    A word of the list, a run of three or more (aaa, 123, azerty) and what repeats itself count as one character.
    """
    if not password:
        return 0.0
    alphabet = sum(size for pattern, size in _CLASSES if pattern.search(password))
    text = _once(password.lower())
    # What stands for a word is itself no part of a run: each has a sign of its own.
    signs = iter(range(0xE000, 0xF8FF, 5))
    words = _COMMON.sub(lambda _: chr(next(signs)), text.translate(_LEET))
    return min(_without_runs(text), _without_runs(words)) * math.log2(alphabet)


def _once(text: str) -> str:
    """Return what a text repeats, or the text."""
    return text[: (text + text).find(text, 1)]


def _without_runs(text: str) -> int:
    """Count the characters, those of a run as one."""
    count, run, step = 1, 1, 9
    for before, after in pairwise(text):
        towards = 2 if (before, after) in _NEIGHBOURS else ord(after) - ord(before)
        goes_on = towards in (-1, 0, 1, 2)
        run = run + 1 if goes_on and towards == step else 2 if goes_on else 1
        step = towards
        # The third of a run takes back what the second one counted.
        count += 1 if run < _RUN else -1 if run == _RUN else 0
    return count


def wait(failures: int, last: datetime, now: datetime, delays: Delays) -> int:
    """Return how many whole seconds the next try has to wait, 0 for none."""
    over = failures - delays.free
    if over < 0:
        return 0
    # Far beyond the longest delay the power would be a number of many digits.
    span = min(delays.first_s * 2 ** min(over, 30), delays.longest_s)
    return max(0, math.ceil((last + timedelta(seconds=span) - now).total_seconds()))


def recovery_code() -> str:
    """Make a recovery code of 80 random bits, in four groups."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY))
    return "-".join(drawn[place : place + 4] for place in range(0, _RECOVERY, 4))


def bare_code(text: str) -> str:
    """Return a code as it is compared, however it was grouped."""
    return re.sub(r"[\s-]", "", text).lower()
