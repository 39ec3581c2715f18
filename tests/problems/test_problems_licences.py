"""Licences: every data set that a problem can name is in the table; what may not be passed on says so."""

from __future__ import annotations

import pytest

from preftree.problems import SOURCES, families, licence_of


def test_every_source_has_a_licence():
    for name in {*SOURCES, *families()} - {"reasoning_gym", "jsonl"}:
        assert licence_of(name).name != "unknown", name


@pytest.mark.parametrize(
    ("name", "redistributable", "non_commercial", "share_alike"),
    [
        ("gsm8k", True, False, False),
        ("MATH", True, False, False),
        ("tabmwp", True, True, True),
        ("ASDiv", True, True, False),
        ("HotpotQA", True, False, True),
        ("wikitablequestions", True, False, True),
        ("ReClor", False, True, False),
        ("leetcode", False, False, False),
        ("codecontest", True, False, False),
        ("Magicoder-Evol-Instruct", True, False, False),
        ("mine", False, False, False),
    ],
)
def test_licences(name, redistributable, non_commercial, share_alike):
    licence = licence_of(name)
    flags = (licence.redistributable, licence.non_commercial, licence.share_alike)
    assert flags == (redistributable, non_commercial, share_alike)
    assert licence.redistributable or licence.note


def test_an_unknown_data_set():
    assert licence_of("mine").name == "unknown"
