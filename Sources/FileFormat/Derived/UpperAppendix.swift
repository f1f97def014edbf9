/// The head of a block at the end of the file `upper`: what one checkpoint changed, so that it need not write
/// everything. 40 bytes; then come the nodes that are new, two u32 each, and the lists that changed, each its number
/// and its M + 1 u32.
package struct UpperAppendix: Sendable, Hashable {
    package static let magic = Array("CAIRNUPA".utf8)
    package static let size = 40

    /// The graph generation that the file belongs to with this block.
    package var generation: Generation
    /// The one that it belonged to without it.
    package var previous: Generation
    package var nodeCount: Int
    package var listCount: Int
    /// CRC32C of what follows the head.
    package var bodyChecksum: UInt32

    package init(generation: Generation, previous: Generation, nodeCount: Int, listCount: Int, bodyChecksum: UInt32) {
        self.generation = generation
        self.previous = previous
        self.nodeCount = nodeCount
        self.listCount = listCount
        self.bodyChecksum = bodyChecksum
    }

    /// Bytes of the body in a store of connectivity M.
    package func bodyLength(connectivity: Int) -> Int { 8 * nodeCount + listCount * 4 * (connectivity + 2) }

    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.store(Self.magic, at: 0)
        bytes.store(generation.rawValue, at: 8)
        bytes.store(previous.rawValue, at: 16)
        bytes.store(UInt32(nodeCount), at: 24)
        bytes.store(UInt32(listCount), at: 28)
        bytes.store(bodyChecksum, at: 32)
        bytes.store(Checksum.crc32c(bytes, prefix: 36), at: 36)
        return bytes
    }

    /// The head in `bytes`, or nil if it is not a valid one.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.count == Self.size, Array(bytes[..<8]) == Self.magic,
            bytes.integer(at: 36) == Checksum.crc32c(bytes, prefix: 36)
        else { return nil }
        let nodes: UInt32 = bytes.integer(at: 24), lists: UInt32 = bytes.integer(at: 28)
        guard nodes <= Geometry.maximumSlots, lists <= Geometry.maximumSlots else { return nil }
        self.init(
            generation: Generation(rawValue: bytes.integer(at: 8)),
            previous: Generation(rawValue: bytes.integer(at: 16)), nodeCount: Int(nodes), listCount: Int(lists),
            bodyChecksum: bytes.integer(at: 32))
    }
}
