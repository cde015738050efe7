"""Which modules may import which, from the source, and what importing loads, in new interpreters."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import seqattn_cli

import seqattn
from seqattn.models import ARCHITECTURES, DECODERS, ENCODERS

PACKAGE = Path(seqattn.__file__).parent
TERMINAL = Path(seqattn_cli.__file__).parent
MODULES = sorted(
    ".".join(["seqattn", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if path.name != "__main__.py"
)

LAYERS = [
    {"errors", "processes", "progress", "shell", "symbols"},
    {"locks"},
    {"as_json", "chunks", "files"},
    {"hardware", "options", "ranks", "sharing", "writing"},
    {"text"},
    {"data"},
    {"models"},
    {"decoding", "training"},
    {"alignment", "evaluation"},
    {"pictures"},
    {"runs"},
    {"comparison"},
    {"serving"},
]
"""The packages of the library by layer, lowest first: each imports only from the layers below."""


def file_of(module):
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported_in(path):
    """Every module that a file imports anywhere; for `from a import b` both `a` and `a.b`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not (node.level and path.is_relative_to(PACKAGE)), f"{path}: a relative import"
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def loaded_by(code):
    """The modules that a new interpreter has loaded after running some code."""
    script = f"import sys, json\n{code}\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_and_its_list_of_models_does_not_load_torch():
    loaded = loaded_by("import seqattn, seqattn.models, seqattn.errors")
    assert "seqattn" in loaded
    assert not loaded & {"torch", "rich", "click", "sentencepiece", "sacrebleu", "numpy"}


def test_importing_every_module_of_the_library_loads_no_terminal_package():
    loaded = loaded_by(f"import {', '.join(MODULES)}")
    assert "torch" in loaded
    assert not loaded & {"rich", "click", "seqattn_cli"}


def test_models_are_built_without_weights_without_what_only_training_loads():
    code = """
from itertools import product
from seqattn.models import DECODERS, ENCODERS, build, default_options
from seqattn.models.base import Vocabulary
from seqattn.models.weights import without_weights
for encoder, decoder in product(ENCODERS, DECODERS):
    name = f"{encoder}+{decoder}"
    with without_weights():
        model = build(name, default_options(name), Vocabulary(9, 9, shared=True))
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
"""
    assert "torch._dynamo" not in loaded_by(code)


def test_help_of_every_command_does_not_load_torch():
    code = """
from seqattn_cli.main import cli
for arguments in [["--help"], ["--version"], *([name, "--help"] for name in cli.commands)]:
    try:
        cli(arguments)
    except SystemExit as status:
        assert not status.code, arguments
"""
    loaded = loaded_by(code)
    assert "click" in loaded
    assert not loaded & {"torch", "sentencepiece", "sacrebleu", "numpy"}


def package_of(module):
    return module.split(".")[1] if "." in module else "seqattn"


def library_imports(module):
    return {name for name in imported_in(file_of(module)) if name in MODULES} - {module}


def test_every_package_has_a_layer():
    assert set().union(*LAYERS) == {package_of(module) for module in MODULES} - {"seqattn"}


@pytest.mark.parametrize("module", [m for m in MODULES if m != "seqattn"])
def test_imports_are_from_lower_layers(module):
    package = package_of(module)
    below = set().union(*LAYERS[: next(number for number, layer in enumerate(LAYERS) if package in layer)])
    asked = {package_of(name) for name in library_imports(module)} - {package, "seqattn"}
    assert asked <= below, f"{module} imports from {sorted(asked - below)}"


def test_there_are_no_circular_imports():
    remaining = {module: library_imports(module) - {"seqattn"} for module in MODULES}
    while free := {module for module, asked in remaining.items() if not asked & remaining.keys()}:
        remaining = {module: asked for module, asked in remaining.items() if module not in free}
    assert not remaining


@pytest.mark.parametrize("module", MODULES)
def test_the_library_does_not_depend_on_the_terminal(module):
    tops = {name.split(".")[0] for name in imported_in(file_of(module))}
    assert not tops & {"seqattn_cli", "cli", "click", "rich"}


PURE = (
    "seqattn.models",
    "seqattn.decoding.coverage",
    "seqattn.decoding.prefixes",
    "seqattn.decoding.search",
    "seqattn.decoding.stepping",
    "seqattn.training",
)
"""Modules that work only on tensors."""


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith(PURE)])
def test_models_search_and_training_do_not_depend_on_text_or_files(module):
    asked = imported_in(file_of(module))
    tops = {name.split(".")[0] for name in asked} | {".".join(name.split(".")[:2]) for name in asked}
    assert not tops & {
        "pathlib",
        "os",
        "io",
        "json",
        "sentencepiece",
        "sacrebleu",
        "seqattn.text",
        "seqattn.files",
        "seqattn.writing",
    }
    assert "seqattn.data.corpus" not in asked


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith(PURE) and ".models" not in m])
def test_search_and_training_depend_on_the_contract_and_no_architecture(module):
    models = {name for name in library_imports(module) if name.startswith("seqattn.models.")}
    assert models <= {"seqattn.models.base", "seqattn.models.predictor", "seqattn.models.weights"}


def test_only_the_allowed_modules_open_files():
    allowed = {"files", "writing", "locks", "runs.folder", "pictures.document"}
    for module in MODULES:
        if module.removeprefix("seqattn.") in allowed:
            continue
        for node in ast.walk(ast.parse(file_of(module).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                assert called not in {"open", "read_text", "read_bytes", "write_text", "write_bytes"}, module


def test_the_library_prints_nothing():
    for module in MODULES:
        for node in ast.walk(ast.parse(file_of(module).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert getattr(node.func, "id", "") not in {"print", "input"}, module


def names_compared(path):
    """Names of architectures that a file compares something with, or matches."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare | ast.MatchValue):
            parts = ast.walk(node)
            found |= {part.value for part in parts if isinstance(part, ast.Constant)} & set(ARCHITECTURES)
    return found


def test_no_architecture_is_compared_by_name_outside_the_list_of_models():
    files = [*PACKAGE.rglob("*.py"), *TERMINAL.rglob("*.py")]
    assert len(files) > 20
    found = {str(path): names_compared(path) for path in files if path != PACKAGE / "models" / "__init__.py"}
    assert not {path: names for path, names in found.items() if names}


def test_no_class_of_an_architecture_is_used_outside_the_models():
    classes = {name for part in (*ENCODERS.values(), *DECODERS.values()) for name in part[1:]}
    for path in [*PACKAGE.rglob("*.py"), *TERMINAL.rglob("*.py")]:
        if "models" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # torch has its own LSTM.
        torchs = {node for node in ast.walk(tree) if ast.unparse(node).startswith("nn.")}
        used = {getattr(n, "id", getattr(n, "attr", "")) for n in ast.walk(tree) if n not in torchs}
        assert not used & classes, path


def test_a_comparison_with_an_architecture_would_be_detected(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text('if arch == "lstm":\n    pass\n')
    assert names_compared(path) == {"lstm"}
    path.write_text('if "transformer" in name:\n    pass\n')
    assert names_compared(path) == {"transformer"}
