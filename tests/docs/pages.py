"""The blocks of README.md and docs/, and how they are run.

In:  Markdown. Out: `Block`s; `play` runs all those of one group in a directory, as a reader would, one after another.
Always true: what a mark says is done whole. Marks stand on the line above a fence:

    <!-- test: NAME -->                  one of a group that a test plays: `play(group(PAGE, NAME), …)`
    <!-- test: NAME, file: FILE -->      the same, and it is what the file holds
    <!-- settings: STAGE -->             YAML that the packaged schema of a stage (or of `recipe`) takes
    <!-- settings: STAGE, at: FIELD -->  the same, below a field
    <!-- not run: REASON -->             no test can: it needs a GPU, a key, a hub, hours, an installation
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"(test|settings|not run): ([^,]+?)(?:, (file|at): (\S+))?")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `kind` is test, settings, "not run" or empty; `words` what follows it."""

    page: str
    line: int
    language: str
    text: str
    kind: str = ""
    words: str = ""
    file: str = ""
    at: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    """README, or a page's path below docs/ without its ending."""
    return "README" if page.name == "README.md" else str(page.relative_to(ROOT / "docs").with_suffix(""))


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in their order."""
    text, found = page.read_text("utf-8"), []
    for fence in _FENCE.finditer(text):
        kind = words = option = value = ""
        mark = fence["mark"]
        if mark is not None:
            # A reason may hold commas; other marks have a name and at most one option.
            parts = re.fullmatch(r"(not run): (.+)", mark) or _MARK.fullmatch(mark)
            if parts:
                kind, words, option, value = (*parts.groups(), None, None)[:4]
        found.append(
            Block(
                name_of(page),
                text.count("\n", 0, fence.start("language")) + 1,
                fence["language"],
                fence["text"],
                kind,
                words,
                **({option: value} if option else {}),
            )
        )
    return found


def group(page: str, name: str) -> list[Block]:
    """The blocks of a page that belong to one test."""
    path = ROOT / ("README.md" if page == "README" else f"docs/{page}.md")
    found = [block for block in blocks(path) if (block.kind, block.words) == ("test", name)]
    assert found, f"{page}: no block is marked test: {name}"
    return found


def play(
    found: Sequence[Block], directory: Path, environment: Mapping[str, str], changes: Mapping[str, str] | None = None
) -> str:
    """Write the files, run the commands; what they printed. `changes` make them small: each must be of use."""
    unused, printed = set(changes or {}), []
    for block in found:
        text = block.text
        for old, new in (changes or {}).items():
            if old in text:
                unused.discard(old)
                text = text.replace(old, new)
        if block.file:
            (directory / block.file).parent.mkdir(parents=True, exist_ok=True)
            (directory / block.file).write_text(text, "utf-8")
            continue
        command = {"bash": ["bash", "-euo", "pipefail", "-c", text], "python": [sys.executable, "-c", text]}
        assert block.language in command, f"{block.place}: a block of {block.language or 'text'} needs a file"
        done = subprocess.run(
            command[block.language], cwd=directory, env=dict(environment), capture_output=True, text=True
        )
        assert done.returncode == 0, f"{block.place}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        printed.append(done.stdout)
    assert not unused, f"{found[0].page}: these changes change nothing: {unused}"
    return "".join(printed)


def environment_of(folder: Path, cache: Path) -> dict[str, str]:
    """A shell that finds `preftree` in the folder, and no hub, no key, no cache of the user's."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_TOKEN"))}
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    return kept | {"PATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PREFTREE_CACHE": str(cache)}
