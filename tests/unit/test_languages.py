"""README.md and README.ko.md say the same, in the same order, with the same commands."""

import re

from pages import read, rows

ENGLISH = read("README.md")
KOREAN = read("README.ko.md")
BLOCK = re.compile(r"```.*?```", re.S)


def sections(page):
    """Yield (heading, prose, blocks of code) of every section."""
    blocks = BLOCK.findall(page)
    for part in re.split(r"\n(?=#+ )", "\n" + BLOCK.sub("<block>", page))[1:]:
        heading, _, prose = part.partition("\n")
        count = prose.count("<block>")
        yield heading, prose, blocks[:count]
        blocks = blocks[count:]


def kept(page):
    """Return what a translation keeps of each section: level, code, links, names, rows."""
    return [(heading.split()[0], [_without_comments(block) for block in blocks],
             [_in_either(target) for target in re.findall(r"\]\(([^)\s]+)\)", prose)],
             sorted(" ".join(name.split()) for name in re.findall(r"`([^`]+)`", prose)),
             len(rows(prose)))
            for heading, prose, blocks in sections(page)]


def _without_comments(block):
    return re.sub(r"^([#$] .*?) +# .*$", r"\1", block, flags=re.M)


def _in_either(target):
    return target.replace("README.ko.md", "README.md").replace("-ko-", "-en-")


def test_the_korean_readme_has_the_same_sections_commands_links_and_names():
    english, korean = kept(ENGLISH), kept(KOREAN)
    assert len(english) > 10
    for number, wanted in enumerate(english):
        assert korean[number] == wanted
    assert len(korean) == len(english)


def test_each_language_leads_to_the_other_at_once():
    assert "](README.ko.md)" in ENGLISH.split("\n## ")[0]
    assert "](README.md)" in KOREAN.split("\n## ")[0]


def test_the_korean_readme_is_korean_throughout():
    for heading, prose, _ in list(sections(KOREAN)):
        assert re.search("[가-힣]", prose), heading
    assert all(re.search("[가-힣]", heading) for heading, _, _ in list(sections(KOREAN))[1:])
