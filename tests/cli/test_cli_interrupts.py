"""Ctrl-C in the middle of an import: the import ends whole, then the command is interrupted."""

import os
import signal
import sys
import threading

import pytest

from preftree.cli import interrupts

MODULE = """
import os, signal, time
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.25)
except BaseException:  # as libraries do
    pass
whole = True
"""


@pytest.fixture
def armed():
    interrupts.arm()
    yield
    interrupts.disarm()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("armed")
def test_an_import_ends_whole_and_the_interrupt_comes_after_it(tmp_path, monkeypatch):
    (tmp_path / "interrupted_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        import interrupted_module  # noqa: F401

        threading.Event().wait(10)
    assert sys.modules.pop("interrupted_module").whole


@pytest.mark.usefixtures("armed")
def test_outside_of_imports_it_comes_at_once():
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_a_handler_of_somebody_elses_stays():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupts.arm()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
