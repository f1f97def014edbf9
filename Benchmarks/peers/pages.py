"""The parts that the report is made of."""
from __future__ import annotations

import html

from adapters import is_cairn

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff; margin: 0 }
main { max-width: 76em; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.6em } h2 { font-size: 1.35em; margin-top: 2.5em } h3 { font-size: 1.1em; margin-top: 2em }
.headline { font-size: 1.25em; border-left: 5px solid #b3123a; padding: .3em .8em; background: #fbf1f3 }
figure { margin: 1em 0 } figure svg { width: 100%; height: auto }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100% }
th, td { text-align: right; padding: .25em .6em; border-bottom: 1px solid #e6e6e6; vertical-align: top }
th { font-weight: 600; color: #555; vertical-align: bottom } td { white-space: nowrap }
td.long, td.failed { white-space: normal; overflow-wrap: anywhere }
th:first-child, td:first-child, td.text, td.long { text-align: left } tr.ours { background: #fbf1f3; font-weight: 600 }
td.failed { text-align: left; color: #a33 } .bad { color: #b00020 } small { color: #777; font-weight: 400 }
.bar { display: inline-block; height: .7em; background: #b9c6d6; margin-right: .5em } tr.ours .bar { background: #b3123a }
pre { background: #f4f4f4; padding: .6em .8em; overflow-x: auto } p { max-width: 60em }
"""


def cell(value: object, long: bool = False) -> str:
    return f'<td class="{"long" if long else "text"}">{html.escape(str(value))}</td>'


def table(heads: list[str], rows: list[tuple[bool, list[str]]]) -> str:
    """Cells that are not elements of their own yet become right-aligned ones."""
    body = "".join(f'<tr{" class=ours" if ours else ""}>' + "".join(
        one if one.startswith("<td") else f"<td>{one}</td>" for one in cells) + "</tr>" for ours, cells in rows)
    return f'<div class="wide"><table><tr>{"".join(f"<th>{html.escape(head)}</th>" for head in heads)}</tr>{body}</table></div>'


def text(paragraphs: list[str]) -> str:
    return "".join(f"<p>{one}</p>" for one in paragraphs)


def headline(measured: dict) -> str:
    """Where Cairn stands, in a sentence or two."""
    reached = [row for row in measured["rows"] if not row["failed"] and row["at"]["0.95"]["qps"]]
    reached.sort(key=lambda row: -row["at"]["0.95"]["qps"])
    mine = [row for row in reached if is_cairn(row["peer"])]
    others = [row for row in reached if not is_cairn(row["peer"])]
    name = html.escape(f"{measured['name']}, {measured['vectors']:,} × {measured['dimensions']}")
    if not mine: return f'<p class="headline">{name}: Cairn has no figure at recall@10 0.95.</p>'
    best, qps = mine[0], mine[0]["at"]["0.95"]["qps"]
    ratio = best["at"]["0.95"]["ratio"]
    said = f"{name}, at recall@10 0.95: <b>{best['peer']} answers {qps:,.0f} queries a second</b> on one thread"
    if ratio: said += f", <b>{ratio:.1f} times {measured['reference']}</b>"
    faster = [row for row in others if row["at"]["0.95"]["qps"] > qps]
    if faster: said += "; " + ", ".join(f"{row['peer']} is {row['at']['0.95']['qps'] / qps:.2f} times as fast" for row in faster)
    elif others: said += f", and {qps / others[0]['at']['0.95']['qps']:.2f} times the fastest other of {len(others)}, " \
                         f"{others[0]['peer']}"
    return f'<p class="headline">{said}.</p>'
