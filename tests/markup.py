"""HTML pages as tests read them: elements with attributes and text, each closed in the right place."""

import json
from html.parser import HTMLParser

VOID = {"meta", "input"}


class Document(HTMLParser):
    """The elements of a page; each must be closed in the right place."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.elements = [], []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "attributes": dict(attributes), "text": ""}
        assert len(element["attributes"]) == len(attributes)
        self.elements.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop()["tag"] == tag

    def handle_data(self, text):
        for element in self.stack:
            element["text"] += text

    def all(self, tag, **attributes):
        """The elements of a tag whose attributes are as given; `_` in a name stands for `-`."""
        wanted = {name.strip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [e for e in self.elements if e["tag"] == tag and wanted.items() <= e["attributes"].items()]

    @property
    def data(self):
        (element,) = self.all("script", type="application/json")
        return json.loads(element["text"])

    @property
    def text(self):
        (main,) = self.all("main")
        return main["text"]
