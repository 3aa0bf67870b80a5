import numpy as np
import pytest
from markdown_it import MarkdownIt

from gan_aug.reporting.names import escape_markdown, label, pick_largest, shorten, to_code

HOSTILE = [
    "a|b",
    "*a*",
    "**a**",
    "`a`",
    "``",
    "[a](b)",
    "![a](b)",
    "<script>",
    "&amp;",
    "_a_",
    "__a__",
    "a_b",
    "~~a~~",
    "a\\",
    "\\|",
    "grün 猫",
]


def render_cell(text):
    """Return what a reader sees of a cell."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(f"| x | y |\n|---|---|\n| {text} | z |\n")
    cells = [token for token in tokens if token.type == "inline"]
    assert cells[3].content == "z"
    return cells[2].children


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_a_name_as_it_is(name):
    children = render_cell(escape_markdown(name))
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == name


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "\\|"])
def test_code_shows_a_name_as_it_is(name):
    [child] = render_cell(to_code(name))
    assert (child.type, child.content) == ("code_inline", name)


def test_names_in_words_stay_readable():
    assert escape_markdown("golden_retriever 2.0 (wet)") == "golden_retriever 2.0 (wet)"
    assert escape_markdown("two\nlines") == "two lines"


def test_long_names_keep_both_ends():
    assert shorten("cat", 10) == "cat"
    assert shorten("speed limit 30", 10) == "speed…30"
    assert len(shorten("x" * 99, 14)) == 14


def test_a_dollar_is_escaped_for_charts():
    assert label("$5 bill", 12) == r"\$5 bill"


def test_the_largest_come_in_their_own_order():
    np.testing.assert_array_equal(pick_largest([3, 9, 1, 9, 5], most=3), [1, 3, 4])
    np.testing.assert_array_equal(pick_largest([1, 1, 1], most=2), [0, 1])
    np.testing.assert_array_equal(pick_largest([1, 2], most=20), [0, 1])
