# SPDX-License-Identifier: MIT OR Apache-2.0
"""Draws the bars of run.py: JSON on standard input, `plot.py FILE.svg`."""

import json
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator  # noqa: E402

INK, SELF, MORE, LESS = "#1f2328", "#b3261e", "#5b7fa6", "#5f9e6e"
BAR, HEAD, WIDTH, LABELS = 0.21, 0.62, 14.5, 2.75  # inches


def columns(panels):
    """Two columns of about the same height, in order."""
    heights = [HEAD + BAR * len(panel["bars"]) for panel in panels]
    best = min(
        range(1, len(panels) + 1), key=lambda cut: max(sum(heights[:cut]), sum(heights[cut:]))
    )
    return [panels[:best], panels[best:]]


def limits(panel):
    """Decades around the bars, with room for the label of the longest."""
    ratios = [bar[key] for bar in panel["bars"] for key in ("low", "high") if key in bar]
    low, high = min([0.5, *ratios]), max([2.0, *ratios])
    return low / (high / low) ** 0.03, high * (high / low) ** 0.42


def draw(axes, panel):
    names = []
    for row, bar in enumerate(panel["bars"]):
        names.append(bar["name"])
        if "ratio" not in bar:
            axes.annotate(
                bar["missing"].split(":")[0], (1, row), xytext=(5, 0), textcoords="offset points",
                va="center", fontsize=8, color="#6e7781",
            )  # fmt: skip
            continue
        ratio = bar["ratio"]
        if row == 0:
            axes.plot([1], [row], marker="D", color=SELF, markersize=5, zorder=4)
        else:
            color = MORE if ratio >= 1 else LESS
            axes.barh(row, ratio - 1, left=1, height=0.62, color=color, zorder=2)
        axes.plot([bar["low"], bar["high"]], [row, row], color=INK, linewidth=0.8, zorder=3)
        end = max(ratio, bar["high"], 1.0)
        times = f"{ratio:.0f}×" if ratio >= 99.5 else f"{ratio:.2g}×" if ratio >= 10 else f"{ratio:.2f}×"
        text = bar["text"] if row == 0 else f"{times}  ({bar['text']})"
        axes.annotate(
            text, (end, row), xytext=(5, 0), textcoords="offset points",
            va="center", fontsize=8, color=INK,
        )  # fmt: skip
    low, high = limits(panel)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.get_yticklabels()[0].set_color(SELF)
    axes.get_yticklabels()[0].set_fontweight("bold")
    marks = [0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100, 1000, 10000, 100000]
    if high / low > 100:
        marks = [0.01, 0.1, 1, 10, 100, 1000, 10000, 100000]
    axes.xaxis.set_major_locator(FixedLocator([mark for mark in marks if low <= mark <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda mark, _: f"{mark:,g}×"))
    axes.tick_params(axis="x", labelsize=7.5, length=2)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#d0d7de", linewidth=0.6, zorder=0)
    axes.axvline(1, color=SELF, linewidth=1, zorder=1)
    for side in ["top", "right", "left"]:
        axes.spines[side].set_visible(False)
    axes.set_title(panel["name"], loc="left", fontsize=9.5, fontweight="bold", color=INK)


def main():
    report = json.load(sys.stdin)
    matplotlib.rcParams["svg.hashsalt"] = "sealwax"
    matplotlib.rcParams["text.color"] = INK
    parts = columns(report["panels"])
    top, bottom = 0.85, 0.15
    tallest = max(sum(HEAD + BAR * len(panel["bars"]) for panel in part) for part in parts)
    height = top + tallest + bottom
    figure = plt.figure(figsize=(WIDTH, height), facecolor="white")
    wide = 1 if not parts[1] else 2
    for column, part in enumerate(parts):
        y = height - top
        for panel in part:
            tall = BAR * len(panel["bars"])
            left = (column * WIDTH / wide + LABELS) / WIDTH
            width = (WIDTH / wide - LABELS - 0.15) / WIDTH
            y -= HEAD * 0.5
            draw(figure.add_axes([left, (y - tall) / height, width, tall / height]), panel)
            y -= tall + HEAD * 0.5
    figure.text(
        0.15 / WIDTH, 1 - 0.28 / height, "Time and memory, as a multiple of sealwax (log scale)",
        fontsize=13, fontweight="bold", va="center",
    )  # fmt: skip
    figure.text(
        0.15 / WIDTH, 1 - 0.55 / height,
        "Right of the red line: takes longer, or more memory, than sealwax. Black lines: minimum to maximum. "
        + report["machine"],
        fontsize=8, va="center",
    )  # fmt: skip
    figure.savefig(sys.argv[1], metadata={"Date": None}, facecolor="white")


if __name__ == "__main__":
    main()
