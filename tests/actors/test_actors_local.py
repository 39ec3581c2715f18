"""The local actor: text, ends, counts, errors."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from preftree.actors import ActorSettings, make_actor
from preftree.actors.local import LocalActor, chat_text
from preftree.errors import ActorError, InputError
from preftree.records import Message, Request, Sample

CHAT = (Message("user", "the cat and the dog"),)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFTREE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def actor(tiny_checkpoint: Path) -> Iterator[LocalActor]:
    made = LocalActor(ActorSettings(name="tiny", model=str(tiny_checkpoint), dtype="float32", max_batch=8))
    yield made
    asyncio.run(made.close())


def ask(actor: LocalActor, *requests: Request) -> list[tuple[Sample, ...]]:
    async def gather() -> list[tuple[Sample, ...]]:
        return list(await asyncio.gather(*map(actor.sample, requests)))

    return asyncio.run(gather())


def test_samples_come_in_the_order_asked(actor: LocalActor) -> None:
    (samples,) = ask(actor, Request(CHAT, samples=(4, 0, 2), max_tokens=12))
    assert [sample.index for sample in samples] == [4, 0, 2]
    assert len({sample.text for sample in samples}) == 3
    (again,) = ask(actor, Request(CHAT, samples=(2,), max_tokens=12))
    assert again == samples[2:]


def test_many_requests_at_once_equal_one_by_one(actor: LocalActor) -> None:
    requests = [Request(CHAT, samples=(0, 1, 2), seed=seed, max_tokens=16, logprobs=False) for seed in range(12)]
    together = ask(actor, *requests)
    assert together == [ask(actor, request)[0] for request in requests]


def test_counts_and_finish_are_true(actor: LocalActor, tiny_checkpoint: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    (samples,) = ask(actor, Request(CHAT, samples=tuple(range(40)), max_tokens=60, logprobs=True))
    prompt = tokenizer(chat_text(tokenizer, CHAT), add_special_tokens=False)["input_ids"]
    assert {sample.input_tokens for sample in samples} == {len(prompt)}
    assert {sample.finish_reason for sample in samples} == {"stop", "length"}
    for sample in samples:
        assert sample.logprobs is not None
        assert len(sample.logprobs) == sample.output_tokens
        assert (sample.output_tokens == 60) or sample.finish_reason == "stop"
        assert "<|im_end|>" not in sample.text


def test_a_stop_string_is_cut_off(actor: LocalActor) -> None:
    (free,) = ask(actor, Request(CHAT, samples=tuple(range(8)), max_tokens=40))
    # Two neighbouring letters of a real answer: a stop string that lies across tokens.
    stop = free[0].text[10:12]
    (cut,) = ask(actor, Request(CHAT, samples=tuple(range(8)), max_tokens=40, stop=(stop,)))
    for whole, short in zip(free, cut, strict=True):
        at = whole.text.find(stop)
        assert short.text == (whole.text if at < 0 else whole.text[:at])
        assert at < 0 or (short.finish_reason == "stop" and short.output_tokens <= whole.output_tokens)
    assert cut[0].text != free[0].text


def test_what_a_model_thinks_is_kept_apart(tiny_checkpoint: Path) -> None:
    """Letters that the model writes stand in for tags."""
    request = Request(CHAT, max_tokens=40, samples=tuple(range(12)))
    drawn = asyncio.run(_once(tiny_checkpoint, (), request))
    plain = max(drawn, key=lambda sample: len(sample.text.strip()))
    request = replace(request, samples=(plain.index,))
    start = plain.text.lstrip()
    (sample,) = asyncio.run(_once(tiny_checkpoint, (start[:2], start[4:6]), request))
    thought, _, text = start[2:].partition(start[4:6])
    assert (sample.thought, sample.text) == (thought.strip() or None, text.lstrip())
    assert (sample.output_tokens, sample.finish_reason) == (plain.output_tokens, plain.finish_reason)
    # The end of the template's prompt as the opening tag: the answer begins inside the thought, which nothing closes.
    (inside,) = asyncio.run(_once(tiny_checkpoint, ("assistant", "no such tag"), request))
    assert (inside.thought, inside.text) == (plain.text.strip(), "")


async def _once(checkpoint: Path, tags: tuple[str, ...], request: Request) -> tuple[Sample, ...]:
    actor = make_actor(ActorSettings(model=str(checkpoint), dtype="float32", thought_tags=tags))
    try:
        return await actor.sample(request)
    finally:
        await actor.close()


def test_prefill_continues_the_answer(actor: LocalActor, tiny_checkpoint: Path) -> None:
    """A chat with a prefill is the raw prompt that ends in it."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    raw = Request(text=chat_text(tokenizer, CHAT) + "an answer: ", temperature=0.0, max_tokens=20)
    chat = Request(CHAT, prefill="an answer: ", temperature=0.0, max_tokens=20)
    plain = Request(CHAT, temperature=0.0, max_tokens=20)
    answers = ask(actor, raw, chat, plain)
    assert answers[0] == answers[1] != answers[2]
    assert not answers[1][0].text.startswith("an answer")


def test_score_equals_a_plain_pass(actor: LocalActor, tiny_checkpoint: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    model = AutoModelForCausalLM.from_pretrained(tiny_checkpoint, dtype=torch.float32)
    prompt = tokenizer(chat_text(tokenizer, CHAT) + "so: ", add_special_tokens=False)["input_ids"]
    answer = tokenizer("the answer", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logps = model(input_ids=torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
    expected = [logps[len(prompt) + at - 1, token].item() for at, token in enumerate(answer)]
    scores = asyncio.run(actor.score(Request(CHAT, prefill="so: "), "the answer"))
    assert scores == pytest.approx(expected, abs=1e-4)


def test_choices_are_scored_from_one_reading_of_their_prompt(actor: LocalActor, tiny_checkpoint: Path) -> None:
    """As they are alone; beside draws, too."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    model = AutoModelForCausalLM.from_pretrained(tiny_checkpoint, dtype=torch.float32)
    request, texts = Request(text="a question, and t"), (" A", "he", " the", "xyz", " a much longer one")

    async def both() -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
        drawing = asyncio.ensure_future(actor.sample(Request(CHAT, samples=tuple(range(6)), max_tokens=20)))
        return await actor.score_all(request, texts[:4]), (await actor.score_all(request, texts), await drawing)[0]

    short, all_of_them = asyncio.run(both())
    prompt = tokenizer(request.text)["input_ids"]
    for at, (sample, text) in enumerate(zip(all_of_them, texts, strict=True)):
        whole = prompt + tokenizer(text)["input_ids"]
        # "t" and "he" would be one token in one text: there the continuation's own tokens follow the prompt's.
        assert (whole == tokenizer(request.text + text)["input_ids"]) is (text != "he")
        with torch.no_grad():
            logps = model(input_ids=torch.tensor([whole])).logits[0].log_softmax(-1)
        expected = [logps[i - 1, whole[i]].item() for i in range(len(prompt), len(whole))]
        assert sample.logprobs == pytest.approx(expected, abs=1e-4)
        assert (sample.index, sample.text, sample.output_tokens) == (at, text, 0)
        assert (sample.input_tokens, sample.cached_tokens) == (len(whole), len(prompt) if at else 0)
    for one, other in zip(short, all_of_them, strict=False):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
    # A prompt that leaves no room is told, and the actor goes on.
    with pytest.raises(ActorError, match=r"prompt and continuation have \d+ tokens, the model reads 512"):
        asyncio.run(actor.score_all(Request(text="x" * 511), ("ab",)))
    assert len(asyncio.run(actor.score_all(Request(text="x" * 510), ("ab",)))[0].logprobs or ()) == 2


def test_a_prompt_too_long_is_one_sentence(actor: LocalActor) -> None:
    with pytest.raises(ActorError, match=r"the prompt has \d+ tokens, the model reads 512"):
        ask(actor, Request(text="x" * 600))
    # The actor goes on.
    assert ask(actor, Request(CHAT, max_tokens=3))[0][0].output_tokens <= 3


def test_an_answer_ends_where_the_model_does(actor: LocalActor) -> None:
    (samples,) = ask(actor, Request(text="x" * 509, max_tokens=50, samples=tuple(range(8))))
    assert max(sample.output_tokens for sample in samples) == 3


def test_a_cancelled_request_leaves_the_batch(actor: LocalActor) -> None:
    async def cancel() -> tuple[Sample, ...]:
        long = asyncio.ensure_future(actor.sample(Request(CHAT, samples=tuple(range(500)), max_tokens=300)))
        await asyncio.sleep(0.5)
        long.cancel()
        return await actor.sample(Request(CHAT, max_tokens=5))

    assert len(asyncio.run(cancel())) == 1


def test_a_closed_actor_says_so(tiny_checkpoint: Path) -> None:
    made = LocalActor(ActorSettings(name="tiny", model=str(tiny_checkpoint), dtype="float32"))
    asyncio.run(made.close())
    with pytest.raises(ActorError, match="closed"):
        ask(made, Request(CHAT))


def test_a_failing_model_fails_the_request(actor: LocalActor, monkeypatch: pytest.MonkeyPatch) -> None:
    from preftree.actors.decoder import Decoder

    def broken(*_: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Decoder, "step", broken)
    with pytest.raises(ActorError, match="tiny failed: RuntimeError: out of memory"):
        ask(actor, Request(CHAT, max_tokens=5), Request(CHAT, max_tokens=6))


def test_changed_files_change_the_identity(tiny_checkpoint: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint, copy)
    original = make_actor(ActorSettings(model=str(tiny_checkpoint))).identity
    assert make_actor(ActorSettings(model=str(copy))).identity == original
    template = copy / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    with_template = make_actor(ActorSettings(model=str(copy))).identity
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    assert len({original, with_template, make_actor(ActorSettings(model=str(copy))).identity}) == 3


@pytest.mark.parametrize(
    ("model", "words"),
    [
        pytest.param("./nowhere", "no such folder", id="missing-folder"),
        pytest.param("nowhere", "no such folder", id="one-word"),
        pytest.param("{empty}", "no config.json", id="no-checkpoint"),
        pytest.param("{weightless}", "no \\*.safetensors", id="no-weights"),
    ],
)
def test_a_missing_model_is_one_sentence(tmp_path: Path, model: str, words: str) -> None:
    empty, weightless = tmp_path / "empty", tmp_path / "weightless"
    empty.mkdir()
    weightless.mkdir()
    (weightless / "config.json").write_text("{}")
    with pytest.raises(InputError, match=words):
        make_actor(ActorSettings(model=model.format(empty=empty, weightless=weightless)))


def test_broken_weights_fail_the_request(tiny_checkpoint: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"hidden_size": 64, "head_dim": 16}))
    made = LocalActor(ActorSettings(name="tiny", model=str(copy), dtype="float32"))
    with pytest.raises(InputError, match="can't be loaded"):
        ask(made, Request(CHAT))
    asyncio.run(made.close())


def test_models_load_and_answer_side_by_side(tiny_checkpoint: Path) -> None:
    """Two actors that are first asked at the same time both load, and draw what each draws alone."""
    request = Request(messages=(Message("user", "hello"),), max_tokens=8, samples=(0, 1))

    async def ask(count: int) -> list[tuple[Sample, ...]]:
        actors = [LocalActor(ActorSettings(name=f"a{i}", model=str(tiny_checkpoint))) for i in range(count)]
        try:
            return list(await asyncio.gather(*(actor.sample(request) for actor in actors)))
        finally:
            for actor in actors:
                await actor.close()

    assert asyncio.run(ask(3)) == asyncio.run(ask(1)) * 3


def test_a_model_that_can_not_be_loaded_is_tried_once(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: Any) -> None:
    from preftree.actors import local

    tries = []

    def load(model: Any, dtype: str) -> Any:
        tries.append(model)
        raise InputError("model x can't be loaded: broken")

    monkeypatch.setattr(local, "load_model", load)

    async def ask() -> list[Any]:
        actor = LocalActor(ActorSettings(name="a", model=str(tiny_checkpoint)))
        request = Request(messages=(Message("user", "hello"),), max_tokens=8)
        try:
            return list(await asyncio.gather(*(actor.sample(request) for _ in range(5)), return_exceptions=True))
        finally:
            await actor.close()

    answers = asyncio.run(ask())
    assert [str(answer) for answer in answers] == ["model x can't be loaded: broken"] * 5
    assert len(tries) == 1
