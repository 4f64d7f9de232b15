"""Small pages for people who have a link: plain HTML that loads nothing and runs nothing."""

from __future__ import annotations

from html import escape

from gateway.backoffice.records import Html

_STYLE = (
    "body{font-family:sans-serif;max-width:36em;margin:2em auto;padding:0 1em;line-height:1.5}"
    "fieldset{border:1px solid #ccc;margin:1em 0}label{display:inline-block;margin:.2em .8em}"
    "button{font-size:1.1em;padding:.4em 1.2em}"
)


def page(title: str, body: str, status: int = 200) -> Html:
    """Return a page; ``title`` is text, ``body`` is HTML."""
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>"
    )
    return Html(
        f'<!doctype html><html lang="en"><head>{head}</head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>",
        status,
    )
