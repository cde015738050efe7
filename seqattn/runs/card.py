"""The model card in a run's folder."""

from __future__ import annotations

from seqattn.errors import counted
from seqattn.options import flat_options
from seqattn.pictures.legible import in_code, in_markdown
from seqattn.runs.config import RunConfig
from seqattn.runs.records import TrainedRecord
from seqattn.runs.validation import VALIDATED_SENTENCES
from seqattn.shell import command_line


def model_card(config: RunConfig, parameters: int, trained: TrainedRecord) -> str:
    """The text of a run's README.md: model, data, scores, usage."""
    data = config.data
    shape = ", ".join(f"{key} {value}" for key, value in flat_options(config.model).items())
    score = (
        f"BLEU {trained.bleu:.2f}, chrF {trained.chrf:.2f}, exact match {trained.exact:.1f} %, "
        f"loss {trained.loss:.3f} nats per id, after {counted(trained.update, 'update')}"
        f"{' (average of several)' if trained.averaged else ''}."
    )
    valid = f"of {in_code(data.valid)}" if data.valid else "held out of the training corpus"
    some = f" on {VALIDATED_SENTENCES:,} of them" if data.valid_pairs > VALIDATED_SENTENCES else ""
    corpora = " and ".join(map(in_code, data.corpora))
    initial = ""
    if data.initialised_from is not None:
        initial = f"\n- Initialised with the weights of {in_code(data.initialised_from)}."
    command = f"\nMade by {in_code(command_line(*config.command))}.\n" if config.command else ""
    version = in_markdown(str(config.versions.get("seqattn", "")))
    return f"""# {config.architecture} ({parameters:,} parameters)

A sequence-to-sequence model trained with seqattn {version}: {shape}.

- Trained on {data.train_pairs:,} pairs of {corpora}, {in_markdown(data.direction)}.{initial}
- Validated on {data.valid_pairs:,} pairs {valid}, by greedy search{some}: {score}
{command}
    seqattn translate RUN input.txt
    seqattn align RUN "a sentence"
    seqattn info RUN
"""
