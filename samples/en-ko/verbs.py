"""Verbs of the grammar: forms in both languages, what they go with, and where and how they happen."""

from __future__ import annotations

from dataclasses import dataclass

from korean import Stem

_TABLE = """
eat | ate eating | 먹 | t | @food | kitchen restaurant park cafe school | quickly slowly together | spoon: soup rice cake potato
drink | drank drinking | 마시 | t | @drink | kitchen cafe restaurant office | slowly together |
buy | bought buying | 사 | t | @food @drink @goods flower ticket picture house -rice | market store | . |
sell | sold selling | 팔 | t | @food @goods flower ticket picture house -rice | market store | . |
make | made making | 만들 | t | @baked soup sandwich chair desk doll dress movie | kitchen school | together slowly well |
cook | cooked cooking | 요리하 | t | @raw egg | kitchen restaurant | well together quickly | .
read | read reading | 읽 | t | @text | library cafe park room beach | quietly slowly together again |
write | wrote writing | 쓰 | t | @mail @literary book | library room cafe office | quickly slowly well | pen pencil: letter novel poem book
watch | watched watching | 보 | t | @show | theater room school | together quietly again |
see | saw - | 보 | te | @person @family @name @animal @vehicle | park station beach market airport | . |
hear | heard - | 듣:ㄷ | te | @sound story | room cafe theater | . |
meet | met - | 만나 | te | @person @family @name | station library park cafe airport hotel | again |
love | loved - | 사랑하 | s | @family @name @pet music | . | . |
like | liked - | 좋아하 | s | @food @drink @name @animal @show @sound @text @subject @town @region flower | . | . |
hate | hated - | 싫어하 | s | @drink @animal fish cheese meat math history | . | . |
know | knew - | 알 | s | @person @family @name song story | . | . |
remember | remembered - | 기억하 | s | @person @name song story movie question | . | well |
understand | understood - | 이해하 | s | @text @matter math English Korean story -newspaper -magazine | . | well |
help | helped helping | 돕:와 | t | @person @family @name | school hospital library market | . |
call | called calling | 부르:르 | t | @person @family @name taxi | station park hotel | again quickly |
invite | invited - | 초대하 | t | @person @family @name | . | again |
teach | taught teaching | 가르치 | d | @subject | school room library | well slowly |
learn | learned learning | 배우 | t | @subject | school library | together hard |
study | studied studying | 공부하 | t | @subject | school library room cafe | together hard |
practice | practiced practicing | 연습하 | t | @instrument | school room house | together hard |
sing | sang singing | 부르:르 | t | song | room theater park | well together |
wait | waited waiting | 기다리 | t for | @person @family @name bus train taxi | station airport park hotel | quietly |
listen | listened listening | 듣:ㄷ | t to | @sound story | room cafe park | quietly together |
look | looked looking | 찾 | t for | @small @pet wallet ticket camera map | room park station office | together quickly |
find | found - | 찾 | te | @small wallet ticket camera map | room park station office | . |
choose | chose choosing | 고르:르 | t | @present @cloth @goods magazine | store market | well together quickly |
carry | carried carrying | 나르:르 | t | @load | house office school station | together quickly |
cut | cut cutting | 자르:르 | t | @baked @raw cheese tree | kitchen garden | slowly quickly | knife: bread cake meat fish cheese potato
open | opened opening | 열 | t | @way box bag | . | quietly slowly quickly | key: door box
close | closed closing | 닫 | t | @way box bag | . | quietly slowly quickly |
wash | washed washing | 씻 | t | @fruit cup potato spoon knife | kitchen | quickly well |
clean | cleaned cleaning | 청소하 | t | room house kitchen office garden | . | together quickly well |
lose | lost - | 잃어버리 | tp | wallet key umbrella phone ticket bag camera money | station park airport beach | . |
break | broke - | 깨 | tp | @glassy egg | kitchen room | . |
bring | brought bringing | 가져오 | t | @present @paper umbrella chair bag camera @food @drink | . | quickly |
send | sent sending | 보내 | d | @mail @present money photo | . | quickly again |
give | gave - | 주 | d | @present @toy @drink money ticket key book @food | . | again |
lend | lent - | 빌려주 | d | book umbrella bicycle pen camera car money dictionary | . | again |
borrow | borrowed - | 빌리 | f | book umbrella bicycle pen camera car money dictionary | . | again |
draw | drew drawing | 그리 | t | @plant @pet picture map house bridge river | park garden school | well slowly | pencil pen
take | took taking | 찍 | t | photo | park beach garden museum | together again | camera phone
drive | drove driving | 운전하 | t | @motor | . | slowly well |
ride | rode riding | 타 | t | @means horse | . | again |
fix | fixed fixing | 고치 | t | @machine @motor bicycle chair door piano -taxi | house office school | quickly well |
use | used using | 사용하 | t | @machine @tool dictionary map | office school library | . |
touch | touched touching | 만지 | t | @pet @paper flower piano doll wall camera -ticket | . | again |
raise | raised raising | 기르:르 | t | @pet @farm flower | house village garden | well together |
hide | hid hiding | 숨기 | t | @present money letter key photo doll -flower | room house garden | quickly |
throw | threw throwing | 던지 | t | ball hat | park beach garden | well again |
catch | caught catching | 잡 | t | ball bird rabbit duck | park garden village | quickly well |
visit | visited visiting | 방문하 | t | @public @work @region @town @family -store | . | again together |
build | built - | 짓:ㅅ | te | house school hospital hotel library | village city | slowly well |
wear | wore wearing | 입 | t | @cloth | school house | . |
paint | painted painting | 칠하 | t | wall door chair table desk bridge | house garden school | slowly well together |
push | pushed pushing | 밀 | t | door car desk table truck chair | . | slowly together |
follow | followed following | 따라가 | t | @person @pet | park station market | quietly slowly |
need | needed - | 필요하 | n | @goods @money @small @tool @food @drink ticket friend | . | . |
have | had - | 있 | n | @goods @pet question problem brother sister friend house money ticket key | . | . |
sleep | slept sleeping | 자 | i | | room house hotel garden | well quietly
run | ran running | 달리 | i | | park beach school | together slowly quickly |
walk | walked walking | 걷:ㄷ | i | | park beach garden village | together slowly quickly |
swim | swam swimming | 수영하 | i | | river beach hotel | together slowly well |
dance | danced dancing | 춤추 | i | | theater park house | together again |
cry | cried crying | 울 | i | | room hospital park school | quietly again together |
smile | smiled smiling | 웃 | i | | park school garden | quietly again together |
work | worked working | 일하 | i | | @work @shop hospital hotel bank | hard together late |
rest | rested resting | 쉬 | i | | @home hotel beach cafe | quietly together well |
play | played playing | 놀 | i | | park beach garden house | together quietly |
fall | fell - | 넘어지 | ip | | park station garden | again |
go | went - | 가 | g | | @place @town | together early late quickly again |
come | came - | 오 | g | | @place @town | together early late quickly again |
arrive | arrived - | 도착하 | ae | | @place @town -kitchen -garden -room | together early late |
return | returned - | 돌아오 | g | | @region @work @town house hotel school library | together early late |
leave | left - | 떠나 | o | @region @town hotel house hospital company station | | early late quietly |
live | lived living | 살 | l | | @region @town house hotel | together |
stay | stayed staying | 머무르:르 | l | | hotel house hospital village @town | together quietly |
sit | sat - | 앉 | b | chair bed | | quietly together |
talk | talked talking | 이야기하 | w | @person @family @name | cafe park school hotel | quietly again |
fight | fought fighting | 싸우 | w | @person @family @name | park school house | again |
rain | rained raining | 비가 오 | m | | | |
snow | snowed snowing | 눈이 오 | m | | | |
"""

FRAMES = {
    "t": "transitive",
    "s": "state",
    "d": "give to a person",
    "f": "get from a person",
    "n": "possess",
    "i": "intransitive",
    "g": "go to a place",
    "a": "arrive at a place",
    "o": "leave a place",
    "l": "be located in a place",
    "b": "sit on a thing",
    "w": "act with a person",
    "m": "weather",
}


@dataclass(frozen=True)
class Verb:
    """One verb.

    `frame` is a key of FRAMES, followed in the table by e for `once` and p for `only_past`. `once` marks
    events that are not described as habits, `only_past` mishaps, which are not planned; `preposition` is the word
    that precedes the object in English. `objects`, `places` and `tools` are descriptions for `nouns.select`; if
    `tooled` is not empty, the tools go only with those objects.
    """

    english: str
    past: str
    ing: str
    korean: tuple[str, ...]
    stem: Stem
    frame: str
    once: bool
    only_past: bool
    preposition: str
    objects: str
    places: str
    manners: tuple[str, ...]
    tools: str
    tooled: tuple[str, ...]

    @property
    def third(self) -> str:
        """The third person singular of the present."""
        irregular = {"have": "has", "go": "goes"}
        if self.english in irregular:
            return irregular[self.english]
        if self.english.endswith(("s", "sh", "ch", "x")):
            return self.english + "es"
        if self.english.endswith("y") and self.english[-2] not in "aeou":
            return self.english[:-1] + "ies"
        return self.english + "s"


def _read() -> list[Verb]:
    verbs = []
    for line in _TABLE.strip().splitlines():
        cells = [cell.strip(" .") for cell in line.split("|")]
        english, forms, korean, frame, objects, places, manners, tooling = (cells + [""] * 2)[:8]
        tools, _, tooled = tooling.partition(":")
        past, ing = forms.split()
        *prefix, last = korean.split()
        text, _, kind = last.partition(":")
        kind = "하" if text.endswith("하") else kind
        code, _, preposition = frame.partition(" ")
        if code[0] not in FRAMES:
            raise ValueError(f"{english}: no such frame: {code}")
        stem = Stem(text, kind, descriptive=english in ("need", "have"))
        verbs.append(
            Verb(
                english,
                past,
                ing.strip("-"),
                tuple(prefix),
                stem,
                code[0],
                code[1:] in ("e", "p"),
                code[1:] == "p",
                preposition,
                objects,
                places,
                tuple(manners.split()),
                tools,
                tuple(tooled.split()),
            )
        )
    return verbs


VERBS = _read()
