"""The peers by name: the module and class of each, and the environment that its library lives in."""
from __future__ import annotations

import importlib
import pathlib
import typing

from data import Workload

if typing.TYPE_CHECKING:
    from .base import Peer

ADAPTERS = {
    "cairn-sq8": ("cairn", "CairnSQ8"),
    "cairn-sq4": ("cairn", "CairnSQ4"),
    "cairn-u8": ("cairn", "CairnU8"),
    "cairn-f32": ("cairn", "Cairn"),
    "hnswlib": ("hnswlib", "Hnswlib"),
    "svs-u8": ("svs", "SvsU8"),
    "svs-f32": ("svs", "Svs"),
    "faiss-hnsw": ("faiss", "FaissHnsw"),
    "faiss-hnswsq8": ("faiss", "FaissHnswSQ8"),
    "usearch-i8": ("usearch", "UsearchI8"),
    "usearch-f32": ("usearch", "Usearch"),
    "voyager": ("voyager", "Voyager"),
    "diskann-memory": ("diskann", "DiskannMemory"),
    "diskann-disk": ("diskann", "DiskannDisk"),
    "qdrant-edge": ("qdrant", "Qdrant"),
    "lancedb": ("lancedb", "Lancedb"),
}
NAMES = list(ADAPTERS)
REFERENCE = "hnswlib"


def adapter(name: str, work: Workload, folder: pathlib.Path | None = None) -> Peer:
    module, kind = ADAPTERS[name]
    return getattr(importlib.import_module(f"adapters.{module}"), kind)(name, work, folder or work.index(name))


def environment(name: str) -> str:
    """diskannpy needs a numpy of its own."""
    return "venv-diskann" if ADAPTERS[name][0] == "diskann" else "venv"


def is_cairn(name: str) -> bool:
    return ADAPTERS[name][0] == "cairn"
