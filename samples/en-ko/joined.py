"""Clauses joined to clauses, subordinate and side by side."""

from __future__ import annotations

from dataclasses import replace

from actions import ACTIVE, AFFIRMED, ANIMALS, EVENTS, Wish
from base import BY_NAME, Base, Said
from clauses import Clause
from pairs import Word, named, words

RETREATS = named("stay rest cry sleep leave return help call talk")
"""What people do because of a mishap, while they leave other things undone."""
SETBACKS = "lose break fall leave arrive"
OCCASIONS = "arrive come call fall leave visit break return open"
HAPPENINGS = "come arrive call leave return help invite visit send"
CONSEQUENCES = named(
    "go come visit play work sleep rest study dance swim leave stay walk run meet help call cook watch drive "
    "bring buy return sing talk clean wait invite learn read eat close wash practice look carry ride send "
    "lend cry smile"
)


class Joined(Base):
    """Draws sentences of two clauses."""

    def joined(self) -> Said:
        """Because, when, if, after, before: in Korean the subordinate clause always comes first."""
        link = self.draw.weighted([(3, "because"), (3, "when"), (3, "if"), (1.6, "after"), (1.6, "before")])
        tense = "past" if link == "when" or link != "if" and self.draw.chance(0.6) else "present"
        minor = self._minor(link, tense)
        mode: str | None = ""
        main_tense = "past" if tense == "past" else "future"
        negative = self.draw.chance(0.7) if link == "because" else self.draw.chance(0.1)
        verbs = [v for v in EVENTS if tense == "past" or not v.only_past]
        if link in ("because", "if"):
            likely = RETREATS if link == "because" and not negative else CONSEQUENCES
            verbs = [BY_NAME[name] for name in likely]
        if link == "when" and self.draw.chance(0.5):
            mode, negative = "progressive", False
            verbs = [v for v in ACTIVE if v.frame in "tiw" and v.english != "wear"]
        elif link in ("because", "if") and main_tense == "future" and self.draw.chance(0.35):
            main_tense, mode = "present", "can"
            negative = link == "because" or negative
        verb = self.draw.rare(verbs, "verb ")
        while True:
            subject = self.actions.subject(verb)
            if not minor.subject or subject.head != minor.subject.head:
                break
        fronted = self.draw.chance(0.4)
        adjuncts = 0.5 if fronted or link == "because" else 0.35
        wish = Wish(main_tense, mode, negative, "when" if link == "when" else "", adjuncts)
        main = self.actions.clause(verb, subject, wish)
        heard = words(link)
        en, ko = self.main(main)
        if fronted:
            said = minor.english()
            said[-1].text += ","
            en = [*heard, *said, *en]
        else:
            en = [*en, *heard, *minor.english()]
        return en, [*minor.korean(link, "subject", *heard), *ko], "."

    def _minor(self, link: str, tense: str) -> Clause:
        """The clause that gives the reason, the occasion or the condition."""
        if link in ("because", "when", "if") and self.draw.chance(0.28):
            return self.weather_clause(tense)
        if link == "because" and self.draw.chance(0.6) or link == "if" and self.draw.chance(0.35):
            return self.states.condition(tense)
        names = {"because": SETBACKS, "when": OCCASIONS}.get(link, HAPPENINGS).split()
        if tense == "present" and link == "because":
            names = ["sleep", "work", "cry", "rest"]
        mode = "progressive" if tense == "present" and link == "because" else ""
        verb = self.draw.rare([BY_NAME[name] for name in names], "verb ")
        wish = Wish(tense, mode, False, "when", 0.5, False)
        subject = self.actions.subject(verb)
        while subject.head in ANIMALS:
            subject = self.actions.subject(verb)
        clause = self.actions.clause(verb, subject, wish)
        clause.frequency = None
        return clause

    def coordinated(self) -> Said:
        """Minsu read a book and Anna slept. My brother likes dogs but my sister likes cats."""
        link = self.draw.pick(["and", "but"])
        if link == "but" and self.draw.chance(0.5):
            verb = BY_NAME[self.draw.pick(["like", "need", "have", "know", "like"])]
            first = self.action(verb, Wish("present", "", False))
            second = self.action(verb, Wish("present", "", self.draw.chance(0.5)))
        else:
            tense = "past"
            wish = Wish(tense, "", False, adjuncts=0.5)
            verb = self.draw.rare(EVENTS, "verb ")
            if link == "but":
                verb = self.draw.rare([v for v in EVENTS if v.english not in AFFIRMED], "verb ")
            other = verb if link == "but" else self.draw.rare(EVENTS, "verb ")
            while True:
                first, second = (
                    self.action(verb, wish),
                    self.action(other, replace(wish, negative=link == "but")),
                )
                if link == "and" or _known(first) and _known(second):
                    break
        joint = Word(link)
        en, ko = self.main(second)
        role = "subject" if first.subject and not first.subject.definite else "topic"
        return [*first.english(), joint, *en], [*first.korean(link, role, joint), *ko], "."


def _known(clause: Clause) -> bool:
    return clause.subject is not None and clause.subject.definite
