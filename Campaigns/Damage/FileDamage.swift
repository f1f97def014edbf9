import FileFormat
import TestSupport

/// Damage to files of which it is not known what they say.
protocol FileDamage {
    var random: SeededGenerator { get set }
    var files: StoreFiles { get set }
    /// What was done, in words.
    var description: [String] { get set }
    /// How many vectors the files have, and how many links a list.
    var count: UInt32 { get }
    var capacity: UInt32 { get }
    /// The file that has most of it.
    var largestFile: String { get }
}

extension FileDamage {
    mutating func note(_ text: String) { description.append(text) }

    /// A number that is likely to be wrong in the place of a slot or a count.
    mutating func word() -> UInt32 {
        random.one(of: [
            0, 1, count &- 1, count, count + 1, 511, 512, 0xffff, 0x7fff_ffff, 0x8000_0000, .max, .max - 1, capacity,
            capacity + 1, UInt32(random.below(Int(max(count, 1)))), UInt32(truncatingIfNeeded: random.next()),
        ])
    }

    /// The same of 64 bits.
    mutating func longWord() -> UInt64 {
        random.one(of: [
            UInt64(word()), UInt64(word()), .max, 1 << 63, (1 << 63) - 1, 1 << 32, 1 << 40, random.next(),
        ])
    }

    /// A file that is there, by chance.
    mutating func anyFile() -> String {
        let names = files.files.keys.sorted().filter { $0 != "lock" || files.files.count == 1 }
        return names.isEmpty || random.below(2) == 0 ? largestFile : random.one(of: names)
    }

    /// Writes numbers over a few words of a file from `start` on; `near`: not beyond that.
    mutating func damageWords(_ name: String, from start: Int, near end: Int? = nil) {
        guard var bytes = files[name], bytes.count >= start + 8 else { return }
        let limit = min(end ?? bytes.count, bytes.count) / 4
        for _ in 0...random.below(3) {
            let offset = 4 * (start / 4 + random.below(max(limit - start / 4, 1)))
            guard offset + 8 <= bytes.count else { continue }
            if random.below(4) == 0 { bytes.store(longWord(), at: offset) } else { bytes.store(word(), at: offset) }
            note("\(name) byte \(offset)")
        }
        files[name] = bytes
    }

    mutating func flipBits() {
        let name = anyFile()
        guard var bytes = files[name], !bytes.isEmpty else { return }
        for _ in 0...random.below(4) {
            let bit = random.below(bytes.count * 8)
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            note("\(name) bit \(bit)")
        }
        files[name] = bytes
    }

    mutating func overwriteSectors() {
        let name = anyFile()
        guard var bytes = files[name], !bytes.isEmpty else { return }
        let start = random.below((bytes.count + 511) / 512) * 512,
            end = min(bytes.count, start + 512 << random.below(4))
        let fill = random.below(4)
        for index in start..<end {
            switch fill {
            case 0: bytes[index] = 0
            case 1: bytes[index] = 0xff
            case 2: bytes[index] = UInt8(truncatingIfNeeded: random.next())
            default: bytes[index] = bytes[(index + 4096) % bytes.count]
            }
        }
        files[name] = bytes
        note("\(name) bytes \(start)..<\(end)")
    }

    mutating func changeLength() {
        let name = anyFile()
        guard var bytes = files[name], !bytes.isEmpty else { return }
        if random.below(4) == 0 {
            bytes += [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: 1 + random.below(9000))
        } else {
            bytes.removeLast(1 + random.below(bytes.count))
        }
        files[name] = bytes
        note("\(name) has \(bytes.count) bytes")
    }

    mutating func removeFile() {
        let name = anyFile()
        files.files[name] = random.below(3) == 0 ? [] : nil
        note("\(name) is \(files[name] == nil ? "missing" : "empty")")
    }
}
