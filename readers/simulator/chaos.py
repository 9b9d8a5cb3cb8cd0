# SPDX-License-Identifier: Apache-2.0
"""Trouble on order: a script of what happens at virtual readers, so that the agent, or any other program, can be watched while it does."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, Literal

import msgspec

from desmos_fast.base.errors import InvalidInput, OutsideFailed
from readers.pcsc import ANY_PROTOCOL, LEAVE, SHARED, Connection, Pcsc, load, masked
from readers.simulator import cards
from readers.simulator.service import Service
from readers.simulator.vpcd import PORTS, Card, Fault, Slot

EXCLUSIVE: Final = 1
RESET: Final = 1
POLL_S: Final = 0.01
# For a service that is just starting.
PATIENCE_S: Final = 1.0
CardName = Literal["vitale2", "cps3", "unknown", "mute"]
# What stands at a command: that of the card, or the end of the card service.
Trouble = Literal["pull", "stall", "swap", "cut", "kill"]


class FaultGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong at which command, counted from 0; `seconds` for a stall, `seed` of the person whose card comes in a swap."""

    at: int
    kind: Trouble
    seconds: float = 1.0
    seed: int = 1


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do"):
    """One line of a script."""


class Insert(Step, frozen=True, tag="insert"):
    """Put a card in; that of a person is of the person of the seed."""

    slot: Literal[0, 1] = 1
    card: CardName = "vitale2"
    seed: int = 0
    fault: FaultGiven | None = None


class Pull(Step, frozen=True, tag="pull"):
    """Pull the card."""

    slot: Literal[0, 1] = 1


class Pause(Step, frozen=True, tag="wait"):
    """Wait so long, or until the card in a slot has had so many commands."""

    seconds: float = 1.0
    slot: Literal[0, 1] = 1
    commands: int = 0


class Hold(Step, frozen=True, tag="hold"):
    """Be another program that holds the card for so long: in a transaction, or for itself alone. The script goes on meanwhile."""

    reader: str
    seconds: float = 1.0
    exclusive: bool = False


class Reset(Step, frozen=True, tag="reset"):
    """Be another program that resets the card."""

    reader: str


class Kill(Step, frozen=True, tag="kill"):
    """Kill the card service."""


class Start(Step, frozen=True, tag="start"):
    """Start the card service again."""


Steps = Insert | Pull | Pause | Hold | Reset | Kill | Start


class BadScript(InvalidInput):
    """A line of a script is no step."""

    code = "invalid_input"


def read_script(text: bytes) -> list[Steps]:
    """Return the steps of a script, one JSON object a line. Raises BadScript, which names the line."""
    steps: list[Steps] = []
    decoder = msgspec.json.Decoder(Steps)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            steps.append(decoder.decode(line))
        except msgspec.DecodeError as error:
            raise BadScript(f"line {number} of the script is no step: {error}") from error
    return steps


class Chaos:
    """Plays scripts. The card service is one of ours, one whose process id is given, or none that may be killed."""

    def __init__(self, service: Service | None = None, pid: int | None = None, port: int = PORTS[0]) -> None:
        self._service, self._pid = service, pid
        self._slots = (Slot(port), Slot(port + 1))
        self._others: list[threading.Thread] = []

    def play(self, steps: list[Steps], told: Callable[[dict[str, object]], None]) -> None:
        """Play a script, tell what was done when (seconds), and at the end what each card was asked; then pull all cards.

        Raises OutsideFailed when there are no virtual readers, or no service to kill or to start.
        """
        began = time.monotonic()
        try:
            for step in steps:
                self._do(step)
                told({"at": round(time.monotonic() - began, 3), **msgspec.to_builtins(step)})
            for thread in self._others:
                thread.join()
            told({"at": round(time.monotonic() - began, 3), "commands": [slot.commands for slot in self._slots]})
        finally:
            for slot in self._slots:
                slot.pull()

    def _do(self, step: Steps) -> None:
        match step:
            case Insert():
                self._insert(step)
            case Pull():
                self._slots[step.slot].pull()
            case Pause():
                self._wait(step)
            case Hold():
                self._others.append(_held(step))
            case Reset():
                with _another(step.reader, SHARED) as (_, card):
                    # Said again at the end of the block, when nothing is left to disconnect.
                    load().SCardDisconnect(card.handle, RESET)
            case Kill():
                self._kill()
            case Start():
                self._start()

    def _insert(self, step: Insert) -> None:
        slot, given = self._slots[step.slot], step.fault
        fault = None
        slot.on_command = None
        if given is not None and given.kind == "kill":
            self._killable()
            slot.on_command = lambda index, _: self._kill() if index == given.at else None
        elif given is not None:
            fault = Fault(given.at, given.kind, given.seconds, cards.vitale2(cards.invented(given.seed)))  # type: ignore[arg-type]
        try:
            slot.insert(made(step.card, step.seed), fault, PATIENCE_S)
        except OSError as error:
            raise OutsideFailed("there are no virtual readers here", hint="start the card service, with vsmartcard-vpcd") from error

    def _wait(self, step: Pause) -> None:
        until = time.monotonic() + step.seconds
        while (left := until - time.monotonic()) > 0 and not 0 < step.commands <= self._slots[step.slot].commands:
            time.sleep(min(left, POLL_S) if step.commands else left)

    def _killable(self) -> None:
        if self._service is None and self._pid is None:
            raise OutsideFailed("no card service that may be killed", hint="give --service-command, or --service-pid")

    def _kill(self) -> None:
        self._killable()
        if self._service is not None:
            self._service.kill()
        elif self._pid is not None:
            try:
                os.kill(self._pid, signal.SIGKILL)
            except OSError as error:
                raise OutsideFailed(f"process {self._pid} cannot be killed: {error.strerror}") from error

    def _start(self) -> None:
        if self._service is None:
            raise OutsideFailed("no card service that can be started", hint="give --service-command")
        if self._service.pid is None:
            try:
                self._service.start()
            except (OSError, TimeoutError) as error:
                raise OutsideFailed("the card service did not start", hint="look at what --service-command says by itself") from error


def made(name: CardName, seed: int) -> Card:
    """Return a card by its name."""
    match name:
        case "vitale2":
            return cards.vitale2(cards.invented(seed))
        case "cps3":
            return cards.cps3()
        case "unknown":
            return cards.unknown()
        case "mute":
            return cards.mute()


@contextlib.contextmanager
def _another(reader: str, share: int) -> Iterator[tuple[Pcsc, Connection]]:
    """Be another program that is connected to the card of a reader. Raises OutsideFailed."""
    pcsc = Pcsc()
    context = pcsc.establish()
    try:
        code, handle, protocol = load().SCardConnect(context, reader, share, ANY_PROTOCOL)
        if code:
            raise OutsideFailed(f"another program could not take the card in {reader!r}: 0x{masked(code):08X}")
        card = Connection(handle, protocol)
        try:
            yield pcsc, card
        finally:
            load().SCardDisconnect(card.handle, LEAVE)
    finally:
        pcsc.release(context)


def _held(step: Hold) -> threading.Thread:
    """Hold a card in a thread of its own; return once it is held. Raises what stood in the way."""
    ready = threading.Event()
    failed: list[OutsideFailed] = []

    def hold() -> None:
        try:
            with _another(step.reader, EXCLUSIVE if step.exclusive else SHARED) as (pcsc, card):
                if not step.exclusive:
                    pcsc.begin(card)
                ready.set()
                time.sleep(step.seconds)
                if not step.exclusive:
                    pcsc.end(card)
        except OutsideFailed as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=hold, name="another-program", daemon=True)
    thread.start()
    ready.wait()
    if failed:
        raise failed[0]
    return thread
