"""Markdown tables of figures, and where they stand in a text. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1) -> str:
    """A Markdown table.

    Args:
        headings: Of the columns.
        rows: Cells.
        names: Columns at the left that hold words; the others hold numbers, set to the right.
    """
    rule = ["---"] * names + ["---:"] * (len(headings) - names)
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *rows))


def with_section(text: str, begin: str, end: str, body: str) -> str:
    """The text with `body` between two markers instead of what stood there.

    Args:
        text: A whole file.
        begin: The marker before the section, which stays.
        end: The marker after it, which stays.
        body: What goes between them.

    Raises:
        ValueError: The markers are not there.
    """
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the README lacks {begin} … {end}")
    return f"{before}{begin}\n{body}\n{end}{after}"
