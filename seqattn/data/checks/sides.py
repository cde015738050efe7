"""What must be alike on both sides of a pair: placeholders, tags, numbers, and roughly the sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from seqattn.data.corpus import Pair

PLACEHOLDER = re.compile(
    # Zeros are flags, and no width begins with one: a flood of them is read in one way only.
    r"%(?:[0-9]+\$)?[-+#0]*(?:[1-9][0-9]*|\*)?(?:\.(?:[0-9]+|\*))?"
    r"(?:hh?|ll?|[Lqjzt])?[diouxXeEfFgGcrsap@](?![A-Za-z])"
    # A letter may follow, but not where the sign means percent, as in 50%discount.
    r"|(?<![0-9])(?<![0-9]\s)%(?:[0-9]+\$)?[ds@]"
    r"|%\([^()\s]{1,40}\)[a-z]"
    r"|\{\{[^{}`]{1,40}\}\}"
    r"|\$\{[^{}]{1,40}\}"
    r"|\{[A-Za-z0-9_.!:]{0,40}\}"
    r"|\$[A-Za-z_][A-Za-z0-9_]*"
    r"|\\[nrt](?![a-z])"
)
"""%s %d %1$s %(name)s {{name}} ${name} {name} {0} $name and a literal \\n."""
_POSITION = re.compile(r"^%[0-9]+\$")
TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)(?:\s[^<>]*?)?(/?)>")
_HTML = """
a abbr b blockquote br button center cite code dd del div dl dt em font form h1 h2 h3 h4 h5 h6 hr i iframe
img input ins kbd label li ol p pre q s samp script small span strike strong style sub sup table td th tr tt
u ul var
"""
HTML = frozenset(_HTML.split())
VOID = frozenset({"br", "hr", "img", "input"})
"""Tags that are not closed."""
_DIGIT = re.compile(r"\d")
_THOUSANDS = re.compile(r"(?<!\d)\d{1,3}(?:([.,'’\u00a0\u202f])\d{3})(?:\1\d{3})*(?!\d)")
_NUMBER = re.compile(r"\d+")
SMALL = 12
"""Numbers up to this are often written as words, or differ as hours do (3 p.m., 15 Uhr)."""
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*(?=\s|$)|[。！？]")
SENTENCES = 2
"""Sides whose numbers of sentences differ by this much are pointed out."""


def placeholders(text: str) -> Counter[str]:
    """The placeholders of a text; those that count their arguments (%1$s) without the count."""
    if not ("%" in text or "{" in text or "$" in text or "\\" in text):
        return Counter()
    return Counter(_POSITION.sub("%", found) for found in PLACEHOLDER.findall(text))


def tags(text: str) -> Counter[str]:
    """The tags of a text: those of HTML, and others that are both opened and closed in it."""
    if "<" not in text:
        return Counter()
    found = [(match[1] or match[3], match[2].lower(), bool(match[3])) for match in TAG.finditer(text)]
    closed = {name for slash, name, _ in found if slash}
    opened = {name for slash, name, alone in found if not slash or alone}
    named = HTML | (closed & opened)
    return Counter(
        f"<{name}/>" if alone or name in VOID else f"<{slash}{name}>"
        for slash, name, alone in found
        if name in named
    )


def unbalanced(text: str) -> list[str]:
    """The tags of a text that are opened more or less often than closed."""
    found = tags(text)
    names = {tag.strip("</>") for tag in found if not tag.endswith("/>")}
    return sorted(f"<{name}>" for name in names if found[f"<{name}>"] != found[f"</{name}>"])


def numbers(text: str) -> Counter[str]:
    """The numbers of a text above 12, digit groups joined, without leading zeros."""
    if not _DIGIT.search(text):
        return Counter()
    joined = _THOUSANDS.sub(lambda match: "".join(_NUMBER.findall(match[0])), text)
    found = (digits.lstrip("0") for digits in _NUMBER.findall(joined))
    return Counter(digits for digits in found if len(digits) > 2 or (digits and int(digits) > SMALL))


def sentence_ends(text: str) -> int:
    """A rough number of sentences, at least one, four times as fast as dividing them (`text.sentences`)."""
    return max(1, len(_SENTENCE_END.findall(text)))


def alike(of: Callable[[str], Counter[str]]) -> Callable[[Pair], bool | None]:
    """Whether something differs between the sides of a pair; None for a pair that has none of it."""

    def differ(pair: Pair) -> bool | None:
        source, target = of(pair.source), of(pair.target)
        return source != target if source or target else None

    return differ


def differences(of: Callable[[str], Counter[str]]) -> Callable[[Pair], str]:
    """What only one side of a pair has, in words."""

    def explain(pair: Pair) -> str:
        source, target = of(pair.source), of(pair.target)
        only = {"source": source - target, "target": target - source}
        return "; ".join(
            f"only in the {side}: {', '.join(sorted(found.elements()))}"
            for side, found in only.items()
            if found
        )

    return explain


def has_unbalanced(pair: Pair) -> bool | None:
    """Whether a side has unbalanced tags; None for a pair without any "<"."""
    if "<" not in pair.source and "<" not in pair.target:
        return None
    return bool(unbalanced(pair.source) or unbalanced(pair.target))


def explain_unbalanced(pair: Pair) -> str:
    """The tags that are not balanced."""
    return ", ".join(dict.fromkeys([*unbalanced(pair.source), *unbalanced(pair.target)]))


def sentences_differ(pair: Pair) -> bool | None:
    """Whether the sides have very different numbers of sentences; None where both have at most one."""
    source, target = sentence_ends(pair.source), sentence_ends(pair.target)
    return None if max(source, target) == 1 else abs(source - target) >= SENTENCES


def explain_sentences(pair: Pair) -> str:
    """The numbers of sentences."""
    return f"{sentence_ends(pair.source)} and {sentence_ends(pair.target)} sentences"
