"""make screenshots: the pictures of the menu that README and docs show, from a run of the real program."""

import os
import sys
from html import escape

TOP = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [TOP, os.path.dirname(TOP)]

from terminal import Menu  # noqa: E402
from wiped import Server, throw_away_folder  # noqa: E402

FOLDER = os.path.join(os.path.dirname(TOP), "docs", "screenshots")
CELL = (8.4, 18)  # columns and lines in pixels, for a font of 14
PAPER, INK = "#131010", "#d0d0d0"
NAMED = {"default": INK, "black": "#000000", "white": "#ffffff"}


def svg(screen):
    """Return a pyte screen as an SVG picture."""
    width, height = screen.columns * CELL[0] + 16, screen.lines * CELL[1] + 16
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}" '
             'viewBox="0 0 {0:.0f} {1:.0f}" font-family="DejaVu Sans Mono, Noto Sans Mono CJK KR, '
             'monospace" font-size="14" xml:space="preserve">'.format(width, height),
             '<rect width="100%" height="100%" rx="6" fill="{}"/>'.format(PAPER)]
    for y in range(screen.lines):
        for x, words, char in runs(screen.buffer[y], screen.columns):
            parts += cells(x, y, words, char)
    return "\n".join(parts + ["</svg>", ""])


def runs(row, columns):
    """Yield (column, text, a character of it) for cells that look the same, wide ones alone."""
    x = 0
    while x < columns:
        first, end, words = row[x], x, ""
        while end < columns and look(row[end]) == look(first) and row[end].data:
            is_wide = end + 1 < columns and not row[end + 1].data
            if is_wide and words:
                break
            words += row[end].data
            end += 2 if is_wide else 1
            if is_wide:
                break
        if words.strip() or first.bg != "default":
            yield x, words, first
        x = max(end, x + 1)


def look(char):
    """Return what decides how a cell is painted."""
    return char.fg, char.bg, char.bold, char.reverse


def cells(x, y, words, char):
    """Return the SVG elements of a run."""
    ink, paper = color(char.fg), color(char.bg, PAPER)
    if char.reverse:
        ink, paper = paper, ink
    left, top = 8 + x * CELL[0], 8 + y * CELL[1]
    length = sum(2 if ord(one) > 0x1100 and ord(one) not in range(0x2000, 0x2600) else 1
                 for one in words) * CELL[0]
    parts = []
    if paper != PAPER:
        parts.append('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" fill="{}" '
                     'shape-rendering="crispEdges"/>'.format(
                         left, top, length, CELL[1], paper))
    parts.append('<text x="{:.1f}" y="{:.1f}" fill="{}"{} textLength="{:.1f}" '
                 'lengthAdjust="spacingAndGlyphs">{}</text>'.format(
                     left, top + 14, ink, ' font-weight="bold"' if char.bold else "", length,
                     escape(words)))
    return parts


def color(name, default=INK):
    """Return a colour of pyte as SVG writes it."""
    if name == "default":
        return default
    return NAMED.get(name, "#" + name)


def shoot(menu, name):
    """Write the picture of what the menu shows now."""
    with open(os.path.join(FOLDER, name + ".svg"), "w", encoding="utf-8") as picture:
        picture.write(svg(menu.screen))


def tour(root, language, size):
    """Walk through the menu and write its pictures."""
    label = "{}-{}x{}".format(language, *size)
    with Menu(root, "--lang", language, size=size) as menu:
        menu.see("/data", "aica check", "last recovery" if language == "en" else "지난 복구")
        shoot(menu, "overview-" + label)
        menu.press("1")
        menu.see("aica check", "directory:/data/models/torch")
        menu.see("looked: " if language == "en" else "살펴본 결과")
        shoot(menu, "check-" + label)
        menu.press("q", "2")
        menu.see("aica user list")
        menu.press("1")
        menu.see("park")
        shoot(menu, "users-" + label)
        menu.press("q", "2")
        menu.see("Tab")
        menu.press(*"choi")
        shoot(menu, "add-" + label)


def main():
    """Write all pictures."""
    os.makedirs(FOLDER, exist_ok=True)
    for language in ("en", "ko"):
        for size in ((80, 24), (120, 40)):
            with throw_away_folder() as folder:
                server = Server(folder).wiped()
                server.cli("recover")
                server.remove("/home/kim")
                os.chmod(server.path("/data/models/torch"), 0o700)
                tour(server.root, language, size)


if __name__ == "__main__":
    main()
