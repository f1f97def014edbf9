#!/usr/bin/env python3
"""Searches with less memory than the index has bytes: each peer in a memory cgroup (v1, as root) of a share of its own files, on one
thread, one query after the other, its files evicted from the page cache first. Prints QPS at a recall, memory used, page cache left
behind, and what the disk itself can do at the same time.

    memory.py DATA [--rows N] [--peers "cairn-sq4 diskann-disk hnswlib"] [--shares 4,8] [--read-ahead 128,8192]

A library is imported, and the queries are read, before the process enters the cgroup: only the index counts. hnswlib has no index that
is larger than memory; that it is killed is the result."""
from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import typing

import numpy as np

from adapters import ADAPTERS, adapter, environment, is_cairn
from data import CACHE, Workload, open_workload, prepare
from process import HERE, PeerFailed, Worker
from recall import Judge, qps_at

GROUPS = pathlib.Path("/sys/fs/cgroup/memory")
RECALLS = [0.90, 0.95, 0.98, 0.99]
EFS = [20, 30, 40, 60, 80, 100, 120, 160, 240]
COMPLEXITIES = [10, 14, 20, 28, 40, 56, 80, 112, 160, 226]
LONGEST = 900


def main() -> None:
    if sys.argv[1:2] == ["--search"]: return search(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--peers", default="cairn-sq4 diskann-disk hnswlib")
    parser.add_argument("--shares", default="4,8")
    parser.add_argument("--read-ahead", default="8192")
    options = parser.parse_args()
    if os.geteuid() != 0 or not GROUPS.is_dir(): raise SystemExit("it needs root, and memory cgroups (v1) at /sys/fs/cgroup/memory")
    work, judge = prepare(options.data, options.rows, None), None
    peers = options.peers.split()
    if unknown := [name for name in peers if name not in ADAPTERS]: raise SystemExit(f"no such peer: {', '.join(unknown)}")
    for name in peers: build(work, name)
    judge = Judge(work)
    rows = []
    for read_ahead in map(int, options.read_ahead.split(",")):
        with disk_setting(work.folder, read_ahead):
            print(f"\n{work.title}, read-ahead {read_ahead} KiB, load {os.getloadavg()[0]:.1f}; the disk alone: "
                  + ", ".join(f"{reads:,} random reads of 4 KiB a second at a depth of {depth}" for depth, reads in disk(work)))
            print("peer             share  limit MiB  used MiB  cached MiB  open s  " + "  ".join(f"QPS at {one}" for one in RECALLS)
                  + "   p50 us  p99 us")
            for share in map(int, options.shares.split(",")):
                for name in peers:
                    row = measure(work, judge, name, share) | {"read_ahead": read_ahead}
                    rows.append(row)
                    print(text(row), flush=True)
    (work.folder / "memory.json").write_text(json.dumps(rows, indent=2))


def text(row: dict) -> str:
    start = f"{row['peer']:16} {'1/' + str(row['share']):>5} {row['limit'] >> 20:10}"
    if "failed" in row: return f"{start}  {row['failed']}"
    numbers = "  ".join(f"{row['at'][str(one)] or float('nan'):11,.0f}" for one in RECALLS)
    latency = f"{row['p50_us']:8,.0f} {row['p99_us']:7,.0f}" if row.get("p50_us") else ""
    return f"{start} {row['peak'] >> 20:9} {row['cached'] >> 20:11} {row['open']:7.2f}  {numbers}  {latency}"


def build(work: Workload, name: str) -> None:
    """Without a limit, unless the index is there."""
    folder = work.index(name)
    if (folder / "complete").exists(): return
    folder.mkdir(exist_ok=True)
    print(f"building {name}", file=sys.stderr)
    worker = Worker(work, name, "build")
    try: print(f"{name}: {worker.receive(7200)['seconds']:.0f} s", file=sys.stderr)
    finally: worker.stop()
    (folder / "complete").touch()


def files(work: Workload, name: str) -> list[pathlib.Path]:
    return [path for path in work.index(name).rglob("*") if path.is_file()]


def measure(work: Workload, judge: Judge, name: str, share: int) -> dict:
    limit = sum(path.stat().st_size for path in files(work, name)) // share
    row: dict = {"peer": name, "share": share, "limit": limit}
    evict()
    with group(limit) as folder:
        try: answer = (cairn if is_cairn(name) else library)(work, name, folder)
        except PeerFailed as error: return row | {"failed": str(error)}
        row |= {"peak": number(folder, "memory.max_usage_in_bytes"), "cached": cached(folder), "open": answer["open"]}
    points = []
    for point in answer["points"]:
        recall = judge.recall(np.array(point["labels"]))
        points.append((recall, point["qps"]))
        row.setdefault("points", []).append({key: value for key, value in point.items() if key != "labels"} | {"recall": recall})
    near = min(row["points"], key=lambda point: abs(point["recall"] - 0.98))
    return row | {"at": {str(one): qps_at(points, one) for one in RECALLS}, "p50_us": near.get("p50_us"), "p99_us": near.get("p99_us")}


def cairn(work: Workload, name: str, folder: pathlib.Path) -> dict:
    """`cairn recall` for the time, and `cairn search` for what was found."""
    peer: typing.Any = adapter(name, work)
    program, store = os.environ.get("CAIRN", str(HERE.parent.parent / ".build/release/cairn")), str(peer.store)
    with tempfile.TemporaryDirectory() as scratch:
        one, labels = pathlib.Path(scratch) / "one.npy", pathlib.Path(scratch) / "labels.npy"
        np.save(one, np.load(peer.queries)[:1])
        started = time.monotonic()
        inside(folder, [program, "search", store, str(one), "--quiet", "--threads", "1"])
        opened = time.monotonic() - started
        measured = json.loads(inside(folder, [
            program, "recall", store, str(peer.queries), str(work.folder / "truth.npy"), "-k", "10", "--ef", ",".join(map(str, EFS)),
            "--rounds", "3", "--output", "json"]))
        points = []
        for ef in EFS:
            inside(folder, [program, "search", store, str(peer.queries), "-k", "10", "--ef", str(ef), "--save-labels", str(labels),
                            "--quiet", "--threads", "1"])
            rows = [row for row in measured["rows"] if row["ef"] == ef]
            middle = {key: float(np.median([row[key] for row in rows])) for key in ("qps", "p50_us", "p99_us", "vectors", "pages")}
            points.append({"knob": ef, "labels": np.load(labels).astype(np.int64).tolist()} | middle)
        return {"open": opened, "points": points}


def inside(folder: pathlib.Path, command: list[str]) -> str:
    """Runs a program in the cgroup, on one core."""
    script = f"echo $$ > {folder}/cgroup.procs && exec taskset -c 0 \"$@\""
    done = subprocess.run(["sh", "-c", script, "sh", *command], capture_output=True, text=True, timeout=LONGEST)
    if done.returncode != 0: raise PeerFailed(f"ended with {done.returncode}: {done.stderr[-200:]}")
    return done.stdout


def library(work: Workload, name: str, folder: pathlib.Path) -> dict:
    python = CACHE / environment(name) / "bin/python"
    done = subprocess.run(
        ["taskset", "-c", "0", str(python), __file__, "--search", str(work.folder), name, str(folder)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=LONGEST, cwd=HERE)
    if done.returncode != 0:
        how = "killed" if done.returncode == -9 else f"ended with {done.returncode}: {done.stderr.strip()[-200:]}"
        raise PeerFailed(how)
    return json.loads(done.stdout.splitlines()[-1])


def search(path: str, name: str, folder: str) -> None:
    """A library's side: loads the index and searches, in the cgroup."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    work = open_workload(pathlib.Path(path))
    peer = adapter(name, work)
    peer.warm_import()
    queries = peer.prepared(work.queries(peer.kind))
    (pathlib.Path(folder) / "cgroup.procs").write_text(str(os.getpid()))
    started = time.monotonic()
    peer.load()
    peer.search(queries[:1], 10)
    opened = time.monotonic() - started
    points = []
    for knob in COMPLEXITIES if name.startswith("diskann") else EFS:
        times = []
        answer = peer.search(queries, knob)
        while len(times) < 3:
            started = time.perf_counter()
            answer = peer.search(queries, knob)
            times.append(time.perf_counter() - started)
        points.append({"knob": knob, "qps": len(queries) / float(np.median(times)), "labels": np.asarray(peer.labels(answer)).tolist()})
    print(json.dumps({"open": opened, "points": points}), file=out, flush=True)
    os._exit(0)


# The machine

@contextlib.contextmanager
def group(limit: int) -> typing.Iterator[pathlib.Path]:
    folder = GROUPS / f"cairn-bench-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / "memory.limit_in_bytes").write_text(str(limit))
        yield folder
    finally:
        (folder / "memory.force_empty").write_text("0")
        for _ in range(100):
            try:
                folder.rmdir()
                break
            except OSError: time.sleep(0.05)


def number(folder: pathlib.Path, name: str) -> int: return int((folder / name).read_text())


def cached(folder: pathlib.Path) -> int:
    lines = (folder / "memory.stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("cache "))


def evict() -> None:
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("1")


@contextlib.contextmanager
def disk_setting(folder: pathlib.Path, kibibytes: int) -> typing.Iterator[None]:
    """The read-ahead of the disk that the indexes are on."""
    device = os.stat(folder).st_dev
    block = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve()
    setting = next(path for path in (block / "queue/read_ahead_kb", block.parent / "queue/read_ahead_kb") if path.exists())
    before = setting.read_text()
    setting.write_text(str(kibibytes))
    try: yield
    finally: setting.write_text(before)


def disk(work: Workload) -> list[tuple[int, int]]:
    """Random reads of 4 KiB a second, past the page cache, from the largest file of the first index."""
    program = CACHE / "random_reads"
    source = HERE / "random_reads.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-o", str(program), str(source)], check=True)
    largest = max((path for path in work.folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    return [(depth, int(subprocess.run([program, str(largest), str(depth)], check=True, capture_output=True, text=True).stdout))
            for depth in (1, 16, 32, 64)]


if __name__ == "__main__":
    main()
