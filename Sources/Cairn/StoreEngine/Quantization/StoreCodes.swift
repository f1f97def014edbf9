import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// The codes of a store, what was measured of them, and what is watched as rows come in. Whoever has it is the one that
/// changes the store.
@safe
final class StoreCodes: @unchecked Sendable {
    // Sendable because one thread at a time uses it: the one that changes the store, under the lock of `StoreWriter`,
    // or that has it to itself.

    /// What the store asks for: `scalar8` or `scalar4`.
    let requested: VectorStore.Quantization
    /// nil: codes of no kind keep the order of these vectors, so searches compare the vectors.
    let rows: CodeRows?
    private let contents: StoreContents
    /// nil for codes in memory.
    private let file: File?
    /// Slots in the store when this was decided.
    let trainedCount: Int
    /// The kinds that lost too much, as they were tried.
    let attempts: [CodeFileHeader.Attempt]
    private(set) var measurement: CodeFileHeader.Measurement?
    private var recent: CodeFileHeader.Recent
    /// How often doubted rows turned out to be harmless.
    private var harmlessDoubts = 0

    /// Beyond so many vectors the sample is as good as it gets.
    static let settledCount = 1 << 18

    init(
        _ requested: VectorStore.Quantization, _ contents: StoreContents, rows: CodeRows?, file: File?,
        trainedCount: Int,
        attempts: [CodeFileHeader.Attempt], measurement: CodeFileHeader.Measurement?,
        recent: CodeFileHeader.Recent = .init()
    ) {
        self.requested = requested
        self.contents = contents
        self.rows = rows
        self.file = file
        self.trainedCount = trainedCount
        self.attempts = attempts
        self.measurement = measurement
        self.recent = recent
    }

    /// What walks compare; nil: vectors.
    var column: CodeColumn? { rows?.column }

    // MARK: Keeping up

    /// Writes the codes of `slots`, whose vectors are in place.
    func write(_ slots: [UInt32]) throws(StorageError) {
        let written = try rows?.write(slots)
        recent.count += slots.count
        recent.loss += written?.loss ?? 0
        recent.beyond += written?.beyond ?? 0
    }

    /// Remembers rows whose insertion did not trust the codes.
    func note(doubted: Int) { recent.doubted += doubted }

    /// Whether so many rows came whose neighbours codes put out of their order that searches may lose what they must
    /// not. Then they go by vectors until it is measured.
    var isDoubtful: Bool {
        guard rows != nil else { return false }
        // Half of what may be lost, if all of them were lost; twice as many after each time that nothing was.
        let limit = max(16, contents.graph.count / 400) << min(harmlessDoubts, 20)
        return recent.doubted >= limit
    }

    /// Whether the store has grown much since it was measured: to twice what it was, or where it is about to rest, by a
    /// quarter.
    func isMeasuredLongAgo(rests: Bool) -> Bool {
        guard rows != nil, let measurement else { return false }
        let measured = max(measurement.count, contents.leastCodedCount)
        return contents.graph.count >= (rests ? measured + measured / 4 : 2 * measured)
    }

    /// Measures what these codes lose now. Returns whether that is little enough.
    func review(threads: Int?) throws(OutOfMemory) -> Bool {
        guard let rows else { return true }
        let measuring = Self.measurement(contents, threads: threads)
        guard try measuring.cautiousLoss(of: rows.column).keepsPromise else { return false }
        let loss = try measuring.loss(of: rows.column)
        measurement = CodeFileHeader.Measurement(loss, count: contents.graph.count)
        if recent.doubted > 0 { harmlessDoubts += 1 }
        recent.doubted = 0
        return true
    }

    /// Whether a store of `count` slots should have its codes made again.
    func isOutdated(count: Int) -> Bool {
        // There were few when it was last done.
        if trainedCount < Self.settledCount && count >= 4 * trainedCount { return true }
        guard let model = rows?.model else { return recent.count >= max(1000, 3 * trainedCount) }
        // The grid does not reach what comes; searches from there go by vectors, so it is a matter of speed.
        if recent.beyond >= 32 && recent.beyond > recent.count / 50 && recent.count >= max(256, trainedCount / 4) {
            return true
        }
        // What comes loses much more than what was there. (Half precision fits all.)
        guard model.kind != .half, recent.count >= max(1000, trainedCount / 4), recent.count > recent.beyond else {
            return false
        }
        let loss = recent.loss / (Double(recent.count - recent.beyond) * Double(model.dimensions))
        let step = 1 / Double(model.scale)
        return loss > max(2 * Double(model.error), step * step / 3)
    }

    static func measurement(_ contents: StoreContents, threads: Int?) -> LossMeasurement {
        let slots = contents.graph.slots
        return LossMeasurement(
            contents.graph, in: contents.graph.newestView, threads: VectorStore.teamSize(threads, rows: 128)
        ) { slots.state($0) == .live }
    }

    // MARK: On disk

    /// The codes in the store's directory, if they belong to the state of `header`; nil if they have to be made.
    /// `isWritable`: they are to be kept up in their file, else in memory. `isOwned`: in memory of this process. Throws only for want of memory or of open
    /// files.
    static func open(
        _ directory: Directory, _ header: HeaderSlot, _ contents: StoreContents, isWritable: Bool,
        isOwned: Bool = false
    ) throws(StorageError) -> StoreCodes? {
        let opened = try unlessShort { () throws(StorageError) in
            let file = try File(directory[StoreName.codes], isWritable ? .readWrite : .read)
            return (file, try file.read(count: CodeFileHeader.size, at: 0))
        }
        guard let requested = VectorStore.Quantization(stored: header.codes), requested != .none,
            let (file, bytes) = opened,
            let found = CodeFileHeader(decoding: bytes), found.layout == header.layout,
            found.generation == header.graphGeneration, found.requested == header.codes,
            found.count >= header.slotCount, found.dimensions == contents.encoding.dimensions,
            found.isProduct == (contents.superblock.metric != .l2), contents.superblock.metric != .custom
        else { return nil }
        var rows: CodeRows?
        if let kind = CodeModel.Kind(rawValue: found.kind) {
            rows =
                try unlessShort { () throws(StorageError) in
                    try openRows(kind, found, file, header, contents, (isWritable, isOwned))
                } ?? nil
            if rows == nil { return nil }
        }
        return StoreCodes(
            requested, contents, rows: rows, file: isWritable ? file : nil, trainedCount: found.trainedCount,
            attempts: found.attempts, measurement: found.measurement, recent: found.recent)
    }

    private static func openRows(
        _ kind: CodeModel.Kind, _ found: CodeFileHeader, _ file: File, _ header: HeaderSlot, _ contents: StoreContents,
        _ use: (isWritable: Bool, isOwned: Bool)
    ) throws(StorageError) -> CodeRows? {
        let offset = CodeFileHeader.rowsOffset(dimensions: found.dimensions)
        let length = found.centerChecksum == nil ? 0 : 4 * found.dimensions
        guard let center = found.center(try file.read(count: length, at: CodeFileHeader.size)) else { return nil }
        let model = CodeModel(found, kind, center: center)
        guard try file.size() >= offset + header.slotCount * model.rowBytes else { return nil }
        let memory = try CodeMemory(
            file, rowsOffset: offset, rowBytes: model.rowBytes, count: header.slotCount,
            slots: contents.memory.reservedSlots, isWritable: use.isWritable, isOwned: use.isOwned)
        return try claiming(file.path, CodeRows(model, contents, memory, use.isWritable ? file : nil))
    }

    /// The sector that the file begins with in the state of `header`.
    func header(_ header: HeaderSlot) -> CodeFileHeader {
        let model = rows?.model
        var sector = CodeFileHeader(
            layout: header.layout, generation: header.graphGeneration, count: header.slotCount,
            requested: requested.stored, kind: model?.kind.rawValue ?? 0,
            isProduct: contents.superblock.metric != .l2, isRotated: model?.isRotated ?? false,
            dimensions: contents.encoding.dimensions,
            centerChecksum: model.flatMap {
                $0.center.isEmpty ? nil : CodeFileHeader.centerBytes($0.center).checksum
            },
            low: model?.low ?? 0, scale: model?.scale ?? 1, margin: model?.margin ?? 0, depth: model?.depth ?? 0,
            error: model?.error ?? 0, trainedCount: trainedCount,
            levels: model?.levels ?? [UInt8](repeating: 0, count: 16))
        let most = CodeFileHeader.mostRecent
        sector.recent = CodeFileHeader.Recent(
            count: min(recent.count, most), loss: min(recent.loss, .greatestFiniteMagnitude),
            beyond: min(recent.beyond, most), doubted: min(recent.doubted, most))
        sector.measurement = measurement
        sector.attempts = attempts
        return sector
    }

    /// Writes the sector of a state whose journal is on the disk.
    func write(_ header: CodeFileHeader) throws(StorageError) {
        guard let file else { return }
        try file.write(header.encoded(), at: 0)
        try file.synchronize()
    }

    /// Makes rows durable.
    func synchronize() throws(StorageError) { try rows?.synchronize() }

    /// Writes the codes of a store that is being built, which are in memory, to a new file.
    func save(_ entry: Directory.Entry, _ header: HeaderSlot) throws(StorageError) {
        let file = try File(entry, .create)
        try rows?.save(header.slotCount, to: file)
        try writePrologue(header, to: file)
        try file.synchronize()
    }

    /// Writes what comes before the rows.
    func writePrologue(_ header: HeaderSlot, to file: File) throws(StorageError) {
        if let center = rows?.model.center, !center.isEmpty {
            try file.write(CodeFileHeader.centerBytes(center).bytes, at: CodeFileHeader.size)
        }
        try file.write(self.header(header).encoded(), at: 0)
    }
}

extension CodeModel {
    fileprivate init(_ header: CodeFileHeader, _ kind: Kind, center: [Float]) {
        self.init(
            kind: kind, dimensions: header.dimensions, isProduct: header.isProduct, center: center, low: header.low,
            scale: header.scale, levels: header.levels, isRotated: header.isRotated, margin: header.margin,
            depth: header.depth, error: header.error, trainedCount: header.trainedCount)
    }
}

extension CodeFileHeader.Measurement {
    init(_ loss: SearchLoss, count: Int) {
        self.init(
            count: count, queries: loss.queries,
            rows: CodeFileHeader.widths.map { width in
                loss.rows.first { $0.width == width }.map { .init(recall: Float($0.recall), lost: Float($0.lost)) }
            })
    }
}
