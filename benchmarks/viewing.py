"""What the viewer takes over a forest of 100,000 trees: reading it in once, then lists, searches and trees.

    python -m benchmarks.viewing [--trees 100000] [--forest DIRECTORY]

Times are whole requests over HTTP on this machine, the median of several. Results stand in `results/viewing.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from preftree.recipe.runner import machine, versions
from preftree.report.viewer import Library, Shelf
from preftree.report.viewer.server import application

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "viewing.json"
WANTED = {"list_s": 1.0, "tree_s": 0.3}
ROUNDS = 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trees", type=int, default=100_000)
    parser.add_argument("--forest", help="a forest that is there already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        forest = Path(arguments.forest or Path(folder) / "forest")
        if arguments.forest is None:
            program = [sys.executable, "-m", "benchmarks._growing_forest", "grow", str(arguments.trees), str(forest)]
            subprocess.run(program, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        found = measured(forest, Path(folder) / "cache")
    print(json.dumps(found, indent=1))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


def measured(forest: Path, cache: Path) -> dict[str, Any]:
    began = time.monotonic()
    Shelf(forest, cache).close()
    reading = time.monotonic() - began
    began = time.monotonic()
    shelf = Shelf(forest, cache)
    opening = time.monotonic() - began
    library = Library([shelf])
    times = asyncio.run(_ask(library))
    trees = shelf.about()["trees"]
    library.close()
    return {
        "trees": trees,
        "read_in_once_s": round(reading, 1),
        "opened_again_s": round(opening, 3),
        **times,
        "wanted": WANTED,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "index_mb": sum(file.stat().st_size for file in cache.iterdir()) >> 20,
        "machine": machine(),
        "versions": versions(),
    }


async def _ask(library: Library) -> dict[str, float]:
    """Seconds of each kind of request, the median of several."""
    from aiohttp import ClientSession, web

    runner = web.AppRunner(application(library, "token"))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}/token/api"

    async def seconds(session: ClientSession, path: str) -> float:
        found = []
        for _ in range(ROUNDS):
            began = time.monotonic()
            async with session.get(f"{base}/{path}") as answer:
                assert answer.status == 200, path
                await answer.read()
            found.append(time.monotonic() - began)
        return round(statistics.median(found), 4)

    async with ClientSession() as session:
        async with session.get(f"{base}/trees?min_pairs=1&order=pairs") as answer:
            name = (await answer.json())["rows"][0]["id"]
        times = {
            "about_s": await seconds(session, "about"),
            "list_s": await seconds(session, "trees?start=0"),
            "list_in_the_middle_s": await seconds(session, "trees?start=50000"),
            "list_by_cost_s": await seconds(session, "trees?order=cost"),
            "filter_s": await seconds(session, "trees?depth=2&min_pairs=1"),
            "search_s": await seconds(session, 'trees?words="Case 777"'),
            "search_common_word_s": await seconds(session, "trees?words=middle"),
            "tree_s": await seconds(session, f"tree?id={name}"),
            "pair_s": await seconds(session, f"pair?id={name}&turn=0&pair=0"),
        }
    await runner.cleanup()
    return times


if __name__ == "__main__":
    main()
