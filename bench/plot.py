"""The picture of the benchmarks page. `python -m bench.plot TARGET` reads JSON from stdin, writes TARGET.png and .svg.

The rows are `bench.published.Published.pictured`; runs in the peers' environment, for matplotlib.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Patch

_KINDS = {
    "limit": ("#9aa5b1", "the least program that could do it"),
    "ours": ("#1f6feb", "Clockwright: every outcome recorded"),
    "durable": ("#2f855a", "peer whose schedules survive a restart"),
    "memory": ("#b7791f", "peer that keeps nothing"),
    "drops": ("#c53030", "peer that dropped some of the runs"),
}


def bars(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Runs a second, the fastest on top, on a logarithmic scale."""
    ordered = sorted(rows, key=lambda row: row["value"])
    drawn = axes.barh(
        [row["title"] for row in ordered],
        [row["value"] for row in ordered],
        color=[_KINDS[row["kind"]][0] for row in ordered],
    )
    axes.bar_label(drawn, [f"{row['value']:,.0f}" for row in ordered], padding=3, fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(right=6 * max(row["value"] for row in ordered))
    axes.set_title("Burst: all due at one instant, runs a second", loc="left", fontsize=10)
    used = {row["kind"] for row in rows}
    handles = [
        Patch(color=color, label=text) for kind, (color, text) in _KINDS.items() if kind in used
    ]
    axes.legend(handles=handles, fontsize=7, loc="lower right", frameon=False)


def ranges(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """From the median to the 99th percentile of lateness, in milliseconds."""
    ordered = sorted(rows, key=lambda row: -row["p99"])
    titles = [row["title"] for row in ordered]
    half, most = ([1_000 * row[key] for row in ordered] for key in ("p50", "p99"))
    axes.hlines(titles, half, most, color="#9aa5b1", linewidth=3)
    axes.plot(half, titles, "o", color="#1f6feb", label="median")
    axes.plot(most, titles, "D", color="#c53030", label="99th percentile")
    axes.set_xscale("log")
    axes.margins(y=0.25)
    axes.set_title("Steady: 1,000 fires a second, milliseconds late", loc="left", fontsize=10)
    axes.legend(fontsize=7, loc="lower left", bbox_to_anchor=(0.6, 1.0), ncols=2, frameon=False)


def main(target: str) -> None:
    """Both pictures in one, the same bytes for the same figures."""
    rows = json.load(sys.stdin)
    mpl.rcParams["svg.hashsalt"] = "clockwright"
    mpl.rcParams["svg.fonttype"] = "none"
    heights = [max(3, len(rows["bursts"])), max(2, len(rows["steady"]))]
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(9, 1.6 + 0.36 * sum(heights)), height_ratios=heights
    )
    for axes, draw, data in ((upper, bars, rows["bursts"]), (lower, ranges, rows["steady"])):
        if data:
            draw(axes, data)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(f"{target}.png", dpi=120, metadata={"Software": None})
    figure.savefig(f"{target}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1])
