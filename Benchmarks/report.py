"""docs/benchmarks.md and its chart."""

import datetime
import math
import os
import platform

from tools import BUILT, ROOT

MARK = "## What the profiles show"
TEXT = """# Benchmarks

![Each ratio against its goal](benchmarks.svg)

Ratios against a baseline of the same run, which alternates with the measured side. `make bench` repeats all of it, and
writes this page; `make bench ROWS=cold-python` one row. Absolute figures are those of one small shared machine and say
little by themselves.

{date}, {cores} cores, Linux {kernel}.

An idle server: {resident:.0f} MiB resident, {busy:.0f} ms of processor time in 5 s. The programs: apus {apus} MB,
apus-launcher {launcher} MB, not stripped.

Warm rows send signed requests, one after the other over one connection, and record them in an HdrHistogram; the function
returns its event. Their baseline, nginx in front of a server that answers a constant, has two processes in the path, too.
Cold rows ask a function for the first time since it was made, one function right after the other; their baseline is a
whole run of the bare interpreter or program. A miss is the start of a sandbox that could not be made ahead. A storm's p99
is that of one warm function while 200 others start, on all processors.

| row | ratio | goal | Apus | baseline | `ROWS=` |
|---|---|---|---|---|---|
{table}

{notes}
"""


class Row:
    """One measured row. `ratios`: label → the median of its rounds; `goals`: label → (bound, whether more is better)."""

    def __init__(self, key, name, ratios, goals, ours, base, unit):
        self.key, self.name, self.ratios, self.goals = key, name, ratios, goals
        self.ours, self.base, self.unit = ours, base, unit

    def met(self, label):
        bound, more = self.goals[label]
        return self.ratios[label] >= bound if more else self.ratios[label] <= bound

    def goal(self):
        return ", ".join(
            f"{label} {'≥' if more else '≤'} {bound:g} {'met' if self.met(label) else '**missed**'}"
            for label, (bound, more) in self.goals.items()) or "–"

    def line(self):
        ratios = ", ".join(f"{label} **{value:.2f}**" for label, value in self.ratios.items())
        return f"| {self.name} | {ratios} | {self.goal()} | {self.ours} {self.unit} | {self.base} {self.unit} | `{self.key}` |"

    def text(self):
        ratios = ", ".join(f"{label} {value:.2f}" for label, value in self.ratios.items())
        return f"{self.name:62} {ratios:26} {self.ours} against {self.base} {self.unit}; {self.goal()}".replace("**", "")


def write(rows, resident, ticks):
    path = ROOT / "docs/benchmarks.md"
    old = path.read_text()
    # Written by people, for these figures or for the last ones.
    notes = old[old.index(MARK):].rstrip() if MARK in old else MARK
    path.write_text(TEXT.format(
        date=datetime.date.today(), cores=os.cpu_count(), kernel=platform.release().split("-")[0], resident=resident,
        busy=ticks * 1000, apus=size("apus"), launcher=size("apus-launcher"), table="\n".join(row.line() for row in rows), notes=notes))
    (ROOT / "docs/benchmarks.svg").write_text(chart(rows))


def size(program):
    return round((BUILT / program).stat().st_size / 1e6)


def chart(rows):
    """Bars on a logarithmic scale: how far each ratio is on the good side of its goal, or on the other."""
    bars = [(f"{row.name}, {label}", row.ratios[label], bound, more) for row in rows for label, (bound, more) in row.goals.items()]
    left, scale, height = 520, 90, 22
    width, middle = left + 460, left + 220
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height * len(bars) + 50}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        "<style>text { fill: #57606a } .met { fill: #2da44e } .missed { fill: #cf4a3c } path { stroke: #8c959f; fill: none }</style>",
    ]
    for index, (name, value, bound, more) in enumerate(bars):
        gain = math.log2(value / bound if more else bound / value)
        gain = max(-2.3, min(2.3, gain))
        begin, top = middle + min(0, gain) * scale, 30 + index * height
        kind = "met" if gain >= 0 else "missed"
        lines.append(f'<text x="{left - 20}" y="{top + 13}" text-anchor="end">{name}</text>')
        lines.append(f'<rect class="{kind}" x="{begin:.1f}" y="{top + 2}" width="{abs(gain) * scale:.1f}" height="{height - 7}" rx="2"/>')
        place, anchor = (middle - 6, "end") if gain >= 0 else (middle + 6, "start")
        lines.append(f'<text x="{place}" y="{top + 13}" text-anchor="{anchor}">{value:.2f} of {bound:g}</text>')
    bottom = 30 + len(bars) * height
    lines.append(f'<path d="M{middle} 22V{bottom + 4}"/><text x="{middle}" y="14" text-anchor="middle">goal</text>')
    lines.append(f'<text x="{middle + 2 * scale}" y="14" text-anchor="middle">4 times better</text>')
    lines.append(f'<text x="{middle - 2 * scale}" y="14" text-anchor="middle">4 times worse</text>')
    return "\n".join(lines + ["</svg>"]) + "\n"
