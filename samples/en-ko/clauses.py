"""Clauses: one predicate with its subject and its other pieces, in both languages.

English order is subject, verb group, pieces by rank; Korean order is subject, pieces by rank, predicate.
The form of the predicate's ending (a statement, an adnominal, a reason) is requested by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from adjectives import MANNERS
from korean import Stem, copula, particle
from pairs import Eojeol, Part, Word, gloss, words
from verbs import Verb


@dataclass
class NounPhrase:
    """A noun phrase. `ko` is without its particle; `heads` are the English words a particle may render."""

    en: list[Word]
    ko: list[Eojeol]
    head: str
    person: int = 3
    plural: bool = False
    definite: bool = True
    clausal: bool = False

    def marked(self, role: str, *heard: Word) -> list[Eojeol]:
        """The Korean with a particle; the English words it renders become possible links."""
        last = self.ko[-1]
        ending = Eojeol(particle(last.text, role), last.sure, [*last.maybe, *heard])
        return [*self.ko[:-1], ending]

    def as_part(self, role: str, en_rank: int, ko_rank: int, preposition: str = "") -> Part:
        """The phrase as a piece of a clause, after an English preposition."""
        before = words(preposition)
        return Part([*before, *self.en], self.marked(role, *before), en_rank, ko_rank, self.clausal)


@dataclass
class Predicate:
    """The predicate of a clause, before tense.

    A predicate without a `verb` stands after be: `complement` is its English, `before` the Korean eojeols
    that precede `stem`, and `sure` the English words the stem renders. With `noun` it is 이다.
    """

    verb: Verb | None = None
    stem: Stem | None = None
    complement: list[Word] = field(default_factory=list)
    before: list[Eojeol] = field(default_factory=list)
    sure: list[Word] = field(default_factory=list)
    noun: NounPhrase | None = None


@dataclass
class Clause:
    """One clause. `mode` is "", "can", "want" or "progressive"; `asked` puts the auxiliary first."""

    subject: NounPhrase | None
    predicate: Predicate
    tense: str = "present"
    negative: bool = False
    mode: str = ""
    parts: list[Part] = field(default_factory=list)
    frequency: Part | None = None
    asked: bool = False
    person: int = 3
    plural: bool = False

    def __post_init__(self) -> None:
        if self.subject:
            self.person, self.plural = self.subject.person, self.subject.plural
        self.aux: Word | None = None
        self.lexical: Word | None = None
        self.want: Word | None = None
        self.particles: list[Word] = list(self.subject.en) if self.subject and not self.subject.ko else []
        self.denied = Word("not") if self.negative else None
        self.group = self._verb_group()

    def _be(self) -> str:
        if self.tense == "past":
            return "was" if (self.person in (1, 3) and not self.plural) else "were"
        if self.person == 1 and not self.plural:
            return "am"
        return "is" if self.person == 3 and not self.plural else "are"

    def _finite(self, base: str, third: str, past: str) -> str:
        if self.tense == "past":
            return past
        return third if self.person == 3 and not self.plural else base

    def _verb_group(self) -> list[Word]:
        """The words after the subject and the auxiliary; sets the auxiliary where there is one."""
        verb = self.predicate.verb
        if verb is None:
            if self.tense == "future":
                self.aux, linking = Word("will"), [Word("be")]
                self.particles += linking
                return [*linking, *self.predicate.complement]
            self.aux = Word(self._be())
            return list(self.predicate.complement)
        self.lexical = Word(verb.english)
        group = [self.lexical]
        finite: Word | None = self.lexical
        forms = (verb.english, verb.third, verb.past)
        if self.mode == "want":
            finite = self.want = Word("want")
            forms = ("want", "wants", "wanted")
            to = Word("to")
            self.particles.append(to)
            group = [finite, to, self.lexical]
        elif self.mode == "can":
            self.aux = self.denied = Word("cannot" if self.negative else "can")
            finite = None
        elif self.mode == "progressive":
            self.lexical.text = verb.ing
            self.aux, finite = Word(self._be()), None
        elif self.tense == "future":
            self.aux, finite = Word("will"), None
        if finite and (self.negative or self.asked):
            self.aux = Word(self._finite("do", "does", "did"))
        elif finite:
            finite.text = self._finite(*forms)
        return group

    def english(self, front: Part | None = None, subject: bool = True) -> list[Word]:
        """The English words in order, a question word in front if one is given."""
        said = self.subject.en if self.subject and subject else []
        denial = [self.denied] if self.denied and self.denied is not self.aux else []
        aux = [self.aux] if self.aux else []
        start = [*aux, *said, *denial] if self.asked else [*said, *aux, *denial]
        usual = self.frequency.en if self.frequency else []
        rest = [word for part in sorted(self.parts, key=lambda p: p.en_rank) for word in part.en]
        return [*(front.en if front else []), *start, *usual, *self.group, *rest]

    def korean(self, ending: str, role: str = "topic", *heard: Word) -> list[Eojeol]:
        """The Korean words in order. `heard` are the English words the ending renders, as because."""
        said = self.subject.marked(role) if self.subject and self.subject.ko else []
        pieces = [*self.parts, *([self.frequency] if self.frequency else [])]
        rest = [eojeol for part in sorted(pieces, key=lambda p: p.ko_rank) for eojeol in part.ko]
        return [*said, *rest, *self._predicate(ending, list(heard))]

    def _predicate(self, ending: str, heard: list[Word]) -> list[Eojeol]:
        predicate, aux = self.predicate, [self.aux] if self.aux else []
        if predicate.noun:
            return self._noun_predicate(predicate.noun, ending, heard)
        chain = list(predicate.before)
        sure, maybe = list(predicate.sure), [*self.particles, *aux]
        stem = predicate.stem
        if predicate.verb:
            assert self.lexical
            sure = [self.lexical]
            chain += [Eojeol(text, sure) for text in predicate.verb.korean]
            stem = predicate.verb.stem
        assert stem
        if not sure:
            sure, maybe = aux, self.particles
        if self.mode == "want":
            assert self.want
            chain.append(Eojeol(stem.plus("고"), sure, self.particles))
            stem, sure, maybe = Stem("싶", descriptive=True), [self.want], aux
            if self.person == 3:
                chain.append(Eojeol("싶어", sure))
                stem = Stem("하", "하")
        elif self.mode == "progressive":
            chain.append(Eojeol(stem.plus("고"), sure, self.particles))
            stem, sure, maybe = Stem("있"), [], [*aux, *sure]
        elif self.mode == "can":
            chain += [Eojeol(stem.prospective(), sure, self.particles), Eojeol("수", aux)]
            stem, sure, maybe = Stem("없" if self.negative else "있", descriptive=True), aux, []
        if self.negative and self.denied and self.mode != "can":
            if stem.text == "알":
                stem, sure = Stem("모르", "르"), [*sure, self.denied]
            elif stem.text == "있" and self.mode != "progressive":
                stem, sure = Stem("없", descriptive=True), [*sure, self.denied]
            else:
                chain.append(Eojeol(stem.plus("지"), sure, maybe))
                if ending == "please":
                    stem, sure, maybe = Stem("말"), [self.denied], aux
                else:
                    stem, sure, maybe = Stem("않", descriptive=stem.descriptive), [self.denied], aux
        return [*chain, *self._ending(ending, stem, sure, maybe, heard)]

    def _ending(
        self, ending: str, stem: Stem, sure: list[Word], maybe: list[Word], heard: list[Word]
    ) -> list[Eojeol]:
        tensed = stem.past_stem() if self.tense == "past" else stem
        if ending == "polite" and self.tense == "future":
            return [
                Eojeol(stem.prospective(), sure, maybe),
                Eojeol("거예요", [], [self.aux] if self.aux else sure),
            ]
        linked = [*maybe, *heard]
        if ending == "polite":
            text = stem.polite_past() if self.tense == "past" else stem.polite()
        elif ending == "adnominal":
            text = stem.adnominal(self.tense)
        elif ending == "please":
            return [Eojeol(stem.infinitive(), sure, maybe), Eojeol("주세요", heard)]
        elif ending == "if":
            text = stem.conditional()
        elif ending in ("because", "when", "after", "before"):
            form, noun = {
                "because": (tensed.plus("기"), "때문에"),
                "when": (tensed.prospective(), "때"),
                "after": (stem.completed(), "후에"),
                "before": (stem.plus("기"), "전에"),
            }[ending]
            return [Eojeol(form, sure, maybe), Eojeol(noun, heard)]
        else:
            text = tensed.plus({"and": "고", "but": "지만"}[ending])
        return [Eojeol(text, sure, linked)]

    def _noun_predicate(self, noun: NounPhrase, ending: str, heard: list[Word]) -> list[Eojeol]:
        aux = [self.aux] if self.aux else []
        if self.denied:
            end = "아니었어요" if self.tense == "past" else "아니에요"
            return [*noun.marked("subject"), Eojeol(end, [self.denied], aux)]
        last = noun.ko[-1]
        text = last.text + "인" if ending == "adnominal" else copula(last.text, self.tense)
        return [*noun.ko[:-1], Eojeol(text, last.sure, [*last.maybe, *aux, *heard])]


def manner(english: str) -> Part:
    """An adverb of manner, which stands right before the verb in Korean."""
    return gloss(english, f"{MANNERS[english]}:0", 15, 60)
