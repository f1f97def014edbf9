"""One peer in a process of its own: builds its index, or answers commands over a pipe. See `process.py` for the other end.

    worker.py FOLDER PEER build
    worker.py FOLDER PEER serve
    worker.py FOLDER PEER imports
    worker.py FOLDER PEER first STARTED
    worker.py FOLDER PEER adds INDEX VECTORS FIRST BATCH POLICY
    worker.py FOLDER PEER held INDEX EXTRA
"""
from __future__ import annotations

import json
import os
import pathlib
import resource
import sys
import time
import traceback

import numpy as np

from adapters import adapter
from data import open_workload


def main() -> None:
    """Libraries print where they like, so standard output is kept for answers and becomes the log for all others."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def say(**values) -> None:
        print(json.dumps(values), file=answers, flush=True)

    folder, name, task, *words = sys.argv[1:]
    work = open_workload(pathlib.Path(folder))
    try:
        TASKS[task](work, name, say, *words)
    except BaseException as error:
        traceback.print_exc()
        say(error=f"{type(error).__name__}: {error}")
        os._exit(1)
    os._exit(0)  # a library that hangs or crashes on its way out has answered already


def build(work, name, say) -> None:
    peer = adapter(name, work)
    peer.warm_import()
    started, before = time.monotonic(), processor()
    peer.build()
    say(seconds=time.monotonic() - started, cpu_seconds=processor() - before, version=peer.version(), settings=peer.settings(),
        nice=os.nice(0), load=os.getloadavg()[0])


def processor() -> float:
    """Seconds of this process and of those it has waited for."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


def serve(work, name, say) -> None:
    peer = adapter(name, work)
    say(memory=peer.memory(), version=peer.version(), settings=peer.settings(), knob=peer.knob, batch=peer.batch, sweep=peer.sweep)
    for line in sys.stdin:
        command = json.loads(line)
        for point in peer.measure(command["knobs"], command["seconds"]):
            labels = work.folder / f"found-{name}.npy"
            np.save(labels, point.labels)
            say(knob=point.knob, qps=point.qps, passes=point.passes, labels=str(labels), note=point.note)
            sys.stdin.readline()  # until what was found has been judged, so that the machine is quiet again
        say(done=True)


def imports(work, name, say) -> None:
    """All that `first` does but the index: brings the library's own files into the page cache."""
    peer = adapter(name, work)
    peer.warm_import()
    peer.prepared(work.queries(peer.kind)[:1])
    say(imported=True)


def first(work, name, say, started) -> None:
    """When the process had started (of the monotonic clock, which all processes share), had imported, had opened, had answered."""
    peer = adapter(name, work)
    peer.warm_import()
    query = peer.prepared(work.queries(peer.kind)[:1])
    imported = time.monotonic()
    peer.load()
    opened = time.monotonic()
    found = peer.labels(peer.search(query, 64))
    answered = time.monotonic()
    say(imported=imported - float(started), opened=opened - imported, answered=answered - opened, total=answered - float(started),
        labels=np.asarray(found)[0].tolist())


def adds(work, name, say, index, vectors, first, batch, policy) -> None:
    """Prints, as `cairn add --print-acknowledged` does, how many rows are acknowledged after each batch."""
    rows = np.load(vectors)
    peer = adapter(name, work, pathlib.Path(index))
    peer.warm_import()
    peer.open_for_adds(len(rows))
    for at in range(0, len(rows), int(batch)):
        some = rows[at:at + int(batch)]
        peer.add(some, int(first) + at, policy)
        say(acknowledged=at + len(some))


def held(work, name, say, index, extra) -> None:
    """Opens what a killed process has left: which of the rows, and of those that were to be added, it has."""
    peer = adapter(name, work, pathlib.Path(index))
    peer.warm_import()
    peer.open_for_adds(0)
    found = peer.held(np.arange(work.rows + int(extra)))
    say(base_lost=int((~found[:work.rows]).sum()), added=np.flatnonzero(found[work.rows:]).tolist())


TASKS = {task.__name__: task for task in (build, serve, imports, first, adds, held)}

if __name__ == "__main__":
    main()
