"""Adjectives, adverbs, numerals and fixed phrases of the grammar."""

from __future__ import annotations

from dataclasses import dataclass

from korean import Stem

_TABLE = """
small | smaller | 작 | @pet @cloth @region @home @machine @load box bird hat table gift company doll -garden |
big | bigger | 크 | @pet @region @home @public -kitchen -garden @load tree company truck bed mirror hat horse cow pig bird |
new | - | 새 | @goods teacher student hospital library hotel school bridge house novel song movie | a
old | - | 오래되 | @goods house hotel bridge school theater museum song movie photo map tree village | a
good | better | 좋 | friend book movie song hotel restaurant computer camera school weather hospital |
bad | - | 나쁘 | weather | p
beautiful | more | 아름답:ㅂ | @region @sound garden beach park bridge river flower dress picture -music |
pretty | prettier | 예쁘 | flower doll dress hat bag girl cup bird hotel cafe bed clock mirror |
cute | - | 귀엽:ㅂ | @pet doll child pig duck |
cold | - | 춥:ㅂ | room house city village garden park weather office beach Seoul |
hot | - | 뜨겁:ㅂ | soup water coffee milk |
warm | - | 따뜻하 | soup milk bread room coat water weather house |
sweet | - | 달 | cake @fruit chocolate juice |
fresh | - | 신선하 | @fruit milk egg fish meat cheese potato |
delicious | more | 맛있 | @food -potato -egg |
heavy | heavier | 무겁:ㅂ | @load dictionary computer gift bicycle clock coat piano mirror book |
light | - | 가볍:ㅂ | @load camera computer bicycle coat umbrella guitar |
long | longer | 길 | story novel letter bridge river movie song poem pencil coat dress |
short | - | 짧 | story novel letter movie song poem pencil bridge dress |
wide | - | 넓 | river desk garden beach bridge park |
narrow | - | 좁 | room kitchen office bridge garden bed |
high | - | 높 | wall chair bridge desk table |
fast | faster | 빠르:르 | car train horse bus taxi bicycle computer truck |
slow | slower | 느리 | car train bus computer bicycle truck phone |
expensive | more | 비싸 | @goods hotel house ticket meat cheese flower restaurant -book |
cheap | cheaper | 싸 | @goods hotel ticket beer bread cheese restaurant -piano |
difficult | more | 어렵:ㅂ | @matter book novel math history Korean |
easy | easier | 쉽:ㅂ | @matter book song math English Korean |
important | more | 중요하 | @matter letter email key map photo |
interesting | more | 재미있 | book movie story magazine newspaper museum history math |
boring | - | 지루하 | movie story novel book magazine museum history |
quiet | quieter | 조용하 | @region cafe library park beach hotel room house restaurant |
noisy | - | 시끄럽:ㅂ | market station restaurant city cafe bus airport train school |
clean | - | 깨끗하 | room house kitchen hotel shirt water beach cup window car hospital |
dirty | - | 더럽:ㅂ | room kitchen shirt cup window car wall dog table coat bag |
dark | - | 어둡:ㅂ | room house theater garden kitchen |
bright | - | 밝 | room kitchen office house cafe library |
famous | more | 유명하 | singer writer artist doctor restaurant museum @tale @show @work -office -company -movie movie novel |
kind | - | 친절하 | @job @bond woman man @family guest -singer |
smart | smarter | 똑똑하 | @young doctor engineer dog @name brother daughter son |
tall | taller | 키가 크 | @young man woman driver doctor singer @name tourist brother cousin uncle -child |
strong | stronger | 힘이 세 | man horse driver farmer cow uncle father boy |
young | younger | 젊 | man woman doctor teacher nurse singer writer farmer engineer artist |
busy | - | 바쁘 | @job @family @name -student -singer woman |
tired | - | 피곤하 | @job @family @name man woman tourist guest |
sick | - | 아프 | child @name @family @pet student horse cow farmer | 
hungry | - | 배고프 | child @name @pet student boy girl tourist bird pig |
happy | happier | 행복하 | child @name @family woman man farmer |
sad | - | 슬프 | child @name boy girl song story movie daughter | 
lonely | - | 외롭:ㅂ | @name man woman grandmother grandfather |
brave | - | 용감하 | boy girl dog man woman @name driver |
lazy | - | 게으르:르 | cat student dog boy cousin brother pig |
healthy | - | 건강하 | child @name grandmother grandfather horse farmer |
rich | - | 부유하 | man woman farmer doctor singer uncle aunt |
red | - | 빨갛:ㅎ | @cloth @colored apple flower | a
blue | - | 파랗:ㅎ | @cloth @colored | a
yellow | - | 노랗:ㅎ | @cloth @colored flower bird | a
white | - | 하얗:ㅎ | @cloth @colored @pet horse flower duck | a
black | - | 까맣:ㅎ | @cloth @colored @pet horse pig | a
"""

_COLORED = "hat bag car bus truck bicycle umbrella pencil pen chair door cup box wallet ball"


@dataclass(frozen=True)
class Adjective:
    """One adjective. `korean` holds the eojeols before the stem, as 키가 of 키가 크다.

    `attributive` and `predicative` say where it may stand; 새 is no verb at all and has no stem forms.
    """

    english: str
    comparative: str
    korean: tuple[str, ...]
    stem: Stem
    nouns: str
    attributive: bool
    predicative: bool

    def before_noun(self) -> list[str]:
        """The eojeols of the attributive form."""
        if self.stem.text == "새":
            return ["새"]
        return [*self.korean, self.stem.adnominal("present")]


def _read() -> list[Adjective]:
    adjectives = []
    for line in _TABLE.strip().splitlines():
        english, comparative, korean, nouns, flag = (cell.strip() for cell in line.split("|"))
        *prefix, last = korean.split()
        text, _, kind = last.partition(":")
        kind = "하" if text.endswith("하") else kind
        nouns = nouns.replace("@colored", _COLORED)
        adjectives.append(
            Adjective(
                english,
                comparative.strip("-"),
                tuple(prefix),
                Stem(text, kind, descriptive=True),
                nouns,
                flag != "p",
                flag != "a",
            )
        )
    return adjectives


ADJECTIVES = _read()

NUMBERS = {
    "one": "한",
    "two": "두",
    "three": "세",
    "four": "네",
    "five": "다섯",
    "six": "여섯",
    "seven": "일곱",
    "eight": "여덟",
    "nine": "아홉",
    "ten": "열",
    "eleven": "열한",
    "twelve": "열두",
    "twenty": "스무",
}
"""Native numerals as they stand before a counter."""

MANNERS = {
    "quickly": "빨리",
    "slowly": "천천히",
    "well": "잘",
    "quietly": "조용히",
    "together": "함께",
    "hard": "열심히",
    "early": "일찍",
    "late": "늦게",
    "again": "다시",
}

FREQUENCIES = {"always": "항상", "often": "자주", "sometimes": "가끔", "usually": "보통"}

DAYS = {
    "Monday": "월요일",
    "Tuesday": "화요일",
    "Wednesday": "수요일",
    "Thursday": "목요일",
    "Friday": "금요일",
    "Saturday": "토요일",
    "Sunday": "일요일",
}

SPOTS = {
    "on": "위에:0",
    "under": "아래에:0",
    "next to": "옆에:0?1",
    "behind": "뒤에:0",
    "in front of": "앞에:1?0,2",
}
"""Places relative to a thing, in the notation of `pairs.gloss`."""

TIMES = [
    ("yesterday", "어제:0", "past"),
    ("last night", "어젯밤에:0,1", "past"),
    ("last week", "지난주에:0,1", "past"),
    ("last year", "작년에:0,1", "past"),
    ("last Saturday", "지난:0 토요일에:1", "past"),
    ("today", "오늘:0", "past future"),
    ("this morning", "오늘:0 아침에:1", "past"),
    ("this evening", "오늘:0 저녁에:1", "future"),
    ("tomorrow", "내일:0", "future"),
    ("tomorrow morning", "내일:0 아침에:1", "future"),
    ("next week", "다음:0 주에:1", "future"),
    ("next year", "내년에:0,1", "future"),
    ("next month", "다음:0 달에:1", "future"),
    ("every day", "매일:0,1", "present"),
    ("every morning", "매일:0 아침:1", "present"),
    ("every evening", "매일:0 저녁:1", "present"),
    ("in the morning", "아침에:2?0,1", "past present future"),
    ("in the evening", "저녁에:2?0,1", "past present future"),
    ("at night", "밤에:1?0", "past present"),
    ("at noon", "정오에:1?0", "past present future"),
    ("in spring", "봄에:1?0", "past present future"),
    ("in summer", "여름에:1?0", "past present future"),
    ("in autumn", "가을에:1?0", "past present future"),
    ("in winter", "겨울에:1?0", "past present future"),
]
"""Time phrases, the Korean in the notation of `pairs.gloss`, with the tenses each goes with."""
