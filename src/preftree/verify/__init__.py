"""Is an answer right: plain data in, a `records.Verdict` out.

In:  the kind of rule, an answer and a reference, all strings. Out: `correct`, `wrong` or `undecided` with a reason.
Always true: no rule executes any text (no `eval`, no judged code), no text it judges can change what another
verdict says, and `undecided` means that the judge failed (no time, no memory, an unreadable reference), never the
answer. `verify` is pure and in-process, and nasty input may hold it for long; `Judge` puts a limit on that.

    VERIFIERS   the rules by name: math, number, exact, choice, boolean, short, table, theoremqa, and the paper's own
                graders for comparisons (paper-math, paper-math-2024-04, paper-theoremqa, paper-mint,
                paper-bbh) or a harness's (minerva-math)
    verify      one rule on one answer
    Judge       the same on worker processes that are killed at their limit
    answers     where the answer stands in free text (`find_answer`, `solution_of`, `match_answer` as the paper's code
                looks) or in an observation
"""

from preftree.verify.answers import answer_of_observation, find_answer, last_number, solution_of
from preftree.verify.judge import Judge
from preftree.verify.paper_math import hendrycks, match_answer, match_answer_2024_09
from preftree.verify.registry import VERIFIERS, verify

__all__ = [
    "VERIFIERS",
    "Judge",
    "answer_of_observation",
    "find_answer",
    "hendrycks",
    "last_number",
    "match_answer",
    "match_answer_2024_09",
    "solution_of",
    "verify",
]
