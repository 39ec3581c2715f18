"""Token tries: sequences that share a beginning are laid out so that each token is computed once.

In:  messages or text, a tokenizer, a causal transformer.
Out: log-probabilities of scored spans, rewards at the end of a conversation, with gradients.
Always true: what a trie gives equals what a plain pass over each sequence gives, to rounding error.

`render` turns messages into token ids once, `trie` lays them out, `attention` runs a transformers model over
the layout, `scores` reads what the losses need. `rewards` asks trained models about conversations.
Importing this package loads no torch: `attention` and `scores` do, and a model when it is made.
"""

from preftree.tries.rewards import LogpModel, RewardModel

__all__ = ["LogpModel", "RewardModel"]
