"""seqattn: sequence-to-sequence models with attention, to train, run, compare and inspect.

`check` tells what is wrong with a corpus, `train` trains a run, `load` opens one, `ensemble` joins several to
translate together, `compare` evaluates several on one test corpus. Importing this package does not load torch
until one of the last four is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqattn.comparison.findings import compare
    from seqattn.data.checks.corpus_check import check
    from seqattn.errors import InputError
    from seqattn.models.base import Reading
    from seqattn.runs.ensemble import Ensemble, ensemble
    from seqattn.runs.run import Run, load
    from seqattn.runs.setup import train

__version__ = "0.1.0"
__all__ = ["Ensemble", "InputError", "Reading", "Run", "check", "compare", "ensemble", "load", "train"]

_DEFINED = {
    "Ensemble": "seqattn.runs.ensemble",
    "InputError": "seqattn.errors",
    "Reading": "seqattn.models.base",
    "Run": "seqattn.runs.run",
    "check": "seqattn.data.checks.corpus_check",
    "compare": "seqattn.comparison.findings",
    "ensemble": "seqattn.runs.ensemble",
    "load": "seqattn.runs.run",
    "train": "seqattn.runs.setup",
}


def __getattr__(name: str) -> Any:
    if name not in _DEFINED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_DEFINED[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
