"""The layout of a token trie: depth-first, each shared token once.

In:  sequences of token ids, each with the spans of it that are scored.
Out: a `Trie`: plain integer arrays over tokens, the nodes between branch points, and for each sequence where it ends.
Always true: token i is seen by token j of the same sequence exactly if i <= j < end(i); position = depth;
walking `parent` from `last[s]` gives sequence s back.

Sequences of several problems may stand in one trie: they share their chat preamble, or nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """Token ids and the half-open spans of them whose log-probability is summed. Token 0 can't be scored."""

    tokens: tuple[int, ...]
    spans: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if not self.tokens:
            raise ValueError("a sequence needs at least one token")
        for start, stop in self.spans:
            if not 1 <= start <= stop <= len(self.tokens):
                raise ValueError(f"span {start}:{stop} is outside 1:{len(self.tokens)}")

    @property
    def num_scored(self) -> int:
        return sum(stop - start for start, stop in self.spans)


@dataclass(frozen=True, slots=True)
class Node:
    """Tokens `start` to `stop` of the layout: a stretch without a branch.

    `path` holds the ranges of the layout that lie above it, from the root down, merged where they touch;
    `depth` is the number of tokens on it.
    """

    start: int
    stop: int
    depth: int
    path: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Trie:
    """The layout. An *edge* is a scored token: (its parent, itself); a shared one stands once.

    `members` lists (edge, sequence): an edge counts once for each sequence that scores it.
    """

    tokens: tuple[int, ...]
    position: tuple[int, ...]
    parent: tuple[int, ...]
    end: tuple[int, ...]
    nodes: tuple[Node, ...]
    last: tuple[int, ...]
    edges: tuple[int, ...]
    members: tuple[tuple[int, int], ...]
    num_scored: tuple[int, ...]

    @property
    def num_sequences(self) -> int:
        return len(self.last)

    def path(self, sequence: int) -> list[int]:
        """The places of a sequence's tokens, from its first to its last."""
        places = []
        place = self.last[sequence]
        while place >= 0:
            places.append(place)
            place = self.parent[place]
        return places[::-1]


def build_trie(sequences: Sequence[TokenSequence], *, share: bool = True) -> Trie:
    """Lay the sequences out. With `share=False` each stands alone in the same row: plain packing."""
    order = sorted(range(len(sequences)), key=lambda s: sequences[s].tokens)
    tokens: list[int] = []
    position: list[int] = []
    parent: list[int] = []
    end: list[int] = []
    last = [0] * len(sequences)
    scored: dict[int, list[int]] = {}
    path: list[int] = []
    # Sorted order makes what a sequence shares with the one before it the longest that it shares with any.
    before: tuple[int, ...] = ()
    for s in order:
        sequence = sequences[s]
        shared = common_prefix(before, sequence.tokens) if share else 0
        before = sequence.tokens
        for place in path[shared:]:
            end[place] = len(tokens)
        del path[shared:]
        first, new = len(tokens), len(sequence.tokens) - shared
        if new:
            parent.append(path[-1] if path else -1)
            parent.extend(range(first, first + new - 1))
            path.extend(range(first, first + new))
            tokens.extend(sequence.tokens[shared:])
            position.extend(range(shared, len(sequence.tokens)))
            end.extend([-1] * new)
        last[s] = path[-1]
        for start, stop in sequence.spans:
            for place in path[start:stop]:
                scored.setdefault(place, []).append(s)
    for place in path:
        end[place] = len(tokens)
    # In the order of the parents, so that a chunk of projected positions meets a contiguous range of edges.
    edges = sorted(scored, key=lambda place: (parent[place], place))
    return Trie(
        tokens=tuple(tokens),
        position=tuple(position),
        parent=tuple(parent),
        end=tuple(end),
        nodes=tuple(_nodes(position, parent)),
        last=tuple(last),
        edges=tuple(edges),
        members=tuple((e, s) for e, place in enumerate(edges) for s in scored[place]),
        num_scored=tuple(sequence.num_scored for sequence in sequences),
    )


def _nodes(position: list[int], parent: list[int]) -> Iterator[Node]:
    """Cut the layout where a token does not follow its neighbour, or where a token has several children."""
    total = len(parent)
    branches = {parent[i] for i in range(total) if parent[i] != i - 1}
    starts = [i for i in range(total) if i == 0 or parent[i] != i - 1 or parent[i] in branches]
    node_of: dict[int, Node] = {}
    for start, stop in zip(starts, [*starts[1:], total], strict=True):
        above = node_of.get(parent[start])
        path = () if above is None else _joined((*above.path, (above.start, above.stop)))
        node = Node(start, stop, position[start], path)
        node_of[stop - 1] = node
        yield node


def _joined(ranges: tuple[Span, ...]) -> tuple[Span, ...]:
    """Neighbouring ranges as one."""
    if len(ranges) > 1 and ranges[-2][1] == ranges[-1][0]:
        return (*ranges[:-2], (ranges[-2][0], ranges[-1][1]))
    return ranges


def new_tokens(sequences: Iterable[TokenSequence]) -> int:
    """How many tokens a trie of these sequences has, without building it."""
    ordered = sorted(sequence.tokens for sequence in sequences)
    total = 0
    before: tuple[int, ...] = ()
    for tokens in ordered:
        total += len(tokens) - common_prefix(before, tokens)
        before = tokens
    return total


def pack(groups: Sequence[Sequence[TokenSequence]], budget: int, *, share: bool = True) -> list[list[int]]:
    """Indices of groups that go into one trie: in order, as many as fit into `budget` tokens.

    A group is never torn (a pair is one); one that exceeds the budget alone stands alone.
    """
    packs: list[list[int]] = []
    held: list[TokenSequence] = []
    for index, group in enumerate(groups):
        joined = [*held, *group]
        size = new_tokens(joined) if share else sum(len(sequence.tokens) for sequence in joined)
        if packs and size <= budget:
            packs[-1].append(index)
            held = joined
        else:
            packs.append([index])
            held = list(group)
    return packs


def common_prefix(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """How many tokens both begin with; by halves, since slices compare at the speed of memory."""
    low, high = 0, min(len(left), len(right))
    if left[:high] == right[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low
