"""From corpora to training examples: reading pairs, learning a tokenizer, encoding."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seqattn.alignment.guide import between_ids
from seqattn.alignment.links import Links, format_pharaoh, read_gold, turned
from seqattn.alignment.words import check_links
from seqattn.data.batching import Example, Lengths, Limits, lengths_of
from seqattn.data.checks.quick import warnings_of
from seqattn.data.corpus import Pair, hold_out, identity, merge, side_names
from seqattn.data.encoding import encode
from seqattn.data.sources import TEXTS, Sources
from seqattn.decoding.search import SearchOptions
from seqattn.errors import InputError
from seqattn.hardware import give_back_freed_memory
from seqattn.progress import Report, silent
from seqattn.runs.records import DataRecord
from seqattn.text.learning import Inventory, TokenizerOptions, take_inventory
from seqattn.text.normalising import normalise
from seqattn.text.sentences import MOST_COUNTED
from seqattn.text.tokenizer import Tokenizer
from seqattn.training.guide import IdLinks


@dataclass(frozen=True)
class Data:
    """Training and validation data."""

    train: tuple[Pair, ...]
    valid: tuple[Pair, ...]
    record: DataRecord
    guide: tuple[Links, ...] | None = None
    """The links between the words of each training pair, in their order, for guided alignment."""
    warnings: tuple[str, ...] = ()
    """What looks wrong with the training corpora, in sentences."""
    sources: Sources = TEXTS
    """What the sources are."""

    @property
    def targets(self) -> Inventory:
        """The words of the targets of the first training pairs, repetitions left out."""
        return take_inventory(normalise(pair.target) for pair in dict.fromkeys(self.train[:MOST_COUNTED]))

    @property
    def distinct(self) -> int:
        """How many training pairs there are, repetitions left out."""
        return len(set(self.train))

    @property
    def learned_from(self) -> tuple[Pair, ...]:
        """The pairs that the vocabulary is learned from.

        What a teacher made of sources that are there anyway is not among them, so that a run taught on the
        corpora of its teacher has its vocabulary.
        """
        given = len(self.train) - self.record.synthetic_pairs
        pairs, made = self.train[:given], self.train[given:]
        sources = {identity(pair.source) for pair in pairs} if made else set()
        return (*pairs, *(pair for pair in made if identity(pair.source) not in sources))

    def swapped(self) -> Data:
        """The other direction: from target to source. InputError when sources are no texts."""
        sources = self.sources.turned()
        guide = None if self.guide is None else tuple(map(turned, self.guide))
        train, valid = (tuple(pair.swapped() for pair in pairs) for pairs in (self.train, self.valid))
        sides, languages = (
            None if both is None else both[::-1] for both in (self.record.sides, self.record.languages)
        )
        swapped = replace(self.record, swapped=True, sides=sides, languages=languages)
        return Data(train, valid, swapped, guide, self.warnings, sources)


def load_data(
    train: Sequence[str],
    valid: str | None,
    guide: str | None = None,
    held_out: int = 0,
    synthetic: str | None = None,
    sources: Sources = TEXTS,
) -> Data:
    """Read the corpora; without a validation corpus a fixed part of the training pairs is held out.

    `held_out` is the size of that part, 0 if it is to be chosen. Pairs with an empty side are skipped and
    counted. A guide is a file of links in Pharaoh format, with a line for each line of the training corpora.
    Pairs of a synthetic corpus are only trained on. `sources` says what the sources of all corpora are.
    """
    if guide is not None:
        sources.require_words("guide")
    read_corpus = sources.read_corpus
    # Only the training corpora name the sides, but a validation corpus must not contradict them.
    common_sides([*train, *([] if valid is None else [valid])])
    corpora = [read_corpus(argument) for argument in train]
    corpus = merge(corpora)
    pairs = corpus.complete
    if not pairs:
        raise InputError(f"no pair has {_both(sources)}", path=corpus.name)
    # What is checked is texts.
    firsts = [one.pairs[0] for one in corpora]
    warnings = tuple(warnings_of(pairs, firsts)) if sources is TEXTS else ()
    record = DataRecord(
        tuple(train),
        valid,
        train_fingerprint=corpus.fingerprint,
        empty=len(corpus.pairs) - len(pairs),
        sides=common_sides(train),
    )
    if valid is None:
        split = hold_out(pairs, held_out)
        pairs, held = split.train, split.valid
        record = replace(record, held_out_duplicates=split.duplicates)
    else:
        validation = read_corpus(valid)
        held = validation.complete
        if not held:
            raise InputError(f"no pair has {_both(sources)}", path=valid)
        known = {(identity(pair.source), pair.target) for pair in pairs}
        record = replace(
            record,
            valid_fingerprint=validation.fingerprint,
            valid_also_in_train=sum((identity(pair.source), pair.target) in known for pair in held),
        )
    links = None
    if guide is not None:
        lines = [gold.possible for gold in read_gold(Path(guide))]
        check_links(lines, corpus.pairs, guide)
        chosen = set(pairs)
        links = tuple(links for pair, links in zip(corpus.pairs, lines, strict=True) if pair in chosen)
        record = replace(record, guide=guide, guide_fingerprint=fingerprint(links))
    if synthetic is not None:
        made = read_corpus(synthetic)
        record = replace(
            record,
            synthetic=synthetic,
            synthetic_fingerprint=made.fingerprint,
            synthetic_pairs=len(made.complete),
        )
        pairs = (*pairs, *made.complete)
    return Data(pairs, held, record, links, warnings, sources)


def synthetic_path(out: Path) -> Path:
    """The file of the synthetic pairs that are made for a run."""
    return out.with_name(f"{out.name}.synthetic.jsonl")


def _synthetic_of(run: Path, recorded: DataRecord) -> str | None:
    """The file of the synthetic pairs of a run, which moves with it."""
    if recorded.synthetic is None or Path(recorded.synthetic).exists():
        return recorded.synthetic
    return str(synthetic_path(run))


def training_pairs(run: Path, recorded: DataRecord, sources: Sources) -> list[Pair] | None:
    """The pairs that a run was trained on, in its direction; None if its corpora have changed.

    Those that were too long for it are among them. InputError when a corpus cannot be read.
    """
    recorded.refuse_devices()
    corpus = merge([sources.read_corpus(argument) for argument in recorded.train])
    if corpus.fingerprint != recorded.train_fingerprint:
        return None
    pairs = corpus.complete
    if recorded.valid is None:
        pairs = hold_out(pairs, recorded.valid_pairs).train
    if (synthetic := _synthetic_of(run, recorded)) is not None:
        made = sources.read_corpus(synthetic)
        if made.fingerprint != recorded.synthetic_fingerprint:
            return None
        pairs = (*pairs, *made.complete)
    return [pair.swapped() if recorded.swapped else pair for pair in pairs]


def read_again(
    run: Path,
    recorded: DataRecord,
    sources: Sources,
    train: Sequence[str] = (),
    valid: str | None = None,
    guide: str | None = None,
) -> Data:
    """The data of a run that exists, from the corpora of its record; those that have moved are named.

    InputError when one cannot be read.
    """
    as_before = replace(
        recorded,
        train=() if train else recorded.train,
        valid=None if valid else recorded.valid,
        guide=None if guide else recorded.guide,
    )
    as_before.refuse_devices()
    try:
        return load_data(
            train or recorded.train,
            valid or recorded.valid,
            guide or recorded.guide,
            recorded.valid_pairs,
            _synthetic_of(run, recorded),
            sources,
        )
    except InputError as error:
        if train and error.path not in as_before.files:
            raise
        raise InputError(
            f"needs the corpora it was started with: {error}",
            path=run,
            remedy="if they have moved, name them by --train and --valid",
        ) from error


def _both(sources: Sources) -> str:
    """What a pair must have to be used."""
    return "text on both sides" if sources is TEXTS else f"an {sources.noun} and a text"


def common_sides(corpora: Sequence[str]) -> tuple[str, str] | None:
    """The names of both sides in the file names of all corpora that have them, if they agree.

    InputError when they are in a different order in one of them.
    """
    named = {names: corpus for corpus in corpora if (names := side_names(corpus)) is not None}
    for (source, target), corpus in named.items():
        if (target, source) in named:
            raise InputError(
                f"is from {source} to {target}, but {named[target, source]} from {target} to {source}",
                path=corpus,
                remedy="write the sides of all corpora in the same order",
            )
    return next(iter(named)) if len(named) == 1 else None


def fingerprint(links: Iterable[Links]) -> str:
    """SHA-256 of links."""
    return hashlib.sha256("\n".join(map(format_pharaoh, links)).encode()).hexdigest()


@dataclass(frozen=True)
class Prepared:
    """Encoded data; several models may be trained on it."""

    tokenizer: Tokenizer
    train: Sequence[Example]
    valid: tuple[Example, ...]
    valid_pairs: tuple[Pair, ...]
    max_ratio: float
    """See RunConfig."""
    longest: Lengths
    """Of the longest source and the longest target, of pairs that are not left out."""
    lengths: Sequence[Lengths]
    """Ids of the sides of each training example."""
    record: DataRecord
    """The record of the data in config.json."""
    distinct: int
    """How many training pairs there are, repetitions left out."""
    targets: Inventory
    """The words of the targets of the first training pairs, repetitions left out."""
    guide: IdLinks | None = None
    """The links between the ids of each training example."""
    warnings: tuple[str, ...] = ()
    """What looks wrong with the training corpora, in sentences."""
    sources: Sources = TEXTS

    def check_held(self, limits: Limits, model: str = "this model") -> None:
        """InputError when a pair has more positions than a model can hold."""
        if excess := limits.excess(self.longest, model):
            raise InputError(f"a sentence has {excess}", remedy="raise max_positions, or shorten the texts")

    def within(self, max_length: int) -> list[Example]:
        """The validation examples with at most so many ids on a side, of which the loss is computed."""
        lengths = lengths_of(self.valid, self.sources.collator)
        return [one for one, sides in zip(self.valid, lengths, strict=True) if max(sides) <= max_length]


def prepare(
    data: Data,
    options: TokenizerOptions,
    max_length: int,
    tokenizer: Tokenizer | None = None,
    report: Report = silent,
) -> Prepared:
    """Train a tokenizer unless one is given, and encode; training pairs above `max_length` are left out.

    InputError when all are, of training or validation.
    """
    sources, collator = data.sources, data.sources.collator
    if tokenizer is None:
        report("learning the vocabulary", 0.0)
        tokenizer = sources.learn(data.learned_from, options)
    guide = None if data.guide is None else IdLinks()
    census = sources.census(data.record.language, -(-len(data.train) // MOST_COUNTED))
    taken: set[Pair] = set()

    def kept() -> Iterator[Example]:
        for at, example in enumerate(encode(tokenizer, data.train, report)):
            if max(lengths_of([example], collator)[0]) > max_length:
                continue
            census.add(data.train[at].source)
            taken.add(data.train[at])
            if guide is not None and data.guide is not None:
                guide.append(between_ids(tokenizer, example, data.guide[at]))
            yield example

    train = sources.store(kept())
    if not train:
        raise InputError(
            f"every training pair has more than {max_length} {positions_in_words(sources)} on a side",
            remedy="raise max_length",
        )
    valid = tuple(encode(tokenizer, data.valid))
    fitting = [sides for sides in lengths_of(valid, collator) if max(sides) <= max_length]
    if not fitting:
        raise InputError(
            f"every validation pair has more than {max_length} {positions_in_words(sources)} on a side",
            remedy="raise max_length",
        )
    distinct = len(taken)
    taken.clear()
    # Learning the vocabulary takes memory that training needs.
    give_back_freed_memory()
    lengths = lengths_of(train, collator)
    record = replace(
        data.record,
        train_pairs=len(train),
        valid_pairs=len(valid),
        too_long=len(data.train) - len(train),
        valid_too_long=len(valid) - len(fitting),
        longest_taken=max_length,
        **census.found,
    )
    return Prepared(
        tokenizer,
        train,
        valid,
        data.valid,
        longest_ratio(lengths),
        Lengths(*map(max, zip(*{*lengths, *fitting}, strict=True))),
        lengths,
        record,
        distinct,
        data.targets,
        guide,
        data.warnings,
        sources,
    )


def positions_in_words(sources: Sources) -> str:
    """What the sides of examples are measured in."""
    return "pieces" if sources.unit == "piece" else f"{sources.unit}s or pieces"


def longest_ratio(lengths: Sequence[Lengths]) -> float:
    """Target ids for each source id that suffice for all but 0.1 % of the examples, plus a quarter."""
    extra = SearchOptions.max_extra
    ratios = sorted((each.target - extra) / each.source for each in lengths)
    return round(max(1.0, 1.25 * ratios[int(0.999 * (len(ratios) - 1))]), 2)
