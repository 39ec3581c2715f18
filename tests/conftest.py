"""What tests share: a directory of real rows, where it is there."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir():
    """Real rows of the paper's data sets: $PREFTREE_DATA, or `../shared/data` beside the checkout."""
    path = Path(os.environ.get("PREFTREE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no data sets at {path} (set PREFTREE_DATA)")
    return path
