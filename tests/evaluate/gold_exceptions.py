"""References that a protocol can't call correct, one by one, with the reason.

Under both Eurus protocols MBPP's script drops every unindented line of a program that does not begin with `def`,
imports included, and does not run the imports that a row's tests need. A reference that needs one fails.
The ids are those of the rows that lie in the project's folder of data sets; of others `explained` gives the reason.
"""

import math_exceptions

EURUS = ("eurus-2024-04", "eurus-2024-09")

# The lines that the script drops.
LOST_MBPP = {
    "3": "import math",
    "4": "import heapq as hq",
    "61": "from collections import defaultdict",
    "82": "import math",
    "87": "import collections as ct",
    "88": "import collections",
    "108": "import heapq",
    "124": "import cmath",
    "130": "from collections import defaultdict",
    "164": "import math",
    "232": "import heapq",
    "237": "from collections import Counter",
    "244": "import math",
    "252": "import cmath",
    "299": "from collections import defaultdict",
    "312": "import math",
    "396": "import re; regex = r'^[a-z]$|^([a-z]).*\\1$'",
    "475": "from collections import Counter",
    "585": "import heapq",
    "590": "import cmath",
    "635": "import heapq as hq",
    "723": "from operator import eq",
    "731": "import math",
    "736": "import bisect",
    "737": "import re; regex = '^[aeiouAEIOU][A-Za-z0-9_]*'",
    "739": "import math",
    "742": "import math",
    "765": "import math",
    "771": "from collections import deque",
    "778": "from itertools import groupby",
    "780": "from itertools import combinations",
    "786": "import bisect",
}
LOST_MBPP_FULL = {
    "13": "from collections import Counter",
    "39": "import heapq; from collections import Counter",
    "61": "from collections import defaultdict",
    "82": "import math",
    "87": "import collections as ct",
    "88": "import collections",
    "108": "import heapq",
    "122": "MAX = 3000",
    "124": "import cmath",
    "130": "from collections import defaultdict",
    "157": "from itertools import groupby",
    "163": "from math import tan, pi",
    "164": "import math",
    "180": "from math import radians, sin, cos, acos",
    "198": "import math",
    "209": "import heapq as hq",
    "214": "import math",
    "218": "import math",
    "232": "import heapq",
    "237": "from collections import Counter",
    "244": "import math",
    "252": "import cmath",
    "299": "from collections import defaultdict",
    "307": "from copy import deepcopy",
    "312": "import math",
    "326": "from collections import defaultdict",
    "372": "import heapq as hq",
    "396": "import re; regex = r'^[a-z]$|^([a-z]).*\\1$'",
    "408": "import heapq",
    "475": "from collections import Counter",
    "488": "import math",
    "491": "import math",
    "493": "import math",
    "497": "import math",
}
# The row's tests call `math`, which its `test_imports` would import.
TESTS_NEED_MATH = ("98", "139", "276", "300")

# (benchmark, protocol, mode, id): the reason. "" stands for every mode.
EXCEPTIONS = (
    {("mbpp", protocol, "", row): f"drops {line}" for protocol in EURUS for row, line in LOST_MBPP.items()}
    | {("mbpp_full", protocol, "", row): f"drops {line}" for protocol in EURUS for row, line in LOST_MBPP_FULL.items()}
    | {("mbpp", protocol, "", row): "its tests need math" for protocol in EURUS for row in TESTS_NEED_MATH}
    | math_exceptions.EXCEPTIONS
)
# How many rows of a benchmark the ids above were found among: with so many, every exception must be listed.
LISTED_AMONG = {"mbpp": 279, "mbpp_full": 352} | math_exceptions.LISTED_AMONG


def explained(name, form, item):
    """Whether the reason of the listed ones holds for a row that was not there to be listed."""
    if name not in LISTED_AMONG or form.protocol not in EURUS:
        return False
    if name in math_exceptions.LISTED_AMONG:
        return math_exceptions.explained(form.protocol, item)
    lines = (item.problem.references[0].program or "").splitlines()
    lost = [line for line in lines if line.strip() and not line[0].isspace() and not line.startswith("def")]
    return bool(lost) or any("math." in test for test in item.data["asserts"])
