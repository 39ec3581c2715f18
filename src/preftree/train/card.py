"""The model card: what was trained, on what, how, what came of it, and how to use it.

In:  settings, the report, versions of libraries. Out: the text of README.md, with the hub's metadata on top.
Always true: what a user or a row wrote can't break the metadata, the tables or the code; no directory of the machine
that trained is named; the code under "Use" runs with plain transformers.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from preftree.hub import plain, table
from preftree.train.settings import TrainReport, TrainSettings
from preftree.train.sources import mix_of

# Name, arXiv number, loss of one answer or pair. c is the chosen answer, w the rejected one.
_OBJECTIVES = {
    "sft": ("supervised fine-tuning", "", "-log pi(answer), a token"),
    "dpo": ("direct preference optimisation (DPO)", "2305.18290", "-log sigmoid(r_c - r_w)"),
    "kto": (
        "Kahneman-Tversky optimisation (KTO)",
        "2402.01306",
        "lambda_D (1 - sigmoid(r_c - z)) + lambda_U (1 - sigmoid(z - r_w))\n"
        "z = max(0, mean r of answers to other problems)",
    ),
    "nca": (
        "noise-contrastive alignment in its pair form (NCA)",
        "2402.05369",
        "-log sigmoid(r_c) - 1/2 log sigmoid(-r_c) - 1/2 log sigmoid(-r_w)",
    ),
    "ipo": ("identity preference optimisation (IPO)", "2310.12036", "(h_c - h_w - 1 / (2 beta))^2"),
    "dpo-norm": ("length-normalised DPO", "2411.15124", "-log sigmoid(beta h_c - beta h_w)"),
    "rpo": (
        "DPO with the likelihood of chosen answers (RPO)",
        "2404.19733",
        "-log sigmoid(r_c - r_w) - alpha log pi(chosen) a token",
    ),
    "simpo": ("simple preference optimisation (SimPO)", "2405.14734", "-log sigmoid(beta l_c - beta l_w - gamma)"),
    "orpo": (
        "odds-ratio preference optimisation (ORPO)",
        "2403.07691",
        "-l_c - beta log sigmoid(log odds(l_c) - log odds(l_w))",
    ),
    "reward": ("a reward model", "2404.02078", ""),
}
_LETTERS = {
    "r_": "r = beta log(pi / pi_ref) of an answer",
    "h_": "h = log(pi / pi_ref) of an answer, a token",
    "l_": "l = log pi of an answer, a token",
}
_REWARD_TERMS = {
    "bt+dr": "L_BT + L_DR = -log sigmoid(R_c - R_w) - log sigmoid(R_c) - log sigmoid(-R_w) on pairs from trees\n"
    "L_BT = -log sigmoid(R_c - R_w) on other pairs",
    "bt": "L_BT = -log sigmoid(R_c - R_w)",
    "dr": "L_DR = -log sigmoid(R_c) - log sigmoid(-R_w) on pairs from trees",
}

_USE = """from transformers import {kind}, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{place}")
model = {kind}.from_pretrained("{place}")
"""
_POLICY_CHAT = """messages = [{"role": "user", "content": "What is 12 + 30?"}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
output = model.generate(**inputs, max_new_tokens=64)
print(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :]))"""
_POLICY_TEXT = """inputs = tokenizer("What is 12 + 30?", return_tensors="pt")
output = model.generate(**inputs, max_new_tokens=64)
print(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :]))"""
_REWARD_CHAT = """messages = [{"role": "user", "content": "What is 12 + 30?"}, {"role": "assistant", "content": "42"}]
inputs = tokenizer.apply_chat_template(messages, return_tensors="pt", return_dict=True)
print(model(**inputs).logits.item())"""
_REWARD_TEXT = """inputs = tokenizer("12 + 30 = 42" + tokenizer.eos_token, return_tensors="pt")
print(model(**inputs).logits.item())"""
_REWARD_NOTE = (
    "The reward is the raw output at a conversation's last token. Keep the padding token of this tokenizer and model: "
    "no conversation ends with it, which is how transformers finds the last token."
)


def model_card(settings: TrainSettings, report: TrainReport, versions: Mapping[str, str], *, chat: bool = True) -> str:
    """Markdown. `chat`: whether the tokenizer has a chat template."""
    name, paper, _ = _OBJECTIVES[settings.objective]
    by = f"{name} ([arXiv {paper}](https://arxiv.org/abs/{paper}))" if paper else name
    aside = f"; {report.num_set_aside:,} rows were set aside" if report.num_set_aside else ""
    reference = f", {report.tokens_reference:,} more for the reference" if report.tokens_reference else ""
    parts = [
        f"---\n{yaml.safe_dump(_metadata(settings), sort_keys=True, allow_unicode=True)}---",
        f"# {plain(settings.push_to_hub or Path(settings.out).name)}",
        f"Trained from {plain(_name(settings.model))} with preftree: {by}.",
        f"```text\n{_formula(settings)}\n```",
        "## Use",
        "" if settings.lora is None or settings.lora.merge else "These are adapters alone: `pip install peft` first.",
        f"```python\n{_usage(settings, chat)}\n```",
        _REWARD_NOTE if settings.objective == "reward" else "",
        "## Data",
        f"From {', '.join(plain(_name(entry.rows)) for entry in mix_of(settings))}: {report.num_rows:,} examples"
        f"{aside}.",
        table(("source", "examples"), report.sources),
        table(("why rows were set aside", "rows"), report.reasons),
        f"Row by row the examples have {report.tokens_rows:,} tokens in all epochs; on tries "
        f"{report.tokens_trie:,} were computed{reference}.",
        "## Results",
        f"{report.steps:,} steps in {report.seconds:,.0f} s, in {plain(report.precision)}.",
        table(("last line of training", ""), report.final_metrics),
        table(("held-out problems, at the end", ""), report.eval_metrics),
        "## Settings",
        table(("setting", "value"), dict(_changed(settings))),
        "## Versions",
        table(("library", "version"), versions),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _metadata(settings: TrainSettings) -> dict[str, Any]:
    """What the hub reads. A licence is not ours to name, and a directory is no hub id."""
    adapter = settings.lora is not None and not settings.lora.merge
    found: dict[str, Any] = {
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": "text-classification" if settings.objective == "reward" else "text-generation",
        "tags": ["preftree", *(["reward-model"] if settings.objective == "reward" else []), settings.objective],
    }
    if not _is_path(settings.model):
        found["base_model"] = settings.model
    datasets = [entry.rows for entry in mix_of(settings) if _is_hub_id(entry.rows)]
    return found | ({"datasets": list(dict.fromkeys(datasets))} if datasets else {})


def _formula(settings: TrainSettings) -> str:
    if settings.objective != "reward":
        loss = _OBJECTIVES[settings.objective][2]
        return "\n".join([loss, *(text for letter, text in _LETTERS.items() if letter in loss)])
    centred = f"\n+ {settings.reward_centering:g} (R_c + R_w)^2" if settings.reward_centering else ""
    return _REWARD_TERMS[settings.reward_terms] + centred


def _usage(settings: TrainSettings, chat: bool) -> str:
    reward = settings.objective == "reward"
    kind = "AutoModelForSequenceClassification" if reward else "AutoModelForCausalLM"
    place = re.sub(r"[^\w./-]", "", settings.push_to_hub) or "this directory"
    rest = (_REWARD_CHAT if chat else _REWARD_TEXT) if reward else (_POLICY_CHAT if chat else _POLICY_TEXT)
    return _USE.format(kind=kind, place=place) + rest


def _changed(settings: TrainSettings) -> Iterator[tuple[str, Any]]:
    """Settings that say how, not where; those of adapters with a dot."""
    places = ("model", "rows", "mix", "out", "eval_rows", "reference_cache", "push_to_hub", "push_private", "report_to")
    for name, value in dataclasses.asdict(settings).items():
        if name in places or value in ("", None, ()):
            continue
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", its) for inner, its in value.items())
        else:
            yield name, _name(value) if isinstance(value, str) else value


def _is_path(place: str) -> bool:
    return Path(place).exists() or place.startswith(("/", ".", "~"))


def _is_hub_id(place: str) -> bool:
    return not _is_path(place) and re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", place) is not None


def _name(place: str) -> str:
    """A hub id as it is; of a path its last part: a card is for other machines."""
    return Path(place).name if _is_path(place) else place
