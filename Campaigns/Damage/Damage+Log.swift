import FileFormat
import TestSupport

/// Damage to the newest log file, aimed at what its frames say.
extension Damage {
    mutating func damageLog() {
        guard let name = files.logs.last, var bytes = files[name] else { return }
        let frames = LogFrames(bytes)
        guard !frames.all.isEmpty, random.below(6) != 0 else {
            guard bytes.count >= LogFileHeader.size else { return }
            let offset = 4 * random.below(24)
            bytes.store(word(), at: offset)
            files[name] = bytes
            return note("\(name) byte \(offset) of the header")
        }
        for _ in 0...random.below(2) {
            let frame = random.one(of: frames.all), payload = frame.offset + LogFrame.headerSize
            let place: Int
            if frame.kind == .commit {
                place = payload + random.one(of: [0, 8, 16, 20, 24, 28, 32, 40, 48, 56, 64])
            } else if random.below(4) == 0 {
                place = frame.offset + 4 * random.below(6)
            } else {
                place = payload + changes(in: bytes, payload, frame.length)
            }
            switch random.below(4) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[place] = bytes[place] &+ 1
            default: bytes.store(word(), at: min(place, bytes.count - 4))
            }
            note("\(name) byte \(place) of a frame of \(frame.kind)")
        }
        files[name] = bytes
    }

    /// A place in one of a payload's changes: kind, level, state, slot, label, count, kept or an id.
    private mutating func changes(in bytes: [UInt8], _ start: Int, _ length: Int) -> Int {
        var offsets: [(offset: Int, kind: UInt8, size: Int)] = [], offset = 0
        let row = roundUp(
            LogChange.rowHeaderSize + LogLimits(sample.layout.superblock).rowLength, to: 4)
        while offset + LogChange.stateSize <= length {
            let kind = bytes[start + offset]
            var size = LogChange.stateSize
            if kind == 1 { size = row }
            if kind == 2 {
                guard offset + LogChange.listHeaderSize <= length else { break }
                let count: UInt16 = bytes.integer(at: start + offset + 2)
                let kept: UInt16 = bytes.integer(at: start + offset + 8)
                size = LogChange.listHeaderSize + 4 * max(Int(count) - Int(kept), 0)
            }
            offsets.append((offset, kind, size))
            offset += size
        }
        guard !offsets.isEmpty else { return 0 }
        let change = random.one(of: offsets)
        let field: Int
        switch change.kind {
        case 1: field = random.one(of: [0, 1, 4, 8, 16, 20, 24])
        case 2:
            field = random.one(of: [0, 1, 2, 4, 8, 12 + 4 * random.below(max((change.size - 12) / 4, 1))])
        default: field = random.one(of: [0, 1, 4])
        }
        return min(change.offset + field, length - 1)
    }
}

/// The frames of a log file, as far as they say how long they are.
struct LogFrames {
    struct Frame {
        let offset: Int
        let length: Int
        let kind: LogFrame.Kind
    }

    private(set) var all: [Frame] = []

    init(_ bytes: [UInt8]) {
        var offset = LogFileHeader.size
        while offset + LogFrame.headerSize <= bytes.count {
            let header = Array(bytes[offset..<offset + LogFrame.headerSize])
            guard let frame = unsafe header.withUnsafeBytes({ unsafe LogFrame(decoding: $0) }),
                offset + LogFrame.headerSize + frame.length <= bytes.count
            else { return }
            all.append(Frame(offset: offset, length: frame.length, kind: frame.kind))
            offset += frame.byteCount
        }
    }
}
