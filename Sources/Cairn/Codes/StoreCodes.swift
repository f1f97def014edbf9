import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// The codes of a store, and what it takes to keep them up. Whoever has it is the one that changes the store.
@safe
final class StoreCodes: @unchecked Sendable {
    let column: CodeColumn
    private let contents: StoreContents
    private let memory: CodeMemory
    /// nil for codes in memory.
    private let file: File?
    private let encoder: CodeEncoder
    private let scratch = SearchScratch()
    private let buffer: Memory<UInt64>
    /// Rows written since the codes were trained, and the sum of the squares that they lose.
    private var recentCount: Int
    private var recentLoss: Double
    private var isSynchronized = true

    /// A store gets its codes when it has so many vectors: fewer say little of those to come, and are searched quickly.
    static let leastCount = 256
    /// Beyond so many vectors the sample is as good as it gets.
    static let settledCount = 1 << 18
    private static let bufferBytes = 1 << 20
    /// Components that a sample has at the most.
    private static let sampleComponents = 1 << 24

    private init(
        _ model: CodeModel, _ contents: StoreContents, _ memory: CodeMemory, _ file: File?, recentCount: Int = 0,
        recentLoss: Double = 0
    ) {
        self.contents = contents
        self.memory = memory
        self.file = file
        self.recentCount = recentCount
        self.recentLoss = recentLoss
        unsafe column = CodeColumn(model, base: memory.base, owner: memory)
        encoder = CodeEncoder(model)
        buffer = Memory((max(Self.bufferBytes, model.rowBytes) + 7) / 8)
    }

    var model: CodeModel { column.model }
    var byteCount: Int { model.rowBytes * contents.graph.count }

    // MARK: Keeping up

    /// Writes the codes of `slots`, whose vectors are in place.
    func write(_ slots: [UInt32]) throws(StorageError) {
        guard let highest = slots.max() else { return }
        try memory.extend(to: Int(highest) + 1)
        let rowBytes = model.rowBytes, room = Self.bufferBytes / rowBytes
        var index = 0
        while index < slots.count {
            var length = 1
            while index + length < slots.count && length < room
                && slots[index + length] == slots[index] + UInt32(length)
            { length += 1 }
            try write(Int(slots[index])..<Int(slots[index]) + length)
            index += length
        }
        recentCount += slots.count
    }

    /// The same for consecutive slots, in one go.
    private func write(_ slots: Range<Int>) throws(StorageError) {
        let rows = unsafe UnsafeMutableRawPointer(buffer.buffer.base)
        for (index, slot) in slots.enumerated() {
            recentLoss += unsafe Double(
                encoder.encode(contents.graph.codeComponents(UInt32(slot), scratch), to: rows + index * model.rowBytes))
        }
        try unsafe memory.write(
            UnsafeRawBufferPointer(start: rows, count: slots.count * model.rowBytes), at: slots.lowerBound)
        isSynchronized = false
    }

    /// Writes the codes of every slot below `count`.
    private func writeAll(_ count: Int) throws(StorageError) {
        try memory.extend(to: count)
        let chunk = max(1, Self.bufferBytes / model.rowBytes)
        for first in stride(from: 0, to: count, by: chunk) { try write(first..<min(first + chunk, count)) }
        (recentCount, recentLoss) = (0, 0)
    }

    /// Whether codes for `count` vectors should be trained anew: there were few when it was last done, or those that came since
    /// lose much more than those did.
    func isOutdated(count: Int) -> Bool {
        if model.trainedCount < Self.settledCount && count >= 4 * model.trainedCount { return true }
        guard recentCount >= max(1000, model.trainedCount / 10) else { return false }
        let loss = recentLoss / (Double(recentCount) * Double(model.dimensions)), step = 1 / Double(model.scale)
        return loss > max(2 * Double(model.error), step * step / 3)
    }

    /// Whether a store of `count` vectors should have its codes trained now.
    static func isDue(_ codes: StoreCodes?, count: Int) -> Bool {
        guard let codes else { return count >= leastCount }
        return codes.isOutdated(count: count)
    }

    // MARK: Making

    /// Where a file of codes is made: the store's directory, and the state that the file is to belong to.
    struct Place {
        let directory: FilePath
        let header: HeaderSlot
        let calls: SystemCalls
    }

    /// Trains codes on the vectors of the first `count` slots, whose rows are in place, and encodes all of them: in memory, or in
    /// the file at `place`, which is whole and durable under its name when this returns; until then the former one stays.
    ///
    /// O(count): it reads each vector once. A failure is final when nobody knows which of the two files has the name.
    static func make(
        _ kind: CodeModel.Kind, _ contents: StoreContents, count: Int, at place: Place?
    ) throws(CheckpointFailure) -> StoreCodes {
        let model = train(kind, contents, count: count)
        guard let place else {
            return try repeatable { () throws(StorageError) in
                let memory = try CodeMemory(
                    rowBytes: model.rowBytes, slots: contents.memory.reservedSlots, path: "codes")
                let codes = StoreCodes(model, contents, memory, nil)
                try codes.writeAll(count)
                return codes
            }
        }
        let calls = place.calls, temporary = place.directory.appending(StoreName.newCodes)
        try? calls.unlink(temporary)
        let codes: StoreCodes
        do {
            codes = try repeatable { () throws(StorageError) in
                try write(model, contents, count: count, to: temporary, place)
            }
        } catch {
            try? calls.unlink(temporary)
            throw error
        }
        // A directory that could not be synced may have either file once the power is back, and what is written from now on
        // would go to one of them.
        try unrepeatable { () throws(StorageError) in
            try Directory(place.directory, calls: calls).synchronize()
        }
        return codes
    }

    /// Writes a new file and gives it its name.
    private static func write(
        _ model: CodeModel, _ contents: StoreContents, count: Int, to temporary: FilePath, _ place: Place
    ) throws(StorageError) -> StoreCodes {
        let file = try File(temporary, .create, calls: place.calls)
        try file.allocate(from: 0, to: CodeFileHeader.rowsOffset)
        let memory = try CodeMemory(
            file, rowBytes: model.rowBytes, count: 0, slots: contents.memory.reservedSlots, isWritable: true)
        let codes = StoreCodes(model, contents, memory, file)
        try codes.writeAll(count)
        try file.write(codes.header(place.header).encoded(), at: 0)
        try codes.synchronize()
        let name = place.directory.appending(StoreName.codes)
        do throws(Errno) {
            try place.calls.rename(temporary, name)
        } catch {
            throw StorageError(name, "replace the file", error)
        }
        return codes
    }

    /// Runs a step that leaves the store as it was when it fails, for whatever reason.
    private static func repeatable<Result>(
        _ body: () throws(StorageError) -> Result
    ) throws(CheckpointFailure) -> Result {
        do {
            return try body()
        } catch {
            throw CheckpointFailure(error: StoreError(error), isFinal: false)
        }
    }

    private static func train(_ kind: CodeModel.Kind, _ contents: StoreContents, count: Int) -> CodeModel {
        let graph = contents.graph, dimensions = contents.encoding.dimensions
        // Of long vectors fewer say as much of components.
        let wanted = min(count, max(leastCount, min(CodeTraining.sampleSize, sampleComponents / dimensions)))
        let sample = Memory<Float>(wanted * dimensions), scratch = SearchScratch()
        var rows = 0
        func take(_ slot: UInt32) {
            // Free slots hold what a crash left there; imports have vectors that no search can place.
            guard rows < wanted, VectorStore.hasLabel(graph.slots.state(slot)) else { return }
            let components = unsafe graph.codeComponents(slot, scratch)
            for index in 0..<dimensions where unsafe !components[index].isFinite { return }
            unsafe (sample.buffer.base + rows * dimensions).update(from: components, count: dimensions)
            rows += 1
        }
        for number in 0..<wanted { take(UInt32(number * count / wanted)) }
        if rows < min(wanted, leastCount) {
            rows = 0
            for slot in 0..<UInt32(count) { take(slot) }
        }
        return CodeTraining(
            kind, dimensions: dimensions, isProduct: contents.superblock.metric != .l2, sample: sample.buffer,
            count: max(rows, 1), total: count
        ).run()
    }

    // MARK: On disk

    /// The codes in the store's directory, if they belong to the state of `header`; nil if they have to be made.
    /// `isWritable`: they are to be kept up in their file, else in memory.
    static func open(
        _ path: FilePath, _ header: HeaderSlot, _ contents: StoreContents, isWritable: Bool, calls: SystemCalls
    ) -> StoreCodes? {
        let name = path.appending(StoreName.codes)
        guard let kind = CodeModel.Kind(rawValue: header.codes),
            let file = try? File(name, isWritable ? .readWrite : .read, calls: calls),
            let bytes = try? file.read(count: CodeFileHeader.size, at: 0),
            let found = CodeFileHeader(decoding: bytes), found.layout == header.layout,
            found.generation == header.graphGeneration, found.kind == kind.rawValue, found.count >= header.slotCount,
            found.dimensions == contents.encoding.dimensions,
            found.isProduct == (contents.superblock.metric != .l2), contents.superblock.metric != .custom
        else { return nil }
        let model = CodeModel(found)
        guard let size = try? file.size(),
            size >= CodeFileHeader.rowsOffset + header.slotCount * model.rowBytes,
            let memory = try? CodeMemory(
                file, rowBytes: model.rowBytes, count: header.slotCount, slots: contents.memory.reservedSlots,
                isWritable: isWritable)
        else { return nil }
        return StoreCodes(
            model, contents, memory, isWritable ? file : nil, recentCount: found.recentCount,
            recentLoss: found.recentLoss)
    }

    /// The sector that the file begins with in the state of `header`.
    func header(_ header: HeaderSlot) -> CodeFileHeader {
        CodeFileHeader(
            layout: header.layout, generation: header.graphGeneration, count: header.slotCount,
            kind: model.kind.rawValue, isProduct: model.isProduct, isRotated: model.isRotated,
            dimensions: model.dimensions, low: model.low, scale: model.scale, margin: model.margin, depth: model.depth,
            error: model.error, trainedCount: model.trainedCount, levels: model.levels, recentCount: recentCount,
            recentLoss: recentLoss)
    }

    /// Writes the sector of a state whose journal is on the disk.
    func write(_ header: CodeFileHeader) throws(StorageError) {
        guard let file else { return }
        try file.write(header.encoded(), at: 0)
        try file.synchronize()
    }

    /// Makes rows durable.
    func synchronize() throws(StorageError) {
        guard let file, !isSynchronized else { return }
        try file.synchronize()
        isSynchronized = true
    }

    /// Writes the codes of a store that is being built, which are in memory, to a new file.
    func save(_ path: FilePath, _ header: HeaderSlot, calls: SystemCalls) throws(StorageError) {
        let file = try File(path, .create, calls: calls), bytes = header.slotCount * model.rowBytes
        try file.allocate(from: 0, to: CodeFileHeader.rowsOffset + bytes)
        try unsafe file.write(UnsafeRawBufferPointer(start: column.base, count: bytes), at: CodeFileHeader.rowsOffset)
        try file.write(self.header(header).encoded(), at: 0)
        try file.synchronize()
    }

    /// The first slot below `count` whose code is not that of its vector; nil if all are right. Those that have changed since the
    /// last checkpoint are left out: the file may not have them.
    func firstWrongRow(_ count: Int) -> UInt32? {
        let row = unsafe UnsafeMutableRawPointer(buffer.buffer.base)
        for slot in 0..<UInt32(count)
        where VectorStore.hasLabel(contents.graph.slots.state(slot)) && !contents.graph.slots.hasRecord(slot) {
            unsafe encoder.encode(contents.graph.codeComponents(slot, scratch), to: row)
            let stored = unsafe UnsafeRawBufferPointer(start: column.row(slot), count: model.rowBytes)
            let isRight = unsafe stored.elementsEqual(UnsafeRawBufferPointer(start: row, count: model.rowBytes))
            if !isRight { return slot }
        }
        return nil
    }
}

extension CodeModel {
    fileprivate init(_ header: CodeFileHeader) {
        self.init(
            kind: Kind(rawValue: header.kind)!, dimensions: header.dimensions, isProduct: header.isProduct,
            low: header.low, scale: header.scale, levels: header.levels, isRotated: header.isRotated,
            margin: header.margin, depth: header.depth, error: header.error, trainedCount: header.trainedCount)
    }
}
