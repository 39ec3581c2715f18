"""The reward function for GRPO: by itself, and inside TRL's own trainer (marked `peer`)."""

import re
from pathlib import Path

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


RIGHT, WRONG = "```python\n2 + 3\n```", "```python\n2 * 3\n```"


@pytest.fixture
def one_thread():
    """A tiny model's threads wait for each other more than they work."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _undecided_model(folder, rows, answers):
    """The tiny model, taught to give each of these answers about equally often."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(rows[0]["prompt"], tokenize=False, add_generation_prompt=True)
    head = len(tokenizer(prompt)["input_ids"])
    tokens = torch.tensor([tokenizer(prompt + answer + "<|im_end|>")["input_ids"] for answer in answers])
    labels = tokens.clone()
    labels[:, :head] = -100
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(100):
        model(input_ids=tokens, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model, tokenizer


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore:`gradient_checkpointing:FutureWarning")  # TRL asks under the old name
def test_trl_trains_with_it(tmp_path, tiny_model, one_thread):
    """TRL's GRPO trainer on a model that is as often right as wrong: each reward is the verdict, and more are right."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    seen = []
    with VerifiedReward([SUM], tmp_path / "rewards", JAIL) as verified:
        model, tokenizer = _undecided_model(tiny_model, verified.rows(), (RIGHT, WRONG))

        def reward(prompts, completions, problem, **columns):
            rewards = verified(prompts, completions, problem, **columns)
            texts = [completion[0]["content"] for completion in completions]
            seen.extend(zip(texts, rewards, strict=True))
            return rewards

        settings = GRPOConfig(
            output_dir=str(tmp_path / "out"), max_steps=12, per_device_train_batch_size=32, num_generations=32,
            max_completion_length=24, learning_rate=3e-3, lr_scheduler_type="constant", report_to=[], use_cpu=True,
            bf16=False, logging_steps=1, save_strategy="no", seed=1,
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=model, processing_class=tokenizer, reward_funcs=reward, args=settings,
            train_dataset=Dataset.from_list(verified.rows()),
        )  # fmt: skip
        trainer.train()
    assert {value for text, value in seen if text == RIGHT} == {1.0}
    assert {value for text, value in seen if text == WRONG} == {0.0}
    means = [e["rewards/reward/mean"] for e in trainer.state.log_history if "rewards/reward/mean" in e]
    assert len(means) == 12
    assert 0 < means[0] < 1
    assert sum(means[-3:]) > sum(means[:3])


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore:`gradient_checkpointing:FutureWarning")
def test_the_docs_code_runs(tmp_path, tiny_model, one_thread, monkeypatch):
    """The code of docs/reinforcement.md, on a tiny model and for one step."""
    page = (Path(__file__).parents[2] / "docs" / "reinforcement.md").read_text()
    (code,) = re.findall(r"<!-- test: grpo -->\n```python\n(.*?)```", page, re.DOTALL)
    small = ", max_steps=1, logging_steps=1, report_to=[], use_cpu=True, bf16=False, save_strategy='no'"
    for old, new in (
        ("HuggingFaceTB/SmolLM2-135M-Instruct", str(tiny_model)),
        ("max_completion_length=256", "max_completion_length=8" + small),
        ("limit=200", "limit=2"),
        ("VerifiedReward(problems)", "VerifiedReward(problems, environment=JAIL)"),
    ):
        assert old in code
        code = code.replace(old, new)
    monkeypatch.chdir(tmp_path)
    names = {"JAIL": JAIL}
    exec(code, names)
    logged = [entry for entry in names["trainer"].state.log_history if "rewards/verified/mean" in entry]
    assert logged[0]["rewards/verified/mean"] == 0.0  # random bytes are no answer
