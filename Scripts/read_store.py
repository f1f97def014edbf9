#!/usr/bin/env python3
"""Reads a store as FORMAT.md describes it, sharing no code with Cairn: the test that the page is complete.
`read_store.py STORE` prints it as one JSON document; exit status 0, 2 if something is wrong ("problems"), 64 usage."""
import json, math, os, sys
from ctypes import c_float
from struct import calcsize, iter_unpack, pack, unpack, unpack_from
# Fields of the 512-byte sectors: name, type, offset.
SUPERBLOCK = """version I 8, store 16s 16, layout 16s 32, compatible Q 48, read_only_compatible Q 56, incompatible Q 64,
    dimensions I 72, m I 76, ef_construction I 80, metric B 84, scalar B 85, seed Q 88, first I 96, largest I 100,
    vector_stride I 104, link_stride I 108, name_length B 112, name 255s 113"""
HEADER = """generation Q 8, layout 16s 16, slot_count Q 32, segment_count I 40, entry_point I 44, maximum_level i 48,
    ef I 52, live Q 56, marked Q 64, free Q 72, level_state I 80, graph_generation Q 88, log Q 96, codes B 136,
    position Q 144"""
CODES = """version I 8, kind B 12, product B 13, rotated B 14, centered B 15, layout 16s 16, graph_generation Q 32, count Q 40,
    dimensions I 48, low f 52, scale f 56, levels 16s 80, requested B 128, center I 132"""
DERIVED = "version I 8, body I 12, layout 16s 16, graph_generation Q 32, count Q 40, extent Q 48"
TABLE, problems = list(range(256)), []
for _ in range(8): TABLE = [x >> 1 ^ (0x82F63B78 if x & 1 else 0) for x in TABLE]
def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data: crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
def finish(**document):
    json.dump(dict(document, problems=problems), sys.stdout, default=bytes.hex)
    sys.exit(2 if problems else 0)
def check(condition, problem):
    if not condition: problems.append(problem)
    return condition
def up(x, n): return -(-x // n) * n
def u32(data, at): return unpack_from("<I", data, at)[0]
def f32(x): return c_float(x).value  # infinite where pack() would raise
def numbers(kind, data): return [x for x, in iter_unpack("<" + kind, data)]
def sector(data, magic, fields):
    if len(data) < 512 or data[:8] != magic or crc32c(data[:508]) != u32(data, 508): return None
    fields = [field.split() for field in fields.split(",")]
    return {name: unpack_from("<" + kind, data, int(offset))[0] for name, kind, offset in fields}
if len(sys.argv) != 2: sys.exit(print(__doc__, file=sys.stderr) or 64)
paths = {name: os.path.join(sys.argv[1], name) for name in os.listdir(sys.argv[1])}
files = {name: open(path, "rb").read() for name, path in paths.items() if os.path.isfile(path)}
blocks = [sector((level0 := files["level0"])[at:at + 512], b"CAIRNSUP", SUPERBLOCK) for at in (8192, 12288)]
check(all(blocks), "a superblock is damaged")
s = blocks[0] or blocks[1] or finish()
check(s["version"] == 1 and s["incompatible"] == 0, "the version or a feature is unknown") or finish(superblock=s)
s["name"] = s["name"][:s["name_length"]].decode()
def header(i):
    h = sector(level0[4096 * i:][:512], b"CAIRNHDR", HEADER)
    sound = h and h["layout"] == s["layout"] and h["generation"] % 2 == i
    return h if check(sound or not any(level0[4096 * i:][:512]), f"header slot {i} is damaged") else None
check(any(slots := [header(0), header(1)]), "there is no valid header") or finish(superblock=s)
h = max(filter(None, slots), key=lambda h: h["generation"])
count, m, width, scalar, cosine = h["slot_count"], s["m"], 4 * s["m"] + 4, "feBb"[s["scalar"]], s["metric"] == 2
strides = [up(row := s["dimensions"] * calcsize("<" + scalar), 64), up(8 * m, 64), 16, 4 if cosine else 0, 4]
largest = max(1 << i for i in range(17) if (1 << i) * sum(strides) <= 64 << 20)
shape = [min(256, largest), largest, strides[0], strides[1]]
check([s[x] for x in ("first", "largest", "vector_stride", "link_stride")] == shape, "the superblock's sizes differ")
def F(k): return 0 if k == 0 else shape[0] << k - 1 if k <= d + 1 else largest * (k - d)
columns, end, segments, d = [b""] * 5, 16384, [], (largest // shape[0]).bit_length() - 1
pages = []  # column, its page's number, place in the file, CRC, stamp
for k in range(h["segment_count"]):
    pieces = [up(F(k + 1) * t, 16384) - up(F(k) * t, 16384) for t in strides]
    start = at = up(end, 2 << 20) if sum(pieces) >= 16 << 20 else end
    table, number = start + sum(pieces), sum(pieces) // 4096
    seals = range(table + 4088, table + up(number, 511) // 511 * 4096, 4096)
    end = up(table + 4096 * len(seals), 16384)
    check(end <= len(level0), f"level0 has {len(level0)} bytes and needs {end}") or finish(superblock=s, header=h)
    segments.append({"slots": [F(k), F(k + 1)], "start": start, "pieces": pieces, "page_table": table, "end": end})
    for seal in seals: check(crc32c(level0[seal - 4088:seal]) == u32(level0, seal), f"the seal at {seal} is wrong")
    entries = [unpack_from("<II", level0, table + i // 511 * 4096 + i % 511 * 8) for i in range(number)]
    for column, length in enumerate(pieces):
        for page in range(at, at + length, 4096):
            pages.append((column, (len(columns[column]) + page - at) // 4096, page, *entries[(page - start) // 4096]))
        columns[column], at = columns[column] + level0[at:at + length], at + length
def links(head, *area): return {"head": head, "area": area, "links": [x for x in area[:head & 0xFFFF] if x < count]}
def masked(data, stride, first):  # the bytes of rows that are neither live nor marked count as zeros
    rows = [(first + i) // stride for i in range(4096)]
    used = {row: row < count and columns[2][16 * row + 9] in (1, 2) for row in set(rows)}
    return bytes(x if used[row] else 0 for x, row in zip(data, rows))
for column, number, page, crc, stamp in pages:
    data = level0[page:page + 4096]
    if column in (0, 3): data = masked(data, strides[column], 4096 * number)
    check(crc == crc32c(data) if stamp else not crc and not any(data), f"the page at {page} is damaged")
slots = []
for slot in range(count):
    label, level, state = unpack_from("<QBB", columns[2], 16 * slot)
    stored = numbers(scalar, columns[0][slot * strides[0]:][:row])
    norm = {"norm": unpack_from("<f", columns[3], 4 * slot)[0]} if cosine else {}
    back = [f32(x * norm["norm"]) for x in stored] if cosine and scalar in "fe" else stored
    slots.append({"label": label, "level": level, "state": state, **norm, "stored": stored, "vector": back,
                  **links(u32(columns[4], 4 * slot), *numbers("I", columns[1][slot * strides[1]:][:8 * m]))})
states = [sum(slot["state"] in group for slot in slots) for group in ((1,), (2,), (3, 4))]
check(states == [h["live"], h["marked"], h["free"]], "the header's counts are not those of the slot table")
def derived(names, magic, places, grow=lambda head, data: None):
    for data in [files[name] for name in names if name in files]:
        head = sector(data, magic, DERIVED) or {"version": 0}
        if head["version"] != 1 or head["layout"] != h["layout"]: continue
        start, end, size = places(head["count"], head["extent"])
        if len(data) < size or crc32c(data[start:end]) != head["body"]: continue
        grow(head, data[size:])
        if head["graph_generation"] == h["graph_generation"]: return head["count"], head["extent"], data
    return check(None, f"{names[0]} is missing, damaged or out of date") or (0, 0, b"")
blocks = []
def grow(head, data):  # reads what the checkpoints since appended to upper
    while head["graph_generation"] < h["graph_generation"] and data[:8] == b"CAIRNUPA":
        to, since, new, lists, body, crc = unpack_from("<QQIIII", data, 8)
        end = 40 + 8 * new + (width + 4) * lists
        if crc != crc32c(data[:36]) or since != head["graph_generation"] or body != crc32c(data[40:end]): break
        blocks.append((data[40:40 + 8 * new], data[40 + 8 * new:end]))
        head["graph_generation"], data = to, data[end:]
def place(n, extent): return 512, 512 + 8 * n + width * extent, 512 + 8 * n + width * extent
number, extent, data = derived(("upper", "upper.new"), b"CAIRNUPR", place, grow)
pairs, at = list(iter_unpack("<II", data[512:512 + 8 * number])), 512 + 8 * number
words = [data[at + i * width:][:width] for i in range(extent)]
for new, changed in blocks if data else []:
    pairs += iter_unpack("<II", new)
    words += [bytes(width)] * sum(level for _, level in iter_unpack("<II", new))
    for at in range(0, len(changed), width + 4): words[u32(changed, at)] = changed[at + 4:at + 4 + width]
nodes, words = [], iter(words)
for slot, level in pairs:
    lists = [links(*numbers("I", next(words))) for _ in range(level)]
    nodes.append({"slot": slot, "level": level, "lists": lists})
def C(extent): return 4096 + up(up(extent, 1024) // 256, 4096)  # where the buckets begin
def place(_, extent): return 4096, C(extent), C(extent) + 4 * extent
number, extent, data = derived(["labels"], b"CAIRNLBL", place)
buckets, found = numbers("I", data[C(extent):]), {}
for i in range(0, extent, 1024):
    check(crc32c(data[C(extent) + 4 * i:][:4096]) == u32(data, 4096 + i // 256), f"labels page {i // 1024} is damaged")
for label in [slot["label"] for slot in slots if slot["state"] in (1, 2) and extent]:
    start = (label * 0x9E3779B97F4A7C15 % 2 ** 64) >> (64 - (extent.bit_length() - 1))
    for entry in buckets[start:] + buckets[:start]:
        if entry == 0 or entry <= count and slots[entry - 1]["label"] == label: break
    if check(entry, f"label {label} is not in the file labels"): found[label] = entry - 1
check(len(found) == number, "the file labels has another number of entries than it says")
def rotated(x):
    state, signs, block = 0x9E3779B97F4A7C15, [], 1 << len(x).bit_length() - 1
    for _ in range(2 * len(x)):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        signs.append(-f32(1 / f32(block ** 0.5)) if state >> 63 else f32(1 / f32(block ** 0.5)))
    for r in range(2):
        for start in sorted({0, len(x) - block}):
            part = [f32(x[start + j] * signs[r * len(x) + start + j]) for j in range(block)]
            for half in [1 << i for i in range(block.bit_length() - 1)]:
                part = [f32(part[j ^ half] - part[j] if j & half else part[j] + part[j ^ half]) for j in range(block)]
            x = x[:start] + part + x[start + block:]
    return x
def code(slot, c, center):
    x = slot["stored"]
    if cosine and scalar in "bB" and slot["norm"] > 0: x = [f32(v * f32(1 / slot["norm"])) for v in x]
    if center: x = [f32(v - middle) for v, middle in zip(x, center)]
    if c["kind"] == 3:
        halves = [min(max(f32(v * c["scale"]), -65504), 65504) if v == v else 0 for v in x]
        return pack(f"<{len(x)}e", *halves) + bytes(2 * (up(len(x), 32) - len(x)))
    places = [f32(f32(v - c["low"]) * c["scale"]) for v in (rotated(x) if c["rotated"] else x)]
    places = [round(min(v, 255 if c["kind"] == 1 else 127)) if v > 0 else 0 for v in places]
    if c["kind"] == 1: return bytes(places + [0] * (up(len(x), 64) - len(x)))
    near = [min(range(16), key=lambda i: abs(c["levels"][i] - place)) for place in places + [0] * (up(len(x), 128) - len(x))]
    return bytes(near[i + j] | near[i + j + 64] << 4 for i in range(0, len(near), 128) for j in range(64))
if h["codes"] in (1, 2) and count >= 256:
    c, n = sector(data := files.get("codes", b""), b"CAIRNCOD", CODES) or {"version": 0}, s["dimensions"]
    sound = c["version"] == 2 and (c["layout"], c["graph_generation"], c["requested"], c["dimensions"], c["product"] > 0) == (
        h["layout"], h["graph_generation"], h["codes"], n, s["metric"] > 0) and c["count"] >= count and c["kind"] < 4
    if sound and c["kind"]:
        first, stride = up(512 + 4 * n, 4096), (up(n, 64), up(n, 128) // 2, 2 * up(n, 32))[c["kind"] - 1]
        center = numbers("f", data[512:512 + 4 * n]) if c["centered"] and len(data) >= first else []
        sound = len(data) >= first + count * stride and all(map(math.isfinite, center))
        sound = sound and (not center or crc32c(data[512:512 + 4 * n]) == c["center"])
    if check(sound, "codes is missing, damaged or out of date") and c["kind"]:
        for number, slot in enumerate(slots):
            stored = data[first + number * stride:][:stride]
            right = slot["state"] not in (1, 2) or stored == code(slot, c, center)
            check(right, f"the code of slot {number} is wrong")
finish(superblock=s, header=h, segments=segments, slots=slots, upper=nodes, labels=found)
