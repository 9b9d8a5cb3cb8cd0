# SPDX-License-Identifier: Apache-2.0
import re
import types
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from desmos_fast.base.settings import BadSetting
from desmos_fast.lots.recipients.model import (
    Cft,
    Directory,
    Https,
    Pace,
    Patience,
    Place,
    Recipients,
    RecipientsInvalid,
    Route,
    Schedule,
    Sftp,
    Smtp,
)
from desmos_fast.lots.recipients.reading import PARTS, WAYS, load_recipients, read_recipients

SOUND = """
[recipients.cpam-75]
transport = "sftp"
host = "sftp.payer.example"
user = "desmos"
host_key_file = "/etc/desmos-fast/keys/cpam-75.pub"
key_file = "/etc/desmos-fast/keys/cpam-75"
[recipients.cpam-75.schedule]
days = ["mon", "tue", "wed", "thu", "fri"]
hours = ["07:30-12:00", "13:00-24:00"]
holidays = false
[recipients.cpam-75.pace]
at_once = 1
per_minute = 30
[recipients.cpam-75.retries]
tries = 20
longest_s = 600
[recipients.amc]
transport = "https"
url = "https://concentrator.example/files"
certificate_file = "/k/c.crt"
key_file = "/k/c.key"
ca_file = "/k/ca.pem"
[recipients.rest]
transport = "directory"
folder = "/srv/out"
[[routes]]
amc = "12345"
to = "amc"
[[routes]]
regime = "01"
caisse = "751"
flow = 1
to = "cpam-75"
[[routes]]
to = "rest"
"""


def read(folder: Path, text: str) -> Recipients:
    path = folder / "recipients.toml"
    path.write_text(text, encoding="utf-8")
    return read_recipients(path)


def faults(folder: Path, text: str) -> dict[str | None, str]:
    """Return the kind of each fault by the key that it stands at."""
    with pytest.raises(RecipientsInvalid) as raised:
        read(folder, text)
    found = {fault.field: fault.code.removeprefix("RECIPIENTS_") for fault in raised.value.faults}
    assert len(found) == len(raised.value.faults), "two faults of one key"
    assert all(fault.message in raised.value.detail for fault in raised.value.faults)
    return found


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, SOUND)
    cpam = found.by_name["cpam-75"]
    assert list(found.by_name) == ["cpam-75", "amc", "rest"]
    assert isinstance(cpam.way, Sftp) and (cpam.way.host, cpam.way.port) == ("sftp.payer.example", 22)
    assert cpam.schedule == Schedule(days=("mon", "tue", "wed", "thu", "fri"), hours=("07:30-12:00", "13:00-24:00"), holidays=False)
    assert (cpam.pace, cpam.retries) == (Pace(at_once=1, per_minute=30), Patience(tries=20, longest_s=600))
    assert found.by_name["rest"].way == Directory(folder="/srv/out")
    assert found.by_name["rest"].schedule.always and not cpam.schedule.always


@pytest.mark.parametrize(
    ("place", "to"),
    [
        (Place(17510000, 1, 0), "cpam-75"), (Place(17511234, 1, 0), "cpam-75"), (Place(17510000, 2, 99), "rest"),
        (Place(17520000, 1, 0), "rest"), (Place(27510000, 1, 0), "rest"), (Place(17510000, 2, 12345), "amc"),
        (Place(999999999, 2, 12345), "amc"), (Place(17510000, 1, 12345), "cpam-75"),
    ],
)  # fmt: skip
def test_the_first_route_that_matches_says_who(tmp_path: Path, place: Place, to: str) -> None:
    assert read(tmp_path, SOUND).of(place).name == to


def test_one_recipient_needs_no_route(tmp_path: Path) -> None:
    found = read(tmp_path, '[recipients.all]\ntransport = "directory"\nfolder = "/srv/out"\n')
    assert found.routes == (Route(to="all"),) and found.of(Place(1, 1, 0)).name == "all"


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    assert faults(
        tmp_path,
        """
[recipients.a]
transport = "sftp"
host = "h h"
user = "u"
password = "hunter2"
[recipients.a.pace]
at_once = 0
fast = true
[recipients.a.schedule]
hours = ["9-5"]
[recipients.b]
transport = "https"
url = "http://x.example/y"
timeout_s = "long"
[recipients.Ftp]
transport = "ftp"
[recipients.mail]
transport = "smtp"
tls = "none"
[recipients.none]
[[routes]]
to = "nobody"
flow = 1
amc = "12"
[[routes]]
to = "a"
regime = "1"
""",
    ) == {
        "recipients.a.host": "BAD_VALUE", "recipients.a.password": "UNKNOWN_KEY", "recipients.a.host_key_file": "MISSING",
        "recipients.a.key_file": "MISSING", "recipients.a.pace.at_once": "BAD_VALUE", "recipients.a.pace.fast": "UNKNOWN_KEY",
        "recipients.a.schedule.hours": "BAD_VALUE",
        "recipients.b.url": "PLAIN_TEXT", "recipients.b.timeout_s": "BAD_VALUE", "recipients.b.certificate_file": "MISSING",
        "recipients.b.key_file": "MISSING", "recipients.b.ca_file": "MISSING",
        "recipients.Ftp": "BAD_VALUE", "recipients.Ftp.transport": "PLAIN_TEXT",
        "recipients.mail.tls": "PLAIN_TEXT", "recipients.mail.host": "MISSING", "recipients.mail.sender": "MISSING",
        "recipients.mail.to": "MISSING", "recipients.mail.certificate_file": "MISSING", "recipients.mail.key_file": "MISSING",
        "recipients.mail.recipient_certificate_file": "MISSING",
        "recipients.none.transport": "MISSING",
        "routes.1.to": "BAD_VALUE", "routes.1.amc": "BAD_VALUE", "routes.2.regime": "BAD_VALUE",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "where", "kind"),
    [
        ('transport = "sftp"', 'transport = "http"', "recipients.cpam-75.transport", "PLAIN_TEXT"),
        ('transport = "sftp"', 'transport = "pigeon"', "recipients.cpam-75.transport", "BAD_VALUE"),
        ('url = "https:', 'url = "HTTP:', "recipients.amc.url", "PLAIN_TEXT"),
        ('url = "https://', 'url = "https://me:secret@', "recipients.amc.url", "BAD_VALUE"),
        ('"/k/ca.pem"', '"ca.pem"', "recipients.amc.ca_file", "BAD_VALUE"),
        ("[recipients.cpam-75]", '[recipients.cpam-75]\nkey = "s"', "recipients.cpam-75.key", "UNKNOWN_KEY"),
        ('"07:30-12:00"', '"07:30-13:30"', "recipients.cpam-75.schedule.hours", "BAD_VALUE"),
        ('"07:30-12:00"', '"12:00-07:30"', "recipients.cpam-75.schedule.hours", "BAD_VALUE"),
        ('["mon",', '["lun",', "recipients.cpam-75.schedule.days", "BAD_VALUE"),
        ("longest_s = 600", "longest_s = 0.5", "recipients.cpam-75.retries.longest_s", "BAD_VALUE"),
        ("per_minute = 30", "per_minute = 0", "recipients.cpam-75.pace.per_minute", "BAD_VALUE"),
        ('[[routes]]\nto = "rest"', '[[routes]]\nto = "rest"\nflow = 2', "routes.3", "MISSING"),
        ('[[routes]]\namc = "12345"', "[[routes]]", "routes.2", "UNREACHED"),
        ("[[routes]]\namc", '[[routes]]\nregime = "01"\nto = "rest"\n[[routes]]\namc', "routes.3", "UNREACHED"),
        ('regime = "01"', 'regime = "01"\ncity = "x"', "routes.2.city", "UNKNOWN_KEY"),
        ('transport = "directory"', 'transport = "directory"\nuser = "x"', "recipients.rest.user", "UNKNOWN_KEY"),
        ("[recipients.rest]", "[secrets]\n[recipients.rest]", "secrets", "UNKNOWN_KEY"),
    ],
)
def test_each_fault_is_told_where_it_stands(tmp_path: Path, before: str, after: str, where: str, kind: str) -> None:
    assert before in SOUND
    found = faults(tmp_path, SOUND.replace(before, after, 1))
    assert found.get(where) == kind and len(found) <= 2, found


def test_mail_logs_in_with_both_or_neither(tmp_path: Path) -> None:
    mail = """
[recipients.mail]
transport = "smtp"
host = "h"
sender = "a@b.example"
to = "c@d.example"
certificate_file = "/c"
key_file = "/k"
recipient_certificate_file = "/r"
"""
    assert read(tmp_path, mail).by_name["mail"]
    assert faults(tmp_path, mail + 'user = "u"\n') == {"recipients.mail.user": "BAD_VALUE"}


def test_what_stands_where_a_path_should_is_not_repeated(tmp_path: Path) -> None:
    text = SOUND.replace('"/k/c.key"', '"the secret itself"').replace('host = "s', 'passphrase = "the secret itself"\nhost = "s')
    with pytest.raises(RecipientsInvalid) as raised:
        read(tmp_path, text)
    assert len(raised.value.faults) == 2
    assert "the secret itself" not in raised.value.detail + str(raised.value.faults)


@pytest.mark.parametrize("text", ["", "recipients = 1", "[recipients]", "routes = []", "[recipients]\na = 1", "[recipients\n", "\0"])
def test_what_names_no_recipient_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecipientsInvalid):
        read(tmp_path, text)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipientsInvalid, match="No such file"):
        read_recipients(tmp_path / "missing.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(RecipientsInvalid, match="no TOML"):
        read_recipients(tmp_path / "latin.toml")


def test_without_a_file_everything_goes_into_the_letterbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESMOS_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DESMOS_RECIPIENTS", raising=False)
    found = load_recipients()
    assert found.of(Place(17510000, 1, 0)).way == Directory(folder=str(tmp_path / "letterbox" / "to_payers"))
    (tmp_path / "r.toml").write_text(SOUND, encoding="utf-8")
    monkeypatch.setenv("DESMOS_RECIPIENTS", str(tmp_path / "r.toml"))
    assert load_recipients().of(Place(17510000, 1, 0)).name == "cpam-75"
    monkeypatch.setenv("DESMOS_RECIPIENTS", "r.toml")
    with pytest.raises(BadSetting, match="DESMOS_RECIPIENTS"):
        load_recipients()


def test_every_setting_says_in_words_what_it_takes() -> None:
    def says(hint: Any) -> bool:
        if get_origin(hint) in (Union, types.UnionType):
            return any(says(one) for one in get_args(hint))
        return get_origin(hint) is Annotated and any(isinstance(one, msgspec.Meta) and one.description for one in get_args(hint)[1:])

    shapes: list[type[msgspec.Struct]] = [*WAYS.values(), *PARTS.values(), Route]
    for shape in shapes:
        hints = get_type_hints(shape, include_extras=True)
        assert {name for name in shape.__struct_fields__ if not says(hints[name])} == set(), shape


def test_the_page_shows_a_sound_file_and_every_fault(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs/reference/transports.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    found = read(tmp_path, example)
    assert [type(one.way) for one in found.by_name.values()] == [Smtp, Https, Sftp, Cft]
    assert found.of(Place(17510000, 1, 0)).name == "cpam-75"
    sources = [path.read_text(encoding="utf-8") for path in (root / "desmos_fast/lots").rglob("*.py")]
    kinds = {kind for source in sources for kind in re.findall(r'fault\(\s*"([A-Z_]+)"', source)}
    assert len(kinds) >= 10 and {kind for kind in kinds if f"`RECIPIENTS_{kind}`" not in page} == set()
