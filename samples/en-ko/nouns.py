"""Nouns of the grammar: English, Korean, the counter Korean counts them with, and what they are.

The tags are the semantic classes that verbs and adjectives select from. A noun without an English plural is
a mass noun: it takes no indefinite article and no number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

_TABLE = """
man | men | 남자 | 명 | person
woman | women | 여자 | 명 | person
boy | boys | 소년 | 명 | person young
girl | girls | 소녀 | 명 | person young
child | children | 아이 | 명 | person young
student | students | 학생 | 명 | person job owner young
teacher | teachers | 선생님 | 명 | person job owner
doctor | doctors | 의사 | 명 | person job owner
nurse | nurses | 간호사 | 명 | person job owner
singer | singers | 가수 | 명 | person job owner
farmer | farmers | 농부 | 명 | person job owner
writer | writers | 작가 | 명 | person job owner
artist | artists | 화가 | 명 | person job owner
engineer | engineers | 기술자 | 명 | person job owner
driver | drivers | 운전사 | 명 | person job owner
friend | friends | 친구 | 명 | person bond owner
neighbor | neighbors | 이웃 | 명 | person bond owner
guest | guests | 손님 | 명 | person
tourist | tourists | 관광객 | 명 | person
mother | - | 엄마 | - | family ours
father | - | 아빠 | - | family ours
grandmother | - | 할머니 | - | family ours
grandfather | - | 할아버지 | - | family ours
uncle | - | 삼촌 | - | family ours
aunt | - | 이모 | - | family ours
brother | - | 남동생 | - | family
sister | - | 여동생 | - | family
cousin | - | 사촌 | - | family
son | - | 아들 | - | family
daughter | - | 딸 | - | family
dog | dogs | 개 | 마리 | animal pet
cat | cats | 고양이 | 마리 | animal pet
rabbit | rabbits | 토끼 | 마리 | animal pet
bird | birds | 새 | 마리 | animal pet
horse | horses | 말 | 마리 | animal farm
cow | cows | 소 | 마리 | animal farm
pig | pigs | 돼지 | 마리 | animal farm
duck | ducks | 오리 | 마리 | animal farm
bread | - | 빵 | - | food baked
rice | - | 밥 | - | food
meat | - | 고기 | - | food raw
fish | - | 생선 | - | food raw
soup | - | 수프 | - | food
cheese | - | 치즈 | - | food
chocolate | - | 초콜릿 | - | food
cake | cakes | 케이크 | 개 | food baked
egg | eggs | 달걀 | 개 | food
apple | apples | 사과 | 개 | food fruit
banana | bananas | 바나나 | 개 | food fruit
orange | oranges | 오렌지 | 개 | food fruit
potato | potatoes | 감자 | 개 | food raw
sandwich | sandwiches | 샌드위치 | 개 | food
water | - | 물 | 잔 | drink
milk | - | 우유 | 잔 | drink
coffee | - | 커피 | 잔 | drink
juice | - | 주스 | 잔 | drink
beer | - | 맥주 | 잔 | drink
book | books | 책 | 권 | text goods
magazine | magazines | 잡지 | 권 | text goods
dictionary | dictionaries | 사전 | 권 | goods
novel | novels | 소설 | 편 | text literary
poem | poems | 시 | 편 | text literary
letter | letters | 편지 | 통 | text mail
email | emails | 이메일 | 통 | text mail
newspaper | newspapers | 신문 | 부 | text
movie | movies | 영화 | 편 | show
song | songs | 노래 | 곡 | sound
music | - | 음악 | - | sound subject
story | stories | 이야기 | 개 | tale
coat | coats | 코트 | 벌 | cloth goods
shirt | shirts | 셔츠 | 벌 | cloth goods
dress | dresses | 드레스 | 벌 | cloth goods
hat | hats | 모자 | 개 | goods
car | cars | 자동차 | 대 | motor goods vehicle
truck | trucks | 트럭 | 대 | motor goods vehicle
bus | buses | 버스 | 대 | motor vehicle means
taxi | taxis | 택시 | 대 | motor vehicle means
train | trains | 기차 | 대 | vehicle means
bicycle | bicycles | 자전거 | 대 | vehicle goods means
computer | computers | 컴퓨터 | 대 | goods machine desk
camera | cameras | 카메라 | 대 | goods machine desk
phone | phones | 휴대폰 | 대 | goods machine small desk
clock | clocks | 시계 | 개 | goods machine desk
bag | bags | 가방 | 개 | goods small load
box | boxes | 상자 | 개 | load small
chair | chairs | 의자 | 개 | goods load seat
desk | desks | 책상 | 개 | goods load surface
table | tables | 탁자 | 개 | goods load surface
bed | beds | 침대 | 개 | goods surface
cup | cups | 컵 | 개 | goods small glassy desk
mirror | mirrors | 거울 | 개 | goods glassy
umbrella | umbrellas | 우산 | 개 | goods small
key | keys | 열쇠 | 개 | small desk
wallet | wallets | 지갑 | 개 | goods small desk
ticket | tickets | 표 | 장 | small paper
photo | photos | 사진 | 장 | paper
picture | pictures | 그림 | 장 | paper
map | maps | 지도 | 장 | paper goods
gift | gifts | 선물 | 개 | present small
doll | dolls | 인형 | 개 | goods toy
ball | balls | 공 | 개 | goods toy
flower | flowers | 꽃 | 송이 | plant present
tree | trees | 나무 | 그루 | plant
pen | pens | 펜 | 자루 | tool goods small desk
pencil | pencils | 연필 | 자루 | tool goods small desk
knife | knives | 칼 | 자루 | tool
spoon | spoons | 숟가락 | 개 | tool
piano | pianos | 피아노 | 대 | instrument goods
guitar | guitars | 기타 | 대 | instrument goods
door | doors | 문 | 개 | way
window | windows | 창문 | 개 | way glassy
money | - | 돈 | - | money
wall | walls | 벽 | 개 | wall
question | questions | 질문 | 개 | matter
problem | problems | 문제 | 개 | matter
English | - | 영어 | - | subject
Korean | - | 한국어 | - | subject
history | - | 역사 | - | subject
math | - | 수학 | - | subject
weather | - | 날씨 | - | weather
school | schools | 학교 | 곳 | place in public
library | libraries | 도서관 | 곳 | place in public
park | parks | 공원 | 곳 | place in public outside
hospital | hospitals | 병원 | 곳 | place in public
market | markets | 시장 | 곳 | place at public shop
store | stores | 가게 | 곳 | place at public shop
restaurant | restaurants | 식당 | 곳 | place in public
cafe | cafes | 카페 | 곳 | place in public
museum | museums | 박물관 | 곳 | place in public
theater | theaters | 극장 | 곳 | place at public
hotel | hotels | 호텔 | 곳 | place at public lodging
station | stations | 역 | 곳 | place at public
airport | airports | 공항 | 곳 | place at public
bank | banks | 은행 | 곳 | place at public
beach | beaches | 해변 | 곳 | place at public outside
house | houses | 집 | 채 | place in home building
room | rooms | 방 | 개 | place in home
kitchen | kitchens | 부엌 | 개 | place in home
garden | gardens | 정원 | 개 | place in home outside
office | offices | 사무실 | 곳 | place in work
company | companies | 회사 | 곳 | place at work
village | villages | 마을 | 곳 | place in region
city | cities | 도시 | 곳 | place in region
river | rivers | 강 | 개 | water
bridge | bridges | 다리 | 개 | building
Seoul | - | 서울 | - | town in
Busan | - | 부산 | - | town in
London | - | 런던 | - | town in
Paris | - | 파리 | - | town in
Minsu | - | 민수 | - | name
Jiho | - | 지호 | - | name
Sujin | - | 수진 | - | name
Yuna | - | 유나 | - | name
Tom | - | 톰 | - | name
Anna | - | 안나 | - | name
Paul | - | 폴 | - | name
Maria | - | 마리아 | - | name
"""


@dataclass(frozen=True)
class Noun:
    """One noun. `plural` and `counter` are empty where the language has none for it."""

    english: str
    plural: str
    korean: str
    counter: str
    tags: tuple[str, ...]

    @property
    def human(self) -> bool:
        """Whether it is a person, whose receiver particle is 에게 instead of 에."""
        return any(tag in ("person", "family", "name") for tag in self.tags)


def _read() -> dict[str, Noun]:
    nouns = {}
    for line in _TABLE.strip().splitlines():
        english, plural, korean, counter, tags = (cell.strip() for cell in line.split("|"))
        nouns[english] = Noun(english, plural.strip("-"), korean, counter.strip("-"), tuple(tags.split()))
    return nouns


NOUNS = _read()


@cache
def select(description: str) -> tuple[Noun, ...]:
    """The nouns a description such as "@food book -fish" names: classes, single nouns, exceptions."""
    chosen: dict[str, Noun] = {}
    for term in description.split():
        if term.startswith("@"):
            chosen.update((n.english, n) for n in NOUNS.values() if term[1:] in n.tags)
        elif term.startswith("-"):
            chosen.pop(term[1:], None)
        else:
            chosen[term] = NOUNS[term]
    return tuple(chosen.values())
