"""Translating batches of records, such as those of a Ray Data job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqattn.runs.ensemble import ensemble
from seqattn.runs.run import load


class BatchTranslator:
    """A callable that adds translations to batches of records; it opens its runs once, when it is made.

    Made for `map_batches` of Ray Data, whose workers each make one and call it for every batch. Ray starts a
    worker that dies anew and gives it its batch again, so that no record is lost or translated twice.
    """

    def __init__(
        self,
        *runs: str | Path,
        column: str = "text",
        into: str = "translation",
        beam: int = 5,
        precision: str = "fp32",
        device: str = "auto",
    ) -> None:
        """Open runs, several as an ensemble. InputError when one is damaged, ValueError without any."""
        if not runs:
            raise ValueError("no run is given to translate with")
        opened = [load(run, device=device, precision=precision) for run in runs]
        self.model = opened[0] if len(opened) == 1 else ensemble(opened)
        self.column, self.into, self.beam = column, into, beam

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch as columns, each a sequence, with one more: the translations of `column`.

        KeyError when there is no such column, ValueError when it has what is no text.
        """
        sources: Sequence[Any] = batch[self.column]
        texts = [source for source in sources if isinstance(source, str)]
        if len(texts) < len(sources):
            raise ValueError(f"the column {self.column} must have texts alone")
        found = self.model.translate(texts, beam=self.beam)
        return {**batch, self.into: [str(translation) for translation in found]}
