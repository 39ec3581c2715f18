"""Auto-J's pairwise test (Li et al., 2023): does a scorer agree with people, who may also call it a tie?

In:  rows `scenario`, `prompt`, `response 1`, `response 2` (keys with a space) and `label` (0, 1, or 2: a tie); a row's
     id is its place in the file. Out: agreement by group.
Always true: three answers are possible, so a scorer that never says "tie" can't reach 1; the ceiling stands beside the
figures. Rewards are real numbers: two are called a tie where they are closer than a threshold. The *searched* threshold
is Auto-J's rule for reward models, the best of 0 to 2.0 in steps of 0.01 on the test set itself; the *fixed* one was
chosen on nothing. A judge that is asked in both orders agrees only if it does so in both, as Auto-J counts it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from preftree.evaluate.benchmark import Published
from preftree.evaluate.items import rows_of
from preftree.evaluate.rewards.figures import Figure, share, weighted
from preftree.evaluate.rewards.items import (
    TIE,
    FigureSettings,
    Outcome,
    Read,
    RewardBenchmark,
    RewardItem,
    Scored,
    answer_text,
    asked_once,
    read_rows,
)
from preftree.problems.rows import BadRowError, Row

# Auto-J's own groups of its 58 scenarios (24 rows each); "math" is its group "Exam Questions".
GROUPS: dict[str, tuple[str, ...]] = {
    "code": (
        "code_simplification", "code_generation", "explaining_code", "code_correction_rewriting",
        "code_to_code_translation",
    ),
    "math": ("math_reasoning", "solving_exam_question_with_math", "solving_exam_question_without_math"),
    "summarization": ("post_summarization", "text_summarization", "note_summarization"),
    "rewriting": (
        "text_simplification", "language_polishing", "instructional_rewriting", "text_correction", "paraphrasing",
    ),
    "creative_writing": (
        "writing_song_lyrics", "writing_social_media_post", "writing_blog_post", "writing_personal_essay",
        "creative_writing", "writing_advertisement", "writing_marketing_materials", "writing_presentation_script",
        "counterfactual",
    ),
    "functional_writing": (
        "writing_product_description", "writing_job_application", "writing_news_article", "writing_biography",
        "writing_email", "writing_legal_document", "writing_technical_document", "writing_scientific_paper",
        "functional_writing", "writing_cooking_recipe",
    ),
    "communication": (
        "asking_how_to_question", "open_question", "analyzing_general", "explaining_general", "seeking_advice",
        "recommendation", "value_judgement", "verifying_fact", "chitchat", "roleplay", "planning", "brainstorming",
    ),
    "nlp_tasks": (
        "ranking", "text_to_text_translation", "data_analysis", "classification_identification", "title_generation",
        "question_generation", "reading_comprehension", "keywords_extraction", "information_extraction",
        "topic_modeling", "others",
    ),
}  # fmt: skip
_GROUP_OF = {scenario: group for group, scenarios in GROUPS.items() for scenario in scenarios}
_OTHERS = tuple(group for group in GROUPS if group not in ("code", "math"))
_COLUMNS = ("code", "math", "others", "overall")
THRESHOLDS = tuple(step / 100 for step in range(201))


def search_threshold(scored: Scored) -> float:
    """The threshold with the most agreement over all rows; of several, the lowest."""
    return max(THRESHOLDS, key=lambda threshold: (_agreements(scored, threshold), -threshold))


def figures(scored: Scored, settings: FigureSettings) -> list[Figure]:
    """Overall first, then code, math and others, under each rule; then the ceiling of a scorer without ties."""
    if any(outcome.votes for _, outcome in scored):
        found = _by_group(scored, "both orders", _agrees_in_both)
        found += _by_group(scored, "a disagreement is a tie", lambda item, said: said.choice() == item.preferred)
        twice = [said.votes for _, said in scored if len(said.votes) == 2]
        found.append(share("consistency", [float(first == second) for first, second in twice]))
    else:
        searched = search_threshold(scored)
        found = _by_group(scored, "searched", _within(searched), f"threshold {searched:g}, searched on these rows")
        fixed = settings.tie_threshold
        found += _by_group(scored, "fixed", _within(fixed), f"threshold {fixed:g}")
    return found + _by_group(scored, "ceiling without ties", lambda item, said: item.preferred != TIE)


def _within(threshold: float) -> Callable[[RewardItem, Outcome], bool]:
    return lambda item, said: said.choice(threshold) == item.preferred


def _agrees_in_both(item: RewardItem, said: Outcome) -> bool:
    return all(vote == item.preferred for vote in said.votes)


def _agreements(scored: Scored, threshold: float) -> int:
    return sum(said.choice(threshold) == item.preferred for item, said in scored)


def _by_group(scored: Scored, rule: str, agrees: Callable[[RewardItem, Outcome], bool], note: str = "") -> list[Figure]:
    """`others` counts rows. The paper's column of this name is no such share (in ten of the eleven rows of its table 4,
    code, math and others weighted by rows miss the overall figure), so the mean of the six groups stands beside it."""
    marks: dict[str, list[float]] = {group: [] for group in GROUPS}
    for item, said in scored:
        marks[item.labels["group"]].append(float(agrees(item, said)))
    every = [mark for found in marks.values() for mark in found]
    others = [mark for group in _OTHERS for mark in marks[group]]
    parts: Sequence[tuple[float, Sequence[float]]] = [(1.0, marks[group]) for group in _OTHERS if marks[group]]
    return [
        share(f"overall ({rule})", every, note),
        share(f"code ({rule})", marks["code"], note),
        share(f"math ({rule})", marks["math"], note),
        share(f"others ({rule})", others, note),
        weighted(f"others, mean of groups ({rule})", parts, note),
    ]


def _item(row: Row, place: int) -> RewardItem:
    scenario, label = row.get("scenario"), row.get("label")
    if scenario not in _GROUP_OF:
        raise BadRowError("scenario", f"expected one of Auto-J's 58 scenarios, got {scenario!r}")
    if isinstance(label, bool) or label not in (0, 1, 2):
        raise BadRowError("label", f"expected 0, 1 or 2, got {label!r}")
    prompt = answer_text(row, "prompt")
    both = (asked_once(prompt, answer_text(row, "response 1")), asked_once(prompt, answer_text(row, "response 2")))
    return RewardItem(str(place), both, int(label), {"scenario": scenario, "group": _GROUP_OF[scenario]})


def _read(path: str | None, published: Published) -> Read:
    return read_rows(rows_of(path, published), _item)


AUTOJ = RewardBenchmark(
    name="autoj",
    published=Published(folders=("autoj",), files=("testdata_pairwise.jsonl", "testdata_pairwise.jsonl.gz")),
    read=_read,
    rows=1392,
    figures=figures,
    row={f"autoj_{name}": (f"{name} (searched)", f"{name} (both orders)") for name in _COLUMNS},
    ties=True,
)
