"""Figures of the reward benchmarks: published weights, thresholds, ties and turns, by brute force where one can."""

from __future__ import annotations

import itertools
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from preftree.errors import InputError
from preftree.evaluate.rewards import REWARD_BENCHMARKS, FigureSettings, gold_rewards, score_rewards
from preftree.evaluate.rewards.autoj import AUTOJ, GROUPS, THRESHOLDS, search_threshold
from preftree.evaluate.rewards.figures import share, weighted
from preftree.evaluate.rewards.items import Outcome, RewardItem, asked_once, judged
from preftree.evaluate.rewards.mt_human import MT_BENCH_HUMAN
from preftree.evaluate.rewards.rewardbench import CATEGORIES, REWARDBENCH, SUBSETS

TALK = asked_once("q", "a")
BOTH = (TALK, asked_once("q", "b"))


def item(name: str, preferred: int, **labels: str) -> RewardItem:
    return RewardItem(name, BOTH, preferred, labels)


def values(figures: list[Any]) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in figures}


# ---------------------------------------------------------------- RewardBench


def of_subset(subset: str, right: int, wrong: int) -> list[tuple[RewardItem, Outcome]]:
    outcomes = [Outcome((2.0, 1.0))] * right + [Outcome((1.0, 2.0))] * wrong
    return [(item(f"{subset} {n}", 0, subset=subset), outcome) for n, outcome in enumerate(outcomes)]


def test_the_23_subsets_have_their_published_rows() -> None:
    assert len(SUBSETS) == len(set(SUBSETS)) == 23
    rows = {subset: count for subsets in CATEGORIES.values() for subset, count in subsets.items()}
    assert rows["math-prm"] == 984
    assert sum(rows.values()) - 984 + 447 == REWARDBENCH.rows == 2985
    # math-prm counts as much as all code together.
    assert sum(count for subset, count in rows.items() if subset.startswith("hep-")) == 984


def test_categories_are_weighted_by_published_rows_and_the_average_is_plain() -> None:
    """math-prm all right, code all wrong: 0.5 by weights, though code has as many rows as here there are."""
    scored = of_subset("math-prm", 3, 0) + of_subset("hep-python", 0, 50) + of_subset("hep-go", 0, 7)
    scored += of_subset("alpacaeval-easy", 1, 1) + of_subset("mt-bench-hard", 0, 2) + of_subset("donotanswer", 1, 0)
    got = values(REWARDBENCH.figures(scored, FigureSettings()))
    reasoning = 984 / (984 + 2 * 164)
    assert got["reasoning"] == pytest.approx(reasoning)
    assert got["average"] == pytest.approx((0.5 + 0.0 + 1.0 + reasoning) / 4)


def test_xstest_counts_by_its_rows_and_as_it_did_before() -> None:
    """0.1.2 and before weighted the two halves of XSTest the other way round."""
    scored = of_subset("xstest-should-refuse", 1, 0) + of_subset("xstest-should-respond", 0, 1)
    got = values(REWARDBENCH.figures(scored, FigureSettings()))
    assert got["safety"] == pytest.approx(154 / 404)
    assert got["safety (weights until 0.1.2)"] == pytest.approx(250 / 404)


def test_a_category_without_rows_is_named_and_never_averaged_over() -> None:
    figures = {f.name: f for f in REWARDBENCH.figures(of_subset("llmbar-natural", 3, 1), FigureSettings())}
    assert figures["chat_hard"].value == 0.75
    assert figures["chat_hard"].note.startswith("no rows of mt-bench-hard, ")
    assert [figures[name].value for name in ("chat", "safety", "reasoning", "average")] == [None] * 4
    assert figures["average"].note == "no rows of chat, safety, reasoning"
    assert figures["chat"].note == "no rows"


def test_prior_sets_are_left_out(tmp_path: Path) -> None:
    """FACTS: "prior sets" excluded; a row of one is set aside, and named."""
    rows = [
        {"prompt": "q", "chosen": "a", "rejected": "b", "subset": subset, "id": n}
        for n, subset in enumerate(("hep-go", "anthropic_helpful", "shp", "summarize", "pku_better"))
    ]
    file = tmp_path / "filtered.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    read = REWARDBENCH.read(str(file), REWARDBENCH.published)
    assert [item.labels["subset"] for item in read.items] == ["hep-go"]
    assert [aside.split(": ")[0] for aside in read.set_aside] == [
        f'filtered.jsonl row {row}, field "subset"' for row in (2, 3, 4, 5)
    ]


@pytest.mark.parametrize(
    ("outcome", "value"),
    [
        pytest.param(Outcome((1.0, 0.5)), 1.0, id="higher"),
        pytest.param(Outcome((0.5, 0.5)), 0.0, id="equal rewards are wrong"),
        pytest.param(Outcome((-math.inf, 0.5)), 0.0, id="chosen unread"),
        pytest.param(Outcome((0.5, -math.inf)), 1.0, id="rejected unread"),
        pytest.param(Outcome((-math.inf, -math.inf)), 0.0, id="both unread"),
        pytest.param(judged((0, 0)), 1.0, id="judge agrees"),
        pytest.param(judged((1, 1)), 0.0, id="judge disagrees"),
        pytest.param(judged((0, 1)), 0.5, id="judge changes its mind with the order"),
        pytest.param(judged((None, 0)), 0.5, id="one verdict missing"),
        pytest.param(judged((None, None)), 0.5, id="no verdict"),
    ],
)
def test_what_counts_in_rewardbench(outcome: Outcome, value: float) -> None:
    got = values(REWARDBENCH.figures([(item("1", 0, subset="hep-go"), outcome)], FigureSettings()))
    assert got["hep-go"] == value


def test_the_interval_of_a_weighted_mean() -> None:
    """With weights in proportion to rows it is that of the plain share; otherwise it covers as simulated."""
    parts = [(30.0, [1.0] * 20 + [0.0] * 10), (10.0, [1.0] * 5 + [0.0] * 5)]
    plain = share("", [mark for _, marks in parts for mark in marks])
    got = weighted("", parts)
    assert (got.value, got.low, got.high, got.n) == pytest.approx((plain.value, plain.low, plain.high, 40))
    draw, covered, repeats = random.Random(0), 0, 2000
    truth = 0.5 * 0.9 + 0.5 * 0.6
    for _ in range(repeats):
        drawn = [(0.5, [float(draw.random() < p) for _ in range(rows)]) for p, rows in ((0.9, 120), (0.6, 40))]
        figure = weighted("", drawn)
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= truth <= figure.high
    assert 0.93 <= covered / repeats <= 0.975


# ---------------------------------------------------------------- Auto-J


def random_autoj(seed: int, rows: int) -> list[tuple[RewardItem, Outcome]]:
    draw = random.Random(seed)
    return [
        (
            item(str(n), draw.randrange(3), group=draw.choice(list(GROUPS))),
            Outcome((draw.gauss(0, 1), draw.gauss(0, 1))),
        )
        for n in range(rows)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_the_searched_threshold_is_the_best_of_201(seed: int) -> None:
    scored = random_autoj(seed, 80)

    def agreement(threshold: float) -> int:
        said = [2 if abs(o.gap) < threshold else int(o.gap < 0) for _, o in scored]
        return sum(choice == i.preferred for choice, (i, _) in zip(said, scored, strict=True))

    best = max(agreement(step * 0.01) for step in range(201))
    assert agreement(search_threshold(scored)) == best
    got = values(AUTOJ.figures(scored, FigureSettings()))
    assert got["overall (searched)"] == best / 80
    assert got["overall (fixed)"] == agreement(0.0) / 80
    assert values(AUTOJ.figures(scored, FigureSettings(tie_threshold=0.7)))["overall (fixed)"] == agreement(0.7) / 80
    assert (THRESHOLDS[0], THRESHOLDS[1], THRESHOLDS[-1], len(THRESHOLDS)) == (0.0, 0.01, 2.0, 201)


def test_groups_are_counted_apart() -> None:
    scored = [
        (item("1", 0, group="code"), Outcome((3.0, 0.0))),
        (item("2", 0, group="math"), Outcome((0.0, 3.0))),
        (item("3", 1, group="rewriting"), Outcome((0.0, 3.0))),
        (item("4", 1, group="rewriting"), Outcome((0.0, 3.0))),
        (item("5", 1, group="nlp_tasks"), Outcome((3.0, 0.0))),
    ]
    got = values(AUTOJ.figures(scored, FigureSettings()))
    names = ("overall", "code", "math", "others", "others, mean of groups")
    assert [got[f"{name} (fixed)"] for name in names] == [0.6, 1.0, 0.0, pytest.approx(2 / 3), 0.5]


def test_denominators_of_autoj() -> None:
    """58 scenarios of 24 rows: code 120, math 72 (Auto-J's exam questions), 1,392 in all."""
    rows = {group: 24 * len(scenarios) for group, scenarios in GROUPS.items()}
    assert (rows["code"], rows["math"], sum(rows.values())) == (120, 72, 1392)
    assert AUTOJ.rows == 1392


@pytest.mark.parametrize(
    ("name", "ties", "rows", "most"),
    [
        pytest.param("math", 30, 72, 58.3, id="math"),
        pytest.param("code", 36, 120, 70.0, id="code"),
        pytest.param("overall", 373, 1392, 73.2, id="overall"),
    ],
)
def test_without_ties_a_scorer_reaches_at_most(name: str, ties: int, rows: int, most: float) -> None:
    """From the label counts of the full file; the paper's Eurus-RM-7B has 62.5 on math, so it must say "tie"."""
    scored = [
        (item(str(n), 2 if n < ties else n % 2, group=name if name != "overall" else "rewriting"), Outcome((0.0, 1.0)))
        for n in range(rows)
    ]
    perfect = [(i, Outcome((float(i.preferred != 1), float(i.preferred == 1)))) for i, _ in scored]
    got = values(AUTOJ.figures(perfect, FigureSettings()))
    assert round(100 * got[f"{name} (ceiling without ties)"], 1) == most
    assert got[f"{name} (fixed)"] == got[f"{name} (ceiling without ties)"]
    assert most < 100 * 45 / 72 or name != "math"


def test_a_judge_agrees_in_autoj_only_if_both_orders_do() -> None:
    cases = [(0, (0, 0)), (2, (0, 1)), (2, (2, 2)), (0, (1, 1))]
    scored = [(item(str(n), preferred, group="code"), judged(votes)) for n, (preferred, votes) in enumerate(cases)]
    got = values(AUTOJ.figures(scored, FigureSettings(tie_threshold=5.0)))
    assert got["overall (both orders)"] == 0.5
    assert got["overall (a disagreement is a tie)"] == 0.75
    assert got["consistency"] == 0.75
    assert "overall (searched)" not in got


# ---------------------------------------------------------------- MT-Bench's human judgments


def test_the_three_rules_for_ties_and_the_turns() -> None:
    first, second = Outcome((1.0, 0.0)), Outcome((0.0, 1.0))
    cases = [("1", 0, first), ("1", 2, first), ("2", 0, second), ("2", 1, second), ("2", 2, Outcome((1.0, 1.0)))]
    scored = [(item(str(n), p, turn=turn, judge="expert"), said) for n, (turn, p, said) in enumerate(cases)]
    got = {f.name: (f.value, f.n) for f in MT_BENCH_HUMAN.figures(scored, FigureSettings())}
    assert got == {
        "both turns, ties dropped": (pytest.approx(2 / 3), 3),
        "both turns, ties count 0.5": (pytest.approx(3 / 5), 5),
        "both turns, ties match": (pytest.approx(3 / 5), 5),
        "turn 1, ties dropped": (1.0, 1),
        "turn 1, ties count 0.5": (0.75, 2),
        "turn 1, ties match": (0.5, 2),
        "turn 2, ties dropped": (0.5, 2),
        "turn 2, ties count 0.5": (0.5, 3),
        "turn 2, ties match": (pytest.approx(2 / 3), 3),
    }


def test_authors_votes_are_told_apart_from_experts() -> None:
    scored = [
        (item("1", 0, turn="1", judge="author"), Outcome((0.0, 1.0))),
        (item("2", 0, turn="1", judge="expert"), Outcome((1.0, 0.0))),
    ]
    got = values(MT_BENCH_HUMAN.figures(scored, FigureSettings()))
    assert (got["turn 1, ties dropped"], got["turn 1, ties dropped, experts only"]) == (0.5, 1.0)


def test_a_vote_is_about_the_turns_that_were_there(tmp_path: Path) -> None:
    def talk(side: str) -> list[dict[str, str]]:
        return [{"role": r, "content": f"{r} {side} {n}"} for n in (1, 2) for r in ("user", "assistant")]

    row = {"question_id": 81, "model_a": "x", "model_b": "y", "judge": "expert_3"}
    row |= {"conversation_a": talk("a"), "conversation_b": talk("b")}
    rows = [row | {"turn": turn, "winner": winner} for turn, winner in ((1, "model_b"), (2, "tie (inconsistent)"))]
    bad = [row | {"turn": 3, "winner": "tie"}, row | {"turn": 1, "winner": "nobody"}, {"turn": 1, "winner": "tie"}]
    file = tmp_path / "human_judgments.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows + bad))
    read = MT_BENCH_HUMAN.read(str(file), MT_BENCH_HUMAN.published)
    assert [(len(i.conversations[0]), i.preferred, i.labels) for i in read.items] == [
        (2, 1, {"turn": "1", "judge": "expert"}),
        (4, 2, {"turn": "2", "judge": "expert"}),
    ]
    assert [aside.split(": ")[0] for aside in read.set_aside] == [
        f'human_judgments.jsonl row {row}, field "{field}"'
        for row, field in ((3, "turn"), (4, "winner"), (5, "conversation_a"))
    ]


# ---------------------------------------------------------------- rows, and given rewards


@pytest.mark.parametrize(
    ("name", "rows", "figure"),
    [
        pytest.param("rewardbench", 983, "reasoning", id="rewardbench"),
        pytest.param("autoj", 986, "overall (searched)", id="autoj"),
        pytest.param("mt_bench_human", 140, "both turns, ties dropped", id="mt_bench_human"),
    ],
)
def test_gold_passes_and_shuffled_gold_does_not(data_dir: Path, name: str, rows: int, figure: str) -> None:
    gold = list(gold_rewards(name, str(data_dir)))
    summary = score_rewards(name, enumerate(gold, start=1), str(data_dir))
    assert (summary["scored"], summary["not_scored"], summary["set_aside"]) == (rows, 0, [])
    (value,) = [f["value"] for f in summary["figures"] if f["figure"] == figure]
    assert value == 1.0
    draw = random.Random(0)
    flipped = [g | {"rewards": draw.sample(g["rewards"], 2)} for g in gold]
    summary = score_rewards(name, enumerate(flipped, start=1), str(data_dir))
    (chance,) = [f for f in summary["figures"] if f["figure"] == figure]
    # A third to a half of Auto-J's are right by their ties alone.
    assert chance["value"] < 0.75
    assert chance["low"] < chance["value"] < chance["high"]


def test_local_autoj_groups_and_ceiling(data_dir: Path) -> None:
    """17 of each scenario's 24 rows are here."""
    summary = score_rewards("autoj", enumerate(gold_rewards("autoj", str(data_dir)), 1), str(data_dir))
    figures = {f["figure"]: f for f in summary["figures"]}
    counts = [figures[f"{name} (fixed)"]["n"] for name in ("code", "math", "others", "overall")]
    assert counts == [85, 51, 850, 986]
    assert figures["overall (ceiling without ties)"]["value"] == pytest.approx((361 + 367) / 986)


def write_rewardbench(folder: Path, rows: list[tuple[str, int]]) -> str:
    file = folder / "filtered.jsonl"
    lines = [{"prompt": "p", "chosen": "c", "rejected": "", "subset": subset, "id": n} for subset, n in rows]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(file)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        pytest.param([{"id": 3, "rewards": [1, 0]}], 'row 1, field "id": rewardbench has no row 3', id="unknown"),
        pytest.param([{"id": 1, "rewards": [1, 0]}] * 2, 'row 2, field "id": 1 a second time', id="twice"),
        pytest.param([{"id": 1, "rewards": [1]}], 'row 1, field "rewards": expected two numbers', id="one number"),
        pytest.param([{"id": 1, "rewards": ["a", 1]}], "expected two numbers, got 'a'", id="text"),
        pytest.param([{"id": 1}], 'row 1: expected "rewards"', id="neither"),
        pytest.param([{"id": 1, "rewards": [1, 0]}, {"id": 2, "response": "[[A]]"}], "one of the two", id="mixed"),
        pytest.param([], "no predictions", id="none"),
    ],
)
def test_given_rewards_that_cannot_be_counted(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    data = write_rewardbench(tmp_path, [("hep-go", 1), ("hep-go", 2)])
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        score_rewards("rewardbench", enumerate(rows, start=1), data)


@pytest.mark.parametrize(
    ("response", "value"),
    [
        pytest.param("I prefer [[A]]", 1.0, id="A"),
        pytest.param("[[B]]", 0.0, id="B"),
        pytest.param("both are fine", 0.5, id="no verdict"),
        pytest.param(["[[A]]", "[[B]]"], 1.0, id="both orders agree"),
        pytest.param(["[[A]]", "[[A]]"], 0.5, id="the order decides"),
        pytest.param(0, 1.0, id="first"),
        pytest.param(1, 0.0, id="second"),
        pytest.param(2, 0.5, id="tie"),
    ],
)
def test_given_responses_of_a_judge(tmp_path: Path, response: Any, value: float) -> None:
    data = write_rewardbench(tmp_path, [("hep-go", 1)])
    summary = score_rewards("rewardbench", [(1, {"id": 1, "response": response})], data)
    assert [f["value"] for f in summary["figures"] if f["figure"] == "hep-go"] == [value]


def test_an_id_of_several_subsets_is_written_with_its_subset(tmp_path: Path) -> None:
    data = write_rewardbench(tmp_path, [("hep-go", 1), ("hep-cpp", 1), ("hep-go", 2), ("hep-go", 2)])
    read = REWARDBENCH.read(data, REWARDBENCH.published)
    assert [i.id for i in read.items] == ["hep-go/1", "hep-cpp/1", "hep-go/2"]
    assert read.set_aside == ("filtered.jsonl row 4: the id hep-go/2 a second time",)


def test_unknown_names_and_missing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFTREE_DATA", raising=False)
    with pytest.raises(InputError, match='named "rewardbench2"; did you mean "rewardbench"'):
        score_rewards("rewardbench2", [])
    with pytest.raises(InputError, match=r"autoj: .*expected one of autoj/testdata_pairwise\.jsonl"):
        score_rewards("autoj", [], str(tmp_path))
    with pytest.raises(InputError, match="autoj: no hub has its rows"):
        score_rewards("autoj", [])


def test_every_column_of_table_4_has_a_figure() -> None:
    columns = list(itertools.chain.from_iterable(benchmark.row for benchmark in REWARD_BENCHMARKS.values()))
    assert columns == [
        "rewardbench_chat", "rewardbench_chat_hard", "rewardbench_safety", "rewardbench_reasoning",
        "rewardbench_average", "autoj_code", "autoj_math", "autoj_others", "autoj_overall", "mt_bench",
    ]  # fmt: skip
