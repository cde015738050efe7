"""Korean morphology: particles that follow the final consonant, and conjugation.

Everything works on precomposed Hangul syllables by arithmetic, so there is no table of inflected forms to
keep consistent with the lexicon. A stem is the dictionary form without 다; how it behaves
before a vowel is its `kind`.
"""

from __future__ import annotations

from dataclasses import dataclass

_FIRST = 0xAC00
_MEDIALS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]

PARTICLES = {
    "topic": ("은", "는"),
    "subject": ("이", "가"),
    "object": ("을", "를"),
    "and": ("과", "와"),
    "means": ("으로", "로"),
    "of": ("의", "의"),
    "at": ("에", "에"),
    "in": ("에서", "에서"),
    "to": ("에게", "에게"),
    "from": ("에게서", "에게서"),
    "than": ("보다", "보다"),
    "": ("", ""),
}
"""Each particle by its role: the form after a consonant, the form after a vowel."""

_SUPPLETIVE = {("저", "subject"): "제가", ("누구", "subject"): "누가"}

_FUSED = {"ㅗ": "ㅘ", "ㅜ": "ㅝ", "ㅣ": "ㅕ"}
"""Stem vowels that merge with a following 아 or 어: 보아 -> 봐, 배우어 -> 배워, 마시어 -> 마셔."""


def split(syllable: str) -> tuple[int, str, str]:
    """The initial (as a number), medial and final of one syllable."""
    code = ord(syllable) - _FIRST
    if not 0 <= code < 11172:
        raise ValueError(f"not a Hangul syllable: {syllable!r}")
    return code // 588, _MEDIALS[code % 588 // 28], _FINALS[code % 28]


def join(initial: int, medial: str, final: str = "") -> str:
    """The syllable made of these three; the inverse of `split`."""
    return chr(_FIRST + initial * 588 + _MEDIALS.index(medial) * 28 + _FINALS.index(final))


def final_of(word: str) -> str:
    """The final consonant of the last syllable, or nothing."""
    return split(word[-1])[2]


def with_final(word: str, final: str) -> str:
    """The word with the final consonant of its last syllable replaced."""
    initial, medial, _ = split(word[-1])
    return word[:-1] + join(initial, medial, final)


def particle(word: str, role: str) -> str:
    """The word with the particle of that role attached: 책 -> 책을, 사과 -> 사과를, 연필 -> 연필로."""
    if (word, role) in _SUPPLETIVE:
        return _SUPPLETIVE[word, role]
    after_consonant, after_vowel = PARTICLES[role]
    final = final_of(word)
    if not final or (role == "means" and final == "ㄹ"):
        return word + after_vowel
    return word + after_consonant


@dataclass(frozen=True)
class Stem:
    """A verb or adjective without 다.

    `kind` names what it does before a vowel: nothing (regular, with the losses of ㄹ and 으 that follow
    from its shape), or one of ㅂ ㄷ ㅅ 르 ㅎ 하 and 와 (돕다, whose ㅂ becomes 와 before 아).
    `descriptive` is true of adjectives, whose present adnominal is -(으)ㄴ and not -는.
    """

    text: str
    kind: str = ""
    descriptive: bool = False

    def infinitive(self) -> str:
        """The form in 아 or 어, contracted: 먹어, 가, 봐, 불러, 추워, 해."""
        body, last = self.text[:-1], self.text[-1]
        initial, medial, final = split(last)
        bright = medial in "ㅏㅗ"
        if self.kind == "하":
            return body + "해"
        if self.kind == "ㅂ":
            return body + join(initial, medial) + "워"
        if self.kind == "와":
            return body + join(initial, medial) + "와"
        if self.kind == "ㄷ":
            return body + join(initial, medial, "ㄹ") + ("아" if bright else "어")
        if self.kind == "ㅅ":
            return body + join(initial, medial) + ("아" if bright else "어")
        if self.kind == "ㅎ":
            return body + join(initial, "ㅒ" if medial == "ㅑ" else "ㅐ")
        if self.kind == "르":
            before = split(body[-1])[1]
            return with_final(body, "ㄹ") + ("라" if before in "ㅏㅗ" else "러")
        if final:
            return self.text + ("아" if bright else "어")
        if medial == "ㅡ":
            bright = bool(body) and split(body[-1])[1] in "ㅏㅗ"
            return body + join(initial, "ㅏ" if bright else "ㅓ")
        if medial in _FUSED:
            return body + join(initial, _FUSED[medial])
        if medial == "ㅚ":
            return body + join(initial, "ㅙ")
        return self.text if medial in "ㅏㅓㅐㅔㅕ" else self.text + "어"

    def before_eu(self) -> str:
        """The form that endings in (으) attach to: 먹으, 가, 추우, 들으, 지으, 빨가; ㄹ stems keep ㄹ."""
        body, last = self.text[:-1], self.text[-1]
        initial, medial, final = split(last)
        if self.kind in ("ㅂ", "와"):
            return body + join(initial, medial) + "우"
        if self.kind == "ㄷ":
            return body + join(initial, medial, "ㄹ") + "으"
        if self.kind == "ㅅ":
            return body + join(initial, medial) + "으"
        if self.kind == "ㅎ":
            return body + join(initial, medial)
        return self.text if final in ("", "ㄹ") else self.text + "으"

    def polite(self) -> str:
        """Present: 먹어요."""
        return self.infinitive() + "요"

    def past_stem(self) -> Stem:
        """The stem of the past, which takes endings like a regular verb: 먹었."""
        return Stem(with_final(self.infinitive(), "ㅆ"), "", self.descriptive)

    def polite_past(self) -> str:
        """Past: 먹었어요."""
        return self.past_stem().text + "어요"

    def prospective(self) -> str:
        """The future adnominal: 먹을, 갈, 만들."""
        return with_final(self.before_eu(), "ㄹ")

    def completed(self) -> str:
        """The adnominal in -(으)ㄴ: past of a verb, present of an adjective: 먹은, 만든, 추운, 작은."""
        return with_final(self.before_eu(), "ㄴ")

    def ongoing(self) -> str:
        """The adnominal in -는, before which ㄹ is lost: 먹는, 만드는."""
        if final_of(self.text) == "ㄹ":
            return with_final(self.text, "") + "는"
        return self.text + "는"

    def adnominal(self, tense: str) -> str:
        """The form before a noun for a tense: present, past or future."""
        if tense == "future":
            return self.prospective()
        if tense == "past":
            return self.past_stem().text + "던" if self.descriptive else self.completed()
        exists = self.text[-1] in "있없"
        return self.completed() if self.descriptive and not exists else self.ongoing()

    def conditional(self) -> str:
        """If: 먹으면, 가면, 만들면."""
        return self.before_eu() + "면"

    def plus(self, ending: str) -> str:
        """The stem with an ending that begins with a consonant: 지, 고, 기, 지만."""
        return self.text + ending


def copula(noun: str, tense: str) -> str:
    """이다 after a noun: 의사예요, 학생이에요, 의사였어요, 학생이었어요."""
    closed = bool(final_of(noun))
    if tense == "past":
        return noun + ("이었어요" if closed else "였어요")
    return noun + ("이에요" if closed else "예요")
