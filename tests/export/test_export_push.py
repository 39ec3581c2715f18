"""Uploading rows, against a mock of the hub: what goes, what never does, what is refused before anything is sent."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from preftree.errors import ForestError, InputError
from preftree.export import ExportSettings, Push, export
from preftree.recipe import run_single


class MockHub:
    """Stands in for `huggingface_hub.HfApi` and keeps what it was asked; it sends nothing."""

    asked: list[tuple[str, dict[str, Any]]]
    fault: Exception | None

    def __init__(self, endpoint: str | None = None, token: str | None = None) -> None:
        self.asked.append(("token", {"token": token}))

    def create_repo(self, repo_id: str, **asked: Any) -> Any:
        self.asked.append(("create_repo", {"repo_id": repo_id, **asked}))
        if self.fault is not None:
            raise self.fault
        return SimpleNamespace(repo_id=repo_id)

    def upload_folder(self, **asked: Any) -> Any:
        self.asked.append(("upload_folder", asked))
        return SimpleNamespace(commit_url="https://hub/commit/abc")


@pytest.fixture
def mock_hub(monkeypatch: pytest.MonkeyPatch) -> type[MockHub]:
    MockHub.asked, MockHub.fault = [], None
    monkeypatch.setattr(huggingface_hub, "HfApi", MockHub)
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_environment")
    return MockHub


def test_rows_and_card_are_uploaded(tmp_path: Path, forest_of: Any, tree_of: Any, mock_hub: type[MockHub]) -> None:
    # Of problems of one's own no licence is known: that is one's own to say, and forbids nothing.
    forest = forest_of(tmp_path / "forest", tree_of(0), tree_of(0, "problems of my own"))
    report = export(forest, tmp_path / "rows", push=Push("me/rows", private=False))
    assert report.uploaded == "https://hub/commit/abc"
    (tmp_path / "rows" / "stage.json").write_text("{}")
    (_, token), (_, created), (_, uploaded) = mock_hub.asked
    assert token == {"token": "hf_of_the_environment"}
    assert created == {"repo_id": "me/rows", "private": False, "exist_ok": True, "repo_type": "dataset"}
    assert (uploaded["repo_id"], uploaded["repo_type"]) == ("me/rows", "dataset")
    # No empty file, and nothing of the stage's own.
    assert uploaded["allow_patterns"] == ["README.md", "pairs.jsonl", "sft.jsonl"]
    assert (tmp_path / "rows" / "README.md").read_text().split("---\n", 2)[2].startswith("\n# me/rows\n")


@pytest.mark.parametrize("dataset", ["reclor", "ReClor", "leetcode"])
def test_what_may_not_be_given_on_is_refused(
    tmp_path: Path, forest_of: Any, tree_of: Any, mock_hub: type[MockHub], dataset: str
) -> None:
    forest = forest_of(tmp_path / "forest", tree_of(0), tree_of(1, dataset))
    with pytest.raises(InputError, match=f'the forest holds problems of "{dataset}", whose terms'):
        export(forest, tmp_path / "rows", push=Push("me/rows"))
    assert mock_hub.asked == []
    assert list((tmp_path / "rows").iterdir()) == []
    # Without the upload the same rows are one's own to write.
    assert export(forest, tmp_path / "rows").num_sft == 2


@pytest.mark.parametrize(
    ("repo", "token", "said"),
    [
        pytest.param("me/rows", None, "export.push_to_hub: no token; set HF_TOKEN", id="no-token"),
        pytest.param("not an id", "hf_x", "expected a hub id such as me/rows", id="no-id"),
    ],
)
def test_what_is_missing_is_said_first(
    tmp_path: Path, mock_hub: type[MockHub], monkeypatch: pytest.MonkeyPatch, repo: str, token: str | None, said: str
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(InputError, match=said):
        export(tmp_path / "forest", tmp_path / "rows", push=Push(repo))
    assert mock_hub.asked == []
    assert not (tmp_path / "rows").exists()


def test_a_hub_that_refuses_leaves_the_rows(
    tmp_path: Path, forest_of: Any, tree_of: Any, mock_hub: type[MockHub]
) -> None:
    mock_hub.fault = OSError("403 Forbidden")
    forest = forest_of(tmp_path / "forest", tree_of(0))
    with pytest.raises(ForestError, match=r"is finished, but me/rows could not be uploaded: 403 Forbidden"):
        export(forest, tmp_path / "rows", ExportSettings(), push=Push("me/rows"))
    assert (tmp_path / "rows" / "sft.jsonl").is_file()


def test_the_stage_uploads(tmp_path: Path, forest_of: Any, tree_of: Any, mock_hub: type[MockHub]) -> None:
    forest = forest_of(tmp_path / "forest", tree_of(0))
    (forest / "stage.json").write_text('{"kind": "grow", "mark": "m", "settings": {}}')
    section = {"forest": str(forest), "out": str(tmp_path / "rows"), "push_to_hub": "me/rows"}
    stage = run_single("export", section)
    assert stage["report"]["uploaded"] == "https://hub/commit/abc"
    assert mock_hub.asked[1][1]["private"] is True
    # Done is done: nothing is sent a second time.
    asked = len(mock_hub.asked)
    run_single("export", section)
    assert len(mock_hub.asked) == asked
