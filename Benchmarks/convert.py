#!/usr/bin/env python3
"""Times `cairn convert` of an hnswlib index into a store and back, beside `cp` and `sync` of the same bytes.

`convert.py DATA` takes base_*.npy (or vectors.npy) of the folder DATA, has hnswlib build an index of it, which later runs find in
the cache, and prints a table. See README.md.
"""
import argparse
import array
import ast
import collections
import contextlib
import ctypes
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent
GROUPS = pathlib.Path("/sys/fs/cgroup/memory")


def rows_of(path, limit):
    """The shape of an .npy file of f32, f16 or u8, and a function that gives some of its rows as f32."""
    with open(path, "rb") as file:
        magic = file.read(8)
        assert magic[:7] == b"\x93NUMPY\x01", f"{path} is no .npy file of version 1"
        header = ast.literal_eval(file.read(int.from_bytes(file.read(2), "little")).decode())
        start = file.tell()
    kind = {"<f4": "f", "<f2": "e", "|u1": "B"}[header["descr"]]
    count, dimensions = min(limit or sys.maxsize, header["shape"][0]), header["shape"][1]

    def read(first, rows):
        form = struct.Struct(f"<{rows * dimensions}{kind}")
        with open(path, "rb") as file:
            file.seek(start + first * dimensions * struct.calcsize(kind))
            return array.array("f", form.unpack(file.read(form.size)))
    return count, dimensions, read


def index_of(data, metric, limit, cache):
    """hnswlib's index of the vectors, M=16, ef_construction=200; built once."""
    source = next(iter(sorted(data.glob("base_*.npy")) or sorted(data.glob("vectors.npy"))))
    count, dimensions, read = rows_of(source, limit)
    path = cache / f"{data.name}-{count}-{metric}.hnswlib"
    if path.exists(): return path, count, dimensions
    print(f"hnswlib builds {path}", file=sys.stderr)
    shim = PROJECT / "Benchmarks/.build/hnswlib"
    subprocess.run([PROJECT / "Scripts/build-hnswlib", shim], check=True, stdout=sys.stderr)
    library, word, pointer = ctypes.CDLL(shim / "libshim.so"), ctypes.c_size_t, ctypes.c_void_p
    library.bench_create.restype = pointer
    library.bench_create.argtypes = [word, ctypes.c_int, word, word, word]
    library.bench_add.argtypes = [pointer, pointer, word, word, word]
    library.bench_save.argtypes = [pointer, ctypes.c_char_p]
    index = library.bench_create(dimensions, metric == "cosine", count, 16, 200)
    at, started = 0, time.monotonic()
    while at < count:
        rows = min(20_000, count - at)
        values = read(at, rows)
        library.bench_add(index, values.buffer_info()[0], rows, at, os.cpu_count())
        at += rows
        print(f"\r{at} of {count}, {time.monotonic() - started:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    partial = path.with_suffix(".partial")
    library.bench_save(index, os.fsencode(partial))
    partial.rename(path)
    return path, count, dimensions


Run = collections.namedtuple("Run", "seconds processor peak")


def run(*command, group=None):
    """Seconds, those of them on a processor, and the peak of resident memory in MiB: pages of mapped files included, and never below
    what Python has when it starts a process, 13 MiB."""
    def enter():
        if group: (group / "cgroup.procs").write_text(str(os.getpid()))
    started = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, preexec_fn=enter)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0: sys.exit(f"{command[0]} {command[1]} ended with {process.returncode}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def remove(path):
    """And waits until the disk has nothing left to do."""
    if path.is_dir(): shutil.rmtree(path)
    path.unlink(missing_ok=True)
    os.sync()


def files(path):
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def warm(path):
    for file in files(path):
        with open(file, "rb", buffering=0) as stream:
            while stream.read(1 << 20): pass


def back_memory(size):
    """Touches as much free memory as the page cache is about to take. A virtual machine's host takes free memory back, and the first
    use of it then costs several times the copy: whoever comes first would pay for it."""
    script = f"import mmap\nm = mmap.mmap(-1, {size})\nfor at in range(0, {size}, 4096): m[at] = 1"
    subprocess.run([sys.executable, "-c", script], check=True)


def drop(path):
    """Out of the page cache, so that reading it again counts in the group that does."""
    for file in files(path):
        with open(file, "rb") as stream: os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Conversions:
    def __init__(self, options, index):
        self.cairn, self.index, self.metric = options.cairn, index, options.metric
        folder = options.cache / "convert"
        folder.mkdir(exist_ok=True)
        self.copy, self.store, self.back = folder / "copy.bin", folder / "index.cairn", folder / "back.bin"
        self.kept = folder / "kept.cairn"
        remove(self.kept)
        run(self.cairn, "convert", index, self.kept, "--metric", self.metric, "--quiet")

    def both(self, group):
        """cp and fdatasync."""
        copied = run("cp", "--reflink=never", self.index, self.copy, group=group)
        synced = run("sync", "-d", self.copy, group=group)
        return Run(copied.seconds + synced.seconds, copied.processor + synced.processor, max(copied.peak, synced.peak))

    def into(self, group):
        return run(self.cairn, "convert", self.index, self.store, "--metric", self.metric, "--quiet", group=group)

    def out(self, group):
        return run(self.cairn, "convert", self.kept, self.back, "--quiet", group=group)

    def round(self, prepare, group=None):
        """One of each, each with nothing in its way."""
        results = []
        for source, target, measure in (
                (self.index, self.copy, self.both), (self.index, self.store, self.into), (self.kept, self.back, self.out)):
            remove(target)
            prepare(source)
            back_memory(self.index.stat().st_size * 3 // 2)
            results.append(measure(group))
        return results

    def check(self):
        if subprocess.run(["cmp", self.index, self.back]).returncode: sys.exit("what came back differs from what went in")

    def clean(self):
        for path in (self.copy, self.store, self.back, self.kept): remove(path)


@contextlib.contextmanager
def limited(limit):
    """A memory cgroup below the one that this process is in."""
    own = next(line for line in open("/proc/self/cgroup") if ":memory:" in line).strip().split(":", 2)[2].lstrip("/")
    group = (GROUPS / own if (GROUPS / own).is_dir() else GROUPS) / f"cairn-convert-{os.getpid()}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(limit))
        yield group
    finally:
        group.rmdir()


def show(title, results, size):
    names = ("cp and sync -d", "hnswlib to store", "store to hnswlib")
    columns = list(zip(*results))
    medians = [statistics.median(one.seconds for one in runs) for runs in columns]
    fastest = [min(one.seconds for one in runs) for runs in columns]
    print(f"\n{title}\n{'':18}{'seconds':>9}  {'each':32}{'processor':>9}{'MiB/s':>8}{'of cp':>8}{'fastest':>9}{'peak MiB':>10}")
    for name, runs, median, least in zip(names, columns, medians, fastest):
        each = " ".join(f"{one.seconds:.2f}" for one in runs)
        processor = statistics.median(one.processor for one in runs)
        print(f"{name:18}{median:9.2f}  {each:32}{processor:9.2f}{size / median / 2**20:8.0f}{medians[0] / median:7.2f}x{fastest[0] / least:8.2f}x"
              f"{max(one.peak for one in runs):10.1f}")


def main():
    parser = argparse.ArgumentParser(description="Times conversions beside cp and sync.")
    parser.add_argument("data", type=pathlib.Path, help="a folder with base_*.npy or vectors.npy, f32, f16 or u8")
    parser.add_argument("--rows", type=int, help="only so many vectors")
    parser.add_argument("--metric", default="l2", choices=("l2", "cosine"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path("/tmp/bench-cache"), help="on the disk that is measured")
    parser.add_argument("--cairn", type=pathlib.Path, default=PROJECT / ".build/release/cairn")
    parser.add_argument("--build-only", action="store_true", help="have hnswlib build its index, no more")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    index, count, dimensions = index_of(options.data, options.metric, options.rows, options.cache)
    if options.build_only: return
    size = index.stat().st_size
    print(f"{count} x {dimensions} f32, {options.metric}: {size} bytes")
    conversions = Conversions(options, index)
    try:
        show("page cache warm", [conversions.round(warm) for _ in range(options.rounds)], size)
        conversions.check()
        if os.getuid() or not GROUPS.is_dir():
            print("\nno memory cgroup: it needs root and version 1 of them")
            return
        with limited(size // 4) as group:
            show(f"in {size // 4 / 2**20:.0f} MiB, a quarter of the file, none of it in the page cache",
                 [conversions.round(drop, group) for _ in range(options.rounds)], size)
        conversions.check()
    finally:
        conversions.clean()


if __name__ == "__main__":
    main()
