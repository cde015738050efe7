"""Preparing corpora for training: which links guide which pair."""

from seqattn.data.corpus import Pair
from seqattn.runs.preparation import load_data, prepare
from seqattn.text.learning import TokenizerOptions

from runs import write_tsv


def test_equal_pairs_keep_their_own_links(tmp_path):
    pairs = (Pair("red cat", "cat red"), Pair("red cat", "cat red"), Pair("one dog", "dog one"))
    train, valid = write_tsv(tmp_path / "train.tsv", pairs), write_tsv(tmp_path / "valid.tsv", pairs)
    links = tmp_path / "train.links"
    links.write_text("0-0\n1-1\n0-0 1-1\n")
    data = load_data([str(train)], str(valid), str(links))
    assert data.guide == (frozenset({(0, 0)}), frozenset({(1, 1)}), frozenset({(0, 0), (1, 1)}))
    turned = data.swapped()
    assert turned.train == tuple(pair.swapped() for pair in pairs) and turned.guide == data.guide
    prepared = prepare(data, TokenizerOptions(), 64)
    assert prepared.guide is not None
    (first,), (second,) = (prepared.guide.goal([row], 3, 3) for row in (0, 1))
    assert first[0, 0] == 1 and second[1, 1] == 1 and first[1].sum() == second[0].sum() == 0


def test_a_guide_stays_with_its_pairs_when_some_are_held_out(tmp_path):
    pairs = tuple(Pair(f"word {number % 50}", f"wort {number % 50}") for number in range(100))
    train = write_tsv(tmp_path / "train.tsv", pairs)
    links = tmp_path / "train.links"
    links.write_text("".join(f"{number % 2}-0\n" for number in range(100)))
    data = load_data([str(train)], None, str(links))
    assert 0 < len(data.train) < 100 and data.guide is not None
    kept = {
        pair: {link for link, one in zip(data.guide, data.train, strict=True) if one == pair}
        for pair in data.train
    }
    assert len(data.guide) == len(data.train)
    for pair, seen in kept.items():
        assert seen == {frozenset({(int(pair.source.split()[1]) % 2, 0)})}
