"""The colours that pages and their charts share."""

__all__ = ["INK", "PAPER"]

INK = {"light": "#1b1b1b", "dark": "#e8e8e8"}
"""The colour of text on a page, and of what is black in a chart."""
PAPER = {"light": "#ffffff", "dark": "#161616"}
"""The ground of both."""
