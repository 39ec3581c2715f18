"""A forest: one directory with `forest.sqlite`, written by one process at a time, read by any number.

In:  problems, calls, observations, verdicts, actions, trees. Out: the same records, in a fixed order.
Always true: what a method returned after an `await` is on disk; trees and problems come in the order of their
sequence numbers, whatever the order in which they were finished.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from preftree.errors import ForestError, InputError
from preftree.forest.owner import Ownership
from preftree.forest.schema import PRAGMAS, TABLES, VERSION
from preftree.forest.writer import Writer
from preftree.records import (
    Action,
    Observation,
    Problem,
    Request,
    Sample,
    Tree,
    Verdict,
    canonical,
    from_json,
)

# Problems that are compared and written at a time.
_PART = 2048
# Calls that were sent more often than they were answered; in the words of the index.
_OPEN = "attempts > (answered IS NOT NULL)"


@dataclass(frozen=True, slots=True)
class CallKey:
    """What a call is for. Equal keys are the same call, over restarts and machines."""

    tree: str
    turn: int
    role: str
    stage: str
    first_sample: int
    attempt: int = 0

    def __str__(self) -> str:
        return f"{self.tree}/{self.turn}/{self.role}/{self.stage}/{self.first_sample}/{self.attempt}"


@dataclass(frozen=True, slots=True)
class Account:
    """What was asked and paid: committed answers exactly, and intents without an answer (possible spend)."""

    calls: int = 0
    samples: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    price_usd: float = 0.0
    unanswered_calls: int = 0

    def after(self, samples: Sequence[Sample] | None, price_usd: float) -> Account:
        """The account once another call was answered by `samples`, or (None) was not."""
        if samples is None:
            return replace(self, unanswered_calls=self.unanswered_calls + 1)
        return Account(
            self.calls + 1,
            self.samples + len(samples),
            self.input_tokens + sum(sample.input_tokens for sample in samples),
            self.cached_tokens + sum(sample.cached_tokens for sample in samples),
            self.output_tokens + sum(sample.output_tokens for sample in samples),
            self.price_usd + price_usd,
            self.unanswered_calls,
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """One answered call of a tree: when it was sent and answered (seconds since 1970), and what it took."""

    tree: str
    sent: float
    answered: float
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    price_usd: float


class Forest:
    """Open for writing with `Forest(path)`, for reading with `Forest(path, readonly=True)`; a context manager."""

    def __init__(self, path: str | Path, *, readonly: bool = False) -> None:
        self.directory = Path(path)
        self.file = self.directory / "forest.sqlite"
        self.readonly = readonly
        self._ownership: Ownership | None = None
        if readonly and not self.file.is_file():
            raise InputError(f"{self.directory}: no forest here (expected a directory with forest.sqlite)")
        try:
            if not readonly:
                self.directory.mkdir(parents=True, exist_ok=True)
                self._ownership = Ownership(self.directory)
            self._reader = self._connect()
        except (sqlite3.Error, OSError) as fault:
            self._unlock()
            raise ForestError(f"{self.file}: can't be opened ({fault})") from fault
        self._writer = None if self._ownership is None else Writer(self.file, self._ownership.check)

    def __enter__(self) -> Forest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commit what is queued, close the file and let other processes write."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._reader.close()
        self._unlock()

    # ------------------------------------------------------------ settings of the run

    def meta(self, name: str) -> str | None:
        """A stored value, or None."""
        row = self._reader.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    async def set_meta(self, name: str, value: str) -> None:
        """Keep a fact of the run, such as its settings, in the place of an earlier one of that name."""
        await self._write("INSERT OR REPLACE INTO meta VALUES (?, ?)", [(name, value)])

    # ------------------------------------------------------------ problems

    async def add_problems(self, problems: Sequence[Problem]) -> None:
        """Store problems in their order. An id that stands already must stand for the same problem."""
        seq = self._reader.execute("SELECT COUNT(*) FROM problems").fetchone()[0]
        # In parts, because the records of a hundred thousand problems need not be in memory together.
        for begin in range(0, len(problems), _PART):
            added: dict[str, str] = {}
            for problem in problems[begin : begin + _PART]:
                record = canonical(problem)
                known = added.get(problem.id) or self._problem(problem.id)
                if known is None:
                    added[problem.id] = record
                elif known != record:
                    raise ForestError(
                        f"{self.directory}: problem {problem.id} stands here with another text or answer; "
                        "grow changed problems into a new directory"
                    )
            rows = [(name, seq + place, record) for place, (name, record) in enumerate(added.items())]
            await self._write("INSERT INTO problems VALUES (?, ?, ?)", rows)
            seq += len(rows)

    def _problem(self, name: str) -> str | None:
        row = self._reader.execute("SELECT record FROM problems WHERE id = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def problems(self) -> list[Problem]:
        """All problems, in their order."""
        rows = self._reader.execute("SELECT record FROM problems ORDER BY seq")
        return [from_json(Problem, json.loads(record)) for (record,) in rows]

    async def add_passed_over(self, problem_id: str, reason: str) -> None:
        """Note that this problem gets no tree, and why."""
        await self._write("INSERT OR REPLACE INTO passed_over VALUES (?, ?)", [(problem_id, reason)])

    def passed_over(self) -> dict[str, str]:
        """The problems that get no tree, with the reason."""
        return dict(self._reader.execute("SELECT problem, reason FROM passed_over ORDER BY problem"))

    # ------------------------------------------------------------ calls

    def answer(self, key: CallKey, request_digest: str) -> tuple[Sample, ...] | None:
        """The stored answer of a call, or None if there is none yet.

        Raises ForestError where the key stands with another request: an answer to another question is never given.
        """
        row = self._reader.execute("SELECT digest, answer FROM calls WHERE key = ?", (str(key),)).fetchone()
        if row is None:
            return None
        if row[0] != request_digest:
            raise ForestError(
                f"{self.directory}: call {key} was made before with another prompt, model or setting; "
                "use a new output directory for changed settings, or the old settings to go on"
            )
        return None if row[1] is None else tuple(from_json(Sample, entry) for entry in json.loads(row[1]))

    async def intend(self, key: CallKey, actor: str, request: Request, request_digest: str) -> None:
        """Commit that this call is about to be sent."""
        row = (str(key), key.tree, actor, request_digest, canonical(request), len(request.samples), time.time())
        # A second intent for an unanswered call (after a crash) is the same call; the first stays possible spend.
        await self._write(
            "INSERT INTO calls (key, tree, actor, digest, request, samples, sent) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET attempts = attempts + 1, sent = excluded.sent",
            [row],
        )

    async def commit_answer(self, key: CallKey, samples: Sequence[Sample], price_usd: float) -> None:
        """Commit the answer of a call. Only after this may it be used."""
        row = (
            time.time(),
            canonical(list(samples)),
            sum(sample.input_tokens for sample in samples),
            sum(sample.cached_tokens for sample in samples),
            sum(sample.output_tokens for sample in samples),
            price_usd,
            str(key),
        )
        await self._write(
            "UPDATE calls SET answered = ?, answer = ?, input_tokens = ?, cached_tokens = ?, output_tokens = ?, "
            "price_usd = ? WHERE key = ? AND answered IS NULL",
            [row],
        )

    def refusal(self, key: CallKey) -> str | None:
        """Why an actor will not answer this call, or None."""
        row = self._reader.execute("SELECT reason FROM refusals WHERE key = ?", (str(key),)).fetchone()
        return None if row is None else str(row[0])

    async def add_refusal(self, key: CallKey, reason: str) -> None:
        """Commit that a call was refused for good. What is done without its answer may then be done."""
        await self._write("INSERT OR REPLACE INTO refusals VALUES (?, ?, ?)", [(str(key), key.tree, reason)])

    async def retract(self, key: CallKey) -> None:
        """Commit that a call which was sent is no possible spend: its server refused it."""
        await self._write("UPDATE calls SET attempts = attempts - 1 WHERE key = ?", [(str(key),)])

    def unanswered(self) -> Iterator[tuple[str, Request]]:
        """Actor and request of every call that was sent and whose answer never came, once for each time it was sent."""
        rows = self._reader.execute(
            f"SELECT actor, request, attempts - (answered IS NOT NULL) FROM calls WHERE {_OPEN}"
        )
        for actor, request, times in rows.fetchall():
            yield from [(actor, from_json(Request, json.loads(request)))] * times

    def account(self, actor: str | None = None) -> Account:
        """Sums over all restarts, read from disk; of one actor, or of all."""
        calls, samples, input_tokens, cached, output_tokens, price = self._reader.execute(
            "SELECT COUNT(*), TOTAL(samples), TOTAL(input_tokens), TOTAL(cached_tokens), TOTAL(output_tokens), "
            "TOTAL(price_usd) FROM calls WHERE answered IS NOT NULL AND (?1 IS NULL OR actor = ?1)",
            (actor,),
        ).fetchone()
        (open_,) = self._reader.execute(
            f"SELECT TOTAL(attempts - (answered IS NOT NULL)) FROM calls WHERE {_OPEN} AND (?1 IS NULL OR actor = ?1)",
            (actor,),
        ).fetchone()
        return Account(calls, int(samples), int(input_tokens), int(cached), int(output_tokens), price, int(open_))

    def costs(self) -> Iterator[Cost]:
        """Every answered call, in the order of intents."""
        rows = self._reader.execute(
            "SELECT tree, sent, answered, input_tokens, cached_tokens, output_tokens, price_usd FROM calls "
            "WHERE answered IS NOT NULL ORDER BY rowid"
        )
        for row in rows:
            yield Cost(*row)

    def actors(self) -> list[str]:
        """The names of the actors that were called."""
        rows = self._reader.execute(
            f"SELECT actor FROM calls WHERE answered IS NOT NULL UNION SELECT actor FROM calls WHERE {_OPEN} ORDER BY 1"
        )
        return [name for (name,) in rows]

    # ------------------------------------------------------------ observations and verdicts

    def observation(self, key: str) -> Observation | None:
        """What came of the action with this key; None where it was not run."""
        row = self._reader.execute("SELECT record FROM observations WHERE key = ?", (key,)).fetchone()
        return None if row is None else from_json(Observation, json.loads(row[0]))

    def verdict(self, key: str) -> Verdict | None:
        """Whether the action with this key was right; None where it was not judged."""
        row = self._reader.execute("SELECT record FROM verdicts WHERE key = ?", (key,)).fetchone()
        return None if row is None else from_json(Verdict, json.loads(row[0]))

    async def add_observation(self, key: str, observation: Observation) -> None:
        """Keep what came of an action; it is on disk when this returns."""
        await self._write("INSERT OR REPLACE INTO observations VALUES (?, ?)", [(key, canonical(observation))])

    async def add_verdict(self, key: str, verdict: Verdict) -> None:
        """Keep whether an action was right; it is on disk when this returns."""
        await self._write("INSERT OR REPLACE INTO verdicts VALUES (?, ?)", [(key, canonical(verdict))])

    # ------------------------------------------------------------ trees

    async def add_actions(self, tree: str, turn: int, actions: Iterable[Action]) -> None:
        """Every action of a turn, chosen or not, in the order of stages and samples."""
        rows = [(tree, turn, place, canonical(action)) for place, action in enumerate(actions)]
        await self._write("INSERT OR REPLACE INTO actions VALUES (?, ?, ?, ?)", rows)

    def actions(self, tree: str, turn: int) -> list[Action]:
        """Every action of a turn (from 0), chosen or not, in the order of stages and samples."""
        rows = self._reader.execute(
            "SELECT record FROM actions WHERE tree = ? AND turn = ? ORDER BY place", (tree, turn)
        )
        return [from_json(Action, json.loads(record)) for (record,) in rows]

    async def add_tree(self, tree: Tree, seq: int) -> None:
        """Keep a finished tree; `seq` is the place of its problem."""
        await self._write("INSERT OR REPLACE INTO trees VALUES (?, ?, ?)", [(tree.id, seq, canonical(tree))])

    def finished(self) -> set[str]:
        """Ids of the trees that are whole."""
        return {tree for (tree,) in self._reader.execute("SELECT id FROM trees")}

    def trees(self) -> Iterator[Tree]:
        """The finished trees in the order of their sequence numbers."""
        for (record,) in self._reader.execute("SELECT record FROM trees ORDER BY seq, id"):
            yield from_json(Tree, json.loads(record))

    def fingerprint(self) -> str:
        """A digest of all finished trees: equal forests, equal fingerprints."""
        found, before = hashlib.sha256(b"["), b""
        for (record,) in self._reader.execute("SELECT record FROM trees ORDER BY seq, id"):
            found.update(before + canonical(record).encode("utf-8", "surrogatepass"))
            before = b","
        found.update(b"]")
        return found.hexdigest()

    # ------------------------------------------------------------ inside

    async def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if self._writer is None:
            raise ForestError(f"{self.directory}: was opened for reading only")
        if rows:
            await self._writer.write(statement, rows)

    def _connect(self) -> sqlite3.Connection:
        if self.readonly:
            connection = sqlite3.connect(f"{self.file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        else:
            connection = sqlite3.connect(self.file, isolation_level=None)
            for pragma in PRAGMAS:
                connection.execute(pragma)
            connection.executescript(TABLES)
            connection.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (VERSION,))
        found = connection.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
        if found is None or found[0] != VERSION:
            connection.close()
            raise ForestError(
                f"{self.file}: written by another version of preftree (format {found}, expected {VERSION})"
            )
        return connection

    def _unlock(self) -> None:
        if self._ownership is not None:
            self._ownership.release()
            self._ownership = None
