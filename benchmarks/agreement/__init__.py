"""Our scoring beside the public harnesses', verdict by verdict. One module a harness; each has `main() -> None`.

In:  responses: real samples of the embedded model, and edited references.
Out: `tests/evaluate/verdicts/<name>.jsonl`, rows {"id", "response", "verdict"}: what the harness's own functions say.
Always true: a module runs in the environment of `make peers`; the tests need only the files that it left, and compare
them with our verdicts of the same responses.
"""
