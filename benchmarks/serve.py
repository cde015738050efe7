"""A system under test in its own process: `python serve.py NAME FOLDER`, see systems/protocol.py."""

from __future__ import annotations

import sys
from pathlib import Path

from systems.protocol import System, Work, serve


def system(name: str, work: Work) -> System:
    """ours:MODEL:PRECISION, tutorial:MODEL, ctranslate2:TYPE:WORKERS, opennmt:MODEL or joeynmt:MODEL."""
    kind, *rest = name.split(":")
    if kind == "ours":
        from systems.ours import Ours

        return Ours(work, *rest)
    if kind == "tutorial":
        from systems.tutorial import Tutorial

        return Tutorial(work, *rest)
    if kind == "ctranslate2":
        from systems.ctranslate import CTranslate2

        return CTranslate2(work, rest[0], int(rest[1]))
    if kind == "opennmt":
        from systems.opennmt import OpenNMT

        return OpenNMT(work, *rest)
    from systems.joeynmt import JoeyNMT

    return JoeyNMT(work, *rest)


if __name__ == "__main__":
    serve(system(sys.argv[1], Work(Path(sys.argv[2]))))
