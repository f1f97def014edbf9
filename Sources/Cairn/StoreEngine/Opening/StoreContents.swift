import Allocation
import CKernels
import FileFormat
import HNSW
import MappedStorage
import SystemPackage
import Threading

/// The parts of an open store, wherever its columns live: what the operations of ``VectorStore`` work on. Growing and
/// adding need it alone; searching does not.
@safe
final class StoreContents: @unchecked Sendable {
    // Sendable because `places` is touched only under the lock of `StoreWriter`, or where nobody changes the store, and
    // all else is immutable or guards itself.

    let superblock: Superblock
    let geometry: Geometry
    let encoding: VectorEncoding
    let memory: ColumnMemory
    let columns: Columns
    let graph: Graph
    /// Where the segments whose memory may be touched are in the file.
    private(set) var places: ColumnPlaces
    var segments: [Geometry.Segment] { places.segments }
    /// What reads rows of columns that are not kept in memory. Set before anybody searches.
    private(set) var rowReaders: [RowReader] = []
    /// How many vectors it has when it gets its codes.
    let leastCodedCount: Int
    private let publishedReport = Guarded<VectorStore.QuantizationReport?>(nil)

    /// `path`: the store's, for messages. `header` and `upper`: nil for an empty store. `writesInPlace`: the columns
    /// belong to whoever fills them.
    init(
        _ path: FilePath? = nil, superblock: Superblock, memory: ColumnMemory, segments: [Geometry.Segment],
        header: HeaderSlot? = nil, upper: UpperLayers? = nil, writesInPlace: Bool,
        leastCodedCount: Int = VectorStore.Quantization.leastCount
    ) throws(StoreError) {
        self.superblock = superblock
        self.memory = memory
        places = ColumnPlaces(segments)
        self.leastCodedCount = leastCodedCount
        geometry = superblock.geometry
        let configuration = VectorStore.Configuration(superblock, ef: 1)
        encoding = VectorEncoding(
            dimensions: superblock.dimensions, scalar: configuration.scalar, metric: configuration.metric,
            rowBytes: geometry.stride(of: .vectors))
        columns = unsafe Columns(
            vectors: memory.base(of: .vectors), vectorStride: geometry.stride(of: .vectors),
            links: memory.base(of: .links).assumingMemoryBound(to: UInt32.self),
            linkStride: geometry.stride(of: .links) / 4,
            linkHeads: memory.base(of: .linkHeads).assumingMemoryBound(to: UInt32.self),
            slotTable: memory.base(of: .slotTable),
            norms: geometry.stride(of: .norms) == 0
                ? nil : memory.base(of: .norms).assumingMemoryBound(to: Float.self))
        let distances = try Self.distances(superblock, columns, encoding)
        let state = header.flatMap { header in
            header.slotCount == 0
                ? nil
                : Graph.State(
                    count: header.slotCount, entryPoint: header.maximumLevel < 0 ? 0 : header.entryPoint,
                    maximumLevel: header.maximumLevel)
        }
        let levels =
            header.map { LevelGenerator(state: $0.levelState, connectivity: superblock.connectivity) }
            ?? LevelGenerator(seed: superblock.seed, connectivity: superblock.connectivity)
        graph = try takingMemory(for: path) { [columns] () throws(OutOfMemory) in
            try Graph(
                columns: columns, distances: distances,
                parameters: Graph.Parameters(
                    connectivity: superblock.connectivity, constructionWidth: superblock.constructionWidth,
                    maximumLevel: Geometry.maximumLevel),
                levels: levels, upper: upper, state: state, capacity: memory.reservedSlots,
                writesInPlace: writesInPlace, hasDeadSlots: header.map { $0.liveCount < $0.slotCount } ?? false,
                hasUnlinkedSlots: header.map { $0.freeCount > 0 } ?? false, sequence: header?.lastBatch ?? 0)
        }
    }

    /// What searches go by, and what that loses; nil while there are no codes yet, or none that fit.
    var codeReport: VectorStore.QuantizationReport? { publishedReport.withLock { $0 } }

    /// Lets searches and insertions go by these codes from now on; nil, or codes without rows: by the vectors.
    func use(_ codes: StoreCodes?) {
        graph.setCodes(codes?.column)
        publishedReport.withLock { $0 = codes.map { VectorStore.QuantizationReport($0) } }
    }

    /// Lets searches and insertions go by the vectors until codes are used again.
    func suspendCodes() {
        graph.setCodes(nil)
        publishedReport.withLock { $0?.isUnderReview = true }
    }

    /// Has searches read the rows of vectors together, because they are on the disk; past the page cache, where that can
    /// be. `lists`: the rows of lists as well.
    func readTogether(_ reader: RowReader?, lists: RowReader?) {
        let memory = memory
        rowReaders = [reader, lists].compactMap(\.self)
        if let reader { graph.lendRowReads = { DiskRows(reader) } }
        if let lists { graph.lendListReads = { DiskRows(lists) } }
        graph.fetchRows = { slots, count in unsafe memory.expectRows(slots.base, count, of: .vectors) }
    }

    /// Lets go of the file and of the memory that searches read by, when the store is closed and nobody reads any more:
    /// the table of labels keeps the graph.
    func endReading() {
        graph.lendRowReads = nil
        graph.lendListReads = nil
        graph.fetchRows = nil
        rowReaders = []
    }

    private static func distances(
        _ superblock: Superblock, _ columns: Columns, _ encoding: VectorEncoding
    ) throws(StoreError) -> Distances {
        let scalar: cairn_scalar =
            switch superblock.scalar {
            case .float32: CAIRN_F32
            case .float16: CAIRN_F16
            case .uint8: CAIRN_U8
            case .int8: CAIRN_I8
            }
        let metric: cairn_metric
        var custom: CustomDistance?
        switch superblock.metric {
        case .l2: metric = CAIRN_L2
        case .innerProduct: metric = CAIRN_INNER_PRODUCT
        case .cosine: metric = CAIRN_COSINE
        case .custom:
            metric = CAIRN_L2
            unsafe custom = CustomDistances.function(superblock.distanceName)
            guard unsafe custom != nil else {
                throw StoreError(
                    .missingDistance,
                    "the store measures distances with '\(superblock.distanceName)', which this program does not know",
                    remedy: "call VectorStore.registerDistance(\"\(superblock.distanceName)\") before opening it")
            }
        }
        return unsafe Distances(
            columns: columns, metric: metric, scalar: scalar, dimensions: encoding.paddedDimensions, custom: custom,
            rowBytes: encoding.dimensions * encoding.scalarSize)
    }

    // MARK: Growing

    /// Adds segments, made by `append`, until `slots` slots have memory.
    func grow(
        to slots: Int, path: FilePath, append: (Geometry.Segment) throws(StorageError) -> Void
    ) throws(StoreError) {
        guard slots <= Geometry.maximumSlots else {
            throw StoreError(.full, "a store holds no more than \(Geometry.maximumSlots) vectors", path: path)
        }
        // The last segment may have room for more slots than there were when the store was opened.
        let present = min(slots, geometry.capacity(segments: segments.count), graph.capacity)
        try takingMemory(for: path, graph.extend(slots: present))
        while geometry.capacity(segments: segments.count) < slots {
            let segment = geometry.segment(after: segments.last)
            guard segment.slots.upperBound <= memory.reservedSlots else { throw full(path) }
            try takingMemory(for: path, graph.extend(slots: min(segment.slots.upperBound, graph.capacity)))
            try translating { () throws(StorageError) in try append(segment) }
            places.append(segment)
            for reader in rowReaders { reader.append(segment) }
        }
    }

    /// The addresses that were reserved when the store was opened are used up.
    private func full(_ path: FilePath) -> StoreError {
        let advice =
            memory.isCutShort
            ? "raise the limits on memory and addresses (ulimit -v) and open it again"
            : "close it and open it again, and it will have addresses for many times as many"
        return StoreError(
            .full, "this process has addresses for \(memory.reservedSlots) vectors of the store: \(advice)", path: path)
    }

    /// Writes vector, norm and slot table row of a new slot. The vector has no problem, and the slot has memory.
    func writeRow(_ slot: UInt32, _ vector: UnsafeBufferPointer<Float>, label: Label, scratch: UncheckedBuffer<Float>) {
        let norm = unsafe encoding.encode(vector, row: columns.vector(slot), scratch: scratch)
        if let norms = unsafe columns.norms { unsafe norms[Int(slot)] = norm }
        columns.setEntry(slot, label: label)
    }

    /// The vector of `slot` as it was given.
    func vector(_ slot: UInt32) -> [Float] {
        unsafe encoding.decode(row: UnsafeRawPointer(columns.vector(slot)), norm: norm(slot))
    }

    /// Writes the vector of `slot`, as it was given, to where there is room for it.
    func readVector(_ slot: UInt32, to vector: UnsafeMutablePointer<Float>) {
        unsafe encoding.decode(row: UnsafeRawPointer(columns.vector(slot)), norm: norm(slot), to: vector)
    }

    private func norm(_ slot: UInt32) -> Float { unsafe columns.norms.map { unsafe $0[Int(slot)] } ?? 1 }
}

/// Rows of the file, as a search of the graph asks for them.
private final class DiskRows: HNSW.RowReads {
    private let reader: RowReader
    private let reads: MappedStorage.RowReads

    /// nil where there are none left.
    init?(_ reader: RowReader) {
        guard let reads = reader.lend() else { return nil }
        (self.reader, self.reads) = (reader, reads)
    }

    func expect(_ slots: UncheckedBuffer<UInt32>, _ count: Int) { unsafe reads.expect(slots.base, count) }

    func read(_ slots: UncheckedBuffer<UInt32>, _ count: Int, to rows: UnsafeMutableRawPointer) -> Bool {
        unsafe reads.read(slots.base, count, to: rows)
    }

    func finish() { reader.giveBack(reads) }
}
