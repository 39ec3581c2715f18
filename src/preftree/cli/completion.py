"""`preftree completion SHELL`: the script that makes a shell complete preftree's words."""

from __future__ import annotations

import argparse
from typing import Any

SHELLS = ("bash", "zsh", "fish")
_DESCRIPTION = """Print the script that makes Tab complete commands, options, recipes, benchmarks, settings and files.
Put the line for your shell into the file that it reads at its start:

  bash    ~/.bashrc                     eval "$(preftree completion bash)"
  zsh     ~/.zshrc, after compinit      eval "$(preftree completion zsh)"
  fish    ~/.config/fish/config.fish    preftree completion fish | source"""


def add(commands: Any) -> None:
    command = commands.add_parser(
        "completion",
        help="the script that makes Tab complete in bash, zsh or fish",
        description=_DESCRIPTION,
        examples=("bash > ~/.local/share/bash-completion/completions/preftree", "fish | source"),
    )
    command.add_argument("shell", choices=SHELLS, help="bash, zsh or fish")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["preftree"], shell=arguments.shell))
    return 0
