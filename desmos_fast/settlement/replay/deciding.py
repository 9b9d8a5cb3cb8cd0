# SPDX-License-Identifier: Apache-2.0
"""What people decide of matches, told in memory as docs/reference/decisions.md says it: what was found sound before is not asked again."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

import msgspec

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Due, Entry
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.settlement.account import outcome_of
from desmos_fast.settlement.book import Barred
from desmos_fast.settlement.model import Evidence, LineRow, Match, OrderLine, Outcome
from desmos_fast.settlement.replay.model import Decided, Share
from desmos_fast.settlement.replay.rows import LineKey, MatchRow, Rows
from desmos_fast.settlement.rules import match_id

BY_HAND: Final = "M"
SPLIT: Final = "split"
UNDONE: Final = "undone_by_person"
REFUSED: Final = "refused_by_person"
UNEXPLAINED: Final = "ecart"
LOSS: Final = "perte"
DIRECT: Final = ("line.matched", "line.overpaid")
PLACING: Final = frozenset({*DIRECT, "line.invoiced_later", "recovery.identified"})
OF_MATCHES: Final = frozenset({"match", "accept", "refuse", "undo", "split", "unsplit", "indu_write_off"})


class Deciding:
    """One decision about matches as it is taken: the entries that it posts, the shares and orders of which more is to be told."""

    def __init__(self, rows: Rows, step: Decided) -> None:
        self.rows = rows
        self.step = step
        self.entries: list[Entry] = []
        self.shares: set[Share] = set()
        self.orders: set[UUID] = set()

    def take(self) -> None:
        """Do what the decision says."""
        detail = self.step.detail
        match self.step.kind:
            case "match":
                self._match(detail["problem"], detail["left"], detail["right"], detail.get("remainder"), None)
            case "accept":
                self._accept()
            case "refuse":
                self._refuse()
            case "undo":
                self._undo(detail["problem"], detail["left"][0])
            case "split":
                self._split(self.step.subject, detail["amounts"])
            case "unsplit":
                self._unsplit(self.step.subject)
            case "indu_write_off":
                self._lose(detail["left"][0])
            case other:
                raise AssertionError(other)

    # --- match, accept

    def _match(self, problem: str, left: Sequence[str], right: Sequence[str], remainder: str | None, like: Match | None = None) -> None:
        if problem == "A":
            self._line(left[0], right[0], like)
        else:
            self._credits(sorted(left), sorted(right), remainder, like)

    def _accept(self) -> None:
        detail = self.step.detail
        record = self.rows.words[detail["left"][0]]
        right = tuple(detail["right"]) or record.right
        remainder = None
        if record.problem == "B" and record.residual:
            remainder = ledger.clawback(self.rows.orders[self.rows.by_ref[min(right)]].payer)
        self._match(record.problem, record.left, right, remainder, record)

    def _keep(self, problem: str, left: Sequence[str], right: Sequence[str], amount: int, like: Match | None, **more: object) -> UUID:
        rule, row_id = (BY_HAND if like is None else like.rule), uuid7()
        made = Match(
            match_id=match_id(problem, rule, left, right), problem="A" if problem == "A" else "B", status="confirmed", rule=rule,
            left=tuple(left), right=tuple(right), amount=Cents(amount), residual=Cents(0), outcome=None,
            evidence=Evidence() if like is None else like.evidence,
        )  # fmt: skip
        self.rows.matches[row_id] = MatchRow(msgspec.structs.replace(made, **more), self.step.by, self.step.at)
        return row_id

    def _line(self, left: str, right: str, like: Match | None) -> None:
        key, share = self.rows.line_named(left), self.rows.share_named(right)
        line, row = self.rows.lines[key], self.rows.share(share)
        before = row.open
        self.wait(key)
        due, excess = self._announce(share, line.amount)
        self._place(left, line, share, due, excess)
        made = self._keep("A", [left], [right], line.amount, like, residual=Cents(excess), outcome=_outcome(line, before))
        self.rows.take_line(key, made, share)
        self.shares.add(share)

    def wait(self, key: LineKey) -> None:
        """Let the amount of a line wait in the books, when it does not."""
        line = self.rows.lines[key]
        if line.amount and not line.parked:
            self.entries.append(self._waiting(self.rows.name_of(key), line))
            self.rows.lines[key] = line._replace(parked=True)

    def _waiting(self, name: str, line: LineRow) -> Entry:
        build = ledger.recovery_parked if line.status == "recovery" else ledger.line_without_invoice
        return build(name, line.payer, Cents(line.amount))

    def _announce(self, share: Share, amount: int) -> tuple[Cents, int]:
        """Announce so many cents more on a share; return by how much what is due falls, and what is in excess."""
        row = self.rows.share(share)
        before = row.open
        row.announced += amount
        due = before - row.open
        return Cents(due), amount - due

    def _place(self, name: str, line: LineRow, share: Share, due: int, excess: int) -> None:
        if line.amount:
            self.entries.append(self._placed(name, line, share, due, excess))

    def _placed(self, name: str, line: LineRow, share: Share, due: int, excess: int) -> Entry:
        invoice = self.rows.invoices[share[0]]
        build = ledger.recovery_identified if line.status == "recovery" else ledger.line_invoiced_later
        return build(name, line.payer, f"{invoice.biller}/{invoice.number}", Cents(due), Cents(excess))

    def _credits(self, left: list[str], right: Sequence[str], remainder: str | None, like: Match | None) -> None:
        orders = [self.rows.orders[self.rows.by_ref[name]] for name in right]
        total = sum(order.total for order in orders)
        rest = self._sum(left) - total
        if remainder == UNEXPLAINED:
            last = max(name for name in left if self._sum([name]) > rest)
            first, _ = self._cut(last, [self._sum([last]) - rest, rest])
            left = sorted(first if name == last else name for name in left)
            rest, remainder = 0, None
        dues = [Due(order.payer, Cents(order.total)) for order in orders]
        entry = ledger.credit_matched_later(left[0], dues, (remainder, rest) if remainder else None)
        self.entries.append(entry)
        made = self._keep("B", left, right, self._sum(left), like, residual=Cents(rest))
        self.rows.matches[made].entry = entry
        for name in left:
            self.rows.take_credit(self.rows.by_line_ref[name], made)
        for order in orders:
            self.rows.take_order(order.id, made)
            self.orders.add(order.id)

    def _sum(self, names: Iterable[str]) -> int:
        return sum(self.rows.credits[self.rows.by_line_ref[name]].line.amount for name in names)

    # --- refuse, undo

    def _refuse(self) -> None:
        detail = self.step.detail
        self.forbid(detail["problem"], detail["left"], detail["right"], REFUSED)
        word = self.rows.words.get(detail["left"][0])
        if detail.get("record") and word is not None and word.status == "suggested":
            said = msgspec.structs.replace(word.evidence, why=REFUSED)
            self.rows.words[detail["left"][0]] = msgspec.structs.replace(word, evidence=said)

    def forbid(self, problem: str, left: Iterable[str], right: Sequence[str], why: str) -> None:
        """Let no run confirm any of these pairs."""
        said = Barred(self.step.seq, why)
        self.rows.forbidden.update({(problem, one, other): said for one in left for other in right})

    def _undo(self, problem: str, left: str) -> None:
        made = self.rows.matches[self.rows.in_force(problem, left)]
        if problem == "A":
            self.take_off(self.rows.line_named(left))
            return
        paid = sorted(self.rows.paid_by[self.rows.in_force(problem, left)])
        entry = made.entry or ledger.credit_matched_later(
            left,
            [Due(order.payer, Cents(order.total)) for order in (self.rows.orders[self.rows.by_ref[name]] for name in made.match.right)],
        )
        self.entries.append(ledger.undone(entry, entry.ref))
        self.forbid("B", made.match.left, made.match.right, UNDONE)
        for order in paid:
            self.rows.free_order(order)
        self.orders.update(paid)
        for name in made.match.left:
            self.rows.free_credit(self.rows.by_line_ref[name])

    def take_off(self, key: LineKey) -> None:
        """Free a line from its share, or from what holds it: a contest, or a loss."""
        line, name = self.rows.lines[key], self.rows.name_of(key)
        if line.share is None:
            if line.match_id is not None and self.rows.matches[line.match_id].match.right == (LOSS,):
                self.entries.append(ledger.undone(self._lost(name, line), name))
            self.rows.free_line(key, parked=True)
            return
        due, excess = self._announce(line.share, -line.amount)
        self._take_back(name, line, line.share, -due, -excess)
        invoice, part = line.share
        row = self.rows.invoices[invoice]
        self.forbid("A", [name], [f"{row.biller}/{row.number}/{part}"], UNDONE)
        self.shares.add(line.share)
        self.rows.answered.discard(key)
        self.rows.free_line(key, parked=line.amount != 0)

    def _take_back(self, name: str, line: LineRow, share: Share, due: int, excess: int) -> None:
        event = self.rows.placed.get(name)
        if not line.amount:
            return
        if event not in DIRECT:
            self.entries.append(ledger.undone(self._placed(name, line, share, due, excess), name))
            return
        # It never waited: it goes back, and waits then.
        invoice = self.rows.invoices[share[0]]
        entry = ledger.overpaid(name, line.payer, f"{invoice.biller}/{invoice.number}", Cents(due), Cents(excess), event=event)
        self.entries += [ledger.undone(entry, name), self._waiting(name, line)]

    # --- recoveries given up

    def _lose(self, name: str) -> None:
        key = self.rows.line_named(name)
        self.wait(key)
        line = self.rows.lines[key]
        self.entries.append(self._lost(name, line))
        self.rows.hold_line(key, self._keep("A", [name], [LOSS], line.amount, None, outcome="recovery"))
        self.rows.lines[key] = self.rows.lines[key]._replace(parked=False)

    def _lost(self, name: str, line: LineRow) -> Entry:
        return ledger.recovery_identified(name, line.payer, None, Cents(line.amount))

    # --- split, unsplit

    def _split(self, left: str, amounts: Sequence[int]) -> None:
        if "#" in left:
            self._cut_line(left, amounts)
        else:
            self._cut(left, amounts)

    def _cut_line(self, left: str, amounts: Sequence[int]) -> None:
        key = self.rows.line_named(left)
        self.wait(key)
        line = self.rows.lines[key]
        last = max(self.rows.last_piece.get(left.rpartition("#")[0], 0), *(number for _, number in self.rows.lines_of[key[0]]))
        pieces = []
        for number, amount in enumerate(amounts, last + 1):
            pieces.append(self.rows.name_of(self.rows.add_line(line._replace(line=number, amount=amount))))
        self.rows.last_piece[left.rpartition("#")[0]] = last + len(amounts)
        self.rows.hold_line(key, self._divided("A", left, pieces, line.amount))

    def _cut(self, left: str, amounts: Sequence[int]) -> list[str]:
        name = self.rows.by_line_ref[left]
        line, last = self.rows.credits[name].line, self.rows.last_piece.get(left, 0)
        pieces = [f"{left}.{number}" for number in range(last + 1, last + len(amounts) + 1)]
        self.rows.last_piece[left] = last + len(amounts)
        for piece, amount in zip(pieces, amounts, strict=True):
            self.rows.add_credit(uuid7(), msgspec.structs.replace(line, id=piece, amount=Cents(amount)))
        self.rows.take_credit(name, self._divided("B", left, pieces, line.amount))
        return pieces

    def _divided(self, problem: str, left: str, pieces: Sequence[str], amount: int) -> UUID:
        for (of, one, other), said in list(self.rows.forbidden.items()):
            if (of, one) == (problem, left):
                self.rows.forbidden.update({(of, piece, other): Barred(self.step.seq, said.why) for piece in pieces})
        made = self._keep(problem, [left], pieces, amount, None, rule=SPLIT, match_id=match_id(problem, SPLIT, [left], pieces))
        self.rows.matches[made].status = SPLIT
        return made

    def _unsplit(self, left: str) -> None:
        problem = "A" if "#" in left else "B"
        made = self.rows.matches[self.rows.in_force(problem, left)]
        if problem == "A":
            for piece in map(self.rows.line_named, made.match.right):
                self.rows.free_lines.remove(piece)
                self.rows.lines_of[piece[0]].remove(piece)
                del self.rows.lines[piece]
            self.rows.free_line(self.rows.line_named(left), parked=True)
            return
        for name in made.match.right:
            gone = self.rows.by_line_ref.pop(name)
            self.rows.free_credits.remove(gone)
            del self.rows.credits[gone]
        self.rows.free_credit(self.rows.by_line_ref[left])


def _outcome(line: LineRow, before: int) -> Outcome:
    return outcome_of(OrderLine(line=line.line, status=line.status, amount=Cents(line.amount)), before)
