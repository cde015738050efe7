"""Synthetic training pairs: monolingual texts translated back, and sources translated by a teacher."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import torch

from seqattn.as_json import as_json
from seqattn.data.corpus import Pair, absolute, merge
from seqattn.data.recognition import HEAD, refuse_formats
from seqattn.data.sources import TEXTS, Sources
from seqattn.errors import InputError, counted
from seqattn.files import first_bytes, read_binary, read_lines
from seqattn.progress import Report, silent
from seqattn.runs.beside import Beside, check_beside, kept, reverse_path, train_beside
from seqattn.runs.ensemble import ensemble
from seqattn.runs.folder import RunFolder
from seqattn.runs.preparation import Data, common_sides, load_data, synthetic_path
from seqattn.runs.run import Run, load_run
from seqattn.runs.text_model import TextModel
from seqattn.text.normalising import normalise
from seqattn.writing import append, write_aside

TAG = "\ue000"
"""The first word of a source that was translated back (Caswell et al. 2019): a private-use character."""
AT_ONCE = 1000
"""Texts that are translated before they are kept."""
MANY = 0.2
"""The share of copies among what was translated back that is warned of."""
MOST_BYTES = 2**20
"""Of the record of what pairs were made from, read at most."""


def unfinished_path(out: Path) -> Path:
    """The file of the synthetic pairs that have been made for a run so far."""
    return synthetic_path(out).with_suffix(".unfinished")


def read_monolingual(files: Sequence[str]) -> list[str]:
    """The texts of files that have one a line; InputError when there is none."""
    for path in map(Path, files):
        refuse_formats(first_bytes(path, HEAD), path)
    texts = [line for name in files for line in read_lines(Path(name)) if line.strip()]
    if not texts:
        raise InputError("holds no text", path=", ".join(files))
    return texts


def back_translate(reverse: TextModel, texts: Sequence[str]) -> list[Pair]:
    """Pairs of a tagged translation by a run of the other direction, and the text (Sennrich et al. 2016).

    Greedy search; texts without a translation are left out.
    """
    found = zip(map(str, reverse.translate(texts, beam=1)), texts, strict=True)
    return [Pair(f"{TAG} {source}", text) for source, text in found if source]


def distil(teacher: TextModel, sources: Sequence[str]) -> list[Pair]:
    """Pairs of a source and its translation by a teacher (Kim and Rush 2016, section 3.2); beam 5."""
    found = zip(sources, map(str, teacher.translate(sources, beam=5)), strict=True)
    return [Pair(source, target) for source, target in found if target]


class Written(NamedTuple):
    """Synthetic pairs that were written."""

    pairs: int
    warning: str
    """What seems wrong with them; empty if nothing does."""


@dataclass(frozen=True)
class Synthesis:
    """What synthetic pairs are made from."""

    monolingual: Sequence[str] = ()
    """Files of texts in the target language."""
    reverse: Path | None = None
    """A run that translates them back; None: one that is trained beside the run."""
    teachers: Sequence[Path] = ()
    """Runs that translate the training sources, together if there are several."""

    @property
    def any(self) -> bool:
        """Whether pairs are to be made."""
        return bool(self.monolingual or self.teachers)

    def check(
        self, corpora: Sequence[str], valid: str | None, guide: str | None, swap: bool, sources: Sources
    ) -> None:
        """InputError, before anything is trained, for what cannot be used; `sources` are those of the run."""
        if self.monolingual:
            # Only texts can be translated back.
            sources.turned()
        if guide is not None:
            raise InputError("a guide has no links for synthetic pairs", remedy="leave out one of both")
        if self.monolingual:
            data = load_data(corpora, valid)
            self._texts(data.swapped() if swap else data)
        if self.reverse is not None:
            check_direction(load_run(self.reverse), corpora, not swap, "--reverse")
        if self.teachers:
            teachers = list(map(load_run, self.teachers))
            for teacher in teachers:
                if (teacher.sources is TEXTS) != (sources is TEXTS):
                    raise InputError(
                        f"reads {teacher.sources}, the run to be trained {sources}",
                        path=teacher.path,
                        remedy="name a --teacher that reads the same",
                    )
                check_direction(teacher, corpora, swap, "--teacher")
            ensemble(teachers)

    def check_made(self, out: Path, corpora: Sequence[str], valid: str | None, swap: bool) -> None:
        """InputError when OUT.synthetic.jsonl or OUT.reverse exists and was made from something else."""
        if self._trains_reverse:
            check_beside([(reverse_path(out), not swap)], corpora, "back-translation")
        path, record = synthetic_path(out), self._record_path(out)
        if not (path.exists() and record.exists()):
            return
        try:
            before = json.loads(read_binary(record, MOST_BYTES))
        except ValueError as error:
            raise InputError(f"is damaged: {error}", path=record) from error
        if before != self._origin(corpora, valid, swap):
            raise InputError(
                "was made from other texts or by other runs",
                path=path,
                remedy="delete it to have it made anew, or choose another name for --out",
            )

    def _texts(self, data: Data) -> list[str]:
        """The monolingual texts, without the targets that the run is validated on."""
        validated = {normalise(pair.target) for pair in data.valid}
        texts = [text for text in read_monolingual(self.monolingual) if normalise(text) not in validated]
        if not texts:
            raise InputError(
                "every text is a target of the validation set",
                path=self.monolingual[0],
                remedy="name texts that are not validated on",
            )
        return texts

    @property
    def _trains_reverse(self) -> bool:
        return bool(self.monolingual) and self.reverse is None

    @staticmethod
    def _record_path(out: Path) -> Path:
        """The file that says what the pairs were made from."""
        return synthetic_path(out).with_suffix(".json")

    def _origin(self, corpora: Sequence[str], valid: str | None, swap: bool) -> dict[str, Any]:
        """What the pairs are made from, as JSON values: hashes of texts and weights."""
        texts = read_monolingual(self.monolingual) if self.monolingual else []
        sources = RunFolder(self.teachers[0]).read_config().sources if self.teachers else TEXTS
        return {
            "corpora": merge([sources.read_corpus(argument) for argument in corpora]).fingerprint,
            "valid": None if valid is None else sources.read_corpus(valid).fingerprint,
            "swapped": swap,
            "monolingual": sha256("\n".join(texts).encode()).hexdigest(),
            "reverse": [] if self.reverse is None else [RunFolder(self.reverse).weights_hash],
            "teachers": [RunFolder(run).weights_hash for run in self.teachers],
        }

    def make(self, out: Path, corpora: Sequence[str], valid: str | None, swap: bool, how: Beside) -> Path:
        """Write the pairs to OUT.synthetic.jsonl, if they are not there (`write`).

        OUT.reverse, the run that translates back, is trained first if none is given (`train_beside`).
        """
        path = synthetic_path(out)
        if path.exists():
            how.say(f"The synthetic pairs already exist in {path}.")
            if self._trains_reverse and RunFolder(reverse_path(out)).finished:
                how.say(kept(reverse_path(out)))
            return path
        if self._trains_reverse:
            train_beside([(reverse_path(out), not swap)], how)
        with how.reporting() as report:
            made = self.write(out, corpora, valid, swap, how.device, report)
        how.say(f"{counted(made.pairs, 'synthetic pair')} in {path}.")
        if made.warning:
            how.say(f"Warning: {made.warning}")
        return path

    def write(
        self,
        out: Path,
        corpora: Sequence[str],
        valid: str | None,
        swap: bool,
        device: torch.device,
        report: Report = silent,
    ) -> Written:
        """Make the pairs and write them to OUT.synthetic.jsonl, in the direction of the corpora.

        Texts that are targets of the validation set are left out. What is made is kept from the start, so
        that another call goes on where one was interrupted. InputError when all translations are empty.
        """
        teacher = ensemble(load_run(path, device) for path in self.teachers) if self.teachers else None
        data = load_data(corpora, valid, sources=teacher.sources if teacher else TEXTS)
        data = data.swapped() if swap else data
        steps: list[tuple[str, Callable[[], list[Pair]]]] = []
        if self.monolingual:
            reverse = load_run(self.reverse or reverse_path(out), device)
            steps += [
                ("translating back", partial(back_translate, reverse, some))
                for some in _parts(self._texts(data))
            ]
        if teacher:
            steps += [
                ("translating by the teacher", partial(distil, teacher, some))
                for some in _parts([pair.source for pair in data.train])
            ]
        origin = self._origin(corpora, valid, swap)
        kept = _Kept(unfinished_path(out), origin)
        for number, (what, make) in enumerate(steps):
            if number >= len(kept.parts):
                report(what, number / len(steps))
                pairs = (pair.swapped() if swap else pair for pair in make())
                kept.add([{"source": absolute(source), "target": target} for source, target in pairs])
        made = [pair for part in kept.parts for pair in part]
        if not made:
            kept.path.unlink()
            raise self._nothing(out)
        lines = [as_json(pair) + "\n" for pair in made]
        write_aside(self._record_path(out), as_json(origin).encode())
        write_aside(synthetic_path(out), "".join(lines).encode("utf-8", "replace"))
        kept.path.unlink()
        written = [Pair(one["source"], one["target"]) for one in made]
        return Written(len(written), _warning(written, data.train))

    def _nothing(self, out: Path) -> InputError:
        """That all translations are empty, as those of a run that has hardly been trained may be."""
        if self.teachers:
            remedy = "train it longer, or name another --teacher"
        elif self.reverse:
            remedy = "train it longer, or name another --reverse"
        else:
            remedy = "train longer, with another --out, or name a run by --reverse"
        runs = self.teachers or [self.reverse or reverse_path(out)]
        return InputError(
            "leaves every text without a translation", path=", ".join(map(str, runs)), remedy=remedy
        )


def _warning(made: Sequence[Pair], given: Sequence[Pair]) -> str:
    """That texts came back as copies, where those of the pairs that are given are none."""
    back = [pair for pair in made if any(text.startswith(TAG) for text in pair)]
    copies = sum(map(_copied, back))
    # Those that are given, perhaps millions, are looked at only if they can matter.
    if copies <= MANY * len(back) or copies <= (MANY + sum(map(_copied, given)) / len(given)) * len(back):
        return ""
    return (
        f"of {counted(len(back), 'text')} that were translated back, {copies:,} came back as copies: are "
        "they in the target language, and does the run that translates them read it?"
    )


def _copied(pair: Pair) -> bool:
    """Whether both sides are the same, the tag apart; short texts and those without letters count too."""
    source, target = (normalise(text.removeprefix(TAG)) for text in pair)
    return source == target


def _parts(texts: Sequence[str]) -> list[Sequence[str]]:
    return [texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE)]


class _Kept:
    """The pairs made so far, in a file: what they are made from, then a line for each part that is done."""

    def __init__(self, path: Path, origin: dict[str, Any]) -> None:
        self.path = path
        self.parts: list[list[dict[str, Any]]] = []
        lines = read_binary(path).splitlines() if path.exists() else []
        try:
            if lines and json.loads(lines[0]) == origin:
                for line in lines[1:]:
                    self.parts.append(json.loads(line))
        except ValueError:
            # The process was killed while it wrote this line, and what follows from it is made again.
            pass
        written = [as_json(one) + "\n" for one in (origin, *self.parts)]
        write_aside(path, "".join(written).encode("utf-8", "replace"))

    def add(self, part: list[dict[str, Any]]) -> None:
        """Keep the pairs of the next part."""
        self.parts.append(part)
        append(self.path, (as_json(part) + "\n").encode("utf-8", "replace"))


def check_direction(run: Run, corpora: Sequence[str], swap: bool, option: str) -> None:
    """InputError when a run is known to translate these corpora in another direction than asked for.

    The names of their sides show it, unless all of them differ, or that it was trained on them. `swap`: from
    target to source.
    """
    data, sides = run.config.data, common_sides(corpora)
    if data.sides is not None and sides is not None and not set(data.sides).isdisjoint(sides):
        wanted = sides[::-1] if swap else sides
        differs, asked = data.sides != wanted, f"from {wanted[0]} to {wanted[1]}"
    else:
        fingerprint = merge([run.sources.read_corpus(argument) for argument in corpora]).fingerprint
        differs = data.train_fingerprint == fingerprint and data.swapped != swap
        asked = "from target to source" if swap else "from source to target"
    if differs:
        raise InputError(
            f"translates {data.direction}, not {asked}",
            path=run.path,
            remedy=f"give {option} a run of the other direction, or leave it out",
        )
