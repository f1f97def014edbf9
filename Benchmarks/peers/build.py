"""Every peer's index, made once and kept with what its building took."""
from __future__ import annotations

import datetime
import json
import shutil
import sys

from adapters import adapter, is_cairn
from data import Workload
from process import Worker

LEAST_LIMIT, LIMIT_PER_ROW = 120, 0.02  # seconds; the slowest takes a twentieth of that when it has a core for itself


def built(work: Workload, name: str) -> dict | None:
    """What is known about an index that is there whole; the file is written last."""
    path = work.index(name).with_suffix(".json")
    return json.loads(path.read_text()) if path.exists() else None


def build(work: Workload, name: str, core: int, nice: int = 0, again: bool = False) -> dict:
    """Builds unless that is done. Who is nice runs on whichever core is free. Raises PeerFailed."""
    known = built(work, name)
    # A store of Cairn's is made anew when the program is another one: it is what these figures are about.
    if known and not again and not (is_cairn(name) and known["version"] != adapter(name, work).version()): return known
    folder, note = work.index(name), work.index(name).with_suffix(".json")
    note.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    print(f"{work.title}: {name} builds", file=sys.stderr, flush=True)
    worker = Worker(work, name, "build", core=None if nice else core, nice=nice)
    try: known = worker.receive(LEAST_LIMIT + work.rows * LIMIT_PER_ROW)
    finally: worker.stop()
    known |= {"disk_bytes": disk_bytes(folder), "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}
    note.write_text(json.dumps(known, indent=2))
    print(f"{work.title}: {name}: {known['cpu_seconds']:.1f} CPU s, {known['seconds']:.1f} s", file=sys.stderr, flush=True)
    return known


def disk_bytes(folder) -> int:
    """What the files take on the disk, in whole blocks."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
