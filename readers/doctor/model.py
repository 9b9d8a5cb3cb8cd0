# SPDX-License-Identifier: Apache-2.0
"""What is known of a workstation, and what is said of it. What could not be found out is none, and never guessed."""

from typing import Literal

import msgspec

Level = Literal["ok", "warning", "error", "unknown"]
Verdict = Literal["recommended", "minimum", "unsupported", "unknown"]


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


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the workstation is to be good for: how many people share its line, whether it is carried about, how old an update may be."""

    users: int | None = None
    mobile: bool = False
    update_age_days: int = 35


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: the point of the contract's annex, how it is, the cause and what to do about it, in French."""

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
