"""A model in this process: any causal transformers checkpoint, sampled in one thread in large batches.

In:  requests, from any number of coroutines at once.
Out: samples; the text is what the model wrote, without the prefill, the stop string and what it thought first.
Always true: requests that arrive while the model is busy join the batch as rows end; draw i of a request is seeded by
(seed, i), so it does not depend (to rounding) on what is drawn beside it; a failure of the model is an ActorError
of every request that waits.

`output_tokens` and `logprobs` count every token drawn, the end token and those of the stop string included.
Log-probabilities are the model's own, before temperature and top-p.
"""

from __future__ import annotations

import asyncio
import hashlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from preftree.actors import ActorSettings, Capabilities, Event, Prices, check
from preftree.actors.thoughts import TAGS, check_tags, split_thought
from preftree.actors.weights import LoadedModel, fingerprint, load_model, resolve_model
from preftree.errors import ActorError, InputError, PreftreeError, RequestRefusedError
from preftree.records import Message, Request, Sample

if TYPE_CHECKING:
    from preftree.actors.decoder import Decoder, Row

# Flags of /proc/cpuinfo (x86 and Arm) that say that bfloat16 products have instructions of their own.
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


# Models in one process take turns, a step each: two that compute at once, with all cores each, are slower than that.
_MACHINE = threading.Lock()


class LocalActor:
    """Samples and scores with one model, which is loaded on the first request."""

    capabilities = Capabilities(chat=True, raw_text=True, prefill=True, logprobs=True, score=True)

    def __init__(self, settings: ActorSettings) -> None:
        if settings.max_batch < 1:
            raise InputError(f"actor {settings.name}: max_batch is {settings.max_batch}, expected 1 or more")
        check_tags(settings.name, settings.thought_tags)
        self.name: str = settings.name
        self.prices: Prices = settings.prices
        self._model = resolve_model(settings.model)
        tags = settings.thought_tags
        # Tags that are not the default's part other texts from the same answers.
        self.identity: str = f"local:{fingerprint(self._model)}" + ("" if tags == TAGS else f":{'|'.join(tags)}")
        self._worker = _Worker(self.name, self._model, settings)

    async def sample(self, request: Request) -> tuple[Sample, ...]:
        check(self, request)
        job = _Sampling(request)
        self._worker.submit(job)
        return await asyncio.wrap_future(job.answer)

    async def score(self, request: Request, continuation: str) -> tuple[float, ...]:
        (sample,) = await self.score_all(request, (continuation,))
        return sample.logprobs or ()

    async def score_all(self, request: Request, continuations: Sequence[str]) -> tuple[Sample, ...]:
        check(self, request)
        job = _Scoring(request, tuple(continuations))
        self._worker.submit(job)
        return await asyncio.wrap_future(job.answer)

    def events(self) -> tuple[Event, ...]:
        return ()

    async def close(self) -> None:
        await asyncio.to_thread(self._worker.stop)


# ---------------------------------------------------------------- jobs


@dataclass(slots=True, eq=False)
class _Sampling:
    request: Request
    answer: Future[tuple[Sample, ...]] = field(default_factory=Future)
    num_waiting: int = 0
    samples: dict[int, Sample] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Scoring:
    request: Request
    continuations: tuple[str, ...]
    answer: Future[tuple[Sample, ...]] = field(default_factory=Future)


@dataclass(slots=True, eq=False)
class _Draw:
    """One row, and what it is drawn for."""

    job: _Sampling
    position: int
    row: Row


# ---------------------------------------------------------------- the thread


class _Worker:
    """The thread that owns the model. It starts with the first job and loads the model then."""

    def __init__(self, name: str, model: Path | str, settings: ActorSettings) -> None:
        self._name, self._model, self._settings = name, model, settings
        self._jobs: queue.SimpleQueue[_Sampling | _Scoring | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def submit(self, job: _Sampling | _Scoring) -> None:
        with self._lock:
            if self._stopped:
                raise ActorError(f"actor {self._name} is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"actor-{self._name}", daemon=True)
                self._thread.start()
            self._jobs.put(job)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            thread.join()

    def _run(self) -> None:
        """Load, then serve until stopped. Whatever goes wrong is the answer of every job that waits."""
        batch: _Batch | None = None
        broken: PreftreeError | None = None
        while True:
            for job in self._arrived(wait=batch is None or batch.idle):
                if job is None:
                    if batch is not None:
                        batch.fail(ActorError(f"actor {self._name} was closed before it answered"))
                    return
                if batch is None and broken is None:
                    try:
                        # transformers loads through settings of the whole process: one model at a time.
                        with _MACHINE:
                            loaded = load_model(self._model, _dtype(self._settings.dtype))
                        batch = _Batch(self._name, loaded, self._settings.max_batch, self._settings.thought_tags)
                    except Exception as error:  # noqa: BLE001 a job must never wait for a thread that died
                        # A model that can't be loaded is not tried again for every job.
                        broken = _named(self._name, error)
                if batch is None:
                    _fail(job, broken or ActorError(f"actor {self._name} has no model"))
                    continue
                try:
                    batch.add(job)
                except Exception as error:  # noqa: BLE001 as above
                    _fail(job, _named(self._name, error))
            if batch is not None and not batch.idle:
                try:
                    with _MACHINE:
                        batch.advance()
                except Exception as error:  # noqa: BLE001 as above
                    batch.fail(_named(self._name, error))

    def _arrived(self, wait: bool) -> list[_Sampling | _Scoring | None]:
        jobs: list[_Sampling | _Scoring | None] = [self._jobs.get()] if wait else []
        while not self._jobs.empty():
            jobs.append(self._jobs.get())
        return jobs


class _Batch:
    """Draws that wait, draws that advance, and the way from tokens to text and back."""

    def __init__(self, name: str, loaded: LoadedModel, max_rows: int, thought_tags: tuple[str, ...]) -> None:
        from preftree.actors.decoder import Decoder

        self._name, self._tokenizer, self._max_rows = name, loaded.tokenizer, max_rows
        self._thought_tags = thought_tags
        self._decoder: Decoder = Decoder(loaded.model, _end_tokens(loaded), max_rows)
        self._waiting: deque[_Draw] = deque()
        self._active: dict[Row, _Draw] = {}
        self._scoring: deque[_Scoring] = deque()

    @property
    def idle(self) -> bool:
        return not (self._waiting or self._active or self._scoring)

    def add(self, job: _Sampling | _Scoring) -> None:
        """Take a job in; ActorError if its prompt can't be sampled."""
        if isinstance(job, _Scoring):
            self._scoring.append(job)
            return
        from preftree.actors.decoder import Row

        request = job.request
        prompt = self._prompt(request)
        room = self._decoder.num_positions - len(prompt)
        if room < 1:
            limit = self._decoder.num_positions
            raise RequestRefusedError(
                f"actor {self._name}: the prompt has {len(prompt)} tokens, the model reads {limit}"
            )
        job.num_waiting = len(request.samples)
        for position, index in enumerate(request.samples):
            max_tokens = min(request.max_tokens, room)
            uniforms = _uniforms(request.seed, index, max_tokens)
            row = Row(prompt, uniforms, max_tokens, request.temperature, request.top_p)
            self._waiting.append(_Draw(job, position, row))
        if not request.samples:
            job.answer.set_result(())

    def advance(self) -> None:
        """Score what waits, let draws in, take one step, hand out what is done."""
        while self._scoring:
            job = self._scoring.popleft()
            try:
                _resolve(job.answer, self._scored(job))
            except RequestRefusedError as refusal:
                _fail(job, refusal)
        self._drop_cancelled()
        # A prompt costs as much to read alone as beside others: let several in at once.
        if self._waiting and (len(self._waiting) <= self._decoder.free or self._decoder.free >= self._max_rows // 8):
            draws = [self._waiting.popleft() for _ in range(min(self._decoder.free, len(self._waiting)))]
            self._active.update({draw.row: draw for draw in draws})
            self._decoder.admit([draw.row for draw in draws])
            self._hand_out()
        if self._active:
            self._decoder.step()
            self._hand_out()

    def fail(self, error: PreftreeError) -> None:
        """Every job that waits gets the error; the rows are dropped."""
        for draw in (*self._waiting, *self._active.values()):
            _fail(draw.job, error)
        for job in self._scoring:
            _fail(job, error)
        self._waiting.clear()
        self._active.clear()
        self._scoring.clear()
        self._decoder.rows.clear()

    def _scored(self, job: _Scoring) -> tuple[Sample, ...]:
        """Each continuation's log-probabilities; the prompt is read once."""
        prompt = self._prompt(job.request)
        parts = [(prompt, self._continuation(job.request, prompt, text)) for text in job.continuations]
        longest = len(prompt) + max((len(tokens) for _, tokens in parts), default=0)
        if longest > self._decoder.num_positions:
            raise RequestRefusedError(
                f"actor {self._name}: prompt and continuation have {longest} tokens, "
                f"the model reads {self._decoder.num_positions}"
            )
        scores = zip(job.continuations, self._decoder.score_all(parts), strict=True)
        return tuple(
            Sample(
                index,
                text,
                input_tokens=len(prompt) + len(logprobs),
                output_tokens=0,
                cached_tokens=len(prompt) if index else 0,
                logprobs=tuple(logprobs),
            )
            for index, (text, logprobs) in enumerate(scores)
        )

    def _continuation(self, request: Request, prompt: tuple[int, ...], text: str) -> tuple[int, ...]:
        """What the text adds to the prompt's tokens: some tokenizers write the space before a word otherwise at the
        start of a text. Where it would join the prompt's last token, it is the text alone, as a draw would write it."""
        whole = self._prompt(request, text)
        return whole[len(prompt) :] if whole[: len(prompt)] == prompt else self._ids(text)

    # ------------------------------------------------------------ tokens and text

    def _prompt(self, request: Request, further: str = "") -> tuple[int, ...]:
        """The request's tokens; `further` is read on together with it, as the model would have met it in training."""
        if request.text is not None:
            return tuple(self._tokenizer(request.text + request.prefill + further)["input_ids"])
        try:
            text = chat_text(self._tokenizer, request.messages)
        except ValueError as error:
            raise ActorError(f"actor {self._name}: {error}") from error
        # The template has written the special tokens already.
        return self._ids(text + request.prefill + further)

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _text(self, row: Row, last: int | None = None) -> str:
        """The text of a row's tokens (its last few only, if asked). The prompt's last token goes along, because
        some tokenizers drop the space at the start of a text."""
        tokens = row.tokens if last is None else row.tokens[-last:]
        before = list(row.prompt[-1:])
        with_before: str = self._tokenizer.decode(before + tokens, skip_special_tokens=True)
        return with_before[len(self._tokenizer.decode(before, skip_special_tokens=True)) :]

    # ------------------------------------------------------------ ends

    def _hand_out(self) -> None:
        for row, draw in self._active.items():
            if row.finish != "stop" and draw.job.request.stop and self._stop_at(row, draw.job.request.stop, True) >= 0:
                row.finish = "stop"
        for row in self._decoder.drop_finished():
            draw = self._active.pop(row)
            job, request = draw.job, draw.job.request
            job.samples[draw.position] = self._sample(row, request, request.samples[draw.position])
            if len(job.samples) == job.num_waiting:
                _resolve(job.answer, tuple(job.samples[at] for at in range(job.num_waiting)))

    def _stop_at(self, row: Row, stops: tuple[str, ...], newest: bool) -> int:
        """Where the first stop string begins, or -1. `newest`: only one that the newest token completes."""
        # A token holds at least one byte, but a few may decode to nothing.
        longest = max(len(stop.encode()) for stop in stops) + 8
        text = self._text(row, longest if newest else None)
        return min((at for stop in stops if (at := text.find(stop)) >= 0), default=-1)

    def _sample(self, row: Row, request: Request, index: int) -> Sample:
        text = self._text(row)
        cut = self._stop_at(row, request.stop, False) if request.stop else -1
        finish: Literal["stop", "length"] = "length" if row.finish == "length" and cut < 0 else "stop"
        thought, text = self._parted(text if cut < 0 else text[:cut], row, request)
        return Sample(
            index=index,
            text=text,
            input_tokens=len(row.prompt),
            output_tokens=len(row.tokens),
            finish_reason=finish,
            thought=thought,
            logprobs=tuple(row.logprobs) if request.logprobs else None,
        )

    def _parted(self, text: str, row: Row, request: Request) -> tuple[str | None, str]:
        """Thought and answer of a chat; a raw text is given as it was written."""
        if request.text is not None or not self._thought_tags:
            return None, text
        # Some templates end a prompt with the opening tag.
        before = self._tokenizer.decode(row.prompt[-16:], skip_special_tokens=False).rstrip()
        return split_thought(text, self._thought_tags, inside=before.endswith(self._thought_tags[0]))

    def _drop_cancelled(self) -> None:
        self._waiting = deque(draw for draw in self._waiting if not draw.job.answer.done())
        for row, draw in self._active.items():
            if draw.job.answer.done():
                row.finish = "stop"
        for row in self._decoder.drop_finished():
            del self._active[row]


def chat_text(tokenizer: Any, messages: tuple[Message, ...]) -> str:
    """The prompt that the tokenizer's chat template makes, up to the start of the answer."""
    import jinja2

    if not tokenizer.chat_template:
        raise ValueError("the tokenizer has no chat template: use raw text, or a model with a template")
    chat = [{"role": message.role, "content": message.content} for message in messages]
    try:
        text: str = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    except jinja2.TemplateError as error:
        raise ValueError(f"the chat template refuses the messages: {error}") from error
    return text


def _named(name: str, error: Exception) -> PreftreeError:
    if isinstance(error, PreftreeError):
        return error
    made = ActorError(f"actor {name} failed: {type(error).__name__}: {error}")
    made.__cause__ = error
    return made


def _end_tokens(loaded: LoadedModel) -> frozenset[int]:
    """The tokens that end an answer: those of the generation settings and the tokenizer's own."""
    configured = loaded.model.generation_config.eos_token_id
    listed = configured if isinstance(configured, list) else [configured]
    return frozenset(token for token in (*listed, loaded.tokenizer.eos_token_id) if token is not None)


def _uniforms(seed: int, index: int, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The numbers that decide draw `index`: the same wherever and beside whatever it is drawn."""
    key = hashlib.sha256(f"{seed}:{index}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "little"))).random(count)


def _dtype(setting: str) -> str:
    """`auto`: bfloat16 where the machine has instructions for it, float32 elsewhere.

    Measured by benchmarks/sampling.py: with instructions bfloat16 is about twice as fast as float32; without
    them it would be emulated (not measured). A flag is read, not timed, so that a machine always chooses alike.
    """
    if setting != "auto":
        return setting
    import torch

    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        # Not Linux: nothing says so, and float32 is right everywhere.
        return "float32"
    return "bfloat16" if _BFLOAT16_FLAGS & set(words) else "float32"


def _resolve(answer: Future[Any], result: Any) -> None:
    _settle(answer, lambda: answer.set_result(result))


def _fail(job: _Sampling | _Scoring, error: PreftreeError) -> None:
    _settle(job.answer, lambda: job.answer.set_exception(error))


def _settle(answer: Future[Any], settle: Callable[[], None]) -> None:
    """Settle a future unless whoever waited has left; taking it first closes the gap between asking and settling."""
    if not answer.done() and answer.set_running_or_notify_cancel():
        settle()
