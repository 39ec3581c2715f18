"""The pool: limits that hold, answers that belong to their questions, no process left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from preftree.errors import InputError, VerifierError
from preftree.verify import Judge

SUM = r"\sum_{k=1}^{10^{10}} k^k"
# Beyond our own grammar, where an algebra system takes as long as it likes.
BOMBS = [
    pytest.param(SUM, id="sum"),
    pytest.param(r"\prod_{k=1}^{10^{9}} (k^k)^k", id="product"),
]


def children() -> set[int]:
    """Our processes that are alive and judge."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = stat.with_name("cmdline").read_bytes()
        except OSError:  # it has ended since
            continue
        if b"preftree.verify.worker" in command and int(fields[1]) == os.getpid() and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


def test_plain_answers_need_no_process():
    async def main():
        async with Judge() as judge:
            verdicts = [await judge.judge("math", a, "5") for a in ("5", "5.0", "6", "fish", "")]
            assert [v.outcome for v in verdicts] == ["correct", "correct", "wrong", "wrong", "wrong"]
            assert not children()

    asyncio.run(main())


def test_answers_belong_to_their_questions_at_any_concurrency():
    questions = [(f"x+{i}", f"{i % 7}+x") for i in range(60)]

    async def main(workers):
        async with Judge(workers=workers) as judge:
            return await asyncio.gather(*(judge.judge("math", a, b) for a, b in questions))

    verdicts = asyncio.run(main(2))
    assert [v.correct for v in verdicts] == [i == i % 7 for i in range(60)]
    assert [v.answer for v in verdicts] == [a for a, _ in questions]
    assert verdicts == asyncio.run(main(1))
    assert not children()


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_costs_its_limit_and_no_more(bomb):
    async def main():
        async with Judge(workers=1, timeout_s=0.5) as judge:
            assert (await judge.judge("math", "x+1", "1+x")).correct
            (before,) = children()
            began = time.monotonic()
            verdict = await judge.judge("math", bomb, "x+1")
            assert verdict.outcome == "undecided"
            assert "out of time" in verdict.why
            assert time.monotonic() - began < 8
            assert before not in children()
            assert (await judge.judge("math", "x+1", "1+x")).correct

    asyncio.run(main())
    assert not children()


def test_a_process_that_another_hand_kills_is_replaced():
    async def main():
        async with Judge(workers=1) as judge:
            assert (await judge.judge("math", "x+1", "1+x")).correct
            (pid,) = children()
            os.kill(pid, signal.SIGKILL)
            assert (await judge.judge("math", "x+2", "2+x")).correct

    asyncio.run(main())


def test_a_cancelled_question_does_not_answer_the_next():
    async def main():
        async with Judge(workers=1, timeout_s=5) as judge:
            assert (await judge.judge("math", "x+1", "1+x")).correct
            asking = asyncio.ensure_future(judge.judge("math", SUM, "x+1"))
            await asyncio.sleep(0.2)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert not children()
            assert (await judge.judge("math", "x+1", "x+3")).outcome == "wrong"

    asyncio.run(main())


@pytest.mark.skipif(sys.version_info < (3, 11), reason="PYTHONSAFEPATH is read from Python 3.11 on")
def test_a_file_named_as_a_library_is_not_imported(tmp_path, monkeypatch):
    for name in ("sympy", "math_verify"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)

    async def main():
        async with Judge(workers=1) as judge:
            assert (await judge.judge("math", "x+1", "1+x")).correct

    asyncio.run(main())


def test_wrong_use_is_told():
    async def main():
        judge = Judge()
        with pytest.raises(InputError, match="no verifier"):
            await judge.judge("maths", "1", "1")
        await judge.close()
        with pytest.raises(VerifierError, match="closed"):
            await judge.judge("math", "x+1", "1+x")

    asyncio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="the parent's death is told by Linux only")
def test_a_killed_host_leaves_no_process():
    host = textwrap.dedent("""
        import asyncio
        from preftree.verify import Judge

        async def main():
            async with Judge(workers=1, timeout_s=60) as judge:
                await judge.judge("math", "x+1", "1+x")
                print(next(iter(judge._all))._process.pid, flush=True)
                await judge.judge("math", "\\\\sum_{k=1}^{10^{10}} k^k", "x+1")

        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", host], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        time.sleep(0.3)
        assert Path(f"/proc/{pid}").exists()
        process.kill()
    for _ in range(20):
        if not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text():
            return
        time.sleep(0.1)
    pytest.fail("the judging process outlived its host")
