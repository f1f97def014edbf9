"""Run beside chroma-hnswlib, in a process of its own: writes what Chroma leaves on the disk, and what it answers.

`chroma_writer.py JOB.json`; test_chroma.py makes the job.
"""
import json
import os
import pickle
import struct
import sys
import types

import hnswlib
import numpy as np


def persistent_data(fields):
    """An instance of Chroma's class, as its Python client pickles it."""
    name = "chromadb.segment.impl.vector.local_persistent_hnsw"
    parts = name.split(".")
    for end in range(1, len(parts) + 1): sys.modules[".".join(parts[:end])] = types.ModuleType(".".join(parts[:end]))
    data = type("PersistentData", (), {"__module__": name})
    sys.modules[name].PersistentData = data
    instance = data()
    instance.__dict__.update(fields)
    return instance


def serde_pickle(value):
    """The opcodes that Chroma's Rust client writes: protocol 3, no memo, and every whole number in four bytes."""
    if value is None: return b"N"
    if isinstance(value, int): return b"J" + struct.pack("<i", value)
    if isinstance(value, str): return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
    items = [serde_pickle(key) + serde_pickle(item) for key, item in value.items()]
    # In portions of a thousand.
    return b"}" + b"".join(b"(" + b"".join(items[start:start + 1000]) + b"u" for start in range(0, len(items), 1000))


def write_pickle(path, kind, fields):
    with open(path, "wb") as file:
        if kind == "rust": file.write(b"\x80\x03" + serde_pickle(fields) + b".")
        elif kind == "dict": pickle.dump(fields, file)
        elif kind.startswith("object"): pickle.dump(persistent_data(fields), file, protocol=int(kind[-1]))


def answers(index, queries, k, width):
    """Labels and distances, and how many each query has: fewer where fewer are reached."""
    index.set_ef(max(width, k))
    labels, distances, sizes = np.zeros((len(queries), k), "u8"), np.zeros((len(queries), k), "f4"), []
    for row, query in enumerate(queries):
        for fewer in range(k, -1, -1):
            try:
                found = index.knn_query(query, k=fewer)
                break
            except RuntimeError:
                pass
        labels[row, :fewer], distances[row, :fewer] = found[0][0], found[1][0]
        sizes.append(fewer)
    return labels, distances, sizes


def main(job):
    assert hasattr(hnswlib.Index, "persist_dirty"), "this is not Chroma's fork"
    vectors, queries = np.load(job["vectors"]), np.load(job["queries"])
    folder, count = job["folder"], len(vectors)
    os.makedirs(folder)
    index = hnswlib.Index(job["metric"], job["dimensions"])
    index.init_index(
        job["capacity"], M=job["m"], ef_construction=80, is_persistent_index=True, persistence_location=folder)
    half = count // 2
    if count:
        # As Chroma does: in batches, labels from 1 on, each with a checkpoint.
        index.add_items(vectors[:half], np.arange(1, half + 1), num_threads=1)
        index.persist_dirty()
        if job["capacity"] < count: index.resize_index(2 * count)
        index.add_items(vectors[half:], np.arange(half + 1, count + 1), num_threads=1)
        for label in job["gone"]: index.mark_deleted(label)
        index.persist_dirty()
    if job["changed"]:
        index.add_items(vectors[::-1][:len(job["changed"])] * 1.5, job["changed"], num_threads=1)
        index.persist_dirty()
    index.close_file_handles()
    names = {label: f"document {label}: é" for label in range(1, count + 1) if label not in job["gone"]}
    fields = {
        "dimensionality": job["dimensions"] if count else None, "total_elements_added": count,
        "id_to_label": {name: label for label, name in names.items()}, "label_to_id": names,
        "id_to_seq_id": {name: label + 2**20 for label, name in names.items()}}
    if job["pickle"] == "object4": fields["max_seq_id"] = count
    if job["pickle"] != "none": write_pickle(os.path.join(folder, "index_metadata.pickle"), job["pickle"], fields)

    # What is on the disk is what counts.
    read = hnswlib.Index(job["metric"], job["dimensions"])
    read.load_index(folder, is_persistent_index=True, max_elements=2 * count)
    found = {"vectors": read.get_items(sorted(names))} if names else {}
    for width in job["widths"]:
        labels, distances, sizes = answers(read, queries, 10, width)
        found.update({f"labels{width}": labels, f"distances{width}": distances, f"sizes{width}": sizes})
    read.close_file_handles()
    # A file of the fork's own kind: it has the lengths between elements and lists.
    plain = hnswlib.Index(job["metric"], job["dimensions"])
    plain.init_index(count + 10, M=job["m"], ef_construction=80)
    if count: plain.add_items(vectors, np.arange(1, count + 1), num_threads=1)
    for label in job["gone"]: plain.mark_deleted(label)
    plain.save_index(job["plain"])
    for width in job["widths"]:
        labels, distances, sizes = answers(plain, queries, 10, width)
        found.update({f"plain_labels{width}": labels, f"plain_distances{width}": distances, f"plain_sizes{width}": sizes})
    np.savez(job["answers"], **found)


if __name__ == "__main__":
    with open(sys.argv[1]) as file: main(json.load(file))
