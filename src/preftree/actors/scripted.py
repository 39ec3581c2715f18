"""An actor that answers from a table or a function: for tests and replays.

In:  requests. Out: the answers that the script gives, with tokens counted as words between blanks.
Always true: the same request and index give the same answer, in whatever order they are asked.

It is a mock, not a model: its token counts are words, and the delays and faults it injects are made.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from preftree.actors import Capabilities, Event, Prices, check
from preftree.errors import ActorError
from preftree.records import Message, Request, Sample

Script = Callable[[tuple[Message, ...], int], str] | Mapping[str, tuple[str, ...]]


class ScriptedActor:
    """Answers by `script`: a function of (messages, index), or a table from the last message's text to answers.

    `delay_s` and `fault` are functions of (request, index): how long an answer takes, and the error it is instead.
    `scores` is a function of (request, continuation) to its tokens' log-probabilities; without it nothing is scored.
    `calls` counts the samples and scores that were asked for.
    """

    def __init__(
        self,
        script: Script,
        *,
        name: str = "scripted",
        identity: str = "scripted",
        prices: Prices | None = None,
        delay_s: Callable[[Request, int], float] | None = None,
        fault: Callable[[Request, int], ActorError | None] | None = None,
        scores: Callable[[Request, str], Sequence[float]] | None = None,
    ) -> None:
        self.name, self.identity = name, identity
        self.capabilities: Capabilities = Capabilities(chat=True, raw_text=True, prefill=True, score=scores is not None)
        self.prices: Prices = prices or Prices()
        self.calls = 0
        self._script, self._delay_s, self._fault, self._scores = script, delay_s, fault, scores

    async def sample(self, request: Request) -> tuple[Sample, ...]:
        check(self, request)
        return tuple(await asyncio.gather(*(self._one(request, index) for index in request.samples)))

    async def score(self, request: Request, continuation: str) -> tuple[float, ...]:
        (sample,) = await self.score_all(request, (continuation,))
        return sample.logprobs or ()

    async def score_all(self, request: Request, continuations: Sequence[str]) -> tuple[Sample, ...]:
        if self._scores is None:
            raise ActorError(f"actor {self.name} is scripted and can't score")
        check(self, request)
        prompt = sum(len(text.split()) for text in (request.text or "", *(m.content for m in request.messages)))
        samples = []
        for index, continuation in enumerate(continuations):
            await self._come(request, index)
            logprobs = tuple(self._scores(request, continuation))
            read = prompt + len(logprobs)
            samples.append(
                Sample(index, continuation, read, 0, cached_tokens=prompt if index else 0, logprobs=logprobs)
            )
        return tuple(samples)

    def events(self) -> tuple[Event, ...]:
        return ()

    async def close(self) -> None:
        """Nothing is held."""

    async def _one(self, request: Request, index: int) -> Sample:
        await self._come(request, index)
        messages = request.messages if request.text is None else (Message("user", request.text),)
        text, finish = _cut(self._answer(messages, index), request)
        return Sample(
            index=index,
            text=text,
            input_tokens=sum(len(message.content.split()) for message in messages),
            output_tokens=len(text.split()),
            finish_reason=finish,
        )

    async def _come(self, request: Request, index: int) -> None:
        """Counted, late and at fault, as the script has it."""
        self.calls += 1
        if self._delay_s is not None:
            await asyncio.sleep(self._delay_s(request, index))
        if self._fault is not None and (error := self._fault(request, index)) is not None:
            raise error

    def _answer(self, messages: tuple[Message, ...], index: int) -> str:
        if callable(self._script):
            return self._script(messages, index)
        answers = self._script.get(messages[-1].content)
        if not answers:
            raise ActorError(f"actor {self.name}: the script has no answer to {messages[-1].content[:80]!r}")
        return answers[index % len(answers)]


def _cut(text: str, request: Request) -> tuple[str, Literal["stop", "length"]]:
    """Cut at the first stop string and at `max_tokens` words."""
    found = [at for stop in request.stop if (at := text.find(stop)) >= 0]
    text = text[: min(found)] if found else text
    words = list(re.finditer(r"\S+", text))
    if len(words) <= request.max_tokens:
        return text, "stop"
    return text[: words[request.max_tokens - 1].end()], "length"
