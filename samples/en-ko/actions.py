"""Verb clauses drawn at random: who does what, where, when, with whom and with what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adjectives import DAYS, FREQUENCIES, NUMBERS, TIMES
from clauses import Clause, NounPhrase, Predicate, manner
from korean import particle
from nouns import Noun, select
from pairs import Draw, Eojeol, Part, Word, gloss, named, words
from phrases import DETERMINERS, GENERIC, PLACED, RECEIVING, SINGLE, Phrases
from verbs import VERBS, Verb

EVENTS = [v for v in VERBS if v.frame not in "snm"]
ACTIVE = [v for v in EVENTS if v.ing and not v.once]
NO_COMPANY = named(
    "sell lose break use throw fall wait hide wear push follow fix talk fight stay draw "
    "sleep touch find raise clean catch remember wash take drive ride write"
)
GROWN = named("drive work teach build sell raise use fix paint lend")
AFFIRMED = named("find understand remember see hear")
"""Verbs that Korean negates with 못 instead of 않다; they are not negated here."""
ANIMALS_TOO = named("sleep run follow cry swim fall")
LASTING = named("read study practice wait listen watch sleep run walk swim work rest play talk")
SEASONS = frozenset(["in spring", "in summer", "in autumn", "in winter", "last year", "next year"])
ABROAD = frozenset(["town", "region"])
ANIMALS = frozenset(noun.english for noun in select("@animal"))
SEVERAL = named("eat drink buy sell make bring wash cook invite meet see visit draw")
SEASONAL = named("visit learn study practice build swim walk run play work rest dance")
HOURS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


@dataclass(frozen=True)
class Wish:
    """What a caller asks of a verb clause; an empty field leaves the choice to chance.

    `gap` names what is left out because a question asks for it or a relative clause modifies it:
    object, place, when, why or how.
    `adjuncts` scales how much is added, and `nested` says whether nouns may carry relative clauses.
    """

    tense: str = ""
    mode: str | None = None
    negative: bool | None = None
    gap: str = ""
    adjuncts: float = 1.0
    times: bool = True
    company: bool = True
    nested: bool = False
    asked: bool = False


Relative = Callable[[Noun, str], NounPhrase]


class Actions:
    """Draws verb clauses."""

    def __init__(self, draw: Draw, phrases: Phrases) -> None:
        self.draw = draw
        self.phrases = phrases
        self.relative: Relative | None = None

    def subject(self, verb: Verb) -> NounPhrase:
        """A plausible subject of the verb."""
        if verb.english in ANIMALS_TOO and self.draw.chance(0.3):
            only = "dog duck" if verb.english == "swim" else "@animal -bird"
            return self.phrases.common(self.draw.rare(select(only)), RECEIVING)
        young = {noun.english for noun in select("@young")}
        while True:
            subject = self.phrases.subject()
            crowded = verb.frame == "b" and subject.plural
            if verb.frame in "sn" and not subject.definite:
                continue
            if not crowded and (verb.english not in GROWN or subject.head not in young):
                return subject

    def place(self, noun: Noun, role: str, preposition: str = "") -> Part:
        """In the park: 공원에서; to the park: 공원에."""
        if not preposition:
            preposition = "at" if "at" in noun.tags else "in"
        phrase = self.phrases.common(noun, PLACED, 0.3)
        return phrase.as_part(role, 30, 30, preposition)

    def time(self, tense: str, seasonal: bool = True) -> Part:
        """When: a phrase that suits the tense, or an hour, or a day."""
        kind = self.draw.weighted([(5, "fixed"), (1.5, "hour"), (2, "day")])
        if kind == "hour":
            hour = self.draw.rare(HOURS)
            return gloss(f"at {hour} o'clock", f"{NUMBERS[hour]}:1 시에:2?0", 50, 10)
        if kind == "day":
            day, korean = self.draw.rare(DAY_ITEMS)
            return gloss(f"on {day}", f"{korean}에:1?0", 50, 10)
        suited = [(english, korean) for english, korean, tenses in TIMES if tense in tenses]
        in_season = seasonal and self.draw.chance(0.6)
        if in_season or not seasonal:
            suited = [(english, korean) for english, korean in suited if (english in SEASONS) == in_season]
        english, korean = self.draw.rare(suited)
        return gloss(english, korean, 50, 10)

    def company(self) -> Part:
        """With Minsu: 민수와."""
        return self.phrases.person().as_part("and", 35, 20, "with")

    def lasting(self) -> Part:
        """For three hours: 세 시간 동안."""
        number = self.draw.rare(HOURS[:6])
        unit = "hour" if number == "one" else "hours"
        return gloss(f"for {number} {unit}", f"{NUMBERS[number]}:1 시간:2 동안:0", 40, 38)

    def predicate(self, verb: Verb) -> Predicate:
        """The predicate of the verb."""
        return Predicate(verb=verb)

    def clause(self, verb: Verb, subject: NounPhrase | None, wish: Wish) -> Clause:
        """A clause around a verb; without a subject it agrees with a third person singular."""
        tense, mode = self._tense(verb, wish)
        negative = wish.negative
        if verb.english in AFFIRMED:
            negative = False
        elif negative is None:
            negative = self.draw.chance(0.06 if verb.once else 0.17)
        parts = self._objects(verb, wish, tense)
        frequency = None
        if not any(part.clausal for part in parts):
            parts += self._adjuncts(verb, subject, wish, tense, mode, negative, parts)
        said_when = any(part.ko_rank == 10 for part in parts)
        habit = tense == "present" and not mode and not negative and verb.frame not in "snlm"
        if habit and not said_when and wish.gap != "when" and (not wish.asked or self.draw.chance(0.3)):
            adverb = self.draw.rare(list(FREQUENCIES))
            frequency = gloss(adverb, f"{FREQUENCIES[adverb]}:0", 0, 8)
        return Clause(subject, self.predicate(verb), tense, negative, mode, parts, frequency, wish.asked)

    def _tense(self, verb: Verb, wish: Wish) -> tuple[str, str]:
        if verb.english == "know":
            return "present", ""
        if verb.frame in "sn":
            choices = [(4.0, "present"), (1, "past")]
            return wish.tense if wish.tense in ("past", "present") else self.draw.weighted(choices), ""
        tense = wish.tense or self.draw.weighted([(4.0, "past"), (3.5, "present"), (2.5, "future")])
        if verb.only_past:
            return "past", ""
        if verb.once:
            return tense if tense != "present" or wish.tense else "past", ""
        if wish.mode is not None:
            return tense, wish.mode
        if tense == "future" or verb.frame in "bom":
            return tense, ""
        if tense == "past":
            return tense, "progressive" if verb.ing and verb.frame in "tiw" and self.draw.chance(0.14) else ""
        modes = [(6.0, ""), (2.0, "want"), (2.0, "can")]
        if verb.ing and verb.frame in "tiw" and verb.english != "wear":
            modes.append((3.5, "progressive"))
        return tense, self.draw.weighted(modes)

    def _objects(self, verb: Verb, wish: Wish, tense: str) -> list[Part]:
        parts: list[Part] = []
        if verb.frame in "tsdfnow" and wish.gap != "object":
            parts.append(self._object(verb, wish, tense))
        if verb.frame in "df" and (verb.frame == "d" or self.draw.chance(0.7)):
            role, preposition = ("to", "to") if verb.frame == "d" else ("from", "from")
            parts.append(self.phrases.person().as_part(role, 12, 40, preposition))
        if verb.frame in "gal" and wish.gap != "place":
            noun = self.draw.rare(select(verb.places))
            preposition = {"g": "to", "a": "in" if ABROAD.intersection(noun.tags) else "at"}.get(
                verb.frame, ""
            )
            part = self.place(noun, "at", preposition)
            part.en_rank, part.ko_rank = 10, 40
            parts.append(part)
        if verb.frame == "b":
            parts.append(
                self.phrases.common(self.draw.rare(select("chair bed")), SINGLE).as_part("at", 10, 40, "on")
            )
        return parts

    def _object(self, verb: Verb, wish: Wish, tense: str) -> Part:
        draw = self.draw
        role = {"n": "subject", "w": "and"}.get(verb.frame, "object")
        preposition = "with" if verb.frame == "w" else verb.preposition
        rank = 40 if verb.frame == "w" else 50
        noun = draw.rare(select(verb.objects))
        if wish.nested and self.relative and noun.counter and verb.frame in "tsw" and draw.chance(0.14):
            return self.relative(noun, tense).as_part(role, 10, rank, preposition)
        phrase = self.object_phrase(verb, noun)
        if verb.english in SEVERAL and draw.chance(0.12) and phrase.person == 3:
            other = draw.rare(select(verb.objects))
            if other.english != noun.english and other.tags[0] == noun.tags[0]:
                phrase = self.phrases.both(phrase, self.object_phrase(verb, other))
        return phrase.as_part(role, 10, rank, preposition)

    def object_phrase(self, verb: Verb, noun: Noun) -> NounPhrase:
        """The object, with a determiner that suits the verb."""
        if noun.human and "person" in noun.tags and self.draw.chance(0.09):
            return self.phrases.pronoun(self.draw.pick(["me", "us"]))
        kinds = DETERMINERS
        if verb.english in ("like", "hate"):
            kinds = GENERIC
        elif verb.english in ("teach", "learn", "study"):
            kinds = [(1.0, "bare")]
        elif verb.english == "have":
            kinds = [(2.0, "a"), (2.0, "number"), (0.6, "many"), (0.3, "bare")]
        elif verb.english == "need":
            kinds = [(2.0, "a"), (1.0, "the"), (1, "this"), (0.6, "number"), (0.6, "bare")]
        elif verb.frame in "so" or verb.english in ("open", "close", "touch", "clean", "wear", "use"):
            kinds = SINGLE
        elif noun.human or ("place" in noun.tags and verb.english not in ("build", "buy", "sell")):
            kinds = RECEIVING if noun.human else PLACED
        return self.phrases.common(noun, kinds)

    def _adjuncts(
        self,
        verb: Verb,
        subject: NounPhrase | None,
        wish: Wish,
        tense: str,
        mode: str,
        negative: bool,
        parts: list[Part],
    ) -> list[Part]:
        added: list[Part] = []
        plural = subject is not None and subject.plural and subject.person != 2
        animal = subject is not None and subject.head in ANIMALS

        def chance(probability: float) -> bool:
            return self.draw.chance(probability * wish.adjuncts)

        if verb.places and verb.frame in "tdfiw" and wish.gap != "place" and chance(0.42):
            places = select("garden park village") if animal else select(verb.places)
            added.append(self.place(self.draw.rare(places), "in"))
        tooled = not verb.tooled or any(word.noun in verb.tooled for part in parts for word in part.en)
        if verb.tools and tooled and wish.gap != "how" and chance(0.4):
            tool = self.phrases.common(
                self.draw.rare(select(verb.tools)), [(3, "a"), (1, "the"), (1, "own")], 0.1
            )
            added.append(tool.as_part("means", 20, 45, "with"))
        if verb.frame == "g" and wish.gap != "how" and chance(0.35):
            means = self.draw.rare(select("@means"))
            added.append(gloss(f"by {means.english}", f"{particle(means.korean, 'means')}:1?0", 20, 35))
        elif (
            verb.manners
            and wish.gap != "how"
            and len(added) < 2
            and chance(0.4 if verb.frame in "gao" else 0.25)
        ):
            barred = [
                *([] if plural else ["together"]),
                *(["again"] if tense == "present" and not mode else []),
            ]
            manners = [adverb for adverb in verb.manners if adverb not in barred]
            added += [manner(self.draw.rare(manners))] if manners else []
        social = verb.frame in "tig" and verb.english not in NO_COMPANY and not _together(added)
        equipped = any(part.en_rank == 20 for part in added)
        if social and wish.company and not animal and not equipped and not _people(parts) and chance(0.16):
            added.append(self.company())
        if verb.english in LASTING and not mode and not negative and tense != "present" and chance(0.2):
            added.append(self.lasting())
        elif wish.times and wish.gap != "when" and verb.frame not in "snl":
            added += self._when(verb, tense, mode, chance)
        elif wish.times and tense == "past" and verb.english in ("live", "stay") and chance(0.3):
            added.append(gloss("last year", "작년에:0,1", 50, 10))
        return added

    def _when(self, verb: Verb, tense: str, mode: str, chance: Callable[[float], bool]) -> list[Part]:
        if mode == "progressive":
            return [gloss("now", "지금:0", 50, 10)] if tense == "present" and chance(0.6) else []
        if mode in ("want", "can"):
            return [self.time("future" if tense == "present" else "past", False)] if chance(0.3) else []
        seasonal = verb.frame in "gao" or verb.english in SEASONAL
        return [self.time(tense, seasonal)] if verb.english not in ("raise", "build") and chance(0.5) else []


def _together(parts: list[Part]) -> bool:
    return any(word.text == "together" for part in parts for word in part.en)


def _people(parts: list[Part]) -> bool:
    people = {noun.english for noun in select("@person @family @name")} | {"I", "we"}
    return any(word.noun in people for part in parts for word in part.en)


DAY_ITEMS = list(DAYS.items())


def relative_phrase(noun: Noun, said: Part, who: Word, clause: Clause) -> NounPhrase:
    """The man who bought the car: the clause before the noun, its verb adnominal."""
    the = Word("the")
    word = Word(noun.english, noun.english)
    inner = clause.korean("adnominal", "subject", who)
    return NounPhrase(
        [the, *said.en, word, who, *clause.english()],
        [*inner, *said.ko, Eojeol(noun.korean, [word], [the])],
        noun.english,
        clausal=True,
    )


def please(clause: Clause) -> tuple[list[Word], list[Eojeol]]:
    """A request: Please open the door, 문을 열어 주세요."""
    polite = words("please")
    return [*polite, *clause.english()], clause.korean("please", "topic", *polite)
