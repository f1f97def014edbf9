/// One change of a store as the log has it: what a slot or a list is now, not what was done to it, so that applying it
/// once more changes nothing. The buffers point into the payload and are good for as long as that is.
@safe
package enum LogChange {
    /// `slot` now holds this vector under this label, live, with an empty list at every level up to `level`.
    case row(Row)
    /// A list of a slot is now this.
    case list(List)
    /// The state of a slot is now this; never `.unused`.
    case state(slot: UInt32, SlotState)

    /// A slot with its vector.
    @safe
    package struct Row {
        package var slot: UInt32
        package var level: Int
        package var label: UInt64
        package var norm: Float
        /// The vector as stored, without the fill of its row.
        package var bytes: UnsafeRawBufferPointer
    }

    /// The list of a slot at one level: its first `kept` ids are those it had, then come the added ones; what comes
    /// after `count` is zeros.
    @safe
    package struct List {
        package var slot: UInt32
        package var level: Int
        package var count: Int
        package var kept: Int
        /// `count - kept` ids, little-endian u32, as they are in the links column.
        package var added: UnsafeRawBufferPointer

        /// The list's id at `index`, which is `kept..<count`.
        package func id(at index: Int) -> UInt32 { unsafe added.littleEndian(at: 4 * (index - kept)) }
    }

    package static let rowHeaderSize = 24
    package static let listHeaderSize = 12
    package static let stateSize = 8

    enum Kind: UInt8 {
        case row = 1
        case list = 2
        case state = 3
    }

    enum Offset {
        static let kind = 0, level = 1, count = 2, slot = 4
        static let label = 8, norm = 16, rowLength = 20
        static let kept = 8
        static let state = 1
    }
}

/// What a store's superblock allows a change to be.
package struct LogLimits: Sendable, Hashable {
    /// Bytes of a vector as stored, without fill.
    package var rowLength: Int
    package var connectivity: Int
    package var hasNorms: Bool

    package init(_ superblock: Superblock) {
        rowLength = superblock.dimensions * superblock.scalar.size
        connectivity = superblock.connectivity
        hasNorms = superblock.metric == .cosine
    }

    /// The most links of a list at `level`.
    package func links(atLevel level: Int) -> Int { level == 0 ? 2 * connectivity : connectivity }
}
