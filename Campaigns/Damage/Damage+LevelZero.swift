import FileFormat
import TestSupport

/// Damage to `level0`.
extension Damage {
    private var layout: StoreLayout { sample.layout }

    private mutating func slot() -> Int { random.below(layout.header.slotCount) }

    private mutating func store(_ value: UInt32, _ column: Geometry.Column, _ slot: Int, _ byte: Int) {
        let place = layout.offset(column, slot, byte)
        files.store(value, in: "level0", at: place)
    }

    private func listLength(_ slot: Int) -> Int {
        let head: UInt32 = files.number(in: "level0", at: layout.offset(.linkHeads, slot))
        return min(Int(head & 0xffff), 2 * layout.superblock.connectivity)
    }

    mutating func damageLink() {
        for _ in 0...random.below(6) {
            let slot = slot(), length = listLength(slot)
            guard length > 0 else { continue }
            let place = random.below(length), first = layout.offset(.links, slot)
            let earlier: UInt32 = files.number(in: "level0", at: first)
            let value = random.below(6) == 0 ? earlier : random.below(6) == 0 ? UInt32(slot) : word()
            store(value, .links, slot, 4 * place)
            note("link \(place) of slot \(slot) is \(value)")
        }
    }

    mutating func damageListLength() {
        for _ in 0...random.below(4) {
            let slot = slot(), capacity = UInt32(2 * layout.superblock.connectivity)
            let value = random.one(of: [0, 1, capacity, capacity + 1, 0xffff, 0x1_0002, word()])
            store(value, .linkHeads, slot, 0)
            note("the list of slot \(slot) has the head \(value)")
        }
    }

    /// Damages a byte of rows of the slot table, sometimes of many.
    mutating func damageTable(_ byte: Int, _ values: [UInt8]) {
        let isOne = random.below(8) != 0, value = random.one(of: values)
        let slots = isOne ? (0...random.below(3)).map { _ in slot() } : Array(0..<layout.header.slotCount)
        for slot in slots {
            let value = isOne ? random.one(of: values) : value, place = layout.offset(.slotTable, slot, byte)
            files.store(value, in: "level0", at: place)
            if isOne { note("byte \(byte) of the row of slot \(slot) is \(value)") }
        }
        if !isOne { note("byte \(byte) of every row is \(value)") }
    }

    mutating func damageLabel() {
        for _ in 0...random.below(3) {
            let slot = slot(), place = layout.offset(.slotTable, slot), other = layout.offset(.slotTable, self.slot())
            let value: UInt64 = random.below(2) == 0 ? files.number(in: "level0", at: other) : longWord()
            files.store(value, in: "level0", at: place)
            note("slot \(slot) has the label \(value)")
        }
    }

    mutating func damageFloats(_ column: Geometry.Column) {
        for _ in 0...random.below(4) {
            let slot = slot(), words = max(layout.geometry.stride(of: column) / 4, 1)
            let value = random.one(of: [
                Float.nan.bitPattern, Float.infinity.bitPattern, (-Float.infinity).bitPattern, Float(0).bitPattern,
                Float.greatestFiniteMagnitude.bitPattern, Float.leastNonzeroMagnitude.bitPattern, 0x8000_0000, word(),
                UInt32(truncatingIfNeeded: random.next()),
            ])
            store(value, column, slot, 4 * random.below(words))
            note("\(column) of slot \(slot) have \(String(value, radix: 16))")
        }
    }

    mutating func damageHeader() {
        // Both, or the older one would do.
        let slots = random.below(4) == 0 ? [random.one(of: HeaderSlot.offsets)] : HeaderSlot.offsets
        let fields = [8, 32, 40, 44, 48, 52, 56, 64, 72, 80, 88, 96, 104, 120, 128, 136, 140]
        let place = random.one(of: fields), isLong = ![40, 44, 48, 52, 80, 136].contains(place)
        let short = random.one(of: [word(), 63, 64, 5, 3]), long = longWord(), step = random.below(5) - 2
        let relative = random.below(2) == 0
        for offset in slots {
            guard var bytes = files["level0"], bytes.count >= offset + 512 else { continue }
            if isLong {
                let old: UInt64 = bytes.integer(at: offset + place)
                bytes.store(relative ? old &+ UInt64(bitPattern: Int64(step)) : long, at: offset + place)
            } else {
                let old: UInt32 = bytes.integer(at: offset + place)
                bytes.store(relative ? old &+ UInt32(bitPattern: Int32(step)) : short, at: offset + place)
            }
            // Counts that add up are believed longer.
            if [56, 64, 72].contains(place) && random.below(2) == 0 { move(one: place, in: &bytes, offset) }
            files["level0"] = bytes
        }
        note("byte \(place) of \(slots.count) headers")
    }

    /// Restores the counts, and counts one slot of another state instead.
    private mutating func move(one place: Int, in bytes: inout [UInt8], _ offset: Int) {
        let original = sample.files["level0"] ?? []
        for field in [56, 64, 72] {
            bytes.store(original.integer(at: offset + field, as: UInt64.self), at: offset + field)
        }
        let from = random.one(of: [56, 64, 72].filter { $0 != place })
        let taken: UInt64 = bytes.integer(at: offset + from), given: UInt64 = bytes.integer(at: offset + place)
        let many = min(taken, random.one(of: [1, 2, 100, taken]))
        bytes.store(taken - many, at: offset + from)
        bytes.store(given + many, at: offset + place)
    }

    mutating func damageSuperblock() {
        let place = random.one(of: [
            8, 16, 32, 48, 56, 64, 72, 76, 80, 84, 88, 96, 104, 112, 368, 372, 376, 384, 392, 400, 404, 408,
        ])
        let short = random.one(of: [word(), 0, 1, 2, 3, 255]), isByte = [84, 112, 368].contains(place)
        let offsets = random.below(5) == 0 ? [Superblock.offsets[random.below(2)]] : Superblock.offsets
        for offset in offsets {
            if isByte {
                files.store(UInt8(truncatingIfNeeded: short), in: "level0", at: offset + place)
            } else {
                files.store(short, in: "level0", at: offset + place)
            }
        }
        note("byte \(place) of \(offsets.count) superblocks is \(short)")
    }

    mutating func damagePageTable() {
        let segment = random.one(of: layout.segments), entry = random.below(segment.pageTableLength / 8)
        let value = random.below(3) == 0 ? 0 : longWord()
        files.store(value, in: "level0", at: segment.pageTableOffset + 8 * entry)
        note("entry \(entry) of the page table of segment \(segment.index)")
    }
}
