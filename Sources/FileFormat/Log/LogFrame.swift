/// The 24 bytes before a log frame's payload. A frame fits where it is if its checksum, which continues that of the
/// file's header, is right, its number is one more than that of the frame before, and it names that frame's checksum.
package struct LogFrame: Sendable, Hashable {
    package static let headerSize = 24
    /// A payload with more than one change is at most this long.
    package static let payloadLimit = 256 << 10
    /// The longest payload: one row of 65,536 f32.
    package static let maximumPayload = LogChange.rowHeaderSize + Superblock.dimensionsRange.upperBound * 4

    /// What the payload is; the raw value is stored.
    package enum Kind: UInt8, Sendable {
        case changes = 1
        case commit = 2
    }

    /// Bytes of the payload.
    package var length: Int
    package var checksum: UInt32
    package var number: FrameNumber
    /// The checksum of the frame before, or of the file's header.
    package var previous: UInt32
    package var kind: Kind

    /// What the frame takes in the file, with its fill.
    package var byteCount: Int { Self.byteCount(payload: length) }

    /// What a frame with a payload of `length` bytes takes in the file.
    package static func byteCount(payload length: Int) -> Int { roundUp(headerSize + length, to: 8) }

    enum Offset {
        static let length = 0, checksum = 4, number = 8, previous = 16, kind = 20
    }

    /// The header in the first 24 of `bytes`, or nil if they can't be one. The checksum is not looked at.
    package init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.headerSize else { return nil }
        let length = unsafe bytes.littleEndian(at: Offset.length, as: UInt32.self)
        // The kind's word is the kind and three zeros.
        let word = unsafe bytes.littleEndian(at: Offset.kind, as: UInt32.self)
        guard length >= 1, length <= Self.maximumPayload, let kind = UInt8(exactly: word).flatMap(Kind.init(rawValue:))
        else { return nil }
        self.length = Int(length)
        checksum = unsafe bytes.littleEndian(at: Offset.checksum)
        number = unsafe FrameNumber(rawValue: bytes.littleEndian(at: Offset.number))
        previous = unsafe bytes.littleEndian(at: Offset.previous)
        self.kind = kind
    }

    /// Whether the checksum is that of the frame, which begins where `bytes` do. `seed`: the header's checksum.
    package func isIntact(in bytes: UnsafeRawBufferPointer, seed: UInt32) -> Bool {
        guard bytes.count >= Self.headerSize + length else { return false }
        let covered = unsafe UnsafeRawBufferPointer(rebasing: bytes[Offset.number..<(Self.headerSize + length)])
        return unsafe Checksum.crc32c(covered, seed: seed) == checksum
    }

    /// Writes the header of the frame at `frame`, whose payload of `length` bytes is after it already, and returns
    /// its checksum.
    static func seal(
        _ frame: UnsafeMutableRawPointer, length: Int, number: FrameNumber, previous: UInt32, kind: Kind, seed: UInt32
    ) -> UInt32 {
        unsafe (frame + Offset.length).storeLittleEndian(UInt32(length))
        unsafe (frame + Offset.number).storeLittleEndian(number.rawValue)
        unsafe (frame + Offset.previous).storeLittleEndian(previous)
        unsafe (frame + Offset.kind).storeLittleEndian(UInt32(kind.rawValue))
        let covered = unsafe UnsafeRawBufferPointer(
            start: frame + Offset.number, count: Self.headerSize + length - Offset.number)
        let checksum = unsafe Checksum.crc32c(covered, seed: seed)
        unsafe (frame + Offset.checksum).storeLittleEndian(checksum)
        return checksum
    }
}
