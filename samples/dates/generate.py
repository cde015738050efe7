"""Write the date corpus: English dates as people write them, with their ISO 8601 form.

Slashed forms that put the day or the month first are left out because they are ambiguous. Two-digit years
have one pivot: 69 to 99 are in the 1900s, 00 to 68 in the 2000s.
"""

from __future__ import annotations

import argparse
import random
from datetime import date, timedelta
from pathlib import Path

SEED = 1969
SIZES = {"train": 8000, "valid": 400, "test": 400}
FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
PIVOT = 69

MONTHS = (
    ("January", "Jan"),
    ("February", "Feb"),
    ("March", "Mar"),
    ("April", "Apr"),
    ("May", "May"),
    ("June", "Jun"),
    ("July", "Jul"),
    ("August", "Aug"),
    ("September", "Sep"),
    ("October", "Oct"),
    ("November", "Nov"),
    ("December", "Dec"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
UNITS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
TEENS = (
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
)

FORMS = (
    (8, "{month} {d}, {y}"),
    (4, "{month} {d} {y}"),
    (4, "{month} {th}, {y}"),
    (5, "{d} {month} {y}"),
    (4, "{th} {month} {y}"),
    (5, "{th} of {month} {y}"),
    (5, "the {th} of {month}, {y}"),
    (3, "the {th} of {month} {y}"),
    (4, "{month} the {th}, {y}"),
    (5, "the {word} of {month} {y}"),
    (4, "{month} the {word}, {y}"),
    (3, "{word} of {month}, {y}"),
    (4, "{mon} {d}, {y}"),
    (4, "{d} {mon} {y}"),
    (3, "{mon}. {d}, {y}"),
    (2, "{d}-{mon}-{y}"),
    (4, "{weekday}, {month} {d}, {y}"),
    (4, "{weekday} {d} {month} {y}"),
    (3, "{weekday}, {d} {month} {y}"),
    (3, "{weekday} the {th} of {month} {y}"),
    (4, "{day} {d} {mon} {y}"),
    (3, "{day}, {mon} {d}, {y}"),
    (4, "{y}/{m}/{d}"),
    (3, "{y}.{mm}.{dd}"),
    (2, "{y}/{mm}/{dd}"),
    (3, "{y} {month} {d}"),
    (3, "{y}, {month} {th}"),
    (4, "{d} {month} '{yy}"),
    (4, "{d} {mon} {yy}"),
    (3, "{month} {d}, '{yy}"),
    (3, "{th} of {mon} {yy}"),
)
"""The weight and the template of each way to write a date; names in braces are filled in by `fields`."""


def ordinal(day: int) -> str:
    """The day with its suffix: 1st, 2nd, 3rd, 11th."""
    suffix = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{suffix}"


def ordinal_word(day: int) -> str:
    """The day in letters: twenty-first."""
    if day <= 20:
        return (*UNITS, *TEENS)[day - 1]
    if day == 30:
        return "thirtieth"
    return f"{'twenty' if day < 30 else 'thirty'}-{UNITS[day % 10 - 1]}"


def full_year(two_digits: int) -> int:
    """The year a two-digit year stands for."""
    return two_digits + (1900 if two_digits >= PIVOT else 2000)


def fields(day: date, sept: bool) -> dict[str, str]:
    """The values of the names in a template; `sept` writes September as Sept."""
    month, mon = MONTHS[day.month - 1]
    weekday = WEEKDAYS[day.weekday()]
    return {
        "y": str(day.year),
        "yy": f"{day.year % 100:02}",
        "m": str(day.month),
        "mm": f"{day.month:02}",
        "d": str(day.day),
        "dd": f"{day.day:02}",
        "th": ordinal(day.day),
        "word": ordinal_word(day.day),
        "month": month,
        "mon": "Sept" if sept and mon == "Sep" else mon,
        "weekday": weekday,
        "day": weekday[:3],
    }


def dates(count: int) -> list[tuple[str, str]]:
    """`count` dates, all written differently, each with its ISO form."""
    source = random.Random(SEED)
    templates = [template for weight, template in FORMS for _ in range(weight)]
    found: dict[str, str] = {}
    while len(found) < count:
        template = templates[int(source.random() * len(templates))]
        day = FIRST + timedelta(days=int(source.random() * ((LAST - FIRST).days + 1)))
        sept, case = source.random() < 0.5, source.random()
        if "{yy}" in template and full_year(day.year % 100) != day.year:
            continue
        text = template.format(**fields(day, sept)).replace("May.", "May")
        if case < 0.12:
            text = text.lower()
        elif case < 0.18:
            text = text.upper()
        elif case < 0.3:
            text = text[0].upper() + text[1:]
        found.setdefault(text, day.isoformat())
    return list(found.items())


def main() -> None:
    """Generate into the given folder, by default beside this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    drawn = dates(sum(SIZES.values()))
    for split, size in reversed(SIZES.items()):
        part, drawn = drawn[:size], drawn[size:]
        with (out / f"{split}.tsv").open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(f"{written}\t{iso}\n" for written, iso in part)


if __name__ == "__main__":
    main()
