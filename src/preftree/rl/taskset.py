"""An environment of the `verifiers` package: problems as tasks, the jail and the verifier as what answers the model.

    vf-eval preftree -n 20 -r 4 --env.taskset.source gsm8k --env.turns 3 …

In:  a source's settings; what a model says, turn by turn. Out: observation and verdict of each turn, worded as in
growing; in the end the reward `correct`, 1 or 0.
Always true: the model's code runs in the jail alone, and the verdict is made outside of it. An episode that nobody can
judge fails, and has no reward.
"""

from __future__ import annotations

import asyncio
import logging
from functools import cached_property
from pathlib import Path

from preftree.engine import opening
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.problems import SourceSettings, load
from preftree.records import Action, Problem, Task
from preftree.rl.referee import Referee, reward_of

try:
    import openai
    import verifiers.v1 as vf
    from verifiers.v1.dialects.chat import message_to_wire
except ImportError as error:
    raise InputError(
        "the environment for verifiers needs that package, 0.4 or newer, on Python 3.11 or newer: "
        "pip install 'preftree[verifiers]'"
    ) from error

__all__ = ["PreftreeEnvironment", "PreftreeHarness", "PreftreeTaskset"]


class PreftreeData(vf.TaskData):  # type: ignore[misc]
    """One problem: its id and what a model is asked. The reference stays with the referee."""


class PreftreeTask(vf.Task[PreftreeData]):  # type: ignore[misc]
    """A problem. Its reward comes from the environment, which has seen every turn."""


class PreftreeTasksetConfig(vf.TasksetConfig):  # type: ignore[misc]
    """`--env.taskset.*`: which problems; docs/sources.md says what each setting does."""

    source: str = "gsm8k"
    path: str | None = None
    split: str = "train"
    config: str = ""
    limit: int | None = None
    offset: int = 0
    seed: int = 0
    families: tuple[str, ...] = ()
    forms: tuple[Task, ...] = ()


class PreftreeTaskset(vf.Taskset[PreftreeTask, PreftreeTasksetConfig]):  # type: ignore[misc]
    """The problems of a source, in its order."""

    @cached_property
    def problems(self) -> dict[str, Problem]:
        names = ("path", "split", "config", "limit", "offset", "seed", "families", "forms")
        loaded = load(SourceSettings(self.config.source, **{name: getattr(self.config, name) for name in names}))
        for row in loaded.set_aside:
            logging.getLogger(__name__).warning("set aside: %s", row)
        return {problem.id: problem for problem in loaded.problems}

    def load(self) -> list[PreftreeTask]:
        return [
            PreftreeTask(PreftreeData(id=name, name=problem.dataset, prompt=_question(problem)), self.config.task)
            for name, problem in self.problems.items()
        ]


class PreftreeHarness(vf.Harness[vf.HarnessConfig]):  # type: ignore[misc]
    """One call of the model a turn, from this process: the jail is the only place where anything is run."""

    APPENDS_SYSTEM_PROMPT = True
    SUPPORTS_RESUME = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: vf.ModelContext,
        trace: vf.Trace,
        runtime: vf.Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
    ) -> vf.ProgramResult:
        system, prompt = self.resolve_prompt(data)
        messages = [vf.UserMessage(content=prompt)] if isinstance(prompt, str) else prompt
        said = [*([{"role": "system", "content": system}] if system else []), *map(message_to_wire, messages)]
        async with openai.AsyncOpenAI(base_url=endpoint, api_key=secret, timeout=None) as client:
            try:
                await client.chat.completions.create(model=ctx.model, messages=said)
            except openai.APIError as refusal:  # a limit, or a fault of the model's server: the trace says which
                return vf.ProgramResult(exit_code=1, stdout="", stderr=str(refusal))
        return vf.ProgramResult(exit_code=0, stdout="", stderr="")


class PreftreeEnvironmentConfig(vf.EnvConfig):  # type: ignore[misc]
    """`--env.*`"""

    agent: vf.AgentConfig = vf.AgentConfig(runtime={"type": "subprocess"})
    """Who answers."""
    turns: int = 5
    """At most so many answers to a problem; after a wrong one the model is told what came of it."""
    workers: int | None = None
    """Jails kept warm; None: one a core."""
    out: Path | None = None
    """A directory that keeps the verdicts; None: they live as long as the run."""


class PreftreeEnvironment(vf.Env[PreftreeEnvironmentConfig]):  # type: ignore[misc]
    """An answer, what came of it, the next answer, until one is correct or there were `turns` of them."""

    _referee: Referee | None = None

    async def start(self) -> None:
        if self.config.turns < 1:
            raise InputError(f"env.turns: expected 1 or more, got {self.config.turns}")
        settings = EnvironmentSettings(workers=self.config.workers)
        self._referee = await asyncio.to_thread(Referee, self.taskset.problems.values(), self.config.out, settings)

    async def stop(self) -> None:
        if self._referee is not None:
            await asyncio.to_thread(self._referee.close)

    async def run(self, task: PreftreeTask, agents: vf.Agents) -> None:
        assert self._referee is not None  # verifiers calls start() first
        done: list[Action] = []
        async with agents.agent.interaction(task) as interaction:
            segment = await interaction.turn()
            while not segment.terminated:
                action, told = await self._referee.step(task.data.id, segment.last_reply, done)
                done.append(action)
                if reward_of(action) != 0 or len(done) == self.config.turns:
                    break
                segment = await interaction.turn(told)
        trace = interaction.trace
        if not trace.ok:
            return  # its error stands in it; what it said before is no answer to be rewarded
        reward = reward_of(done[-1]) if done else 0.0
        if reward is None:
            assert done[-1].verdict is not None
            raise RuntimeError(f"{task.data.id}: undecided: {done[-1].verdict.why}")
        trace.record_reward("correct", reward)
        trace.record_metric("turns", len(done))


def _question(problem: Problem) -> str:
    """What a model is asked: the words that growing uses."""
    (message,) = opening(problem)
    return message.content
