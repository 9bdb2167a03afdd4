# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes one page of what the parts left, twice: Markdown, and HTML with plots."""
import html
import json
import os
import platform
import subprocess
import time

from part import OUT, ROOT, commit

COLOURS = ["#3a7fb5", "#d9822b", "#4a9a60", "#c9534a", "#8a6bbd", "#7d8790", "#c2a53a"]
# What these words mean has a colour of its own, whatever their order.
MEANT = {"run": "#4a9a60", "not run": "#aab2b9", "not tried": "#aab2b9", "before": "#d9822b", "after": "#c9534a",
         "caught": "#4a9a60", "missed": "#c9534a", "unviable": "#7d8790", "too slow": "#c2a53a"}
STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2329; --rule: #d4d8dc; --head: #f3f5f7; --link: #1f6aa0;
  --ok: #2f7a44; --failed: #b5443c; --in-part: #8a5d0c; --not-run: #6b747c }
@media (prefers-color-scheme: dark) { :root { --paper: #15191d; --ink: #dfe4e8; --rule: #3a434b; --head: #20262c;
  --link: #7ab8e6; --ok: #6cc486; --failed: #f0857c; --in-part: #e0b052; --not-run: #9aa4ad } }
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; max-width: 64em; margin: 2em auto; padding: 0 1em; color: var(--ink);
  background: var(--paper) }
h2 { margin-top: 2.2em; border-bottom: 1px solid var(--rule) }
table { border-collapse: collapse; margin: 1em 0 }
td, th { border-bottom: 1px solid var(--rule); padding: .25em .8em; text-align: left; vertical-align: top; overflow-wrap: break-word }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td.whole { white-space: nowrap }
th { background: var(--head); white-space: nowrap }
a, details > summary { color: var(--link) }
.outcome { font-weight: 600; white-space: nowrap }
.ok { color: var(--ok) } .failed, .wrong { color: var(--failed) } .in-part { color: var(--in-part) } .not-run { color: var(--not-run) }
figure { margin: 1.2em 0 } figcaption { font-weight: 600 }
svg { max-width: 100%; height: auto } svg text { fill: currentColor } svg line { stroke: var(--rule) }
details > summary { cursor: pointer }
"""
# Longer tables are folded.
LONG = 24


def forget(name):
    (OUT / f"{name}.json").unlink(missing_ok=True)


def write(order):
    parts = []
    for name in order:
        path = OUT / f"{name}.json"
        none = {"title": name.capitalize(), "outcome": "not run", "commit": "", "said": [], "tables": [], "plots": [],
                "seconds": "", "built": "", "ended": ""}
        parts.append((name, json.loads(path.read_text()) if path.exists() else none))
    (OUT / "report.md").write_text(markdown(parts))
    (OUT / "report.html").write_text(page(parts))


def facts():
    def first(*command):
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        return (done.stdout.splitlines() or ["unknown"])[0]
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return (f"Commit {commit()} of {first('git', 'log', '-1', '--format=%cs')}, {first('rustc', '--version')}, {platform.system()} "
            f"{platform.release()} on {platform.machine()}, {os.cpu_count()} processors. Written {when}.")


def summary(parts):
    """One row for each part: a part that did not run says so, and one of another commit says which."""
    now = commit()
    for name, part in parts:
        words = ("WRONG: ", "not run: ")
        # What is wrong comes first.
        wanted = [said for said in part["said"] if said.startswith("WRONG: ")] if part["outcome"] == "failed" else \
            [said for said in part["said"] if not said.startswith(words)]
        found = wanted[0] if wanted else "; ".join(part["said"])
        other = f" (of commit {part['commit']})" if part["commit"] not in ("", now) else ""
        yield name, part["title"], part["outcome"], found + other, part["seconds"], part.get("built", ""), part["ended"]


COLUMNS = ["part", "outcome", "in numbers", "seconds", "of them building", "ended"]


def markdown(parts):
    cell = lambda text: str(text).replace("|", "\\|")
    lines = ["# Assurance report", "", facts(), "", f"| {' | '.join(COLUMNS)} |", "|---|---|---|---:|---:|---|"]
    lines += [f"| {' | '.join(map(cell, row[1:]))} |" for row in summary(parts)]
    for _, part in parts:
        lines += ["", f"## {part['title']}", ""] + [f"- {said}" for said in part["said"] or ["not run"]]
        for table in part["tables"]:
            numbers = numeric(table)
            lines += ["", f"| {' | '.join(map(cell, table['columns']))} |",
                      "|" + "".join("---:|" if number else "---|" for number in numbers)]
            lines += [f"| {' | '.join(map(cell, row))} |" for row in table["rows"]]
    return "\n".join(lines) + "\n"


def numeric(table):
    """Which columns hold numbers alone."""
    def is_number(text):
        return text in ("", "-") or text.replace(",", "").replace(".", "", 1).replace(" ", "").isdigit()
    return [bool(table["rows"]) and all(is_number(row[at]) for row in table["rows"]) for at in range(len(table["columns"]))]


def page(parts):
    escape = html.escape
    out = ["<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>",
           f"<title>Assurance report</title><style>{STYLE}</style><h1>Assurance report</h1><p>{escape(facts())}</p>",
           "<table><tr>", *(f"<th>{name}</th>" for name in COLUMNS), "</tr>"]
    for name, title, outcome, found, seconds, built, ended in summary(parts):
        out.append(f"<tr><td><a href='#{name}'>{escape(title)}</a></td>"
                   f"<td class='outcome {outcome.replace(' ', '-')}'>{outcome}</td><td>{escape(found)}</td>"
                   f"<td class='number'>{seconds}</td><td class='number'>{built}</td><td class='whole'>{ended}</td></tr>")
    out.append("</table>")
    for name, part in parts:
        out.append(f"<h2 id='{name}'>{escape(part['title'])}</h2><ul>")
        for said in part["said"] or ["not run"]:
            wrong = " class='wrong'" if said.startswith("WRONG") else ""
            out.append(f"<li{wrong}>{escape(said)}</li>")
        out.append("</ul>")
        out += [bars(plot) for plot in part["plots"] if plot["rows"]]
        out += [grid(table) for table in part["tables"] if table["rows"]]
    return "\n".join(out) + "</html>\n"


def grid(table):
    escape, numbers = html.escape, numeric(table)
    head = "".join(f"<th{' class=number' if number else ''}>{escape(name)}</th>" for name, number in zip(table["columns"], numbers))
    rows = "".join("<tr>" + "".join(f"<td{' class=number' if number else ''}>{escape(text)}</td>"
                                    for text, number in zip(row, numbers)) + "</tr>\n" for row in table["rows"])
    whole = f"<table><tr>{head}</tr>\n{rows}</table>"
    count = len(table["rows"])
    return f"<details><summary>{count} rows: {escape(table['columns'][0])}</summary>{whole}</details>" if count > LONG else whole


def bars(plot):
    """Horizontal bars, each of coloured pieces, as SVG, over a line that says what is counted."""
    rows, unit = plot["rows"], plot.get("unit", "")
    names = list(dict.fromkeys(name for _, pieces in rows for name in pieces))
    colours = {name: MEANT.get(name, COLOURS[index % len(COLOURS)]) for index, name in enumerate(names)}
    most = max((sum(pieces.values()) for _, pieces in rows), default=0) or 1
    left, width, height = 300, 420, 20
    legend = height if len(names) > 1 else 0
    below = legend + 4 + height * len(rows)
    title = html.escape(plot["title"], quote=True)
    out = [f"<figure><figcaption>{title}</figcaption>"
           f"<svg viewBox='0 0 {left + width + 180} {below + 24}' width='{left + width + 180}' role='img' "
           f"aria-label='{title}' font-family='system-ui, DejaVu Sans, sans-serif' font-size='12'>"]
    x = left
    for name in names if legend else []:
        out.append(f"<rect x='{x}' y='4' width='10' height='10' fill='{colours[name]}'/>"
                   f"<text x='{x + 15}' y='13'>{html.escape(name)}</text>")
        x += 15 + 8 * len(name) + 16
    for part in (0, 1, 2):
        at = left + width * part / 2
        number = f"{most * part / 2:,.0f}" if most > 1 or part != 1 else ""
        out.append(f"<line x1='{at}' y1='{legend}' x2='{at}' y2='{below}'/>"
                   f"<text x='{at}' y='{below + 14}' text-anchor='middle'>{number}</text>")
    out.append(f"<text x='{left + width + 40}' y='{below + 14}'>{html.escape(unit)}</text>")
    for index, (label, pieces) in enumerate(rows):
        y, x = legend + 4 + height * index, left
        out.append(f"<text x='{left - 8}' y='{y + 12}' text-anchor='end'>{html.escape(label)}</text>")
        for name, number in pieces.items():
            size = width * number / most
            out.append(f"<rect x='{x:.1f}' y='{y}' width='{size:.1f}' height='{height - 5}' fill='{colours[name]}'>"
                       f"<title>{html.escape(f'{label}: {number:,} {name}')}</title></rect>")
            x += size
        out.append(f"<text x='{x + 6:.1f}' y='{y + 12}'>{' / '.join(f'{number:,}' for number in pieces.values())}</text>")
    return "".join(out) + "</svg></figure>"
