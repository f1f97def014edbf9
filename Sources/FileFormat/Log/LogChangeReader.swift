/// Reads the changes of a payload one after the other, copying nothing and believing nothing: a change that it returns
/// keeps to the limits, and its buffers lie in the payload. Whether slots and ids are below the slot count is for the
/// batch's commit to say; `highestSlot` is what to compare.
@safe
package struct LogChangeReader {
    private let payload: UnsafeRawBufferPointer
    private let count: Int
    private let limits: LogLimits
    private var offset = 0
    /// The highest slot or id that the changes read so far named; -1 if none did.
    package private(set) var highestSlot = -1
    /// Rows among the changes read so far.
    package private(set) var rowCount = 0

    package init(_ payload: UnsafeRawBufferPointer, limits: LogLimits) {
        unsafe self.payload = payload
        count = payload.count
        self.limits = limits
    }

    /// The next change, or nil at the end of the payload. Throws `.corrupt`.
    package mutating func next() throws(FormatError) -> LogChange? {
        guard offset < count else { return nil }
        guard count - offset >= LogChange.stateSize else { throw Self.error("is cut short", offset) }
        let change = unsafe UnsafeRawBufferPointer(rebasing: payload[offset...])
        let slot = unsafe change.littleEndian(at: LogChange.Offset.slot, as: UInt32.self)
        guard slot < Geometry.maximumSlots else { throw Self.error("names a slot past the limit", offset) }
        highestSlot = max(highestSlot, Int(slot))
        switch unsafe LogChange.Kind(rawValue: change[LogChange.Offset.kind]) {
        case .row: return unsafe .row(try row(change, slot: slot))
        case .list: return unsafe .list(try list(change, slot: slot))
        case .state:
            let state = unsafe SlotState(rawValue: change[LogChange.Offset.state])
            guard state.isUsed else {
                throw Self.error("names an unknown state", offset)
            }
            offset += LogChange.stateSize
            return .state(slot: slot, state)
        case nil: throw Self.error("is of an unknown kind", offset)
        }
    }

    private mutating func row(_ change: UnsafeRawBufferPointer, slot: UInt32) throws(FormatError) -> LogChange.Row {
        let size = roundUp(LogChange.rowHeaderSize + limits.rowLength, to: 4)
        guard change.count >= size,
            unsafe change.littleEndian(at: LogChange.Offset.rowLength, as: UInt32.self) == UInt32(limits.rowLength)
        else { throw Self.error("is a row of another length than the store's", offset) }
        let level = unsafe Int(change[LogChange.Offset.level])
        guard level <= Geometry.maximumLevel else { throw Self.error("names a level past the limit", offset) }
        let norm = unsafe Float(bitPattern: change.littleEndian(at: LogChange.Offset.norm))
        guard limits.hasNorms || norm.bitPattern == 0 else {
            throw Self.error("has a norm in a store without norms", offset)
        }
        offset += size
        rowCount += 1
        let end = LogChange.rowHeaderSize + limits.rowLength
        return unsafe LogChange.Row(
            slot: slot, level: level, label: change.littleEndian(at: LogChange.Offset.label), norm: norm,
            bytes: UnsafeRawBufferPointer(rebasing: change[LogChange.rowHeaderSize..<end]))
    }

    private mutating func list(_ change: UnsafeRawBufferPointer, slot: UInt32) throws(FormatError) -> LogChange.List {
        guard change.count >= LogChange.listHeaderSize else { throw Self.error("is cut short", offset) }
        let level = unsafe Int(change[LogChange.Offset.level])
        guard level <= Geometry.maximumLevel else { throw Self.error("names a level past the limit", offset) }
        let count = unsafe Int(change.littleEndian(at: LogChange.Offset.count, as: UInt16.self))
        let kept = unsafe Int(change.littleEndian(at: LogChange.Offset.kept, as: UInt16.self))
        guard kept <= count, count <= limits.links(atLevel: level) else {
            throw Self.error("has more links than a list holds", offset)
        }
        let size = LogChange.listHeaderSize + 4 * (count - kept)
        guard change.count >= size else { throw Self.error("is cut short", offset) }
        let added = unsafe UnsafeRawBufferPointer(rebasing: change[LogChange.listHeaderSize..<size])
        var highest: UInt32 = 0
        for index in 0..<(count - kept) {
            highest = max(highest, unsafe added.littleEndian(at: 4 * index, as: UInt32.self))
        }
        guard highest < Geometry.maximumSlots else { throw Self.error("links to a slot past the limit", offset) }
        highestSlot = max(highestSlot, Int(highest))
        offset += size
        return unsafe LogChange.List(slot: slot, level: level, count: count, kept: kept, added: added)
    }

    private static func error(_ problem: String, _ offset: Int) -> FormatError {
        FormatError(.corrupt, "the change at byte \(offset) of the frame's payload \(problem)")
    }
}
