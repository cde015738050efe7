"""Noun phrases drawn at random: determiners, adjectives, possessors, numbers, names and pronouns."""

from __future__ import annotations

from collections.abc import Sequence

from adjectives import ADJECTIVES, NUMBERS, SPOTS, Adjective
from clauses import NounPhrase
from korean import particle
from nouns import Noun, select
from pairs import Draw, Eojeol, Part, Word, gloss, named, weights

OWNED = named("goods machine pet home work small present paper tale bond tool toy")
PEOPLE = select("@person")
NAMES = select("@name")
FAMILY = select("@family")
JOBS = select("@job")

_FITTING: dict[str, list[Adjective]] = {}
for _adjective in ADJECTIVES:
    for _noun in select(_adjective.nouns):
        _FITTING.setdefault(_noun.english, []).append(_adjective)


def fitting(noun: Noun, attributive: bool) -> list[Adjective]:
    """The adjectives that may describe a noun, before it or after be."""
    fit = _FITTING.get(noun.english, [])
    return [a for a in fit if (a.attributive if attributive else a.predicative)]


def is_owned(noun: Noun) -> bool:
    """Whether a possessor is natural."""
    return any(tag in OWNED for tag in noun.tags)


class Phrases:
    """Draws noun phrases."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    def name(self) -> NounPhrase:
        """A person's name."""
        return self._proper(self.draw.rare(NAMES))

    def _proper(self, noun: Noun) -> NounPhrase:
        word = Word(noun.english, noun.english)
        return NounPhrase([word], [Eojeol(noun.korean, [word])], noun.english)

    def pronoun(self, english: str) -> NounPhrase:
        """I, we, he or she, in the case given."""
        korean = {"I": "저", "me": "저", "we": "우리", "us": "우리", "he": "그", "she": "그녀"}[english]
        word = Word(english, {"me": "I", "us": "we"}.get(english, english))
        person = 3 if english in ("he", "she") else 1
        return NounPhrase([word], [Eojeol(korean, [word])], word.noun, person, english in ("we", "us"))

    def hearer(self) -> NounPhrase:
        """The subject you, which Korean omits."""
        return NounPhrase([Word("you", "you")], [], "you", 2, True)

    def owner(self, noun: Noun) -> tuple[list[Word], list[Eojeol]]:
        """A possessor: my, our, Minsu's, the teacher's, my brother's."""
        choice = self.draw.weighted(
            [(4, "my"), (1.5, "our"), (2.5, "name"), (1.5, "person"), (1.5, "family")]
        )
        if choice in ("my", "our"):
            word = Word(choice)
            korean = "우리" if choice == "our" or "ours" in noun.tags else "제"
            return [word], [Eojeol(korean, [word])]
        if choice == "name":
            whose = self.name()
        elif choice == "family" and "family" not in noun.tags and "bond" not in noun.tags:
            whose = self.family(self.draw.rare(FAMILY), simple=True)
        else:
            the = Word("the")
            person = self.draw.rare(select("@owner -friend -neighbor"))
            word = Word(person.english, person.english)
            whose = NounPhrase([the, word], [Eojeol(person.korean, [word], [the])], person.english)
        whose.en[-1].text += "'s"
        return whose.en, whose.marked("of")

    def family(self, noun: Noun, simple: bool = False) -> NounPhrase:
        """A relative, always with a possessor; in Korean elder relatives take 우리 instead of 제."""
        if simple:
            word = Word("my")
            en, ko = [word], [Eojeol("우리" if "ours" in noun.tags else "제", [word])]
        else:
            en, ko = self.owner(noun)
        word = Word(noun.english, noun.english)
        return NounPhrase([*en, word], [*ko, Eojeol(noun.korean, [word])], noun.english)

    def adjective(self, noun: Noun) -> tuple[list[Word], list[Eojeol]]:
        """An adjective before a noun."""
        adjective = self.draw.rare(fitting(noun, attributive=True), "adjective ")
        word = Word(adjective.english, adjective.english)
        return [word], [Eojeol(text, [word]) for text in adjective.before_noun()]

    def describable(self, noun: Noun) -> bool:
        """Whether any adjective may stand before it."""
        return bool(fitting(noun, attributive=True))

    def common(
        self, noun: Noun, kinds: Sequence[tuple[float, str]] = (), described: float = 0.35, number: str = ""
    ) -> NounPhrase:
        """A phrase around a common noun, its determiner drawn from the weighted kinds that suit it."""
        if "name" in noun.tags or "town" in noun.tags:
            return self._proper(noun)
        if "family" in noun.tags:
            return self.family(noun)
        kind = number or self._kind(noun, kinds or DETERMINERS)
        en: list[Word] = []
        ko: list[Eojeol] = []
        heard: list[Word] = []
        plural = kind in ("number", "few", "many", "bare", "cups") and bool(noun.plural)
        if kind in ("number", "few", "cups"):
            return self._counted(noun, described, few=kind == "few")
        if kind in ("the", "a"):
            heard.append(Word("the" if kind == "the" else "a"))
            en += heard
        elif kind in ("this", "that", "every", "many"):
            korean = {"this": "이", "that": "그", "every": "모든", "many": "많은"}[kind]
            en.append(Word(kind))
            ko.append(Eojeol(korean, [en[0]]))
        elif kind == "own":
            en, ko = self.owner(noun)
        if kind not in ("every", "many") and self.describable(noun) and self.draw.chance(described):
            said, korean_said = self.adjective(noun)
            en, ko = [*en, *said], [*ko, *korean_said]
        word = Word(noun.plural if plural else noun.english, noun.english)
        text = noun.korean + ("들" if plural and "person" in noun.tags else "")
        if kind == "a":
            heard[0].text = "an" if [*en, word][1].text[0] in "aeiou" else "a"
        definite = kind not in ("a", "many")
        return NounPhrase(
            [*en, word], [*ko, Eojeol(text, [word], heard)], noun.english, 3, plural, definite=definite
        )

    def _kind(self, noun: Noun, kinds: Sequence[tuple[float, str]]) -> str:
        def suits(kind: str) -> bool:
            if kind == "own":
                return is_owned(noun)
            if kind == "cups":
                return "drink" in noun.tags
            if kind == "bare":
                return bool(noun.plural) or noun.counter == "" or "drink" in noun.tags
            if kind in ("this", "the"):
                return "subject" not in noun.tags or (noun.english == "music" and kind == "the")
            return bool(noun.plural) and not (kind == "every" and "bond" in noun.tags)

        suited = [(weight, kind) for weight, kind in kinds if suits(kind)]
        return self.draw.weighted(suited or [(1, "bare")])

    def _counted(self, noun: Noun, described: float, few: bool) -> NounPhrase:
        """Three books, two cups of coffee: the noun, the numeral, the counter."""
        number = self.draw.rare(list(NUMBERS)[1:6] if few else list(NUMBERS), "few " if few else "")
        many = number != "one"
        numeral = Word(number)
        noun_word = Word(noun.plural if noun.plural and many else noun.english, noun.english)
        said: list[Word] = []
        korean: list[Eojeol] = []
        if self.describable(noun) and self.draw.chance(described / 2):
            said, korean = self.adjective(noun)
        if noun.plural:
            en = [numeral, *said, noun_word]
            unit = Eojeol(noun.counter, [], [numeral, noun_word])
        else:
            cup = Word("cups" if many else "cup")
            of = Word("of")
            en = [numeral, cup, of, *said, noun_word]
            unit = Eojeol(noun.counter, [cup], [of])
        ko = [*korean, Eojeol(noun.korean, [noun_word]), Eojeol(NUMBERS[number], [numeral]), unit]
        return NounPhrase(en, ko, noun.english, 3, many, definite=False)

    def how_many(self, noun: Noun) -> Part:
        """How many books, as an object: the particle stays on the noun, 책을 몇 권."""
        how, many, word = Word("how"), Word("many"), Word(noun.plural, noun.english)
        ko = [
            Eojeol(particle(noun.korean, "object"), [word]),
            Eojeol("몇", [how, many]),
            Eojeol(noun.counter, [], [many, word]),
        ]
        return Part([how, many, word], ko, 0, 50)

    def subject(self) -> NounPhrase:
        """The subject of an action."""
        kind = self.draw.weighted(
            [(3, "name"), (2.2, "I"), (0.8, "we"), (0.3, "he"), (0.3, "she"), (3.2, "person"), (2, "family")]
        )
        if kind == "name":
            return self.name()
        if kind == "person":
            return self.common(self.draw.rare(PEOPLE), PERSONAL)
        if kind == "family":
            return self.family(self.draw.rare(FAMILY))
        return self.pronoun(kind)

    def person(self) -> NounPhrase:
        """A person to whom or with whom something is done."""
        kind = self.draw.weighted([(3, "name"), (0.7, "me"), (0.4, "us"), (3.5, "person"), (2.5, "family")])
        if kind == "person":
            return self.common(self.draw.rare(PEOPLE), RECEIVING, 0.2)
        if kind == "family":
            return self.family(self.draw.rare(FAMILY))
        return self.name() if kind == "name" else self.pronoun(kind)

    def spot(self, surface: NounPhrase, preposition: str) -> Part:
        """On the table: 탁자 위에."""
        where = gloss(preposition, SPOTS[preposition])
        return Part([*where.en, *surface.en], [*surface.ko, *where.ko], 30, 30)

    def both(self, first: NounPhrase, second: NounPhrase) -> NounPhrase:
        """Bread and milk: 빵과 우유."""
        joint = Word("and")
        return NounPhrase(
            [*first.en, joint, *second.en],
            [*first.marked("and", joint), *second.ko],
            first.head,
            3,
            True,
            definite=first.definite,
        )


DETERMINERS = weights("4 the 3 a 2 own 0.8 this 0.6 that 1.2 bare 1.5 number 0.6 many 1.5 cups")
PERSONAL = weights("5 the 1.2 a 1 own 0.5 this 0.5 that 0.4 bare 0.7 few 0.4 many 0.4 every")
RECEIVING = weights("5 the 1 a 1.2 own 0.4 that 0.5 few 0.3 many")
SINGLE = weights("5 the 1.5 own 0.8 this 0.8 that")
GENERIC = weights("2 the 3 bare 0.6 this 0.5 own")
PLACED = weights("6 the 0.8 own 0.3 this")
