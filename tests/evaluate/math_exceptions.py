"""References of MATH that the paper's graders call wrong when they are given as answers, with the reason.

The originals say the same of each, and of no other (compared once, on all rows). Ids are `idx` of test.jsonl.
"""

# evaluate_math compares what follows the last "=" of an answer, "2x" of "y = 2x", with the whole reference; that one
# loses a short name, but keeps the space after the sign.
AN_EQUATION = (
    "221", "515", "659", "793", "2184", "2216", "2477", "2481", "2663", "2718", "3038", "4667", "4713", "4810", "4850",
    "4872", "4888",
)  # fmt: skip
# It also takes what follows the last "are ", which stands in "square feet".
A_UNIT = ("1991", "3680", "4045", "4134")
# math_equal reads the digits before "_" as a decimal number, and gives up on 152A.
A_BASE = ("3567",)
# It cuts a response before "is answer", as in the published solution's "which is answer choice C"; in text alone.
A_SOLUTION = ("3641",)

# (benchmark, protocol, mode, id): the reason. "" stands for every mode.
EXCEPTIONS = (
    {("math", "eurus-2024-09", "", row): "an equation" for row in AN_EQUATION}
    | {("math", "eurus-2024-09", "", row): "a unit with are in it" for row in A_UNIT}
    | {("math", "eurus-2024-09", "text", row): "a solution that says is answer" for row in A_SOLUTION}
    | {("math", "eurus-2024-04", "", row): "a base with letters" for row in A_BASE}
    | {
        ("math500", "eurus-2024-09", "", row): "an equation"
        for row in ("test/precalculus/659.json", "test/precalculus/356.json")
    }
)
LISTED_AMONG = {"math": 3500, "math500": 364}


def explained(protocol, item):
    """Whether one of the reasons holds for a row."""
    answer = item.problem.answer
    if protocol == "eurus-2024-09":
        cut = "is answer" in (item.problem.references[0].rationale or "")
        return cut or "=" in answer or "are " in answer or "are\n" in answer
    return protocol == "eurus-2024-04" and "_" in answer
