"""A report as a page: one file that needs nothing but itself, and can be read without scripts."""

import base64
import hashlib
import importlib.resources
import itertools
import re
from collections.abc import Iterator, Mapping
from html import escape

import jinja2
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from gan_aug.reporting.colors import INK, PAPER

__all__ = ["render_page"]

TEMPLATES = importlib.resources.files("gan_aug.reporting") / "templates"
# Tables of more columns become a list of rows on a phone.
MOST_NARROW = 3
# Beginnings of the headings of sections that are folded at first: what few readers ask for.
FOLDED = ("Accuracy on", "All scores", "With ", "Where ")


def render_page(markdown: str, title: str, pictures: Mapping[str, str]) -> str:
    """Turn a report into a page that needs nothing but itself.

    Args:
        markdown: The report, which refers to its pictures.
        title: Title of the page.
        pictures: File that the report refers to → the SVG of a chart, or a ``data:`` URI.

    Returns:
        HTML.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.core.ruler.push("tables", describe_tables)
    parser.add_render_rule("table_open", open_wide_table)
    parser.add_render_rule("table_close", close_wide_table)
    parser.add_render_rule("td_open", open_cell)
    parser.add_render_rule("td_close", close_cell)
    head, *sections = re.split(r"(?=<h2>)", parser.render(markdown))
    headings = [re.sub("<[^>]*>", "", part.partition("</h2>")[0]) for part in sections]
    anchors = list(name_anchors(headings))
    script = read_template("page.js")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(read_template("page.html.j2")).render(
        title=title,
        style=environment.from_string(read_template("page.css.j2")).render(ink=INK, paper=PAPER),
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        head=head,
        sections=[
            (anchor, heading, part.partition("</h2>")[2], not heading.startswith(FOLDED))
            for anchor, heading, part in zip(anchors, headings, sections, strict=True)
        ],
    )
    # Not before: the parser takes a minute for megabytes of URIs.
    return place_pictures(page, pictures)


def read_template(name: str) -> str:
    """Return the text of a template."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def name_anchors(headings: list[str]) -> Iterator[str]:
    """Yield how each heading is linked to, no two the same."""
    taken: set[str] = set()
    for heading in headings:
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        tries = (f"{name}-{number}" if number else name for number in itertools.count())
        anchor = next(name for name in tries if name not in taken)
        taken.add(anchor)
        yield anchor


def place_pictures(page: str, pictures: Mapping[str, str]) -> str:
    """Put pictures in the place of references to their files.

    Those that follow each other stand beside each other. The parts of a chart are told apart from
    those of others.
    """
    number = itertools.count()

    def place(reference: re.Match[str]) -> str:
        picture = pictures.get(reference["file"], reference["file"])
        if not picture.startswith("<svg"):
            return f'<img src="{picture}" alt="{reference["alt"]}">'
        own = re.sub(r'( id="|="#|url\(#)', rf"\1c{next(number)}-", picture)
        return own.replace("<svg", f'<svg role="img" aria-label="{reference["alt"]}"', 1).strip()

    image = r'<img src="(?P<file>[^"]*)" alt="(?P<alt>[^"]*)" />'
    alone = re.compile(rf"<p>((?:{re.sub(r'[?]P<[a-z]+>', '', image)}\s*)+)</p>")
    grouped = alone.sub(r'<div class="pictures">\1</div>', page)
    return re.sub(image, place, grouped)


def describe_tables(state: StateCore) -> None:
    """Say in every table what is a heading, and in every cell of a wide one of what.

    A table without headings has those of its rows in its first column.
    """
    tokens, table = [], []
    for token in state.tokens:
        table.append(token)
        if token.type == "table_close":
            start = next(i for i, t in enumerate(table) if t.type == "table_open")
            tokens += table[:start] + describe_table(table[start:])
            table = []
    state.tokens = tokens + table


def describe_table(table: list[Token]) -> list[Token]:
    """Return the tokens of one table, described."""
    end = next(i for i, token in enumerate(table) if token.type == "thead_close")
    headings = [token.content for token in table[:end] if token.type == "inline"]
    if not any(headings):
        return [table[0], *name_rows(table[end + 1 :])]
    if len(headings) > MOST_NARROW:
        table[0].attrSet("class", "wide")
        table[0].attrSet("role", "table")
    column = 0
    for token in table:
        if token.type == "th_open":
            token.attrSet("scope", "col")
        if len(headings) > MOST_NARROW and token.type in ROLES:
            token.attrSet("role", ROLES[token.type])
        column = 0 if token.type == "tr_open" else column + (token.type == "td_close")
        if token.type == "td_open":
            token.attrSet("data-label", read_text(headings[column]))
    return table


ROLES = {
    "thead_open": "rowgroup",
    "tbody_open": "rowgroup",
    "tr_open": "row",
    "th_open": "columnheader",
    "td_open": "cell",
}


def read_text(markdown: str) -> str:
    """Return a heading of a table without its markup."""
    return re.sub(r"\\([^\w\s])|[`*]", r"\1", markdown)


def name_rows(tokens: list[Token]) -> list[Token]:
    """Make the first cell of every row its heading."""
    first = False
    for token in tokens:
        if token.type == "tr_open":
            first = True
        elif token.type == "td_open" and first:
            token.tag = "th"
            token.attrSet("scope", "row")
        elif token.type == "td_close" and first:
            token.tag = "th"
            first = False
    return tokens


def open_wide_table(_renderer: object, tokens: list[Token], place: int, *_arguments: object) -> str:
    """Let a wide table scroll by itself, and not the page with it."""
    attributes = "".join(f' {name}="{value}"' for name, value in tokens[place].attrs.items())
    return f'<div class="table" tabindex="0">\n<table{attributes}>\n'


def close_wide_table(*_arguments: object) -> str:
    """Close what :func:`open_wide_table` opened."""
    return "</table>\n</div>\n"


def open_cell(_renderer: object, tokens: list[Token], place: int, *_arguments: object) -> str:
    """Begin a cell, whose content is one thing beside its label on a phone."""
    token = tokens[place]
    attributes = "".join(f' {name}="{escape(str(v))}"' for name, v in token.attrs.items())
    return f"<{token.tag}{attributes}>{'<span>' if token.tag == 'td' else ''}"


def close_cell(_renderer: object, tokens: list[Token], place: int, *_arguments: object) -> str:
    """Close what :func:`open_cell` opened."""
    tag = tokens[place].tag
    return f"{'</span>' if tag == 'td' else ''}</{tag}>\n"
