"""Whole sentences: statements and requests here, with questions and joined clauses from their modules."""

from __future__ import annotations

from itertools import pairwise

from actions import ACTIVE, Wish, please
from base import STATEABLE, Base, Said
from clauses import Clause
from joined import Joined
from nouns import NOUNS, select
from pairs import Draw, Pair, Word, finish
from phrases import PEOPLE
from questions import Questions

REQUESTS = [
    v
    for v in ACTIVE
    if v.english not in ("cry", "hide", "fight", "fall", "live", "love", "drive", "play", "catch")
]
RELATABLE = frozenset(
    n.english for n in select("@text @show @goods @cloth @public @region @pet house song cake apple")
)
NAMES_AND_KIN = frozenset(n.english for n in select("@name @family"))


class Sentences(Base):
    """Draws sentence pairs."""

    def __init__(self, draw: Draw) -> None:
        super().__init__(draw)
        questions, joined = Questions(draw), Joined(draw)
        self._kinds = [
            (26.0, self.statement),
            (5, self.quality),
            (3, self.profession),
            (7, self.comparison),
            (4, self.there_is),
            (3, self.located),
            (8, questions.yes_no),
            (13, questions.wh_question),
            (6, self.request),
            (8, self.relative_subject),
            (14, joined.joined),
            (7, joined.coordinated),
            (0.8, self.weather),
        ]

    def pair(self) -> Pair:
        """One sentence pair of any kind."""
        while True:
            kind = self.draw.weighted(self._kinds)
            en, ko, mark = kind()
            if 3 <= len(en) <= 25 and _sensible(en):
                return finish(en, ko, mark)

    def statement(self) -> Said:
        """Minsu bought two apples at the market yesterday."""
        verb = self.draw.rare(STATEABLE, "verb ")
        subject = self.actions.subject(verb)
        if (
            subject.person == 3
            and not subject.plural
            and subject.head in NAMES_AND_KIN
            and self.draw.chance(0.08)
        ):
            subject = self.phrases.both(subject, self.phrases.name())
        clause = self.actions.clause(verb, subject, Wish(nested=True, adjuncts=1.15))
        when = [part for part in clause.parts if part.ko_rank == 10]
        if when and self.draw.chance(0.25):
            clause.parts = [part for part in clause.parts if part not in when]
            en, ko = self.main(clause)
            return [*when[0].en, *en], [*when[0].ko, *ko], "."
        return (*self.main(clause), ".")

    def quality(self) -> Said:
        """The car is very expensive."""
        asked = self.draw.chance(0.25)
        return (*self.main(self.states.quality(asked=asked)), "?" if asked else ".")

    def profession(self) -> Said:
        """My sister is a doctor."""
        asked = self.draw.chance(0.2)
        clause = self.states.profession(asked)
        return (*self.main(clause), "?" if asked else ".")

    def comparison(self) -> Said:
        """Minsu is taller than Anna."""
        asked = self.draw.chance(0.2)
        return (*self.main(self.states.comparison(asked)), "?" if asked else ".")

    def there_is(self) -> Said:
        """There are two books on the desk."""
        asked = self.draw.chance(0.2)
        return (*self.states.existence(asked), "?" if asked else ".")

    def located(self) -> Said:
        """The key is under the table."""
        asked = self.draw.chance(0.2)
        return (*self.main(self.states.located(asked)), "?" if asked else ".")

    def weather(self) -> Said:
        """It rained yesterday."""
        tense = self.draw.pick(["past", "future"])
        clause = self.weather_clause(tense)
        clause.parts.append(self.actions.time(tense))
        return (*self.main(clause), ".")

    def request(self) -> Said:
        """Please open the window quietly."""
        verb = self.draw.rare(REQUESTS, "verb ")
        wish = Wish("present", "", self.draw.chance(0.25), "when", 1.0, False, False)
        clause = self.actions.clause(verb, None, wish)
        asked = Clause(
            None, clause.predicate, "present", clause.negative, "", clause.parts, person=2, plural=True
        )
        return (*please(asked), ".")

    def relative_subject(self) -> Said:
        """The man who bought the red car lives in Seoul. The book that Minsu read is interesting."""
        if self.draw.chance(0.45):
            noun = self.draw.rare(PEOPLE)
            verb = self.draw.rare(STATEABLE, "verb ")
            tense = "past" if verb.only_past else self.draw.pick(["past", "past", "present", "future"])
            subject = self.relative(noun, tense, Wish())
            return (*self.main(self.actions.clause(verb, subject, Wish(tense, adjuncts=0.7))), ".")
        while True:
            clause = self.states.quality(negative=self.draw.chance(0.12))
            assert clause.subject
            noun = NOUNS[clause.subject.head]
            if noun.plural and noun.english in RELATABLE:
                break
        subject = self.relative(noun, clause.tense, Wish(times=self.draw.chance(0.5)))
        whole = Clause(subject, clause.predicate, clause.tense, clause.negative)
        return (*self.main(whole), ".")


def _sensible(en: list[Word]) -> bool:
    """No noun or adjective twice, no we beside I, and no every under a negation."""
    nouns = [word.noun for word in en if word.noun]
    pronouns = {"I", "we", "he", "she"}.intersection(nouns)
    texts = [word.text for word in en]
    every = [after.noun for word, after in pairwise(en) if word.text == "every" and after.noun]
    if every and ("not" in texts or "cannot" in texts):
        return False
    return len(nouns) == len(set(nouns)) and len(pronouns) < 2
