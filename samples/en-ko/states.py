"""Clauses without an action: adjectives, professions, comparisons, and what there is where."""

from __future__ import annotations

from adjectives import ADJECTIVES, Adjective
from clauses import Clause, NounPhrase, Predicate
from korean import Stem
from nouns import NOUNS, Noun, select
from pairs import Draw, Eojeol, Part, Word, named
from phrases import FAMILY, JOBS, NAMES, SINGLE, Phrases

RAIN_OR_SHINE = [a for a in ADJECTIVES if a.predicative]
COMPARABLE = [a for a in RAIN_OR_SHINE if a.comparative]
PASSING = named("busy tired sick hungry happy sad cold hot dirty dark noisy quiet boring")

SMALL_SPOTS = ["on", "under", "next to", "behind", "in front of"]
SUPPORTS = "desk table bed chair box"


class States:
    """Draws clauses that stand after be."""

    def __init__(self, draw: Draw, phrases: Phrases) -> None:
        self.draw = draw
        self.phrases = phrases

    def described(self, adjective: Adjective, noun: Noun) -> NounPhrase:
        """The subject of an adjective."""
        if noun.english == "weather":
            return self.phrases.common(noun, [(1, "the")], 0)
        kinds = [(2.0, "the"), (1.2, "own"), (1.2, "this"), (1, "that")]
        return self.phrases.common(noun, kinds, 0)

    def adjective_predicate(self, adjective: Adjective, very: bool) -> Predicate:
        """Is small; is very small."""
        word = Word(adjective.english, adjective.english)
        before = [Eojeol(text, [word]) for text in adjective.korean]
        complement = [word]
        if very:
            degree = Word("very")
            complement = [degree, word]
            before = [Eojeol("아주", [degree]), *before]
        return Predicate(None, adjective.stem, complement, before, [word])

    def quality(self, tense: str = "", asked: bool = False, negative: bool | None = None) -> Clause:
        """The car is expensive."""
        adjective = self.draw.rare(RAIN_OR_SHINE, "adjective ")
        noun = self.draw.rare(select(adjective.nouns))
        if negative is None:
            negative = self.draw.chance(0.18)
        very = not negative and not asked and self.draw.chance(0.35)
        if not tense:
            tense = "past" if adjective.english in PASSING and self.draw.chance(0.4) else "present"
        subject = self.described(adjective, noun)
        predicate = self.adjective_predicate(adjective, very)
        return Clause(subject, predicate, tense, negative, asked=asked)

    def condition(self, tense: str) -> Clause:
        """Someone is tired, or the weather is bad: a reason not to do something."""
        names = named("busy tired sick hungry sad bad cold")
        adjective = self.draw.rare([a for a in RAIN_OR_SHINE if a.english in names], "adjective ")
        nouns = [n for n in select(adjective.nouns) if n.english != "room" and "animal" not in n.tags]
        subject = self.described(adjective, self.draw.rare(nouns))
        if adjective.english in ("busy", "tired", "hungry", "sick") and self.draw.chance(0.3):
            subject = self.phrases.pronoun(self.draw.pick(["I", "we"]))
        return Clause(subject, self.adjective_predicate(adjective, self.draw.chance(0.3)), tense)

    def comparison(self, asked: bool = False) -> Clause:
        """Minsu is taller than Anna: 민수는 안나보다 키가 더 커요."""
        while True:
            adjective = self.draw.rare(COMPARABLE, "compared ")
            nouns = [n for n in select(adjective.nouns) if n.english != "weather"]
            first = self.draw.rare(nouns)
            alike = [n for n in nouns if n is not first and _alike(n, first)]
            if alike:
                break
        second = self.draw.rare(alike)
        than = Word("than")
        other = self.described(adjective, second)
        if adjective.comparative == "more":
            more, word = Word("more"), Word(adjective.english, adjective.english)
            complement, degree, sure = [more, word], [more], [word]
        else:
            word = Word(adjective.comparative, adjective.english)
            complement, degree, sure = [word], [word], [word]
        before = [
            *other.marked("than", than),
            *(Eojeol(text, sure) for text in adjective.korean),
            Eojeol("더", degree),
        ]
        predicate = Predicate(None, adjective.stem, [*complement, than, *other.en], before, sure)
        return Clause(self.described(adjective, first), predicate, "present", asked=asked)

    def profession(self, asked: bool = False) -> Clause:
        """My sister is a doctor: 제 여동생은 의사예요."""
        subject = self.phrases.common(self.draw.rare([*NAMES, *FAMILY, *select("@bond")]), SINGLE, 0.1)
        elder = "ours" in NOUNS[subject.head].tags if subject.head in NOUNS else False
        while True:
            job = self.phrases.common(self.draw.rare(JOBS), [(1, "a")], 0.45)
            if job.en[1].text not in PASSING and not (elder and job.en[1].text == "young"):
                break
        tense = "past" if self.draw.chance(0.25) else "present"
        predicate = Predicate(complement=job.en, noun=job)
        return Clause(subject, predicate, tense, self.draw.chance(0.2), asked=asked)

    def _thing_and_spot(self, kinds: list[tuple[float, str]]) -> tuple[NounPhrase, Part]:
        draw = self.draw
        setting = draw.weighted([(4, "thing"), (2, "pet"), (2, "place"), (1.5, "person")])
        where = draw.rare(SMALL_SPOTS[2:] if setting in ("place", "person") else SMALL_SPOTS)
        if setting == "thing":
            thing, support = (
                draw.rare(select("@desk book letter hat umbrella map ball doll gift bag")),
                SUPPORTS,
            )
        elif setting == "pet":
            thing, support = draw.rare(select("cat dog rabbit")), SUPPORTS + " tree -box -chair"
        elif setting == "place":
            thing = draw.rare(
                select("bank hotel restaurant cafe store hospital library museum theater school park")
            )
            support = "station hotel bank library market museum hospital school theater river bridge"
        else:
            thing, support = draw.rare(select("@young woman man taxi bus")), "@public -park -beach -market"
        if where == "on":
            support = "desk table bed chair"
        if where == "under":
            support = support.replace(" box", "")
        anchor = self.phrases.common(
            draw.rare(select(support)), SINGLE if setting == "thing" else [(1, "the")], 0.2
        )
        kinds = [
            (weight, kind)
            for weight, kind in kinds
            if setting != "place" or kind not in ("many", "few", "own")
        ]
        return self.phrases.common(thing, kinds, 0.3), self.phrases.spot(anchor, where)

    def existence(self, asked: bool = False) -> tuple[list[Word], list[Eojeol]]:
        """There are two books on the desk: 책상 위에 책 두 권이 있어요."""
        there = Word("there")
        phrase, spot = self._thing_and_spot([(3, "a"), (3, "few"), (0.8, "many")])
        tense = "past" if self.draw.chance(0.25) else "present"
        singular, plural = ("was", "were") if tense == "past" else ("is", "are")
        be = Word(plural if phrase.plural else singular)
        stem = Stem("있")
        text = stem.polite_past() if tense == "past" else stem.polite()
        en = [be, there] if asked else [there, be]
        return [*en, *phrase.en, *spot.en], [*spot.ko, *phrase.marked("subject"), Eojeol(text, [be], [there])]

    def located(self, asked: bool = False) -> Clause:
        """The key is under the table: 열쇠는 탁자 아래에 있어요."""
        phrase, spot = self._thing_and_spot([(3, "the"), (2, "own"), (0.6, "this")])
        tense = "past" if self.draw.chance(0.25) else "present"
        return Clause(
            phrase,
            Predicate(stem=Stem("있")),
            tense,
            not asked and self.draw.chance(0.15),
            "",
            [spot],
            None,
            asked,
        )

    def whereabouts(self) -> Clause:
        """Where is my key: the clause; the asker puts the question word in front."""
        phrase, _ = self._thing_and_spot([(3, "the"), (3, "own")])
        tense = "past" if self.draw.chance(0.2) else "present"
        return Clause(phrase, Predicate(stem=Stem("있")), tense, asked=True)


def _alike(one: Noun, other: Noun) -> bool:
    """Whether it makes sense to compare them: two people, two places, two kinds of food."""
    telling = set(one.tags) - {"place", "in", "at", "small", "desk"}
    return (one.human and other.human) or bool(telling.intersection(other.tags))
