# SPDX-License-Identifier: Apache-2.0
"""What is known of a workstation, and what is said of it. What could not be found out is none, and never guessed."""

from typing import Literal

import msgspec

Level = Literal["ok", "warning", "error", "unknown"]
Verdict = Literal["recommended", "minimum", "unsupported", "unknown"]


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """The library of a vendor: where it is said to be, whether it can be loaded, what it says of itself or what was wrong."""

    path: str
    loads: bool
    said: str


class Ini(msgspec.Struct, frozen=True, kw_only=True):
    """A file of settings of a vendor: its sections with their keys in lower case, or what was wrong with it."""

    path: str
    sections: dict[str, dict[str, str]] = {}
    fault: str | None = None


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of the FSV components: how many, and the age of the newest in days."""

    path: str
    count: int
    age_days: int | None


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who listens on a port of the loopback; `program` is its name, or the desk of an agent of ours."""

    port: int
    who: Literal["free", "agent", "other"]
    program: str = ""


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around the cards. `origin` is the service that the workstation belongs to, `drift_s` how far its clock is ahead of it."""

    galss: Ini | None = None
    sesam: Ini | None = None
    versions: list[str] = []
    tables: Tables | None = None
    ports: list[Holder] = []
    origin: str | None = None
    policy: str | None = None
    service_reached: bool | None = None
    drift_s: int | None = None
    certificate_days: int | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """A workstation. Sizes in bytes, speeds in kbit/s and MHz, the age of the last update in days."""

    system: str
    version: str | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    cpu: str | None = None
    cores: int | None = None
    cpu_mhz: int | None = None
    screen: tuple[int, int] | None = None
    browsers: dict[str, str] = {}
    update_age_days: int | None = None
    line_kbps: int | None = None
    library: bool = False
    service: bool = False
    readers: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()
    settings_fault: str | None = None
    backend: str = "pcsc"
    pairs: dict[str, str] = {}
    cps: Vendor | None = None
    ssv: Vendor | None = None
    around: Around | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the workstation is to be good for: how many people share its line, whether it is carried about, how old an update may be."""

    users: int | None = None
    mobile: bool = False
    update_age_days: int = 35


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: the point of the contract's annex, if it has one, how it is, the cause and what to do, in French."""

    point: str
    subject: str
    level: Level
    reaches: Verdict | None = None
    cause: str
    action: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found, and what the workstation is by the annex."""

    verdict: Verdict
    facts: Facts
    findings: list[Finding]
