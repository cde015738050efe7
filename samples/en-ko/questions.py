"""Questions: yes or no, and with every question word."""

from __future__ import annotations

from actions import EVENTS, Wish
from base import BY_NAME, STATEABLE, Base, Said
from clauses import NounPhrase
from nouns import Noun, select
from pairs import Eojeol, Part, Word, gloss, named, weights
from verbs import Verb

ASKABLE = [v for v in STATEABLE if v.english not in ("fall", "have")]
HANDMADE = named("make fix open cook find catch")
QUESTIONS = weights("3 what 1.2 which 1.8 many 2 who 1.3 whom 3 where 2 when 2 why 1 how 1 lost")


class Questions(Base):
    """Draws questions."""

    def _asked_subject(self, verb: Verb) -> NounPhrase:
        if self.draw.chance(0.45):
            return self.phrases.hearer()
        while True:
            subject = self.actions.subject(verb)
            if subject.person == 3 and subject.definite:
                return subject

    def yes_no(self) -> Said:
        """Did Minsu meet the teacher at the station?"""
        verb = self.draw.rare(ASKABLE, "verb ")
        clause = self.actions.clause(verb, self._asked_subject(verb), Wish(asked=True, negative=False))
        return (*self.main(clause), "?")

    def wh_question(self) -> Said:
        """What, which, how many, who, whom, where, when, why and how."""
        word = self.draw.weighted(QUESTIONS)
        if word == "lost":
            clause = self.states.whereabouts()
            where = gloss("where", "어디에:0", 0, 40)
            clause.parts.append(Part([], where.ko, 0, 40))
            return (*self.main(clause, clause.english(where)), "?")
        if word == "who":
            return self._who()
        front, gap, verbs = self._question(word)
        verb = self.draw.rare(verbs, "verb ")
        if word in ("many", "which"):
            nouns = [n for n in select(verb.objects) if n.plural and "person" not in n.tags]
            noun = self.draw.rare(nouns)
            front = self.phrases.how_many(noun) if word == "many" else self._which(noun)
        if word == "where" and verb.frame in "gl":
            front = gloss("where", "어디에:0", 0, 40)
        negative = word == "why" and self.draw.chance(0.45)
        tense = "" if word != "when" else self.draw.pick(["past", "future"])
        wish = Wish(tense, "", negative, gap, 0.75, word != "when", asked=True)
        clause = self.actions.clause(verb, self._asked_subject(verb), wish)
        assert front
        clause.parts.append(Part([], front.ko, 0, front.ko_rank))
        return (*self.main(clause, clause.english(front)), "?")

    def _question(self, word: str) -> tuple[Part | None, str, list[Verb]]:
        plain = [v for v in ASKABLE if v.frame in "t" and not v.preposition]
        if word in ("what", "many", "which"):
            countable = named(
                "eat buy read make sell draw wash fix lose break find carry choose need like send write"
            )
            verbs = [BY_NAME[name] for name in countable if word != "many" or name not in ("like", "need")]
            if word == "what":
                verbs += [
                    BY_NAME[name] for name in ("study", "learn", "teach", "cook", "watch", "drink", "use")
                ]
            return gloss("what", "무엇을:0", 0, 50), "object", [v for v in verbs if v.frame in "tsd"]
        if word == "whom":
            people = named("meet help invite call love like remember follow see")
            return gloss("who", "누구를:0", 0, 50), "object", [BY_NAME[name] for name in people]
        if word == "where":
            verbs = [
                v for v in ASKABLE if v.places and v.frame in "tifgl" and v.english not in ("arrive", "play")
            ]
            return gloss("where", "어디에서:0", 0, 30), "place", verbs
        if word == "when":
            return gloss("when", "언제:0", 0, 10), "when", [v for v in EVENTS if v.frame != "l"]
        if word == "why":
            return gloss("why", "왜:0", 0, 5), "why", EVENTS
        travel = [BY_NAME[name] for name in ("go", "come", "return")]
        return gloss("how", "어떻게:0", 0, 55), "how", [*travel, *(v for v in plain if v.english in HANDMADE)]

    def _which(self, noun: Noun) -> Part:
        which, word = Word("which"), Word(noun.english, noun.english)
        phrase = NounPhrase(
            [which, word], [Eojeol("어느", [which]), Eojeol(noun.korean, [word])], noun.english
        )
        return phrase.as_part("object", 0, 50)

    def _who(self) -> Said:
        who = Word("who")
        subject = NounPhrase([who], [Eojeol("누구", [who])], "who", definite=False)
        verb = self.draw.rare([v for v in STATEABLE if v.english != "have"], "verb ")
        clause = self.actions.clause(verb, subject, Wish(mode="", negative=False))
        return (*self.main(clause), "?")
