# SPDX-License-Identifier: Apache-2.0
"""What has the system start the agent in the session of its user: a unit of systemd, a task of Windows. Pure."""

from collections.abc import Sequence
from subprocess import list2cmdline
from typing import Final
from xml.etree import ElementTree

UNIT: Final = "desmos-agent.service"
TASK: Final = "desmos-agent"
_SPACE: Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"
# The most that Windows takes.
RESTARTS: Final = "255"


def unit(command: Sequence[str]) -> str:
    """Return the unit of a user that runs a command.

    In the session of the user, as the readers are: no service of the whole machine.
    """
    return f"""[Unit]
Description=desmos_fast: the agent that reads cards at this desk
StartLimitIntervalSec=300
StartLimitBurst=20

[Service]
Type=exec
ExecStart={" ".join(map(_quoted, command))}
Restart=on-failure
RestartSec=5
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""


def _quoted(word: str) -> str:
    if not word.isprintable():
        raise ValueError("a word of a command is printable")
    # Percent and dollar signs would be filled in.
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def task(command: Sequence[str], user: str) -> bytes:
    """Return the task that runs a command when a user signs in, as the program of Windows reads it: UTF-16.

    With the rights of the user alone; a task that asked for more was silently not started.
    """
    ElementTree.register_namespace("", _SPACE)
    root = ElementTree.Element(f"{{{_SPACE}}}Task", {"version": "1.2"})
    _add(root, "RegistrationInfo", Description="desmos_fast: the agent that reads cards at this desk")
    _add(_add(root, "Triggers"), "LogonTrigger", Enabled="true", UserId=user)
    principal = _add(_add(root, "Principals"), "Principal", UserId=user, LogonType="InteractiveToken", RunLevel="LeastPrivilege")
    principal.set("id", "Author")
    settings = _add(
        root, "Settings", MultipleInstancesPolicy="IgnoreNew", DisallowStartIfOnBatteries="false", StopIfGoingOnBatteries="false",
        AllowHardTerminate="true", StartWhenAvailable="true", RunOnlyIfNetworkAvailable="false",
    )  # fmt: skip
    _add(settings, "IdleSettings", StopOnIdleEnd="false", RestartOnIdle="false")
    for name, value in (("Enabled", "true"), ("Hidden", "false"), ("ExecutionTimeLimit", "PT0S")):
        _add(settings, name).text = value
    _add(settings, "RestartOnFailure", Interval="PT1M", Count=RESTARTS)
    actions = _add(root, "Actions")
    actions.set("Context", "Author")
    _add(actions, "Exec", Command=command[0], Arguments=list2cmdline(command[1:]))
    ElementTree.indent(root)
    made: bytes = ElementTree.tostring(root, encoding="utf-16", xml_declaration=True)
    return made


def _add(parent: ElementTree.Element, name: str, **children: str) -> ElementTree.Element:
    made = ElementTree.SubElement(parent, f"{{{_SPACE}}}{name}")
    for child, text in children.items():
        ElementTree.SubElement(made, f"{{{_SPACE}}}{child}").text = text
    return made
