"""Recall against QPS as a picture: Cairn's lines stand out, the others are muted, each is named at its end."""
from __future__ import annotations

import math
import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from adapters import NAMES, is_cairn  # noqa: E402
from recall import pareto  # noqa: E402

LOWEST, HIGHEST = 0.85, 0.998
TICKS = [0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998]
OURS = {"cairn-sq4": "#b3123a", "cairn-sq8": "#e8572a", "cairn-u8": "#d6338f", "cairn-f32": "#7a1fa2"}
MUTED = ["#5b7fa6", "#6f9a78", "#a08b5b", "#8a7fa8", "#5f9ea0", "#8c8c8c", "#9a7468", "#7b94b8", "#83a05a", "#a3829a", "#6b8e8e",
         "#b09a6a"]
OTHERS = dict(zip([name for name in NAMES if not is_cairn(name)], MUTED))


def place(recall: float) -> float:
    """Each tenth part of what is missed takes the same width: 0.9, 0.99 and 0.999 would be evenly spaced."""
    return -math.log10(1 - min(recall, HIGHEST))


def curve(row: dict) -> list[tuple[float, float]]:
    """The front from the lowest recall shown on; it begins and ends where the edges cut it."""
    front = pareto([(point["recall"], point["qps"]) for point in row["points"]])
    shown = []
    for (low, fast), (high, slow) in zip(front, front[1:]):
        for edge in (LOWEST, HIGHEST):
            if low < edge < high:
                share = (edge - low) / (high - low)
                shown.append((edge, fast * (slow / fast) ** share))
    return sorted(shown + [point for point in front if LOWEST <= point[0] <= HIGHEST])


def draw(measured: dict, folder: pathlib.Path) -> str:
    """Writes recall.png and recall.svg, and returns the latter's text."""
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "cairn", "font.family": "sans-serif", "font.size": 10,
                         "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial"]})
    figure, axes = plt.subplots(figsize=(10, 6.2), layout="constrained")
    ends = []
    for row in [one for one in measured["rows"] if not one["failed"] and curve(one)]:
        points, ours = curve(row), is_cairn(row["peer"])
        colour = (OURS if ours else OTHERS)[row["peer"]]
        x, y = [place(recall) for recall, _ in points], [qps for _, qps in points]
        axes.plot(x, y, color=colour, linewidth=3 if ours else 1.3, marker="o", markersize=5 if ours else 2.8,
                  zorder=3 if ours else 2, solid_capstyle="round")
        ends.append((row["peer"], x[-1], y[-1], colour, ours))
    axes.set_yscale("log")
    axes.set_xlim(place(LOWEST), place(HIGHEST))
    axes.set_xticks([place(one) for one in TICKS], [f"{one:g}" for one in TICKS])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:,.0f}" if str(int(value))[0] in "25" else "")
    axes.tick_params(axis="y", which="minor", labelsize=8, labelcolor="#888")
    axes.grid(True, which="major", color="#e4e4e4")
    axes.grid(True, which="minor", color="#f3f3f3")
    axes.set_axisbelow(True)
    for side in ("top", "right"): axes.spines[side].set_visible(False)
    axes.set_xlabel("recall@10 (more is better →)")
    axes.set_ylabel("queries per second, one thread (more is better ↑)")
    axes.set_title(f"{measured['name']}, {measured['vectors']:,} × {measured['dimensions']}, "
                   f"{'cosine' if measured['metric'] == 'cosine' else 'L2'}", loc="left", fontsize=13, fontweight="bold", pad=24)
    axes.text(0, 1.02, f"{measured['machine']['cpu']}, one thread; Cairn one query at a time, the others in one batch call",
              transform=axes.transAxes, color="#666", fontsize=9)
    name_ends(axes, ends)
    figure.savefig(folder / "recall.png", dpi=160)
    figure.savefig(folder / "recall.svg", metadata={"Date": None})
    plt.close(figure)
    return (folder / "recall.svg").read_text()


def name_ends(axes, ends: list) -> None:
    """Names in a column at the right, in the order of the lines' ends, no closer than they are high."""
    low, high = (math.log10(limit) for limit in axes.get_ylim())
    ordered = sorted(ends, key=lambda end: end[2])
    heights = spread([(math.log10(end[2]) - low) / (high - low) for end in ordered], 0.038)
    for (name, x, y, colour, ours), height in zip(ordered, heights):
        axes.annotate(name, xy=(x, y), xycoords="data", xytext=(1.04, height), textcoords="axes fraction", va="center",
                      color=colour, fontweight="bold" if ours else "normal", fontsize=11 if ours else 9, annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "alpha": 0.7, "relpos": (0, 0.5),
                                  "shrinkA": 1, "shrinkB": 2})


def spread(heights: list[float], gap: float) -> list[float]:
    """Rising heights moved as little as puts `gap` between them: those that are too close share the way around their mean."""
    groups: list[tuple[float, int]] = []  # the sum of what is left of each height when the gaps below it are taken away, and how many
    for at, height in enumerate(heights):
        total, count = height - at * gap, 1
        while groups and groups[-1][0] / groups[-1][1] > total / count:
            total, count = total + groups[-1][0], count + groups[-1][1]
            groups.pop()
        groups.append((total, count))
    moved = [total / count for total, count in groups for _ in range(count)]
    return [height + at * gap for at, height in enumerate(moved)]
