# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes one page of what the parts left, twice: Markdown, and HTML with plots."""
import html
import json
import os
import platform
import subprocess

from part import OUT, ROOT

COLOURS = ["#2b6cb0", "#dd6b20", "#38a169", "#c53030", "#805ad5", "#718096", "#d69e2e"]
STYLE = """body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 } td, th { border: 1px solid #ccc; padding: .2em .6em; text-align: left }
.failed { color: #c53030 } .ok { color: #2f855a } svg { max-width: 100% }"""


def write(order):
    parts = []
    for name in order:
        path = OUT / f"{name}.json"
        if path.exists():
            parts.append((name, json.loads(path.read_text())))
    (OUT / "report.md").write_text(markdown(parts))
    (OUT / "report.html").write_text(page(parts))


def facts():
    def first(*command):
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        return (done.stdout.splitlines() or ["unknown"])[0]
    return (f"Commit {first('git', 'rev-parse', '--short', 'HEAD')}, {first('rustc', '--version')}, "
            f"{platform.system()} {platform.release()} on {platform.machine()}, {os.cpu_count()} processors.")


def markdown(parts):
    lines = ["# Assurance report", "", facts(), "", "| part | outcome | seconds | ended |", "|---|---|---|---|"]
    lines += [f"| {part['title']} | {part['outcome']} | {part['seconds']} | {part['ended']} |" for _, part in parts]
    for _, part in parts:
        lines += ["", f"## {part['title']}", ""] + [f"- {said}" for said in part["said"]]
        for table in part["tables"]:
            lines += ["", f"| {' | '.join(table['columns'])} |", "|---" * len(table["columns"]) + "|"]
            lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in table["rows"]]
    return "\n".join(lines) + "\n"


def page(parts):
    escape = html.escape
    out = ["<!doctype html><html lang='en'><meta charset='utf-8'><title>Assurance report</title>",
           f"<style>{STYLE}</style><h1>Assurance report</h1><p>{escape(facts())}</p><table>",
           "<tr><th>part</th><th>outcome</th><th>seconds</th><th>ended</th></tr>"]
    for name, part in parts:
        out.append(f"<tr><td><a href='#{name}'>{escape(part['title'])}</a></td><td class='{part['outcome']}'>"
                   f"{part['outcome']}</td><td>{part['seconds']}</td><td>{part['ended']}</td></tr>")
    out.append("</table>")
    for name, part in parts:
        out.append(f"<h2 id='{name}'>{escape(part['title'])}</h2><ul>")
        out += [f"<li>{escape(said)}</li>" for said in part["said"]]
        out.append("</ul>")
        out += [bars(plot) for plot in part["plots"]]
        for table in part["tables"]:
            row = lambda cells, tag: "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
            out += ["<table>", row(table["columns"], "th"), *(row(cells, "td") for cells in table["rows"]), "</table>"]
    return "\n".join(out) + "</html>\n"


def bars(plot):
    """Horizontal bars, each of coloured pieces, as SVG."""
    rows = plot["rows"]
    names = list(dict.fromkeys(name for _, pieces in rows for name in pieces))
    most = max((sum(pieces.values()) for _, pieces in rows), default=0) or 1
    left, width, height = 260, 480, 22
    tall = height * (len(rows) + 2) + 10
    out = [f"<svg viewBox='0 0 {left + width + 90} {tall}' width='{left + width + 90}' role='img' "
           f"font-family='sans-serif' font-size='12'><text x='0' y='14' font-weight='bold'>{html.escape(plot['title'])}</text>"]
    for index, name in enumerate(names):
        x = left + index * 110
        out.append(f"<rect x='{x}' y='{height}' width='10' height='10' fill='{COLOURS[index % len(COLOURS)]}'/>"
                   f"<text x='{x + 14}' y='{height + 9}'>{html.escape(name)}</text>")
    for index, (label, pieces) in enumerate(rows):
        y, x = height * (index + 2), left
        out.append(f"<text x='{left - 8}' y='{y + 13}' text-anchor='end'>{html.escape(label)}</text>")
        for name, number in pieces.items():
            size = width * number / most
            colour = COLOURS[names.index(name) % len(COLOURS)]
            out.append(f"<rect x='{x:.1f}' y='{y + 2}' width='{size:.1f}' height='{height - 6}' fill='{colour}'/>")
            x += size
        out.append(f"<text x='{x + 5:.1f}' y='{y + 13}'>{' / '.join(f'{number:g}' for number in pieces.values())}</text>")
    return "".join(out) + "</svg>"
