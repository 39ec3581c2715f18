"""A reward function of TRL's GRPO trainer (and of any trainer with its signature).

    reward = VerifiedReward(load(SourceSettings("gsm8k")).problems)
    trainer = GRPOTrainer(model, reward_funcs=reward, train_dataset=Dataset.from_list(reward.rows()), …)

In:  completions, as TRL gives them, and the column `problem` of the rows.
Out: 1.0, 0.0, or None, which TRL leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from preftree.environment import EnvironmentSettings
from preftree.records import Problem
from preftree.rl.referee import Referee, reward_of


class VerifiedReward:
    """The verdict on each completion. Close it when training has ended, or use it as a context manager."""

    __name__ = "verified"  # the name in the trainer's log

    def __init__(
        self, problems: Iterable[Problem], out: Path | None = None, environment: EnvironmentSettings | None = None
    ) -> None:
        self._referee = Referee(problems, out, environment)

    def __enter__(self) -> VerifiedReward:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the jail and the judging processes."""
        self._referee.close()

    def rows(self) -> list[dict[str, Any]]:
        """The training set: `prompt` as messages, `problem` as the id."""
        return [
            {
                "prompt": [
                    {"role": message.role, "content": message.content} for message in self._referee.prompt(name)
                ],
                "problem": name,
            }
            for name in self._referee.problems
        ]

    def __call__(
        self, prompts: Sequence[Any], completions: Sequence[Any], problem: Sequence[str], **columns: Any
    ) -> list[float | None]:
        texts = [_text(completion) for completion in completions]
        return [reward_of(action) for action in self._referee.judge_all(list(zip(problem, texts, strict=True)))]


def _text(completion: Any) -> str:
    """A completion is a text, or the messages that were written; of these the assistant's last."""
    if isinstance(completion, str):
        return completion
    said = [message["content"] for message in completion if message["role"] == "assistant"]
    return str(said[-1]) if said else ""
