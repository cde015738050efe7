"""What every kind of sentence is built with: main clauses, relative clauses and the weather."""

from __future__ import annotations

from dataclasses import replace

from actions import EVENTS, Actions, Wish, relative_phrase
from clauses import Clause, NounPhrase
from nouns import Noun, select
from pairs import Draw, Eojeol, Part, Word
from phrases import Phrases
from states import States
from verbs import VERBS, Verb

Said = tuple[list[Word], list[Eojeol], str]
"""A sentence before its links are numbered: both word lists and the final mark."""

BY_NAME = {verb.english: verb for verb in VERBS}
STATEABLE = [v for v in VERBS if v.frame != "m"]
WEATHER = ("rain", "snow")
RELATIVE_TENSES = {
    "past": [(8.0, "past"), (2.0, "present")],
    "present": [(5.5, "past"), (3.5, "present"), (1.0, "future")],
    "future": [(5.0, "past"), (2.0, "present"), (3.0, "future")],
}


class Base:
    """Draws clauses for sentences."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.phrases = Phrases(draw)
        self.actions = Actions(draw, self.phrases)
        self.states = States(draw, self.phrases)
        self.actions.relative = self.relative

    def main(self, clause: Clause, en: list[Word] | None = None) -> tuple[list[Word], list[Eojeol]]:
        """A main clause: its subject is the topic, unless it is new to the hearer."""
        role = "subject" if clause.subject and not clause.subject.definite else "topic"
        return (en or clause.english()), clause.korean("polite", role)

    def action(self, verb: Verb, wish: Wish) -> Clause:
        """A clause with the verb and a subject that suits it."""
        return self.actions.clause(verb, self.actions.subject(verb), wish)

    def weather_clause(self, tense: str) -> Clause:
        """It rains, it will snow."""
        it = Word("it")
        verb = BY_NAME[self.draw.pick(WEATHER)]
        return Clause(NounPhrase([it], [], "it"), self.actions.predicate(verb), tense)

    def relative(self, noun: Noun, tense: str, wish: Wish | None = None) -> NounPhrase:
        """A noun with a relative clause that suits it and the tense of the main clause."""
        inside = wish is None
        wish = replace(
            wish or Wish(times=False, adjuncts=0.5),
            mode="",
            negative=self.draw.chance(0.08),
            tense=self.draw.weighted(RELATIVE_TENSES[tense]),
        )
        the_adjective: Part = Part([], [])
        if (inside or noun.human) and self.phrases.describable(noun) and self.draw.chance(0.2):
            the_adjective = Part(*self.phrases.adjective(noun))
        if noun.human:
            verb = self.draw.rare([v for v in STATEABLE if v.english not in ("need", "catch")], "verb ")
            return relative_phrase(
                noun, the_adjective, Word("who"), self.actions.clause(verb, None, _settled(verb, wish))
            )
        if "public" in noun.tags or "region" in noun.tags:
            verbs = [v for v in EVENTS if v.frame in "tiw" and noun in select(v.places)]
            gap, link = "place", "where"
        else:
            verbs = [
                v for v in STATEABLE if v.frame in "ts" and not v.preposition and noun in select(v.objects)
            ]
            gap, link = "object", "that"
        verb = self.draw.rare([v for v in verbs if v.english != "have"], "verb ")
        while True:
            subject = self.actions.subject(verb)
            if subject.definite and subject.head != noun.english:
                break
        clause = self.actions.clause(verb, subject, replace(_settled(verb, wish), gap=gap))
        return relative_phrase(noun, the_adjective, Word(link), clause)


def _settled(verb: Verb, wish: Wish) -> Wish:
    """The wish for a relative clause; a single event is not described as a habit."""
    return replace(wish, tense="past") if verb.once and wish.tense == "present" else wish
