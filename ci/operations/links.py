"""Where links and references of the documents lead: to a heading or a file that is there."""

import re

from metrics.paper import anchors
from operations.document import ROOT

ELSEWHERE = ("http://", "https://", "mailto:")
LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])+\]\(([^()\s]+)\)")
# docs/API.md, "Half-empty answers"
NAMED = re.compile(r'((?:docs/)?[\w/]+\.md)`?,\s+"([^"]+)"')
# ("Capacity"), ("Health" above); in words of the document itself, as in a runbook.
QUOTED = re.compile(r'\("([A-Z][^"\[\]]+)"(?: above| below)?\)')


def documents():
    own = [path for path in ROOT.glob("*.md")]
    return sorted([*own, *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("deploy/**/*.md")])


def plain(text):
    """Without code, which may look like links."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    return re.sub(r"`[^`\n]*`", "", text)


def titles(path):
    """Headings, and the bold words that begin a paragraph or an entry, which serve as such."""
    text = path.read_text()
    bold = [it.rstrip(".:") for it in re.findall(r"^(?:- )?\*\*([^*]+)\*\*", text, re.M)]
    return {re.sub(r"[`*]", "", it) for it in re.findall(r"^#{1,6} (.+)$", text, re.M) + bold}


def judge(path):
    text = path.read_text()
    name = path.relative_to(ROOT)
    for target in LINK.findall(plain(text)):
        if target.startswith(ELSEWHERE):
            continue
        place, _, anchor = target.partition("#")
        other = (path.parent / place).resolve() if place else path
        if not other.exists():
            yield f"{name}: the link {target} leads to no file"
        elif anchor and f"#{anchor}" not in anchors(other.read_text()):
            yield f"{name}: the link {target} leads to no heading, or to several"
    flat = re.sub(r"\s+", " ", text)
    for place, title in NAMED.findall(flat):
        other = ROOT / place
        if other.exists() and title not in titles(other):
            yield f'{name}: {place} has no "{title}"'
    for title in QUOTED.findall(flat):
        if title not in titles(path):
            yield f'{name}: refers to "{title}", which is no heading here'


def check():
    return [complaint for path in documents() for complaint in judge(path)]
