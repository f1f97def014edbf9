"""Writes the pickles of this folder: Chroma's metadata as Python's own pickler writes it, and as Chroma's Rust client does, and some
that mean harm. Run once, in this folder; the files are kept, the tests only read them."""
import os
import pickle
import struct
import sys
import types

MODULE = "chromadb.segment.impl.vector.local_persistent_hnsw"


class PersistentData:
    """Chroma's class of that name: its fields are set by its constructor, and pickled as its __dict__."""

    def __init__(self, dimensionality, ids, total, **more):
        self.dimensionality = dimensionality
        self.total_elements_added = total
        self.id_to_label = dict(ids)
        self.label_to_id = {label: id for id, label in ids.items()}
        self.id_to_seq_id = {id: 10**12 + label for id, label in ids.items()}
        self.__dict__.update(more)


def register():
    """Puts the class where Chroma has it, which the pickler looks up."""
    parent = ""
    for part in MODULE.split("."):
        parent = f"{parent}.{part}" if parent else part
        sys.modules[parent] = types.ModuleType(parent)
    PersistentData.__module__ = MODULE
    PersistentData.__qualname__ = "PersistentData"
    sys.modules[MODULE].PersistentData = PersistentData


def write(name, data):
    with open(f"{name}.pickle", "wb") as file:
        file.write(data)


def rust(value):
    """What serde_pickle writes with protocol 3: no memo, no short strings, entries in batches of a thousand."""

    def encode(value):
        if value is None:
            return b"N"
        if isinstance(value, bool):
            return b"\x88" if value else b"\x89"
        if isinstance(value, int):
            if -(2**31) <= value < 2**31:
                return b"J" + struct.pack("<i", value)
            length = value.bit_length() // 8 + 1
            return b"\x8a" + bytes([length]) + value.to_bytes(length, "little", signed=True)
        if isinstance(value, str):
            data = value.encode()
            return b"X" + struct.pack("<I", len(data)) + data
        items, result = list(value.items()), b"}"
        for start in range(0, max(1, len(items)), 1000):
            result += b"(" + b"".join(encode(k) + encode(v) for k, v in items[start : start + 1000]) + b"u"
        return result

    return b"\x80\x03" + encode(value) + b"."


register()
few = {"a": 1, "größe→": 3, "x" * 300: 70000, "": 256}
many = {f"id-{label}": label for label in range(1, 1501)}
for protocol in range(2, 6):
    write(f"object-{protocol}", pickle.dumps(PersistentData(3, few, 70001), protocol))
    write(f"dictionary-{protocol}", pickle.dumps(vars(PersistentData(3, few, 70001)), protocol))
write("many", pickle.dumps(PersistentData(384, many, 1600), 5))
write("one", pickle.dumps(PersistentData(2, {"only": 1}, 1), 2))
write("empty", pickle.dumps(PersistentData(None, {}, 0), 4))
# What older versions had: a field more, with numbers beyond 64 bits.
write("legacy", pickle.dumps(PersistentData(3, few, 70001, max_seq_id=2**100), 4))
write("rust", rust(vars(PersistentData(3, few, 70001, max_seq_id=None, flag=True))))
write("rust-many", rust(vars(PersistentData(384, many, 2**40))))
write("rust-empty", rust(vars(PersistentData(None, {}, 0))))


class Shell:
    def __reduce__(self):
        return os.system, ("touch hostile-pickle-was-executed",)


for protocol in range(2, 6):
    write(f"hostile-system-{protocol}", pickle.dumps(Shell(), protocol))
    write(f"hostile-system-within-{protocol}", pickle.dumps(PersistentData(3, few, 70001, extra=Shell()), protocol))
itself = vars(PersistentData(3, few, 70001))
itself["id_to_label"] = itself
write("hostile-recursion", pickle.dumps(itself, 5))
harmless = vars(PersistentData(3, few, 70001))
harmless["itself"] = harmless
write("recursion-elsewhere", pickle.dumps(harmless, 5))
