"""Every ranker and tie rule against a list of all subsets; curves that meet and stay under their ceiling."""

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preftree.errors import InputError
from preftree.evaluate.rankers import RANKERS, Judged, RerankSettings, accuracies, best_of_n, chosen_rankers, curve_rows
from preftree.evaluate.votes import Ballot, voted

TIES = ("greedy", "first", "share")


def vote(voters, tie, greedy_right):
    """One subset's vote, the naive way: (class, right) in their order; the chance of a correct answer."""
    voters = [(name, right) for name, right in voters if name is not None]
    votes = Counter(name for name, _ in voters)
    top = [name for name, count in votes.items() if count == max(votes.values())]
    if tie == "greedy" and len(top) != 1:
        return float(greedy_right)
    if tie == "first":
        return float(next((right for name, right in voters if name in top), False))
    shares = [[right for name, right in voters if name == one] for one in top]
    return sum(sum(rights) / len(rights) for rights in shares) / len(top) if top else 0.0


def listed(ballot, n, tie):
    """The mean over every subset of N."""
    own = [(ballot.greedy, ballot.greedy_right)] if ballot.greedy_votes else []
    samples = list(zip(ballot.classes, ballot.right, strict=True))
    subsets = list(itertools.combinations(samples, n - len(own)))
    return sum(vote([*own, *subset], tie, ballot.greedy_right) for subset in subsets) / len(subsets)


@st.composite
def ballots(draw):
    samples = draw(st.lists(st.tuples(st.sampled_from([None, 0, 1, 2, 3]), st.booleans()), min_size=1, max_size=7))
    classes, right = zip(*samples, strict=True)
    # 9 is a greedy answer that no sample gives.
    greedy = draw(st.sampled_from([None, 0, 1, 9]))
    return Ballot(classes, right, draw(st.booleans()), greedy, draw(st.booleans()))


@given(ballots(), st.sampled_from(TIES))
def test_a_vote_is_the_mean_over_all_subsets(ballot, tie):
    counts = range(1, len(ballot.classes) + ballot.greedy_votes + 1)
    expected = [listed(ballot, n, tie) for n in counts]
    assert voted(ballot, counts, tie) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("tie", TIES)
def test_a_vote_agrees_with_a_simulation(tie):
    """32 of 64 samples: no list of subsets is that long."""
    draw = random.Random(3)
    samples = [(draw.choice([None, 0, 0, 1, 1, 2, 3]), draw.random() < 0.5) for _ in range(64)]
    classes, right = zip(*samples, strict=True)
    (exact,) = voted(Ballot(classes, right, greedy_right=True), (32,), tie)
    trials = 4000
    drawn = [[samples[i] for i in sorted(draw.sample(range(64), 32))] for _ in range(trials)]
    mean = sum(vote(subset, tie, True) for subset in drawn) / trials
    # Each trial lies in [0, 1]: four standard errors at most.
    assert exact == pytest.approx(mean, abs=4 * 0.5 / trials**0.5)
    assert 0 < exact < 1


@pytest.mark.parametrize(
    ("samples", "n", "tie", "score"),
    [
        pytest.param([(0, True), (0, True), (1, False)], 3, "share", 1.0, id="majority-right"),
        pytest.param([(0, True), (1, False), (1, False)], 3, "share", 0.0, id="majority-wrong"),
        pytest.param([(0, True), (1, False)], 2, "share", 0.5, id="tie-shared"),
        pytest.param([(1, False), (0, True)], 2, "first", 0.0, id="tie-to-the-first"),
        pytest.param([(1, False), (0, False)], 2, "greedy", 1.0, id="tie-to-the-greedy-answer"),
        pytest.param([(None, False), (0, True)], 2, "share", 1.0, id="no-answer-has-no-vote"),
        pytest.param([(None, False), (None, False)], 2, "share", 0.0, id="no-votes"),
        pytest.param([(None, False), (None, False)], 2, "greedy", 1.0, id="no-votes-falls-back-too"),
        pytest.param([(0, True), (0, False)], 2, "share", 0.5, id="a-class-of-both"),
    ],
)
def test_votes_by_hand(samples, n, tie, score):
    classes, right = zip(*samples, strict=True)
    assert voted(Ballot(classes, right, greedy_right=True), (n,), tie) == pytest.approx([score])


@given(ballots(), st.booleans())
def test_two_votes_of_which_the_greedy_answer_is_one_give_the_greedy_answer(ballot, right):
    """Table 9: self-consistency at N = 2 equals top logits on all four benchmarks."""
    classes = [0 if name == 0 else None for name in ballot.classes]
    # Its class is right or wrong as a whole: samples that equal the greedy answer are as right as it is.
    same = Ballot(tuple(classes), tuple(right for _ in classes), True, 0, right)
    assert voted(same, (1, 2), "greedy") == pytest.approx([float(right)] * 2)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.5, 1.0, float("-inf")])), min_size=1, max_size=7),
    st.data(),
)
def test_best_of_n_is_the_mean_over_all_subsets(samples, data):
    right, scores = zip(*samples, strict=True)
    n = data.draw(st.integers(1, len(samples)))
    expected = []
    for subset in itertools.combinations(samples, n):
        top = [correct for correct, score in subset if score == max(score for _, score in subset)]
        expected.append(sum(top) / len(top))
    assert best_of_n(right, scores, n) == pytest.approx(sum(expected) / len(expected))


def judged(samples, problem=0):
    draw = random.Random(problem)
    right = tuple(draw.random() < 0.5 for _ in range(samples))
    classes = tuple(0 if correct else draw.choice([None, 1, 2]) for correct in right)
    scores = {
        name: tuple(draw.random() for _ in right) for name in ("logprob-sum", "logprob-mean", "reward model", "other")
    }
    return Judged(right, classes, scores, draw.random() < 0.5)


def curve(problems, counts, settings, rewards=("reward model", "other")):
    found = accuracies(problems, chosen_rankers(settings, rewards), counts, settings)
    return {(row["method"], row["n"]): row for row in curve_rows(found, list(problems), counts)}


def test_curves_meet_at_one_and_stay_under_the_ceiling():
    problems = {str(i): judged(8, i) for i in range(10)}
    rows = curve(problems, (1, 2, 4, 8), RerankSettings(tie="share"))
    names = {method for method, _ in rows}
    assert names == {*RANKERS, "reward model", "other"}
    for name in names - {"greedy"}:
        assert rows[name, 1]["value"] == pytest.approx(rows["random", 1]["value"])
    for name, n in rows:
        row = rows[name, n]
        assert row["low"] <= row["value"] <= row["high"]
        assert row["problems"] == 10
        if name != "greedy":
            assert row["value"] <= rows["pass@N", n]["value"] + 1e-12
    assert len({rows["greedy", n]["value"] for n in (1, 2, 4, 8)}) == 1
    assert len({rows["random", n]["value"] for n in (1, 2, 4, 8)}) == 1


def test_a_perfect_reward_reaches_the_ceiling():
    right = tuple(i == 3 for i in range(8))
    problems = {"p": Judged(right, scores={"reward model": tuple(map(float, right))})}
    rows = curve(problems, (4,), RerankSettings(rankers=("rewards", "pass@N")), ("reward model",))
    assert rows["reward model", 4]["value"] == pytest.approx(rows["pass@N", 4]["value"]) == pytest.approx(0.5)


@pytest.mark.parametrize("greedy_votes", [False, True])
@pytest.mark.parametrize("tie", TIES)
def test_nested_takes_the_first_n(tie, greedy_votes):
    settings = RerankSettings(estimate="nested", tie=tie, greedy_votes=greedy_votes)
    one = judged(8, 5)
    rows = curve({"p": one}, (1, 2, 4), settings)
    for n in (1, 2, 4):
        top = max(one.scores["other"][:n])
        assert rows["other", n]["value"] == one.right[one.scores["other"].index(top)]
        assert rows["pass@N", n]["value"] == any(one.right[:n])
        assert rows["random", n]["value"] == pytest.approx(sum(one.right[:n]) / n)
        voters = list(zip(one.classes, one.right, strict=True))[: n - greedy_votes]
        own = [(one.greedy_class, one.greedy)] if greedy_votes else []
        assert rows["self-consistency", n]["value"] == pytest.approx(vote([*own, *voters], tie, one.greedy))


def test_a_ranker_without_what_it_looks_at_has_no_row():
    problems = {"a": judged(4, 1), "b": Judged((True,) * 4, (0,) * 4)}
    names = {method for method, _ in curve(problems, (4,), RerankSettings(), ())}
    # A tie would go to a greedy answer that was not drawn.
    assert names == {"random", "pass@N"}
    names = {method for method, _ in curve(problems, (4,), RerankSettings(tie="share"), ())}
    assert names == {"random", "pass@N", "self-consistency"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda: RerankSettings(counts=(0, 2)), "each 1 or more", id="count"),
        pytest.param(lambda: RerankSettings(rankers=("randm",)), 'got "randm"', id="ranker"),
        pytest.param(lambda: RerankSettings(counts=(16,)).numbers(8), "16 of 8 samples", id="too-many"),
    ],
)
def test_wrong_settings(make, said):
    with pytest.raises(InputError, match=said):
        make()


@pytest.mark.parametrize(
    ("samples", "counts"), [(1, (1,)), (8, (1, 2, 4, 8)), (12, (1, 2, 4, 8)), (64, (1, 2, 4, 8, 16, 32, 64))]
)
def test_the_numbers_are_powers_of_two_up_to_the_samples(samples, counts):
    assert RerankSettings().numbers(samples) == counts
