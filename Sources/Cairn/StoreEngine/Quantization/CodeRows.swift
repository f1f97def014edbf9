import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// The rows of a store's codes, and what it takes to write them. Whoever has it is the one that changes the store.
@safe
final class CodeRows: @unchecked Sendable {
    // Sendable because one thread at a time uses it: the one that changes the store, under the lock of `StoreWriter`,
    // or that has it to itself.

    private(set) var column: CodeColumn
    private let contents: StoreContents
    private let memory: CodeMemory
    /// nil for rows in memory.
    private let file: File?
    private let encoder: CodeEncoder
    private let scratch = SearchScratch()
    private let buffer: Memory<UInt64>
    private var isSynchronized = true

    private static let bufferBytes = 1 << 20

    init(_ model: CodeModel, _ contents: StoreContents, _ memory: CodeMemory, _ file: File?) throws(OutOfMemory) {
        self.contents = contents
        self.memory = memory
        self.file = file
        unsafe column = CodeColumn(model, base: memory.base, owner: memory)
        encoder = try CodeEncoder(model)
        buffer = try Memory((max(Self.bufferBytes, model.rowBytes) + 7) / 8)
        try scratch.prepare(dimensions: contents.graph.distances.dimensions)
    }

    /// Rows in this process's memory.
    convenience init(_ model: CodeModel, _ contents: StoreContents) throws(StorageError) {
        let memory = try CodeMemory(rowBytes: model.rowBytes, slots: contents.memory.reservedSlots, path: "codes")
        do throws(OutOfMemory) {
            try self.init(model, contents, memory, nil)
        } catch {
            throw StorageError("codes", error)
        }
    }

    var model: CodeModel { column.model }

    /// Has walks by these rows look further: to `depth`.
    func deepen(to depth: Int) { column = column.deepened(to: depth) }

    /// Writes the codes of `slots`, whose vectors are in place. Returns what that says of them.
    func write(_ slots: [UInt32]) throws(StorageError) -> CodeFileHeader.Recent {
        var recent = CodeFileHeader.Recent()
        guard let highest = slots.max() else { return recent }
        try memory.extend(to: Int(highest) + 1)
        let room = Self.bufferBytes / model.rowBytes
        var index = 0
        while index < slots.count {
            var length = 1
            while index + length < slots.count && length < room
                && slots[index + length] == slots[index] + UInt32(length)
            { length += 1 }
            try write(Int(slots[index])..<Int(slots[index]) + length, &recent)
            index += length
        }
        recent.count = slots.count
        return recent
    }

    /// Writes the codes of consecutive slots in one go, and adds what that says of them to `recent`.
    private func write(_ slots: Range<Int>, _ recent: inout CodeFileHeader.Recent) throws(StorageError) {
        let rows = unsafe UnsafeMutableRawPointer(buffer.buffer.base)
        for (index, slot) in slots.enumerated() {
            let encoded = unsafe encoder.encode(
                contents.graph.codeComponents(UInt32(slot), scratch), to: rows + index * model.rowBytes)
            if encoded.isBeyondGrid { recent.beyond += 1 } else { recent.loss += Double(encoded.loss) }
        }
        try unsafe memory.write(
            UnsafeRawBufferPointer(start: rows, count: slots.count * model.rowBytes), at: slots.lowerBound)
        isSynchronized = false
    }

    /// Writes the codes of every slot below `count`.
    func writeAll(_ count: Int, isCancelled: () -> Bool = { false }) throws(StorageError) {
        try memory.extend(to: count)
        let chunk = max(1, Self.bufferBytes / model.rowBytes)
        var recent = CodeFileHeader.Recent()
        for first in stride(from: 0, to: count, by: chunk) {
            if isCancelled() { throw StorageError("codes", "quantize the vectors", .canceled) }
            try write(first..<min(first + chunk, count), &recent)
        }
    }

    /// Makes rows durable.
    func synchronize() throws(StorageError) {
        guard let file, !isSynchronized else { return }
        try file.synchronize()
        isSynchronized = true
    }

    /// Writes the first `count` rows, which are in memory, to a new file.
    func save(_ count: Int, to file: File) throws(StorageError) {
        let offset = CodeFileHeader.rowsOffset(dimensions: model.dimensions), bytes = count * model.rowBytes
        try file.allocate(from: 0, to: offset + bytes)
        try unsafe file.write(UnsafeRawBufferPointer(start: column.base, count: bytes), at: offset)
    }
}
