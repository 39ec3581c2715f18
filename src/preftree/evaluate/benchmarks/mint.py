"""MINT: tools and several turns (Wang et al., 2024; mint-bench, Apache-2.0), the protocol of FACTS section 3.

In:  data/processed of mint-bench: seven tasks. Out: success at k (5 steps, 2 proposed solutions, unless the name says
otherwise: "mint:k=3"), by group (code 136 rows, math 225) as table 3 has it, and by task; and, under other names,
success after each turn of the one run. The same in all protocols.
"""

from __future__ import annotations

from functools import partial

from preftree.engine import Sampling
from preftree.evaluate.benchmark import PROTOCOLS, Asked, Benchmark, Form, Item, Metric, Published
from preftree.evaluate.mint.conversation import converse, grade
from preftree.evaluate.mint.parser import STOPS
from preftree.evaluate.mint.prompts import opening
from preftree.evaluate.mint.rows import read
from preftree.evaluate.mint.settings import MintSettings, read_settings
from preftree.records import Message

_MAX_TOKENS = 512  # of a turn


def _ask(settings: MintSettings, item: Item, form: Form) -> Asked:
    """The first turn; the later ones depend on what came of it."""
    sampling = Sampling(temperature=0.0, max_tokens=_MAX_TOKENS, stop=STOPS)
    return Asked((Message("user", opening(item, settings)),), sampling=sampling)


def _reference(item: Item, form: Form) -> str | None:
    if item.problem.tests is not None:
        return f"<solution>\n{item.problem.references[0].program}\n</solution>"
    return f"The answer is <solution> {item.data['reference']} </solution>."


def mint(settings: MintSettings) -> Benchmark:
    """The benchmark under these settings."""
    return Benchmark(
        name=settings.name,
        published=Published(folders=("mint",), files=("data/processed", "processed")),
        read=read,
        rows=452,
        ask=partial(_ask, settings),
        grade=partial(grade, settings),
        reference=_reference,
        metrics=(
            Metric("success"),
            *(Metric(f"success after turn {turn}", f"after_{turn}") for turn in range(1, settings.k + 1)),
        ),
        groups=("group", "task"),
        needs_judge=settings.with_feedback,
        converse=partial(converse, settings),
        variant=lambda text: mint(read_settings(text)),
        shots=dict.fromkeys(PROTOCOLS, 1),
    )


MINT = mint(MintSettings())
