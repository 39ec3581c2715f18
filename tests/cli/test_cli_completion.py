"""Completion in real shells: bash always, zsh and fish where they are installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from preftree.cli import known, main
from preftree.cli.completion import SHELLS
from preftree.recipe.names import FILE, registries

sys.path.insert(0, str(Path(__file__).parent))
from terminal import on_terminal, plain

# Asks the function that the script has registered, as readline does: words are split at COMP_WORDBREAKS too.
ASK = r"""
eval "$(cat completion.bash)"
ask() {
    COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
    read -ra COMP_WORDS <<< "$1"; [[ "$1" == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    local function=$(complete -p preftree | sed -E 's/.*-F ([^ ]+).*/\1/')
    "$function" preftree "${COMP_WORDS[COMP_CWORD]}" ""
    printf '%s\x1f' "${COMPREPLY[@]}"; printf '\n'
}
while IFS= read -r line; do ask "$line"; done
"""
CASES = [
    ("preftree gr", {"grow"}),
    ("preftree comp", {"compare", "completion"}),
    ("preftree grow --p", {"--plan", "--pilot"}),
    ("preftree run q", {"quickstart"}),
    ("preftree run ", {"quickstart", "ultrainteract", "eurus-sft", "mine.yaml", "runs/"}),
    ("preftree run quickstart objec", {"objective="}),
    ("preftree run quickstart sft.epo", {"sft.epochs="}),
    ("preftree run quickstart --until s", {"sft-rows", "sft"}),
    ("preftree train d", {"dpo", "dpo-norm"}),
    ("preftree train dpo learning_r", {"learning_rate="}),
    ("preftree score gs", {"gsm8k", "gsm_plus"}),
    ("preftree score auto", {"autoj"}),
    ("preftree verify paper-m", {"paper-math", "paper-math-2024-04", "paper-mint"}),
    ("preftree schema gr", {"grow"}),
    ("preftree settings qu", {"quickstart"}),
    ("preftree completion f", {"fish"}),
    ("preftree grow policy.max_", {"policy.max_turns=", "policy.max_tokens="}),
    ("preftree grow policy.hints=", {"true", "false"}),
    ("preftree grow --plan policy.hints=t", {"true"}),
    ("preftree grow engine=", {"asyncio", "ray"}),
    ("preftree grow actors.mine.ki", {"actors.mine.kind="}),
    ("preftree grow actors.mine.kind=", {"local", "endpoint"}),
    ("preftree grow mi", {"mine.yaml"}),
    ("preftree grow problems=runs/p", {"runs/problems.jsonl"}),
    ("preftree export forest=ru", {"runs/"}),
    ("preftree evaluate suite=e", {"eurus"}),
    ("preftree regrade runs verifier=nu", {"number"}),
    ("preftree stats ru", {"runs/"}),
    ("preftree view runs token", {"tokenizer="}),
    ("preftree exec p.py environment.limits.cpu", {"environment.limits.cpu_s="}),
    ("preftree grow nothing.like.this", set()),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the scripts, a program `preftree` and some files."""
    folder = tmp_path_factory.mktemp("completion")
    (folder / "bin").mkdir()
    program = folder / "bin" / "preftree"
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom preftree.cli import main\nsys.exit(main())\n")
    program.chmod(0o755)
    (folder / "runs").mkdir()
    (folder / "runs" / "problems.jsonl").write_text("")
    (folder / "mine.yaml").write_text("base: quickstart\n")
    for shell in SHELLS:
        done = subprocess.run([program, "completion", shell], capture_output=True, text=True, check=True)
        (folder / f"completion.{shell}").write_text(done.stdout)
    return folder


def environment(place):
    return {"PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}", "ZDOTDIR": str(place)}


@pytest.fixture(scope="module")
def replies(place):
    lines = "".join(f"{line}\n" for line, _ in CASES)
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK], input=lines, cwd=place, env=os.environ | environment(place), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return dict(zip((line for line, _ in CASES), done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize(("line", "expected"), [pytest.param(*case, id=case[0]) for case in CASES])
def test_bash(replies, line, expected):
    found = {word.strip() for word in replies[line].split("\x1f") if word.strip()}
    if line.endswith("run "):
        assert expected <= found
    else:
        assert found == expected


def typed(shell, line, place, **more):
    """What a real shell shows after Tab."""
    return plain(on_terminal(shell, cwd=place, env=environment(place), then=line, **more)[0])


def test_a_real_bash_completes_what_is_typed(place):
    command = ["bash", "--rcfile", "completion.bash", "-i"]
    shown = typed(command, "preftree grow policy.max_tu\t3 ; echo typed ; exit\n", place, after_s=0.5)
    assert "preftree grow policy.max_turns=3" in shown


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh(place):
    (place / ".zshrc").write_text("autoload -U compinit; compinit -u; source completion.zsh; PS1='ready> '\n")
    words = ("preftree grow policy.max_tu\t", "3 ; exit\n")
    shown = typed(["zsh", "-i"], words, place, until="ready> ", after_s=2.0)
    assert "policy.max_turns=3" in shown


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish(place):
    asked = "source completion.fish; complete -C 'preftree grow policy.max_'; complete -C 'preftree gr'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", asked], cwd=place, env=os.environ | environment(place), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    words = {line.partition("\t")[0] for line in done.stdout.splitlines()}
    assert {"policy.max_turns=", "policy.max_tokens=", "grow"} <= words


def test_completing_loads_nothing_heavy(place):
    code = (
        "import os, sys, atexit\nimport preftree.cli as cli\n"
        "end = os._exit\n"
        "def told(status):\n"
        "    heavy = {'torch', 'transformers', 'pandas', 'numpy', 'rich', 'preftree.recipe'} & set(sys.modules)\n"
        "    print(sorted(heavy)); sys.stdout.flush(); end(status)\n"
        "os._exit = told\n"
        "os.environ |= {'_ARGCOMPLETE': '1', '_ARGCOMPLETE_SHELL': 'bash', 'COMP_LINE': 'preftree grow policy.max_',"
        " 'COMP_POINT': '25', 'COMP_WORDBREAKS': ' ', '_ARGCOMPLETE_STDOUT_FILENAME': os.devnull}\n"
        "cli.main([])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script(shell, capsys):
    assert main(["completion", shell]) == 0
    assert "preftree" in capsys.readouterr().out


def test_the_packaged_names_are_those_of_today():
    """After a change of a registry: `python -m preftree.recipe.names`."""
    assert json.loads(FILE.read_text()) == registries()
    assert known.registered("verifiers") == registries()["verifiers"]
