"""The sample corpora: scripts reproduce them, Korean inflections and links are correct."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

SAMPLES = Path(__file__).parent.parent / "samples"
KOREAN = SAMPLES / "en-ko"
DATES = SAMPLES / "dates"
MODULES = ("korean", "nouns", "verbs", "adjectives", "pairs")
ARTICLES = {"the", "a", "an"}
UNSAID = {"do", "does", "did", "is", "are", "am", "was", "were", "will", "be", "it", "you", "there", "than"}
LINKING = {
    "in",
    "at",
    "on",
    "to",
    "from",
    "with",
    "by",
    "for",
    "of",
    "and",
    "but",
    "if",
    "who",
    "that",
    "where",
}

Row = tuple[str, str]


def rows(path: Path) -> list[Row]:
    """The pairs of a file, checked to have two columns and only LF line endings."""
    text = path.read_bytes().decode("utf-8")
    assert "\r" not in text
    assert text.endswith("\n")
    found = [tuple(line.split("\t")) for line in text[:-1].split("\n")]
    assert all(len(row) == 2 for row in found)
    return [(source, target) for source, target in found]


def links(line: str) -> list[tuple[int, int, bool]]:
    """The links of a gold line: source index, target index, whether sure."""
    found = []
    for item in line.split():
        match = re.fullmatch(r"(\d+)([-?])(\d+)", item)
        assert match, item
        found.append((int(match[1]), int(match[3]), match[2] == "-"))
    return found


@pytest.fixture(scope="module")
def grammar() -> Iterator[dict[str, ModuleType]]:
    """The modules of the generator, imported from its folder as in the script itself."""
    sys.path.insert(0, str(KOREAN))
    try:
        yield {name: importlib.import_module(name) for name in MODULES}
    finally:
        sys.path.remove(str(KOREAN))
        for name in list(sys.modules):
            origin = getattr(sys.modules[name], "__file__", None)
            if origin and Path(origin).parent == KOREAN:
                del sys.modules[name]


@pytest.fixture(scope="module")
def gold() -> list[tuple[list[str], list[str], list[tuple[int, int, bool]]]]:
    """The test pairs as words, with their links."""
    lines = (KOREAN / "test.gold").read_bytes().decode("utf-8")[:-1].split("\n")
    pairs = rows(KOREAN / "test.tsv")
    assert len(lines) == len(pairs)
    return [
        (source.split(), target.split(), links(line))
        for (source, target), line in zip(pairs, lines, strict=True)
    ]


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        (KOREAN, ["train.tsv", "valid.tsv", "test.tsv", "test.gold"]),
        (DATES, ["train.tsv", "valid.tsv", "test.tsv"]),
    ],
)
def test_script_reproduces_the_files(folder: Path, names: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-B", str(folder / "generate.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=120)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


@pytest.mark.parametrize(("folder", "sizes"), [(KOREAN, (9200, 400, 400)), (DATES, (8000, 400, 400))])
def test_no_source_occurs_twice(folder: Path, sizes: tuple[int, ...]) -> None:
    splits = [rows(folder / f"{split}.tsv") for split in ("train", "valid", "test")]
    assert tuple(len(split) for split in splits) == sizes
    sources = [source for split in splits for source, _ in split]
    assert len(sources) == len(set(sources))


def test_sentences_are_written_as_text() -> None:
    lengths = []
    for split in ("train", "valid", "test"):
        pairs = rows(KOREAN / f"{split}.tsv")
        for source, target in pairs:
            assert re.fullmatch(r"[A-Z][A-Za-z',]*( [A-Za-z',]+)+[.?]", source), source
            assert re.fullmatch(r"[가-힣]+( [가-힣]+)*[.?]", target), target
            assert source[-1] == target[-1], source
            assert target[:-1].endswith("요"), target
        lengths = [len(source.split()) for source, _ in pairs]
        assert min(lengths) <= 4
        assert max(lengths) >= 15
        assert 3 <= min(lengths) <= max(lengths) <= 25


def test_the_words_of_test_are_learnt_in_training() -> None:
    def words(split: str) -> Counter[str]:
        texts = (side for row in rows(KOREAN / f"{split}.tsv") for side in row)
        return Counter(word for text in texts for word in re.sub(r"[.,?]", "", text.lower()).split())

    train, test = words("train"), words("test")
    unseen = sum(count for word, count in test.items() if word not in train)
    assert unseen / sum(test.values()) < 0.01


def test_every_noun_verb_and_adjective_is_common(grammar: dict[str, ModuleType]) -> None:
    text = "\n".join(source for source, _ in rows(KOREAN / "train.tsv")).lower()
    counts = Counter(re.sub(r"'s\b", "", text).replace(".", "").replace(",", "").replace("?", "").split())
    entries = {n.english: {n.english, n.plural} for n in grammar["nouns"].NOUNS.values()}
    for verb in grammar["verbs"].VERBS:
        entries[verb.english] = {verb.english, verb.third, verb.past, verb.ing}
    for adjective in grammar["adjectives"].ADJECTIVES:
        entries[adjective.english] = {adjective.english, adjective.comparative}
    assert len(entries) > 300
    rare = {name for name, forms in entries.items() if sum(counts[f.lower()] for f in forms) < 35}
    assert rare == set()


def test_articles_agree_with_the_next_sound() -> None:
    for source, _ in rows(KOREAN / "train.tsv"):
        for article, word in re.findall(r"\b([Aa]n?) (\w+)", source):
            assert (article.lower() == "an") == (word[0] in "aeiou"), source


def test_links_are_in_bounds_and_cover_the_korean(
    gold: list[tuple[list[str], list[str], list[tuple[int, int, bool]]]],
) -> None:
    for source, target, found in gold:
        assert len({(i, j) for i, j, _ in found}) == len(found)
        assert all(i < len(source) and j < len(target) for i, j, _ in found)
        assert {j for _, j, _ in found} == set(range(len(target))), target
        assert {i for i, _, _ in found} == set(range(len(source))), source


def test_content_words_are_surely_linked_and_articles_never(
    gold: list[tuple[list[str], list[str], list[tuple[int, int, bool]]]],
) -> None:
    for source, _, found in gold:
        sure = {i for i, _, is_sure in found if is_sure}
        for i, raw in enumerate(source):
            word = raw.strip(".,?").lower()
            if word in ARTICLES:
                assert i not in sure, source
            elif word not in UNSAID | LINKING | {"o'clock", "front"}:
                assert i in sure or word in {"every"}, (source, word)


def test_nouns_link_to_their_own_korean(
    grammar: dict[str, ModuleType],
    gold: list[tuple[list[str], list[str], list[tuple[int, int, bool]]]],
) -> None:
    korean = {}
    for noun in grammar["nouns"].NOUNS.values():
        for form in (noun.english, noun.plural):
            korean[form.lower()] = noun.korean
    seen = 0
    for source, target, found in gold:
        for i, raw in enumerate(source):
            word = raw.strip(".,?").removesuffix("'s").lower()
            if word not in korean or source[i - 1] == "by" or source[i + 1 : i + 2] == ["of"]:
                continue
            linked = [target[j] for k, j, sure in found if k == i and sure]
            assert len(linked) == 1, (source, word)
            assert linked[0].startswith(korean[word]), (source, word)
            seen += 1
    assert seen > 800


def test_negation_links_to_the_negative_word(
    gold: list[tuple[list[str], list[str], list[tuple[int, int, bool]]]],
) -> None:
    seen = 0
    for source, target, found in gold:
        for i, raw in enumerate(source):
            if raw.strip(".,?") == "not":
                (eojeol,) = [target[j] for k, j, sure in found if k == i and sure]
                assert re.match(r"않|아니|없|말아|몰|모르", eojeol), (source, eojeol)
                seen += 1
    assert seen > 30


def closing(word: str) -> int:
    """The index of the final consonant of the last syllable; 0 is none, 8 is ㄹ."""
    return (ord(word[-1]) - 0xAC00) % 28


def test_particles_follow_the_final_consonant(grammar: dict[str, ModuleType]) -> None:
    nouns = {noun.korean for noun in grammar["nouns"].NOUNS.values()}
    nouns |= {noun + "들" for noun in nouns} | {"저", "우리", "그녀"}
    counters = {noun.counter for noun in grammar["nouns"].NOUNS.values()} - {"", "대"}
    pairs = [("은", "는"), ("을", "를"), ("이", "가"), ("과", "와")]
    seen: Counter[str] = Counter()
    for split in ("train", "valid", "test"):
        for _, target in rows(KOREAN / f"{split}.tsv"):
            for eojeol in target[:-1].split():
                for closed, opened in pairs:
                    stem, ending = eojeol[:-1], eojeol[-1:]
                    if ending in (closed, opened) and stem in nouns | counters and eojeol not in nouns:
                        assert ending == (closed if closing(stem) else opened), target
                        seen[ending] += 1
                if eojeol.endswith("으로") and eojeol[:-2] in nouns:
                    assert closing(eojeol[:-2]) not in (0, 8), target
                    seen["으로"] += 1
                elif eojeol.endswith("로") and eojeol[:-1] in nouns:
                    assert closing(eojeol[:-1]) in (0, 8), target
                    seen["ㄹ로" if closing(eojeol[:-1]) else "로"] += 1
    assert set(seen) >= {*(ending for pair in pairs for ending in pair), "으로", "로", "ㄹ로"}
    assert min(seen.values()) >= 10


@pytest.mark.parametrize(
    ("word", "role", "expected"),
    [
        ("책", "object", "책을"),
        ("사과", "object", "사과를"),
        ("선생님", "topic", "선생님은"),
        ("민수", "topic", "민수는"),
        ("톰", "subject", "톰이"),
        ("안나", "subject", "안나가"),
        ("빵", "and", "빵과"),
        ("친구", "and", "친구와"),
        ("숟가락", "means", "숟가락으로"),
        ("버스", "means", "버스로"),
        ("연필", "means", "연필로"),
        ("저", "subject", "제가"),
        ("저", "topic", "저는"),
        ("누구", "subject", "누가"),
    ],
)
def test_particle(grammar: dict[str, ModuleType], word: str, role: str, expected: str) -> None:
    assert grammar["korean"].particle(word, role) == expected


@pytest.mark.parametrize(
    ("stem", "kind", "present", "past", "done", "going", "will", "if_"),
    [
        ("먹", "", "먹어요", "먹었어요", "먹은", "먹는", "먹을", "먹으면"),
        ("가", "", "가요", "갔어요", "간", "가는", "갈", "가면"),
        ("보", "", "봐요", "봤어요", "본", "보는", "볼", "보면"),
        ("마시", "", "마셔요", "마셨어요", "마신", "마시는", "마실", "마시면"),
        ("배우", "", "배워요", "배웠어요", "배운", "배우는", "배울", "배우면"),
        ("쓰", "", "써요", "썼어요", "쓴", "쓰는", "쓸", "쓰면"),
        ("부르", "르", "불러요", "불렀어요", "부른", "부르는", "부를", "부르면"),
        ("자르", "르", "잘라요", "잘랐어요", "자른", "자르는", "자를", "자르면"),
        ("듣", "ㄷ", "들어요", "들었어요", "들은", "듣는", "들을", "들으면"),
        ("돕", "와", "도와요", "도왔어요", "도운", "돕는", "도울", "도우면"),
        ("짓", "ㅅ", "지어요", "지었어요", "지은", "짓는", "지을", "지으면"),
        ("만들", "", "만들어요", "만들었어요", "만든", "만드는", "만들", "만들면"),
        ("팔", "", "팔아요", "팔았어요", "판", "파는", "팔", "팔면"),
        ("공부하", "하", "공부해요", "공부했어요", "공부한", "공부하는", "공부할", "공부하면"),
        ("보내", "", "보내요", "보냈어요", "보낸", "보내는", "보낼", "보내면"),
        ("쉬", "", "쉬어요", "쉬었어요", "쉰", "쉬는", "쉴", "쉬면"),
    ],
)
def test_verbs_conjugate(
    grammar: dict[str, ModuleType],
    stem: str,
    kind: str,
    present: str,
    past: str,
    done: str,
    going: str,
    will: str,
    if_: str,
) -> None:
    verb = grammar["korean"].Stem(stem, kind)
    assert (verb.polite(), verb.polite_past()) == (present, past)
    assert [verb.adnominal(tense) for tense in ("past", "present", "future")] == [done, going, will]
    assert verb.conditional() == if_


@pytest.mark.parametrize(
    ("stem", "kind", "present", "past", "before_noun"),
    [
        ("작", "", "작아요", "작았어요", "작은"),
        ("춥", "ㅂ", "추워요", "추웠어요", "추운"),
        ("아름답", "ㅂ", "아름다워요", "아름다웠어요", "아름다운"),
        ("좁", "", "좁아요", "좁았어요", "좁은"),
        ("예쁘", "", "예뻐요", "예뻤어요", "예쁜"),
        ("바쁘", "", "바빠요", "바빴어요", "바쁜"),
        ("크", "", "커요", "컸어요", "큰"),
        ("빠르", "르", "빨라요", "빨랐어요", "빠른"),
        ("빨갛", "ㅎ", "빨개요", "빨갰어요", "빨간"),
        ("하얗", "ㅎ", "하얘요", "하얬어요", "하얀"),
        ("달", "", "달아요", "달았어요", "단"),
        ("재미있", "", "재미있어요", "재미있었어요", "재미있는"),
    ],
)
def test_adjectives_conjugate(
    grammar: dict[str, ModuleType], stem: str, kind: str, present: str, past: str, before_noun: str
) -> None:
    adjective = grammar["korean"].Stem(stem, kind, descriptive=True)
    assert (adjective.polite(), adjective.polite_past()) == (present, past)
    assert adjective.adnominal("present") == before_noun


@pytest.mark.parametrize(
    ("noun", "present", "past"),
    [("의사", "의사예요", "의사였어요"), ("선생님", "선생님이에요", "선생님이었어요")],
)
def test_copula(grammar: dict[str, ModuleType], noun: str, present: str, past: str) -> None:
    copula = grammar["korean"].copula
    assert (copula(noun, "present"), copula(noun, "past")) == (present, past)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (r" seven o'clock", r"(?<![가-힣])일곱 시에"),
        (r"[Tt]wenty (cups of|keys)", r" 스무 (잔|개)"),
        (r"[Tt]hree (books|magazines|dictionaries)\b", r"(책|잡지|사전) 세 권"),
        (r"[Tt]wo (dogs|cats|rabbits) ", r"(개|고양이|토끼) 두 마리"),
        (r"^Please do not ", r"지 말아 주세요\.$"),
        (r"[Mm]y mother\b", r"우리 엄마"),
        (r"^(I|We) (want|wanted) to ", r"고 (싶어요|싶었어요)\.$"),
        (r"^(He|She|Minsu|Anna) wants to \w+( \w+){1,6}\.$", r"고 싶어 해요\.$"),
        (r"^Where do(es)? .* live", r"어디에 살아요\?$"),
        (r"^What did ", r"무엇을 .*어요\?$|무엇을 .*[가-힣]요\?$"),
        (r" because ", r" 때문에 "),
        (r"^If ", r"면 "),
    ],
)
def test_english_determines_the_korean(source: str, target: str) -> None:
    pairs = [row for split in ("train", "valid", "test") for row in rows(KOREAN / f"{split}.tsv")]
    matched = [(english, korean) for english, korean in pairs if re.search(source, english)]
    assert matched
    for english, korean in matched:
        assert re.search(target, korean), (english, korean)


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def test_dates_are_iso_and_weekdays_are_right() -> None:
    weekdays = months = years = 0
    for split in ("train", "valid", "test"):
        for written, iso in rows(DATES / f"{split}.tsv"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", iso)
            day = date.fromisoformat(iso)
            letters = re.findall(r"[a-z]{3}", written.lower())
            named = re.match(r"(mon|tue|wed|thu|fri|sat|sun)", written.lower())
            if named:
                assert named[1] == WEEKDAYS[day.weekday()], written
                weekdays += 1
            month = re.findall(r"\b(" + "|".join(MONTHS) + ")", written.lower())
            if letters:
                assert month == [MONTHS[day.month - 1]], written
                months += 1
            if str(day.year) not in written:
                assert written[-2:] == f"{day.year % 100:02}", written
                assert 1969 <= day.year <= 2068, written
                years += 1
            assert not re.search(r"^\d\d?[/.]", written), written
            ordinals = re.findall(r"\b(\d+)(st|nd|rd|th)\b", written.lower())
            assert all(int(number) == day.day for number, _ in ordinals), written
    assert min(weekdays, months, years) > 500


@pytest.mark.parametrize(
    ("word", "day"),
    [
        ("first", 1),
        ("third", 3),
        ("twelfth", 12),
        ("twentieth", 20),
        ("twenty-first", 21),
        ("thirty-first", 31),
    ],
)
def test_ordinals_in_letters(word: str, day: int) -> None:
    pattern = rf"(?<![-a-z]){word} of"
    found = [row for row in rows(DATES / "train.tsv") if re.search(pattern, row[0].lower())]
    assert found
    assert {int(iso[-2:]) for _, iso in found} == {day}


def test_slashed_dates_put_the_year_first() -> None:
    found = [(w, iso) for w, iso in rows(DATES / "train.tsv") if "/" in w or w.count(".") == 2]
    assert len(found) > 300
    for written, iso in found:
        assert [int(part) for part in re.split("[/.]", written)] == [int(part) for part in iso.split("-")]
