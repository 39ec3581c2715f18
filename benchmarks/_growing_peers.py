"""The clients that `growing` measures beside ours; run by the environment of requirements-growing-peers.txt.

`python benchmarks/_growing_peers.py CLIENT BASE_URL CALLS AT_ONCE FOLDER` makes the calls with the client's own log
or cache in FOLDER, and prints seconds (imports left out) and the client's version as JSON. `inspect_ai` is its
model with the cache on, the cheapest way to make calls with it that keeps answers; `inspect_ai_eval` an evaluation with
its log on, which spends four times the processor on its samples and events.
"""

import asyncio
import json
import os
import sys
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

name, base_url, calls, at_once, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
os.environ |= {
    "OPENAI_API_KEY": "none",
    "CURATOR_CACHE_DIR": folder,
    "INSPECT_CACHE_DIR": folder,
    "TELEMETRY_ENABLED": "false",
    "HOSTED_CURATOR_VIEWER": "0",
}
# Curator counts tokens by a table that it would fetch; litellm, which it needs, carries the same.
tables = Path(str(find_spec("litellm").submodule_search_locations[0])) / "litellm_core_utils" / "tokenizers"
os.environ["TIKTOKEN_CACHE_DIR"] = str(tables)
prompts = [f"{'A box holds twelve pens. ' * 16}How many pens are in box {i}?" for i in range(calls)]

if name.startswith("inspect_ai"):
    import inspect_ai
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import GenerateConfig, get_model
    from inspect_ai.solver import generate

    config = GenerateConfig(max_tokens=512, max_connections=at_once)
    model = get_model("openai/made", base_url=base_url, responses_api=False, config=config)
    began = time.perf_counter()
    if name == "inspect_ai":

        async def ask():
            gate = asyncio.Semaphore(at_once)

            async def one(prompt):
                async with gate:
                    return await model.generate(prompt, cache=True)

            return await asyncio.gather(*map(one, prompts))

        answered = len(asyncio.run(ask()))
    else:
        task = Task(dataset=MemoryDataset([Sample(input=prompt) for prompt in prompts]), solver=generate())
        limits = {"max_samples": at_once, "max_connections": at_once}
        (log,) = inspect_ai.eval(task, model=model, log_dir=folder, display="none", score=False, **limits)
        assert log.status == "success", log.error and log.error.message
        answered = len(log.samples)
    seconds = time.perf_counter() - began
else:
    from bespokelabs import curator

    parameters = {
        "base_url": base_url,
        "max_concurrent_requests": at_once,
        "max_requests_per_minute": 10**9,
        "max_tokens_per_minute": 10**12,
    }
    model = curator.LLM(
        model_name="made", backend="openai", backend_params=parameters, generation_params={"max_tokens": 512}
    )
    began = time.perf_counter()
    result = model(prompts)
    seconds = time.perf_counter() - began
    answered = len(result.dataset)
assert answered == calls, answered
package = "bespokelabs-curator" if name == "curator" else "inspect-ai"
print(json.dumps({"seconds": seconds, "version": version(package)}), flush=True)
