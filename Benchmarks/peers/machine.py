"""What the figures were measured on."""
from __future__ import annotations

import datetime
import os
import pathlib
import platform
import subprocess

from data import PROJECT


def commit() -> str | None:
    """Cairn's, with a plus sign if files differ from it; none outside of a clone."""
    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(PROJECT), *words], capture_output=True, text=True).stdout.strip()
    return (git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")) or None


def describe() -> dict:
    first = pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    cpu = dict(line.split(":", 1) for line in first.splitlines() if ":" in line)
    cpu = {name.strip(): value.strip() for name, value in cpu.items()}
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) / 2**20
    caches = subprocess.run(["lscpu", "-C=NAME,ALL-SIZE"], capture_output=True, text=True).stdout.split()[2:]
    return {
        "cpu": cpu.get("model name", platform.machine()), "family": cpu.get("cpu family"), "cores": os.cpu_count(),
        "instructions": [one for one in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16") if one in cpu.get("flags", "").split()],
        "caches": dict(zip(caches[::2], caches[1::2])), "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.release()}", "python": platform.python_version(),
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="minutes"), "load": os.getloadavg()[0]}
