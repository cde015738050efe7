"""The kinds of faults: what they are called, how serious they are, and what to do about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seqattn.errors import counted

Severity = Literal["error", "warning", "remark"]
"""What spoils a training, what is worth a look, and what is good to know."""
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "remark")
RULE, NO_RULE = 0.2, 0.5
"""Where what should be alike on both sides differs in more pairs than this share, it is hardly a rule of the
corpus, and where it differs in most of them, none."""
FEWEST = 50
"""Of fewer pairs that could differ nothing is known of a rule."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault."""

    noun: str
    """What has it: a pair, a line."""
    one: str
    """What is wrong with it, said of one: `has an empty side`."""
    many: str
    """The same, said of several: `have an empty side`."""
    remedy: str
    warning: float | None = None
    """The share from which it is worth a look; None: it never is."""
    error: float | None = None
    """The share from which it spoils a training; None: it never does."""
    rule: bool = False
    """It is an exception from a rule: a remark where it is frequent, no fault where most of many pairs have
    it."""

    def counts(self, count: int, of: int) -> bool:
        """Whether it is a fault when `count` of `of` have it."""
        return count > 0 and not (self.rule and of >= FEWEST and count / of > NO_RULE)

    def severity(self, count: int, of: int) -> Severity:
        """How serious it is when `count` of `of` have it."""
        share = count / of
        if self.rule and share > RULE:
            return "remark"
        if self.error is not None and share >= self.error:
            return "error"
        return "warning" if self.warning is not None and share >= self.warning else "remark"

    def sentence(self, count: int) -> str:
        """That so many have it."""
        return f"{counted(count, self.noun)} {self.one if count == 1 else self.many}"


KINDS: dict[str, Kind] = {
    "unreadable": Kind("line", "holds no pair", "hold no pair", "correct or remove them", error=0),
    "unequal": Kind(
        "text",
        "ends before the one it is paired with",
        "end before those they are paired with",
        "line N of one file must translate line N of the other",
        error=0,
    ),
    "nothing": Kind(
        "corpus",
        "has no pair with text on both sides",
        "have no pair with text on both sides",
        "look whether these are the right files",
        error=0,
    ),
    "header": Kind("header row", "is read as a pair", "are read as pairs", "remove it", warning=0),
    "empty": Kind("pair", "has an empty side", "have an empty side", "training skips them", 0.01),
    "misaligned": Kind(
        "pair",
        "lies where the sides are shifted",
        "lie where the sides are shifted",
        "look near the first line named: a line is missing or added on one side",
        warning=0,
        error=0.01,
    ),
    "unfitting": Kind(
        "pair",
        "lies where the sides do not fit each other",
        "lie where the sides do not fit each other",
        "look there: is it text of another kind, or was one side sorted or shuffled?",
        warning=0,
        error=0.01,
    ),
    "consecutive": Kind(
        "pair",
        "has the source of a line nearby as its target",
        "have the source of a line nearby as their target",
        "nothing if these are the turns of dialogues; otherwise one side is shifted",
        warning=0,
    ),
    "unrelated": Kind(
        "pair",
        "fits its neighbours' targets as well",
        "fit their neighbours' targets as well as their own",
        "line N of one side must translate line N of the other: was one side sorted or shuffled?",
        error=0,
    ),
    "repeated": Kind(
        "pair",
        "repeats an earlier one",
        "repeat earlier ones",
        "keep one of each, unless frequency matters",
        warning=0.01,
    ),
    "ambiguous": Kind(
        "pair",
        "has a source with other targets too",
        "have a source with other targets too",
        "correct where a source has several translations",
    ),
    "valid-in-train": Kind(
        "validation pair",
        "is in the training data too",
        "are in the training data too",
        "remove them from one of the two: validation scores would be too high",
        warning=0.005,
        error=0.05,
    ),
    "test-in-train": Kind(
        "test pair",
        "is in the training data too",
        "are in the training data too",
        "remove them from one of the two: test scores would be too high",
        warning=0.005,
        error=0.05,
    ),
    "test-in-valid": Kind(
        "test pair",
        "is in the validation data too",
        "are in the validation data too",
        "remove them from one of the two",
        warning=0.005,
        error=0.5,
    ),
    "valid-sources-in-train": Kind(
        "validation source",
        "is in the training data too",
        "are in the training data too",
        "their targets there differ, but may help to guess",
        warning=0.2,
    ),
    "test-sources-in-train": Kind(
        "test source",
        "is in the training data too",
        "are in the training data too",
        "their targets there differ, but may help to guess",
        warning=0.2,
    ),
    "copied": Kind(
        "pair",
        "has a target equal to its source",
        "have a target equal to their source",
        "remove sentences that were not translated: they teach a model to copy",
        warning=0.01,
        error=0.1,
    ),
    "swapped": Kind(
        "pair",
        "seems to have its sides swapped",
        "seem to have their sides swapped",
        "exchange source and target there",
        warning=0.0005,
        error=0.05,
    ),
    "one-sided": Kind(
        "pair",
        "has both sides in what seems one language",
        "have both sides in what seems one language",
        "remove sentences that were not translated",
        warning=0.005,
        error=0.2,
    ),
    "lengths": Kind(
        "pair",
        "has sides of unusual relative lengths",
        "have sides of unusual relative lengths",
        "look whether something is missing on one side",
        warning=0.005,
    ),
    "long": Kind(
        "pair",
        "has a very long side",
        "have a very long side",
        "split them: training leaves out pairs with more than max_length pieces",
        warning=0.01,
    ),
    "source-script": Kind(
        "source",
        "is in another script than the others",
        "are in another script than the others",
        "look whether they belong to this side",
        warning=0.01,
    ),
    "target-script": Kind(
        "target",
        "is in another script than the others",
        "are in another script than the others",
        "look whether they belong to this side",
        warning=0.01,
    ),
    "disguised": Kind(
        "pair",
        "has letters of another script within a word",
        "have letters of another script within a word",
        "replace letters that only look like the right ones",
        warning=0.0005,
    ),
    "mojibake": Kind(
        "pair",
        "looks wrongly decoded",
        "look wrongly decoded",
        "convert the original files again as UTF-8, or repair the texts by ftfy",
        warning=0.0005,
        error=0.05,
    ),
    "surrogates": Kind(
        "pair",
        "has half a character (a lone surrogate)",
        "have half a character (a lone surrogate)",
        "correct the program that wrote the escapes",
        warning=0,
    ),
    "lost": Kind(
        "pair",
        "has characters lost in a conversion (� or ???)",
        "have characters lost in a conversion (� or ???)",
        "convert the original files again",
        warning=0,
    ),
    "controls": Kind(
        "pair", "has control characters", "have control characters", "remove them", warning=0.001
    ),
    "invisible": Kind(
        "pair",
        "has invisible characters",
        "have invisible characters",
        "remove soft hyphens, zero-width spaces and direction marks that are not meant",
        warning=0.05,
    ),
    "placeholders": Kind(
        "pair",
        "has placeholders that differ",
        "have placeholders that differ",
        "make them the same on both sides",
        warning=0.01,
        rule=True,
    ),
    "tags": Kind(
        "pair",
        "has tags that differ",
        "have tags that differ",
        "make them the same on both sides",
        warning=0.01,
        rule=True,
    ),
    "unbalanced": Kind(
        "pair",
        "has a tag that is not closed or opened",
        "have tags that are not closed or opened",
        "look whether a part is missing",
        rule=True,
    ),
    "entities": Kind(
        "pair",
        "has HTML entities such as &amp;",
        "have HTML entities such as &amp;",
        "decode them on both sides, unless they are meant",
        warning=0.01,
    ),
    "numbers": Kind(
        "pair",
        "has numbers that differ",
        "have numbers that differ",
        "look whether the sides say the same",
        rule=True,
    ),
    "sentences": Kind(
        "pair",
        "has very different numbers of sentences",
        "have very different numbers of sentences",
        "look whether a sentence is missing",
        rule=True,
    ),
    "spaces": Kind(
        "pair",
        "has white space at an end, doubled, or a line break",
        "have white space at an end, doubled, or a line break",
        "nothing: the tokenizer removes it",
    ),
}
"""Kinds by name, those of the same severity in this order."""
