"""The reward function for GRPO: by itself, and inside TRL's own trainer (marked `peer`)."""

import pytest

from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.records import Problem, Reference, Tests
from preftree.rl import VerifiedReward

JAIL = EnvironmentSettings(workers=1, preload=())
SUM = Problem("sum", "sums", "Math_PoT", "What is 2 + 3?", (Reference("5"),))
WORDS = Problem("words", "sums", "Math_CoT", "What is 2 + 3?", (Reference("5"),), tools=())
CODE = Problem(
    "code", "code", "Coding", "Write f(x) that doubles x.", (Reference("", program="def f(x): return 2 * x"),), "code",
    tests=Tests(code="assert f(4) == 8", names=("f",)),
)  # fmt: skip


@pytest.fixture(scope="module")
def reward():
    with VerifiedReward([SUM, WORDS, CODE], environment=JAIL) as opened:
        yield opened


@pytest.mark.parametrize(
    ("problem", "completion", "value"),
    [
        pytest.param("sum", "```python\n2 + 3\n```", 1.0, id="a program"),
        pytest.param("sum", "```python\n2 * 3\n```", 0.0, id="another value"),
        pytest.param("sum", "```python\nimport os; os._exit(0)\n```", 0.0, id="an early exit"),
        pytest.param("words", "so \\boxed{5}", 1.0, id="in words"),
        pytest.param("words", "5 or so", 0.0, id="no mark"),
        pytest.param("code", "```python\ndef f(x):\n    return x + x\n```", 1.0, id="tests pass"),
        pytest.param("code", "```python\ndef f(x):\n    return x\n```", 0.0, id="tests fail"),
        pytest.param("words", [{"role": "assistant", "content": "\\boxed{5}"}], 1.0, id="messages"),
        pytest.param("words", [], 0.0, id="nothing was said"),
    ],
)
def test_a_reward_is_a_verdict(reward, problem, completion, value):
    assert reward(prompts=["…"], completions=[completion], problem=[problem]) == [value]


def test_many_at_once_keep_their_order(reward):
    completions = [f"```python\n{n}\n```" for n in range(8)]
    assert reward(prompts=[""] * 8, completions=completions, problem=["sum"] * 8) == [float(n == 5) for n in range(8)]


def test_rows_are_what_a_model_is_asked(reward):
    rows = reward.rows()
    assert [row["problem"] for row in rows] == ["sum", "words", "code"]
    assert rows[0]["prompt"][0]["role"] == "user"
    assert "What is 2 + 3?" in rows[0]["prompt"][0]["content"]


def test_an_unknown_problem_is_a_sentence(reward):
    with pytest.raises(InputError, match='no problem has the id "other"'):
        reward(prompts=[""], completions=["x"], problem=["other"])


@pytest.mark.peer
def test_trl_trains_with_it(tmp_path, tiny_model):
    """One step of TRL's GRPO trainer: its log holds our rewards."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    with VerifiedReward([SUM, WORDS], tmp_path / "rewards", JAIL) as reward:
        settings = GRPOConfig(
            output_dir=str(tmp_path / "out"), max_steps=1, per_device_train_batch_size=2, num_generations=2,
            max_completion_length=8, report_to=[], use_cpu=True, logging_steps=1, save_strategy="no",
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=str(tiny_model), reward_funcs=reward, args=settings, train_dataset=Dataset.from_list(reward.rows())
        )
        trainer.train()
    logged = [entry for entry in trainer.state.log_history if "rewards/verified/mean" in entry]
    assert logged[0]["rewards/verified/mean"] == 0.0  # random bytes are no answer
