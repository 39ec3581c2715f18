"""preftree: preference trees from problems with checkable answers, training on tries, honest measurement."""

__version__ = "0.1.0"
