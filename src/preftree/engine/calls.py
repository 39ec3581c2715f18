"""Every call, run and judgement of a conversation, once: through the journal.

In:  an actor and a request; code and its history; an answer and its reference.
Out: samples, an observation, a verdict: from the journal where they stand there, otherwise made and committed first.
Always true: an intent is committed before its call is sent, the answer before it is used; once a run is told to
stop, no new call is sent, and the calls in flight are still committed; no limit of the budget is exceeded, as far as
servers keep to `max_tokens`. What decided how a conversation went on (a refusal, a judge that failed) is kept like an
answer, so that a run that goes on finds the same; `regrade` judges again.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from preftree.actors import Actor, Prices
from preftree.engine.budget import Budget, Purse, Spend, bound
from preftree.environment import Interpreter, Past
from preftree.errors import ActorError, RequestRefusedError, Stopped, UnclearRefusalError
from preftree.forest import CallKey, Forest
from preftree.records import Message, Observation, Request, Sample, Verdict, digest
from preftree.verify import Judge

# How a request is put to an actor: drawn from, or scored.
Send = Callable[[Request], Awaitable[tuple[Sample, ...]]]


class Engine:
    """Shared by all conversations of a run."""

    def __init__(self, forest: Forest, interpreter: Interpreter, judge: Judge, budget: Purse | None = None) -> None:
        self.forest = forest
        self.interpreter = interpreter
        self.judge = judge
        self.stopped: str | None = None
        self.new_calls = 0
        self.new_tokens = 0
        self.account = forest.account()  # over all restarts, kept up with each call
        self.on_answer: Callable[[], None] = lambda: None
        self._controlling = asyncio.Lock()
        self._accepted: dict[str, float] = {}  # controls that were answered, and when
        self._sending, self._settled = asyncio.Lock(), asyncio.Event()
        spent = self.account
        tokens = spent.input_tokens + spent.output_tokens
        self._ledger = (budget or Budget()).ledger(Spend(spent.calls, tokens, spent.price_usd))
        # What earlier runs sent and never saw answered; its price is counted when its actor is known.
        self._unpriced: dict[str, list[Request]] = {}
        for name, request in forest.unanswered():
            self._unpriced.setdefault(name, []).append(request)
            self._ledger.doubt(bound(Prices(), request))

    def stop(self, reason: str) -> None:
        """Send nothing more; what is in flight is still awaited and committed. The first reason stays."""
        self.stopped = self.stopped or reason

    async def ask(self, actor: Actor, key: CallKey, request: Request) -> tuple[Sample, ...]:
        """The samples of one call.

        Raises Stopped when the run stops, ForestError if the key had another request, RequestRefusedError if the actor
        refuses this one request, or fails at it again and again while it answers others; ActorError if it can't answer
        or would refuse any, which stops the run.
        """
        return await self._journalled(actor, key, request, digest([actor.identity, request]), actor.sample)

    async def score(
        self, actor: Actor, key: CallKey, request: Request, continuations: Sequence[str]
    ) -> tuple[Sample, ...]:
        """How likely each of these texts is as what comes next: a sample each, with its log-probabilities. Nothing is
        drawn. One call, journalled, paid for and limited like any other; it raises what `ask` raises."""
        # One sample a continuation, so that the most that the call can cost counts the prompt for each.
        request = replace(request, samples=tuple(range(len(continuations))), max_tokens=max(map(_bytes, continuations)))

        async def send(request: Request) -> tuple[Sample, ...]:
            return await actor.score_all(request, continuations)

        asked = digest([actor.identity, request, "score", list(continuations)])
        return await self._journalled(actor, key, request, asked, send)

    async def _journalled(
        self, actor: Actor, key: CallKey, request: Request, asked: str, send: Send
    ) -> tuple[Sample, ...]:
        stored = self.forest.answer(key, asked)
        if stored is not None:
            return stored
        refused = self.forest.refusal(key)
        if refused is not None:
            raise RequestRefusedError(refused)
        try:
            return await self._answered(actor, key, request, asked, send)
        except RequestRefusedError as refusal:
            await self.forest.add_refusal(key, str(refusal))
            raise

    async def _answered(
        self, actor: Actor, key: CallKey, request: Request, asked: str, send: Send
    ) -> tuple[Sample, ...]:
        again = False
        while True:
            try:
                return await self._once(actor, key, request, asked, send)
            except UnclearRefusalError as refusal:
                await self._control(actor, request, refusal)
                raise
            except (RequestRefusedError, Stopped):
                raise
            except ActorError as failure:
                await self._control(actor, request, failure)
                # The actor answers others: it was a fault of the moment, or, the second time, is one of this request.
                if again:
                    raise RequestRefusedError(f"{failure}, for the second time; others are answered") from failure
                again = True

    async def observe(self, code: str, history: Sequence[Past], tools: Sequence[str] = ()) -> Observation:
        """What happens when `code` runs after `history`, with these tools at hand. A jail that fails is tried again."""
        key = digest([code, [(past.code, past.status, past.tool_calls) for past in history], tools])
        stored = self.forest.observation(key)
        if stored is None:
            stored = await self.interpreter.run(code, history, tools=tools)
            if stored.status == "broken":
                stored = await self.interpreter.run(code, history, tools=tools)
            await self.forest.add_observation(key, stored)
        return stored

    async def printed(self, code: str, cpu_s: float) -> Observation:
        """What a whole program prints to standard output, run by itself within `cpu_s` processor seconds."""
        key = digest(["program", code, cpu_s])
        stored = self.forest.observation(key)
        if stored is None:
            run = await self.interpreter.run_program(code, cpu_s=cpu_s)
            if run.status == "broken":
                run = await self.interpreter.run_program(code, cpu_s=cpu_s)
            stored = Observation(run.status, run.output, cpu_s=run.cpu_s)
            await self.forest.add_observation(key, stored)
        return stored

    async def verdict(self, kind: str, answer: str, reference: str) -> Verdict:
        """Whether `answer` equals `reference` under the rule `kind`. A judge that fails is asked again."""
        key = digest([kind, answer, reference])
        stored = self.forest.verdict(key)
        if stored is None:
            stored = await self.judge.judge(kind, answer, reference)
            if stored.outcome == "undecided":
                stored = await self.judge.judge(kind, answer, reference)
            await self.forest.add_verdict(key, stored)
        return stored

    async def _control(self, actor: Actor, request: Request, failure: ActorError) -> None:
        """Ask the same with harmless words. Returns if that is answered: it was for the words, or for a moment.

        Raises ActorError if it fails too, and stops the run: then so would every request of these settings, and of this
        order of roles (some templates take no system message). The control is a call like any other, journalled and
        paid for. One serves all refusals of a run, and all failures that came before it was answered; a later run asks
        its own, for the server may be set up otherwise by then. What is found does not depend on which failure came
        first.
        """
        harmless = "Say yes."
        failed = asyncio.get_running_loop().time()
        control = replace(
            request,
            messages=tuple(Message(message.role, harmless) for message in request.messages),
            text=None if request.text is None else harmless,
            samples=(0,),
            seed=0,
        )
        asked = digest([actor.identity, control])
        refused = isinstance(failure, RequestRefusedError)
        async with self._controlling:
            if asked in self._accepted and (refused or self._accepted[asked] >= failed):
                return
            keys = (CallKey("control", 0, "control", asked[:24], 0, attempt) for attempt in itertools.count())
            free = next(key for key in keys if self.forest.answer(key, asked) is None)
            try:
                await self._once(actor, free, control, asked, actor.sample)
            except Stopped:
                raise
            except ActorError as again:
                told = failure
                if isinstance(again, RequestRefusedError):
                    told = ActorError(
                        f"{again}; a harmless prompt is refused too, so mend the model's name or the setting at fault"
                    )
                self.stop(str(told))
                raise told from again
            self._accepted[asked] = asyncio.get_running_loop().time()

    async def _once(self, actor: Actor, key: CallKey, request: Request, asked: str, send: Send) -> tuple[Sample, ...]:
        """Send one call, `asked` being the digest of its actor and request, and commit its answer."""
        for unanswered in self._unpriced.pop(actor.name, ()):
            self._ledger.doubt(Spend(usd=bound(actor.prices, unanswered).usd))
        ticket = await self._hold(bound(actor.prices, request))
        spent: Spend | None = None
        samples: tuple[Sample, ...] | None = None
        try:
            self.new_calls += 1
            await self.forest.intend(key, actor.name, request, asked)
            samples = tuple(_storable(sample) for sample in await send(request))
            price = sum(actor.prices.cost_usd(sample) for sample in samples)
            await self.forest.commit_answer(key, samples, price)
            spent = Spend(1, sum(sample.input_tokens + sample.output_tokens for sample in samples), price)
            self.account = self.account.after(samples, price)
        except RequestRefusedError:
            # The server has said no: nothing was written, so nothing is paid for.
            await self.forest.retract(key)
            spent = Spend()
            raise
        finally:
            self._ledger.settle(ticket, spent)
            self._settled.set()
            if spent is None:
                self.account = self.account.after(None, 0.0)
        self.new_tokens += sum(sample.output_tokens for sample in samples)
        self.on_answer()
        return samples

    async def _hold(self, most: Spend) -> int:
        """Set the most that a call may cost aside; waits for calls in flight to give back what they don't need.

        Calls are sent in the order of asking: none overtakes one that waits. So conversations of one call each are
        stopped by a budget at the same call, whatever the concurrency.
        """
        async with self._sending:
            while True:
                if not self._ledger.fits(most):
                    refusal = await self._ledger.refusal(most)
                    if refusal is not None:
                        self.stop(refusal)
                if self.stopped is not None:
                    raise Stopped(self.stopped)
                if self._ledger.fits(most):
                    return self._ledger.hold(most)
                self._settled.clear()
                await self._settled.wait()


def _bytes(text: str) -> int:
    """At least as many as the text has tokens; a request asks for one or more."""
    return max(1, len(text.encode("utf-8", "surrogatepass")))


def _storable(sample: Sample) -> Sample:
    """JSON may carry half a character (a lone surrogate), which no file can hold: it becomes a question mark."""
    thought = None if sample.thought is None else whole(sample.thought)
    if thought == sample.thought and whole(sample.text) == sample.text:
        return sample
    return replace(sample, text=whole(sample.text), thought=thought)


def whole(text: str) -> str:
    """The text with a question mark in the place of each half of a character."""
    return text.encode("utf-8", "replace").decode("utf-8")
