"""What the tests of mathematics share: items of made rows and of real ones, and grades from a bench of their own."""

import asyncio
import json

from preftree.environment import EnvironmentSettings
from preftree.evaluate.bench import open_bench
from preftree.evaluate.converse import grade_given
from preftree.evaluate.items import read_from
from preftree.evaluate.registry import BENCHMARKS

# One row of each set, as it is published, all made up.
ROWS = {
    "gsm8k": {"question": "Two and three?", "answer": "It is 2 + 3 = <<2+3=5>>5.\n#### 5"},
    "gsm_plus": {
        "question": "Two and three?",
        "solution": "It is 5.\n#### 5",
        "answer": "5",
        "perturbation_type": "digit expansion",
    },
    "math": {
        "problem": "What is $1+1$?",
        "level": "Level 1",
        "type": "Prealgebra",
        "solution": "It is $\\boxed{2}$.",
        "idx": 7,
    },
    "math500": {
        "problem": "What is $1+1$?",
        "level": 1,
        "subject": "Prealgebra",
        "solution": "It is $\\boxed{2}$.",
        "answer": "2",
        "unique_id": "test/prealgebra/1.json",
    },
    "theoremqa": {"Question": "Half?", "Answer": 0.5, "Answer_type": "float", "id": "someone/half.json"},
    "svamp": {
        "ID": "chal-1",
        "Body": "A pack costs 7 dollars",
        "Question": "How much are two?",
        "Equation": "( 7.0 * 2.0 )",
        "Answer": 14.0,
        "Type": "Multiplication",
    },
    "asdiv": {
        "Input": "Two and three?",
        "Output Program": ["ans=2+3\nprint(ans)"],
        "Output Answer": ["5"],
        "split": "test",
    },
}
FILES = {
    "gsm8k": "test.jsonl",
    "gsm_plus": "gsmplus_test.jsonl",
    "math": "test.jsonl",
    "math500": "math500_test.jsonl",
    "theoremqa": "theoremqa_test.json",
    "svamp": "SVAMP.json",
    "asdiv": "asdiv.json",
}


def read(name, path):
    benchmark = BENCHMARKS[name]
    return benchmark.read(str(path), benchmark.published)


def item_of(name, folder, **changes):
    """The item of the made row, with these fields changed."""
    row = ROWS[name] | changes
    file = folder / FILES[name]
    if name == "asdiv":
        file.write_text(json.dumps({"Instances": [row]}))
    else:
        file.write_text(json.dumps(row) + "\n" if file.suffix == ".jsonl" else json.dumps([row]))
    (item,) = read(name, file).items
    return item


def real_items(name, data_dir):
    return read_from(BENCHMARKS[name], str(data_dir)).items


def grades(name, asked, folder):
    """The grades of triples of item, form and response, all in one engine, in their order."""

    async def work():
        async with open_bench(folder, environment=EnvironmentSettings(workers=2)) as bench:
            given = (grade_given(BENCHMARKS[name], bench, item, form, (text,)) for item, form, text in asked)
            return await asyncio.gather(*given)

    return asyncio.run(work())


def outcomes(name, asked, folder):
    return [grade.verdict.outcome for grade in grades(name, asked, folder)]
