"""The benchmarks, one module each; `registry.py` names them."""
