package import Allocation

/// The changes of one batch, encoded as they are added into the very bytes that go to the log: frames one after the
/// other, with room for their headers, which `seal` fills in. Meant to be kept and used again: it keeps its memory. One
/// thread at a time may touch it.
@safe
package final class LogBatch: @unchecked Sendable {
    // Sendable because one thread at a time has it: the one that is writing a batch.

    /// What the frame of a commit takes.
    package static let commitByteCount = LogFrame.byteCount(payload: LogCommit.size)

    private var memory = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// Memory for a change that could not be had: then the batch takes no more changes, and is of no use until
    /// `removeAll`.
    package private(set) var shortage: OutOfMemory?
    /// Where the next change goes.
    private var end = 0
    /// Where the frame that changes are added to begins.
    private var frame = 0
    /// Frames of changes; the commit is not among them.
    package private(set) var frameCount = 0
    /// Whether there are no changes.
    package var isEmpty: Bool { frameCount == 0 }
    /// Bytes that the batch takes in the log, its commit included.
    package var byteCount: Int { roundUp(end, to: 8) + Self.commitByteCount }

    /// What the first change takes memory for, at the least; it grows as needed.
    private static let leastCapacity = 1 << 16

    package init() {}

    deinit { release() }

    /// Forgets the changes and keeps the memory.
    package func removeAll() {
        end = 0
        frame = 0
        frameCount = 0
        shortage = nil
    }

    /// Adds: `slot` now holds the vector `bytes` under `label`, live, with empty lists. O(bytes), amortised.
    package func addRow(slot: UInt32, label: UInt64, level: Int, norm: Float, bytes: UnsafeRawBufferPointer) {
        precondition(slot < Geometry.maximumSlots && (0...Geometry.maximumLevel).contains(level))
        let used = LogChange.rowHeaderSize + bytes.count
        guard let change = unsafe room(for: roundUp(used, to: 4)) else { return }
        unsafe begin(change, .row, UInt8(level), 0, slot)
        unsafe (change + LogChange.Offset.label).storeLittleEndian(label)
        unsafe (change + LogChange.Offset.norm).storeLittleEndian(norm.bitPattern)
        unsafe (change + LogChange.Offset.rowLength).storeLittleEndian(UInt32(bytes.count))
        if let source = bytes.baseAddress {
            unsafe (change + LogChange.rowHeaderSize).copyMemory(from: source, byteCount: bytes.count)
        }
        for index in used..<roundUp(used, to: 4) { unsafe (change + index).storeLittleEndian(UInt8(0)) }
    }

    /// Adds: the list of `slot` at `level` is now the first `kept` ids it had, then `added`. O(ids), amortised.
    package func addList(slot: UInt32, level: Int, kept: Int, added: UnsafeBufferPointer<UInt32>) {
        precondition(slot < Geometry.maximumSlots && (0...Geometry.maximumLevel).contains(level))
        guard let change = unsafe room(for: LogChange.listHeaderSize + 4 * added.count) else { return }
        unsafe begin(change, .list, UInt8(level), UInt16(kept + added.count), slot)
        unsafe (change + LogChange.Offset.kept).storeLittleEndian(UInt32(kept))
        guard let source = added.baseAddress else { return }
        unsafe (change + LogChange.listHeaderSize).copyMemory(from: source, byteCount: 4 * added.count)
    }

    /// Adds: the state of `slot` is now `state`, which must not be `.unused`.
    package func addState(slot: UInt32, _ state: SlotState) {
        precondition(slot < Geometry.maximumSlots && state != .unused)
        guard let change = unsafe room(for: LogChange.stateSize) else { return }
        unsafe begin(change, .state, state.rawValue, 0, slot)
    }

    /// Writes the first eight bytes, which all changes have: kind, level or state, count, slot.
    private func begin(
        _ change: UnsafeMutableRawPointer, _ kind: LogChange.Kind, _ second: UInt8, _ count: UInt16, _ slot: UInt32
    ) {
        let word = UInt64(kind.rawValue) | UInt64(second) << 8 | UInt64(count) << 16 | UInt64(slot) << 32
        unsafe change.storeLittleEndian(word)
    }

    /// Memory for a change of `size` bytes, in the current frame or, where that would become too long, in a new one.
    /// nil after a shortage.
    private func room(for size: Int) -> UnsafeMutableRawPointer? {
        precondition(size <= LogFrame.maximumPayload)
        // Two frames' fill and headers more than the change itself.
        guard shortage == nil, reserve(end + size + 2 * (LogFrame.headerSize + 8)) else { return nil }
        if frameCount == 0 || end - frame - LogFrame.headerSize + size > LogFrame.payloadLimit {
            fill()
            frame = roundUp(end, to: 8)
            frameCount += 1
            end = frame + LogFrame.headerSize
        }
        let start = end
        end += size
        // Left for seal to find, and made good by it.
        unsafe (memory.baseAddress! + frame).storeLittleEndian(UInt32(end - frame - LogFrame.headerSize))
        return unsafe memory.baseAddress! + start
    }

    /// Writes the zeros that follow the last frame.
    private func fill() {
        let aligned = roundUp(end, to: 8)
        for index in end..<aligned { unsafe memory[index] = 0 }
    }

    /// Makes room for `size` bytes; false where there is no memory.
    private func reserve(_ size: Int) -> Bool {
        // One commit more than the changes need, so that sealing takes no memory.
        let needed = size + 8 + Self.commitByteCount, capacity = unsafe memory.count
        guard needed > capacity else { return true }
        let bytes = max(needed, 2 * capacity, Self.leastCapacity)
        do throws(OutOfMemory) {
            let larger = try unsafe UnsafeMutableRawBufferPointer(start: ProcessMemory.allocate(bytes), count: bytes)
            unsafe larger.copyMemory(from: UnsafeRawBufferPointer(memory))
            release()
            unsafe memory = larger
            return true
        } catch {
            shortage = error
            return false
        }
    }

    private func release() {
        if let start = unsafe memory.baseAddress { unsafe ProcessMemory.release(start) }
    }

    /// Fills in the frames' headers, the first of which gets the number after `last`, and appends the frame of
    /// `commit`, whose frame count is set right. `seed`: the checksum of the log file's header; `previous`: that of the
    /// last frame (the header's for the first). Returns number and checksum of the commit's frame. May be done again.
    /// Not after a shortage.
    package func seal(
        _ commit: LogCommit, after last: FrameNumber, previous: UInt32, seed: UInt32
    ) -> (number: FrameNumber, checksum: UInt32) {
        let hasRoom = reserve(end)
        precondition(hasRoom && shortage == nil, "the batch is not whole")
        fill()
        var number = last, checksum = previous, offset = 0
        while offset < end {
            number = number.next
            let header = unsafe memory.baseAddress! + offset
            let start = unsafe UnsafeRawBufferPointer(start: header, count: LogFrame.headerSize)
            let length = unsafe Int(start.littleEndian(at: LogFrame.Offset.length, as: UInt32.self))
            checksum = unsafe LogFrame.seal(
                header, length: length, number: number, previous: checksum, kind: .changes, seed: seed)
            offset += LogFrame.byteCount(payload: length)
        }
        number = number.next
        var commit = commit
        commit.frameCount = frameCount + 1
        let header = unsafe memory.baseAddress! + roundUp(end, to: 8)
        unsafe (header + LogFrame.headerSize).copyMemory(from: commit.encoded(), byteCount: LogCommit.size)
        checksum = unsafe LogFrame.seal(
            header, length: LogCommit.size, number: number, previous: checksum, kind: .commit, seed: seed)
        return (number, checksum)
    }

    /// The `byteCount` bytes to write, once sealed; good until the batch is changed.
    package var sealedBytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: memory[..<byteCount])
    }
}
