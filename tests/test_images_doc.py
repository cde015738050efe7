"""docs/images.md refers only to what exists, and its figure is complete."""

import re
from xml.etree import ElementTree

import pytest
from test_attention_doc import problem

from documents import ROOT

PAGE = ROOT / "docs" / "images.md"
LINKS = sorted(set(re.findall(r"\[([^\]]+)\]\(([^)\s]+)\)", PAGE.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(("label", "target"), [link for link in LINKS if link[1] != "shapes.svg"])
def test_a_link_leads_to_the_function_class_or_option_that_it_names(label, target):
    assert problem(label, target) == ""


def test_the_figure_shows_the_words_of_a_scene_and_needs_nothing_from_elsewhere():
    text = (ROOT / "docs" / "shapes.svg").read_text(encoding="utf-8")
    shown = "".join(ElementTree.fromstring(text).itertext())
    assert any(kind in shown for kind in ("circle", "square", "triangle", "cross", "ring"))
    assert not re.search(r'href="(?!#|data:)', text) and "url(" not in text
