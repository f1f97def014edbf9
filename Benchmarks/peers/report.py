"""One page, complete in itself, of all that was measured."""
from __future__ import annotations

import html
import json
import pathlib

from adapters import is_cairn
from pages import STYLE, cell, headline, table, text
import plot

PARTS = ["recall", "open", "durable"]
TITLE = "Cairn beside other libraries"


def write(results: pathlib.Path) -> pathlib.Path:
    """Writes report.html from the .json files of all folders in `results`, and the pictures that go with them."""
    measured = [(folder, parts) for folder in sorted(results.iterdir()) if folder.is_dir() and (parts := read(folder))]
    if not measured: raise SystemExit(f"{results} has nothing to report")
    # What has a picture first, the largest first.
    measured.sort(key=lambda one: ("recall" not in one[1], -any_part(one[1])["vectors"]))
    heads, sections = [], []
    for folder, parts in measured:
        if "recall" in parts: heads.append(headline(parts["recall"]))
        sections.append(f"<section><h2>{html.escape(data_title(any_part(parts)))}</h2>")
        if "recall" in parts: sections += recall_part(parts["recall"], folder)
        if "open" in parts: sections += open_part(parts["open"])
        if "durable" in parts: sections += durable_part(parts["durable"])
        sections += circumstances(parts) + ["</section>"]
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' \
           f"<title>{TITLE}</title><style>{STYLE}</style><body><main><h1>{TITLE}</h1>{''.join(heads + sections)}</main></body></html>"
    path = results / "report.html"
    path.write_text(page)
    return path


def read(folder: pathlib.Path) -> dict:
    return {part: json.loads(path.read_text()) for part in PARTS if (path := folder / f"{part}.json").exists()}


def any_part(parts: dict) -> dict:
    return next(iter(parts.values()))


def data_title(measured: dict) -> str:
    metric = "cosine" if measured["metric"] == "cosine" else "L2"
    return f"{measured['name']}, {measured['vectors']:,} × {measured['dimensions']}, {metric}"


def ours(row: dict) -> bool:
    return is_cairn(row["peer"])


def recall_part(measured: dict, results: pathlib.Path) -> list[str]:
    svg = plot.draw(measured, results)
    svg = svg[svg.index("<svg"):]
    reference = measured["reference"]
    fine = sorted((row for row in measured["rows"] if not row["failed"]), key=lambda row: -(row["at"]["0.95"]["qps"] or 0))
    failed = [row for row in measured["rows"] if row["failed"]]
    most = max([row["at"]["0.95"]["qps"] or 0 for row in fine] or [0])
    rows = []
    for row in fine:
        at = row["at"]
        rows.append((ours(row), [
            cell(row["peer"]), bar(at["0.95"]["qps"], most), ratio(at["0.95"]), number(at["0.90"]["qps"]),
            number(at["0.99"]["qps"]), ratio(at["0.99"]), number(row["memory_per_vector"]), number(row["disk_per_vector"]),
            f"{row['build']['cpu_seconds']:,.1f}" + ("*" if disturbed(row["build"]) else "")]))
    rows += [(ours(row), [cell(row["peer"]), failure(row, 8)]) for row in failed]
    heads = ["", "QPS at 0.95", f"× {reference}", "QPS at 0.90", "QPS at 0.99", f"× {reference} at 0.99",
             "memory, B/vector", "disk, B/vector", "build, CPU s"]
    notes = [
        f"QPS at a recall@10, on one thread, medians of {times(measured['rounds'], 'round')} in which all took turns, interpolated "
        f"on log QPS between neighbouring points; – where the sweep has no points on both sides. The ratio to {reference} is taken "
        "inside each round (its least and most in small print). A result counts when its exact distance is at most the tenth "
        "neighbour's and a thousandth of that (cosine: plus 0.001).",
        "The others answer all queries in one call of their batch interface; Cairn answers them one by one. All have M = 16 (graph "
        "degree 32) and ef_construction = 200, and all processes run on one core.",
        "Memory: growth of resident memory from before the index is loaded to after all queries, mapped pages included."]
    if any(disturbed(row["build"]) for row in fine):
        notes.append("* built while the machine did other work, which makes CPU seconds more: compare with care.")
    return [f"<figure>{svg}</figure>", "<h3>Recall, speed, size</h3>", table(heads, rows), text(notes)]


def open_part(measured: dict) -> list[str]:
    rows = []
    for row in sorted(measured["rows"], key=lambda row: row["warm"]["total"] if "warm" in row else float("inf")):
        if row["failed"]:
            rows.append((ours(row), [cell(row["peer"]), failure(row, 5)]))
            continue
        warm, cold = row["warm"], row["cold"]
        rows.append((ours(row), [cell(row["peer"]), *(f"{1000 * value:,.1f}" for value in (
            warm["total"], warm["own"], cold["total"], cold["own"])), number(row["build"]["disk_bytes"] / 2**20)]))
    return ["<h3>From the start of a process to its first answer</h3>", table(
        ["", "warm, ms", "without Python, ms", "cold, ms", "without Python, ms", "disk, MiB"], rows), text([
            f"Medians of {times(measured['rounds'], 'round')}. Cairn: <code>cairn search</code>, from its start to its end. The "
            "others: a Python process; “without Python” leaves the interpreter and its imports out, and Cairn's start stays in. "
            "Cold: nothing of the index in the page cache; a virtual machine's host may still have it."])]


SYNCHRONISES = {"full", "atomic+fsync", "wal+flush"}


def durable_part(measured: dict) -> list[str]:
    rows = []
    for row in sorted(measured["rows"], key=lambda row: (row.get("batch", 0), -(row.get("rows_per_second") or 0))):
        policy = row.get("policy", "")
        start = [cell(row["peer"]), cell(policy), "yes" if policy in SYNCHRONISES else warn("no", True), number(row.get("batch"))]
        if row["failed"]:
            rows.append((ours(row), [*start, failure(row, 7)]))
            continue
        rows.append((ours(row), [
            *start, number(row["rows_per_second"]), milliseconds(row["ack_p50_ms"]), milliseconds(row["ack_p99_ms"]),
            warn(f"{row['opened']} of {row['kills']}", row["opened"] < row["kills"]),
            warn(f"{row['lost']:,} of {row['acknowledged']:,}", row["lost"] > 0),
            warn(str(row["base_lost"]), row["base_lost"] > 0), cell("; ".join(row["errors"]), long=True)]))
    heads = ["", "policy", "synchronised", "rows an ack", "rows/s", "ack p50, ms", "p99, ms", "opens", "acknowledged rows lost",
             "kills that lost the base", ""]
    notes = [
        f"{times(measured['rounds'], 'kill')} each, at random moments of 1.5 s. <b>full</b>: Cairn's default, fdatasync before the "
        "acknowledgement. <b>in place</b>: the library's own save over the only copy. <b>atomic+fsync</b>: its save to another file, "
        "fsync, rename, from Python. <b>wal</b>: Qdrant's update, which leaves its log to the system; <b>wal+flush</b> waits for "
        "the disk. <b>commit</b>: LanceDB's add, which leaves its files to the system.",
        "A kill is no power cut: who does not synchronise promises nothing for one. Qdrant and LanceDB append what is added and "
        "index it later; Cairn, hnswlib, faiss and usearch have it in the graph."]
    return ["<h3>Adding, acknowledged, and kill -9</h3>", table(heads, rows), text(notes)]


def circumstances(measured: dict) -> list[str]:
    parts = ["<h3>What it was measured on, and how to repeat it</h3>"]
    machine = any_part(measured)["machine"]
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    parts.append(text([
        f"{machine['cpu']} (family {machine['family']}; {', '.join(machine['instructions'])}), {machine['cores']} cores, caches "
        f"{caches}, {machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}, {machine['when']}; load average at "
        f"the end {machine['load']:.1f}. Cairn's commit: {any_part(measured).get('commit') or 'unknown'}."]))
    parts += [f"<pre>{html.escape(part['command'])}</pre>" for part in measured.values()]
    known = {row["peer"]: row for part in reversed(list(measured.values())) for row in part["rows"] if "build" in row}
    rows = [(ours(row), [
        cell(name), cell(row["build"]["version"], long=True),
        cell(", ".join(f"{setting} {value}" for setting, value in row["build"]["settings"].items()), long=True),
        cell(f"{row['knob']}: {row['batch']}" if "knob" in row else "", long=True)]) for name, row in known.items()]
    parts.append("<h3>Versions and settings</h3>" + table(["", "version", "settings", "search"], rows))
    return parts


def disturbed(built: dict) -> bool:
    """One build on one core is a load of one."""
    return built["nice"] > 0 or built["load"] > 1.5


def times(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def ratio(at: dict) -> str:
    if not at["ratio"]: return "–"
    return f"{at['ratio']:.2f} <small>{at['range'][0]:.2f}–{at['range'][1]:.2f}</small>"


def bar(value: float | None, most: float) -> str:
    width = 100 * value / most if value else 0
    return f'<span class="bar" style="width:{width / 100 * 7:.2f}em"></span>{number(value)}'


def warn(shown: str, bad: bool) -> str:
    return f'<b class="bad">{shown}</b>' if bad else shown


def failure(row: dict, columns: int) -> str:
    return f'<td class="failed" colspan="{columns}">failed: {html.escape(row["failed"])}</td>'
