package import FileFormat

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Where level 0 lies: the columns of a store's file, or arrays of a test. Rows of a slot are at `base + slot *
/// stride`.
@safe
package struct Columns: @unchecked Sendable {
    // Sendable because it is a copy of addresses, and only the thread that writes changes what lies there: what
    // searches find in the overlay, in the records, or not at all.

    package var vectors: UnsafeMutableRawPointer
    package var vectorStride: Int
    /// 2M slots of u32 for each list; ids past the list's count are stale.
    package var links: UnsafeMutablePointer<UInt32>
    /// From one list to the next, in ids.
    package var linkStride: Int
    /// A list's count in the low 16 bits; hnswlib's flags byte and a zero byte above.
    package var linkHeads: UnsafeMutablePointer<UInt32>
    /// 16 bytes a slot: label (u64), level (u8), state (u8), zeros.
    package var slotTable: UnsafeMutableRawPointer
    /// Euclidean norms, where the metric is cosine.
    package var norms: UnsafeMutablePointer<Float>?

    package init(
        vectors: UnsafeMutableRawPointer, vectorStride: Int, links: UnsafeMutablePointer<UInt32>, linkStride: Int,
        linkHeads: UnsafeMutablePointer<UInt32>, slotTable: UnsafeMutableRawPointer,
        norms: UnsafeMutablePointer<Float>?
    ) {
        unsafe self.vectors = vectors
        self.vectorStride = vectorStride
        unsafe self.links = links
        self.linkStride = linkStride
        unsafe self.linkHeads = linkHeads
        unsafe self.slotTable = slotTable
        unsafe self.norms = norms
    }

    /// Bytes of a slot table row.
    package static let slotEntrySize = 16

    @inline(__always)
    package func vector(_ slot: UInt32) -> UnsafeMutableRawPointer { unsafe vectors + Int(slot) &* vectorStride }

    /// Whether two slots have the same vector, bit by bit.
    func areEqual(_ slot: UInt32, _ other: UInt32) -> Bool {
        unsafe memcmp(vector(slot), vector(other), vectorStride) == 0
    }

    @inline(__always)
    package func label(_ slot: UInt32) -> UInt64 {
        unsafe UInt64(littleEndian: slotTable.load(fromByteOffset: Int(slot) &* Self.slotEntrySize, as: UInt64.self))
    }

    @inline(__always)
    package func level(_ slot: UInt32) -> Int {
        unsafe Int(slotTable.load(fromByteOffset: Int(slot) &* Self.slotEntrySize &+ 8, as: UInt8.self))
    }

    @inline(__always)
    func stateByte(_ slot: UInt32) -> UInt8 {
        unsafe slotTable.load(fromByteOffset: Int(slot) &* Self.slotEntrySize &+ 9, as: UInt8.self)
    }

    package func state(_ slot: UInt32) -> SlotState { SlotState(rawValue: stateByte(slot)) }

    @inline(__always)
    package func isLive(_ slot: UInt32) -> Bool { stateByte(slot) == SlotState.liveByte }

    /// Fills a slot table row: a live slot of level 0 until its level is set.
    package func setEntry(_ slot: UInt32, label: UInt64) {
        let offset = Int(slot) * Self.slotEntrySize
        unsafe slotTable.storeBytes(of: label.littleEndian, toByteOffset: offset, as: UInt64.self)
        unsafe slotTable.storeBytes(of: 0, toByteOffset: offset + 8, as: UInt64.self)
        unsafe slotTable.storeBytes(of: SlotState.liveByte, toByteOffset: offset + 9, as: UInt8.self)
    }

    /// Fills a slot table row.
    func setEntry(_ slot: UInt32, _ entry: SlotRecords.Entry) {
        setEntry(slot, label: entry.label)
        setLevel(slot, entry.level)
        unsafe slotTable.storeBytes(
            of: entry.state.rawValue, toByteOffset: Int(slot) * Self.slotEntrySize + 9, as: UInt8.self)
    }

    package func setLevel(_ slot: UInt32, _ level: Int) {
        unsafe slotTable.storeBytes(
            of: UInt8(level), toByteOffset: Int(slot) * Self.slotEntrySize + 8, as: UInt8.self)
    }
}

extension SlotState {
    // Walks and insertions ask for each neighbour, and Swift inlines nothing of another module: so the bytes of
    // `live` and `marked` are here once more.
    @inline(__always)
    static var liveByte: UInt8 { 1 }

    /// Whether a slot of this state is part of the graph, as `hasLabel`.
    @inline(__always)
    static func isLinked(_ byte: UInt8) -> Bool { byte == 1 || byte == 2 }
}
