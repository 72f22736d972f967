"""A model card as one page of HTML, its pictures in it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from typing import Final

_STYLE: Final = """
body{font:15px/1.55 system-ui,sans-serif;color:#1f2937;max-width:60rem;margin:2rem auto}
h1{font-size:1.7rem;margin:0 0 .3rem}h2{font-size:1.2rem;margin:2rem 0 .6rem;padding-top:.4rem}
h2{border-top:1px solid #e5e7eb}h1+h2{border:0}h3{font-size:1rem;margin:1.2rem 0 .5rem}
table{border-collapse:collapse;display:block;overflow-x:auto;font-size:.88rem}
td,th{border-bottom:1px solid #e5e7eb;padding:.25rem .7rem;text-align:left}
td:not(:last-child),th{white-space:nowrap}
th{background:#f9fafb}code,pre{background:#f3f4f6;border-radius:4px;padding:.05rem .3rem}
pre{padding:.7rem 1rem;overflow-x:auto}pre code{padding:0}img{max-width:100%;margin:.3rem .3rem 0 0}
.release{color:#6b7280;margin:0 0 1rem}ul{padding-left:1.2rem}th:empty{padding:0}
"""


def html(markdown: str, pictures: Mapping[str, bytes], *, title: str) -> str:
    """Return the page. Nothing in the card is taken for HTML: people wrote words that are in it."""
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(_body(markdown))
    for name, picture in pictures.items():
        data = base64.b64encode(picture).decode("ascii")
        body = body.replace(f'src="{name}"', f'src="data:image/svg+xml;base64,{data}"')
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f'<body><p class="release">{escape(title)}</p>\n{body}</body></html>\n'
    )


def _body(markdown: str) -> str:
    """Return the page without its front matter."""
    if not markdown.startswith("---\n"):
        return markdown
    return markdown.partition("\n---\n")[2].lstrip("\n")
