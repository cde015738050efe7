"""Make docs/compare.svg, the README's picture: what `seqattn compare` shows, from a run made now."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from seqattn_cli.views.comparison import comparison

from seqattn import compare

PICTURE = Path(__file__).with_name("compare.svg")
WIDTH = 110
# The picture asks for no font from elsewhere.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK KR'"
)


def main() -> None:
    """Compare on the bundled sample, and draw the result."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "compare"
        subprocess.run([sys.executable, "-m", "seqattn", "compare", "--out", str(folder)], check=True)
        found = compare(folder)
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print("[bold]$ seqattn compare[/bold]")
    console.print(comparison(found, WIDTH))
    PICTURE.write_text(console.export_svg(title="seqattn compare", code_format=FORMAT), encoding="utf-8")
    print(f"Written to {PICTURE}.")


if __name__ == "__main__":
    main()
