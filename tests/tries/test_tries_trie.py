"""The layout: what is shared, who sees whom, and how groups are packed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preftree.tries.trie import TokenSequence, build_trie, new_tokens, pack

tokens = st.lists(st.integers(0, 3), min_size=1, max_size=7).map(tuple)


def whole(*rows: tuple[int, ...]) -> list[TokenSequence]:
    return [TokenSequence(row, ((1, len(row)),)) for row in rows]


@pytest.mark.parametrize(
    ("rows", "num_tokens", "num_nodes"),
    [
        pytest.param([(1, 2, 3)], 3, 1, id="one"),
        pytest.param([(1, 2, 3), (1, 2, 4)], 4, 3, id="fork-at-last"),
        pytest.param([(1, 2), (1, 2, 3)], 3, 1, id="prefix-of-another"),
        pytest.param([(1, 2), (3, 4)], 4, 2, id="nothing-shared"),
        pytest.param([(1, 2), (1, 2)], 2, 1, id="equal"),
        pytest.param([(1, 2, 3), (1, 4, 5), (1, 4, 6), (1, 2, 7)], 7, 7, id="two-levels"),
    ],
)
def test_layout(rows: list[tuple[int, ...]], num_tokens: int, num_nodes: int) -> None:
    trie = build_trie(whole(*rows))
    assert (len(trie.tokens), len(trie.nodes)) == (num_tokens, num_nodes)
    assert new_tokens(whole(*rows)) == num_tokens


@given(st.lists(tokens, min_size=1, max_size=8), st.booleans())
def test_a_token_sees_its_path_and_nothing_else(rows: list[tuple[int, ...]], share: bool) -> None:
    trie = build_trie(whole(*rows), share=share)
    if share:
        assert len(trie.tokens) == len({row[: i + 1] for row in rows for i in range(len(row))})
    for s, row in enumerate(rows):
        path = trie.path(s)
        assert tuple(trie.tokens[i] for i in path) == row
        assert [trie.position[i] for i in path] == list(range(len(row)))
        for depth, i in enumerate(path):
            assert [j for j in range(len(trie.tokens)) if j <= i < trie.end[j]] == path[: depth + 1]


@given(st.lists(tokens, min_size=1, max_size=8), st.booleans())
def test_nodes_tile_the_layout_and_name_their_paths(rows: list[tuple[int, ...]], share: bool) -> None:
    trie = build_trie(whole(*rows), share=share)
    assert [i for node in trie.nodes for i in range(node.start, node.stop)] == list(range(len(trie.tokens)))
    for node in trie.nodes:
        above = [i for start, stop in node.path for i in range(start, stop)]
        assert len(above) == node.depth
        for i in range(node.start, node.stop):
            seen = [j for j in range(len(trie.tokens)) if j <= i < trie.end[j]]
            assert seen == [*above, *range(node.start, i + 1)]


@given(st.lists(tokens, min_size=1, max_size=8))
def test_every_scored_token_counts_once_for_each_sequence(rows: list[tuple[int, ...]]) -> None:
    sequences = [TokenSequence(row, ((min(2, len(row)), len(row)),)) for row in rows]
    trie = build_trie(sequences)
    for s, sequence in enumerate(sequences):
        (span,) = sequence.spans
        assert sorted(trie.edges[e] for e, member in trie.members if member == s) == trie.path(s)[slice(*span)]
    assert trie.num_scored == tuple(sequence.num_scored for sequence in sequences)


@given(st.lists(st.lists(tokens, min_size=1, max_size=2), min_size=1, max_size=8), st.integers(1, 20), st.booleans())
def test_packs_keep_groups_whole_and_in_order(groups: list[list[tuple[int, ...]]], budget: int, share: bool) -> None:
    sequences = [whole(*group) for group in groups]
    packs = pack(sequences, budget, share=share)
    assert [index for indices in packs for index in indices] == list(range(len(groups)))
    for indices in packs:
        size = len(build_trie([s for i in indices for s in sequences[i]], share=share).tokens)
        assert size <= budget or len(indices) == 1


@pytest.mark.parametrize("span", [(0, 1), (2, 1), (1, 4)], ids=["no-parent", "backwards", "beyond"])
def test_a_span_that_can_not_be_scored_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="span"):
        TokenSequence((1, 2, 3), (span,))
