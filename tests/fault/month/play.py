# SPDX-License-Identifier: Apache-2.0
"""The month as it is played: each morning the watch looks, at noon the centre signs and may build, in the evening the line delivers."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from desmos_fast.anomalies.model import AnomalyShown
from desmos_fast.base.clock import PARIS
from desmos_fast.base.types import FileId, LotId, TenantId, uuid7
from desmos_fast.billing import service as billing
from desmos_fast.billing.intake import Terms
from desmos_fast.db import queue
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import Caller
from desmos_fast.lots import service as lots
from desmos_fast.lots.follow import service as follow
from desmos_fast.lots.follow.jobs import Watch
from desmos_fast.lots.jobs import Sender
from desmos_fast.lots.model import SEND_FILE
from desmos_fast.lots.recipients.model import EVERYONE, Breaker, Directory, Pace, Patience, Recipient, Recipients, Route
from desmos_fast.nomenclature.tariffs import load_tariffs
from desmos_fast.returns import service as returns
from tests.api.conftest import GOLDEN, MASTER, person
from tests.fault.month import days
from tests.fault.month.line import TRIES, Line, Message, Payers

NAMES: Final = ("01_ngap_visit", "02_dental_ccam", "07_amc_apart")
BUILDS: Final = 0.6
# On these days something is built whatever is drawn, and from the second on lost: before the holiday of the month.
SURE: Final = (0, 4, 7)
# For so many days the centre forgets to build: long enough to be late.
QUIET: Final = (10, 16)
ASKED_AFTER: Final = 3
MOST_CALM_DAYS: Final = 60
MISSING: Final = """
    SELECT f.id, f.name, f.resends, max(s.happened_at) AS sent
      FROM file AS f JOIN event AS s ON s.subject = f.id AND s.name = 'file.sent'
     WHERE f.state = 'sent' AND EXISTS (SELECT FROM lot AS l WHERE l.file_id = f.id AND l.state = 'sent' AND l.ack_missing_at IS NOT NULL)
     GROUP BY f.id, f.name, f.resends
"""
OPEN: Final = """
    SELECT (SELECT count(*) FROM file WHERE state <> 'acknowledged' AND NOT (state = 'dead' AND sent_at IS NOT NULL))
         + (SELECT count(*) FROM share WHERE flow > 0 AND transport IN ('open', 'lotted', 'sent', 'file_refused'))
"""


class Told:
    """Keeps what people were told of."""

    def __init__(self) -> None:
        self.anomalies: list[UUID] = []

    async def tell(self, _tenant: TenantId, anomalies: Sequence[AnomalyShown]) -> None:
        """Take note."""
        self.anomalies += [anomaly.id for anomaly in anomalies]


@dataclass
class Month:
    """One centre, its line and its people; what the days must bring is noted beside what they bring."""

    pool: Pool
    tenant: TenantId
    finess: str
    rng: random.Random
    first: date
    line: Line = field(init=False)
    payers: Payers = field(init=False)
    told: Told = field(default_factory=Told)
    now: datetime = field(init=False)
    lived: list[date] = field(default_factory=list)
    signed: dict[UUID, tuple[date, bool]] = field(default_factory=dict)
    lotted: dict[UUID, date] = field(default_factory=dict)
    expected: set[tuple[str, str, date]] = field(default_factory=set)
    resent: set[str] = field(default_factory=set)
    alarmed: dict[str, date] = field(default_factory=dict)
    cleared: dict[str, date] = field(default_factory=dict)
    refused: int = 0
    unknown: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Begin on the first day."""
        self.line = Line(random.Random(self.rng.random()), self.first)
        self.payers = Payers(random.Random(self.rng.random()))
        self.now = datetime.combine(self.first, time(8), PARIS)

    def context(self) -> Context:
        """Return what a request of the centre is given at this hour."""
        return Context(Caller(self.tenant, self.finess, "test", uuid7()), Keyring(MASTER).of(self.tenant), self.now)

    async def play(self, count: int) -> None:
        """Live so many days, then calm ones until nothing is open; every one of them is noted."""
        gap = self.rng.randint(SURE[-1] + 1, count - QUIET[1])
        quiet = range(gap, gap + self.rng.randint(*QUIET))
        # On the first day something is built, and nothing leaves.
        down = {0, self.rng.randrange(SURE[-1] + 1, count)}
        for number in range(count):
            self.line.down = number in down
            if number in SURE[1:]:
                self.line.first["out"].append("lost")
            await self.day(signs=True, builds=number in SURE or (number not in quiet and self.rng.random() < BUILDS))
        self.line.calm, self.line.down = True, False
        for _ in range(MOST_CALM_DAYS):
            await self.day(signs=False, builds=True)
            if not self.line.out and not self.line.back and not await self.column(OPEN):
                # One morning more: what was built at noon is late until the watch looks again.
                await self.day(signs=False, builds=False)
                return
        raise AssertionError("something is open for ever")

    async def day(self, *, signs: bool, builds: bool) -> None:
        """Live one day."""
        today = self.line.today
        self.lived.append(today)
        self.at(9)
        await self._morning(today)
        if days.worked(today):
            self.at(12)
            await self._noon(today, signs=signs, builds=builds)
        await self._send()
        self.at(18)
        for message in self.line.arrived(self.line.out):
            if self.payers.take(message.name, message.data, message.tag):
                self._answer(message.name)
        for message in self.line.arrived(self.line.back):
            await self._bring(message)
        self.line.today += timedelta(1)

    def at(self, hour: int) -> None:
        """Turn the clock to an hour of today."""
        self.now = datetime.combine(self.line.today, time(hour), PARIS)

    async def _morning(self, today: date) -> None:
        """Note what the watch must do today, let it look, and have people do what is theirs."""
        awaited = {row["name"]: row["id"] for row in await self.rows("SELECT id, name FROM file WHERE state = 'sent'")}
        for name in awaited:
            sent = self.line.handed[name]
            if name not in self.alarmed and days.alarm_on(sent[0]) <= today:
                self.alarmed[name] = today
                self.expected.add(("lot.ack_missing", name, days.alarm_on(sent[0])))
            if name not in self.resent and days.again_on(sent[0]) <= today:
                self.resent.add(name)
                self.expected.add(("file.queued_again", name, days.again_on(sent[0])))
        await self.morning()
        await self._people(today)

    async def morning(self) -> None:
        """Have the watch of a worker look."""
        await Watch(self.pool, lambda: self.now, self.told).look()

    async def _people(self, today: date) -> None:
        """Ask the payers of files that were sent again in vain, and try again what is held."""
        for row in await self.rows(MISSING):
            if (
                not row["resends"]
                or days.after(row["sent"].astimezone(PARIS).date(), ASKED_AFTER) > today
                or self.line.under_way(row["name"])
            ):
                continue
            if row["name"] in self.payers.said:
                self.counts["asked to answer again"] += 1
                self._answer(row["name"])
            elif self.rng.random() < 0.5:
                await self._given_up(FileId(row["id"]), row["name"], today)
            else:
                self.counts["sent again by a person"] += 1
                async with transaction(self.pool, self.tenant) as con:
                    await follow.resend(con, self.context(), FileId(row["id"]))
        async with transaction(self.pool, self.tenant) as con:
            held = await queue.held(con)
            self.counts["held jobs tried again"] += len(held)
            await queue.retry(con, [job.id for job in held])

    async def _given_up(self, file: FileId, name: str, today: date) -> None:
        self.counts["files given up"] += 1
        for row in await self.rows("SELECT id FROM lot WHERE file_id = $1 AND state = 'sent'", file):
            async with transaction(self.pool, self.tenant) as con:
                await follow.give_up(con, self.context(), LotId(row["id"]))
        self.cleared[name] = today

    async def _noon(self, today: date, *, signs: bool, builds: bool) -> None:
        if signs:
            body = b"\n".join(
                [self._invoice(today, NAMES[:1], 1.0), *(self._invoice(today, NAMES, 0.3) for _ in range(self.rng.randint(1, 4)))]
            )
            async with transaction(self.pool, self.tenant) as con:
                said = await billing.create_batch(con, self.context(), body, Terms(load_tariffs()))
            assert said.refused == 0, said
            paid = {row["id"]: row["third_party"] == "none" for row in await self.rows("SELECT id, third_party FROM invoice")}
            self.signed.update({one.id: (today, paid[one.id]) for one in said.results if one.id is not None})
        if builds:
            asked = orjson.dumps({"max_invoices_per_lot": self.rng.randint(1, 2), "max_lots_per_file": self.rng.randint(1, 2)})
            async with transaction(self.pool, self.tenant) as con:
                await lots.build(con, self.context(), asked)
            self.lotted.update({name: today for name in self.signed if name not in self.lotted})

    def _invoice(self, today: date, names: Sequence[str], paid_share: float) -> bytes:
        one = orjson.loads((GOLDEN / f"{self.rng.choice(names)}.ndjson").read_bytes().splitlines()[0])
        del one["number"]
        acts = [act | {"date": today.isoformat()} for act in one["acts"]]
        paid = {"third_party": "none", "amc": None} if one["amc"] is None and self.rng.random() < paid_share else {}
        changed = {"biller": self.finess, "insured_nir": person(self.rng.randint(100, 899)), "created_on": today.isoformat(), "acts": acts}
        return orjson.dumps(one | changed | paid)

    async def _send(self) -> None:
        """Let a worker do what is queued."""
        patience = Patience(tries=TRIES, first_s=0.01, longest_s=0.01)
        one = Recipient(
            name=EVERYONE, way=Directory(folder="/nowhere"), pace=Pace(at_once=4), retries=patience, breaker=Breaker(failures=1000)
        )
        sender = Sender(
            self.pool, Keyring(MASTER), Recipients({EVERYONE: one}, (Route(to=EVERYONE),)), {EVERYONE: self.line}, lambda: self.now
        )
        await queue.run(self.pool, {SEND_FILE: sender}, asyncio.Event(), once=True)

    def _answer(self, name: str) -> None:
        self.counts["answers"] += 1
        self.line.answer(name, self.payers.arl(name, self.line.today, self.counts["answers"]))

    async def _bring(self, message: Message) -> None:
        """Bring an acknowledgement to the centre, and note what must come of it."""
        before = await self.column("SELECT count(*) FROM return_file")
        known = bool(await self.rows("SELECT 1 FROM return_file WHERE sha256 = sha256($1)", message.data))
        try:
            async with transaction(self.pool, self.tenant) as con:
                said = await returns.import_file(con, self.context(), message.data)
        except FaultyInput as error:
            assert message.tag in ("cut", "garbled") and error.faults, (message, error)
            assert await self.column("SELECT count(*) FROM return_file") == before, "whole or not at all"
            self.refused += 1
            return
        assert message.tag not in ("cut", "garbled"), message
        assert said.unknown == (message.tag == "misnumbered"), (message, said)
        self.unknown += 0 if known else said.unknown
        if said.accepted or said.refused:
            # An answer proves that the file left, also when the line said that it did not.
            self.line.handed.setdefault(message.name, []).append(self.line.today)
        if message.name in self.alarmed and message.tag != "misnumbered":
            self.cleared.setdefault(message.name, self.line.today)

    async def rows(self, query: str, *args: object) -> list[Any]:
        """Return rows of the centre."""
        async with transaction(self.pool, self.tenant) as con:
            return await _fetch(con, query, *args)

    async def column(self, query: str) -> int:
        """Return one number of the centre."""
        return int((await self.rows(query))[0][0])

    def late_on(self, today: date) -> bool:
        """Say whether some invoice waits on a morning for longer than it may."""
        return any(
            days.late_on(signed, paid=paid) <= today and not self.lotted.get(name, date.max) < today
            for name, (signed, paid) in self.signed.items() if signed < today
        )  # fmt: skip


async def _fetch(con: Connection, query: str, *args: object) -> list[Any]:
    return list(await con.fetch(query, *args))
