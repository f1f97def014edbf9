import Allocation
import FileFormat
import HNSW
import HnswlibFile
import MappedStorage
import SystemPackage
import Threading

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// One export of a store, which nobody changes meanwhile, as an hnswlib index.
struct HnswlibExport {
    private let contents: StoreContents
    private let store: FilePath?
    private let view: GraphView
    private let options: VectorStore.ExportOptions
    private let calls: SystemCalls
    private let scalar: VectorStore.Scalar
    /// What the imported file's header said, if the store is still what that file was.
    private let origin: HnswlibOrigin?
    private let counts: StoreCounts
    private let slots: DenseSlots

    init(
        _ session: ReadSession, _ options: VectorStore.ExportOptions, _ calls: SystemCalls
    ) throws(StoreError) {
        contents = session.contents
        store = session.path
        view = session.view
        counts = session.counts.load()
        self.options = options
        self.calls = calls
        let own = contents.encoding.scalar, imported = contents.superblock.origin
        scalar = options.scalar ?? contents.defaultExportScalar
        guard scalar == .float32 || scalar == own else {
            throw StoreError(
                .invalidArgument,
                "the store's components are \(own.rawValue): they can be exported as such or as f32, not as \(scalar.rawValue)"
            )
        }
        try takingMemory(for: store, ProcessMemory.expect(2 * 16 * contents.graph.upper.nodeCount))
        let isUnchanged = Self.isUnchanged(imported, view, contents.graph.upper.nodesBySlot)
        origin = isUnchanged ? imported : nil
        slots = try DenseSlots(contents.graph, view, counts, keepsAll: isUnchanged, path: store)
        if let most = options.maximumElements, most < slots.count {
            throw StoreError(
                .invalidArgument,
                "max_elements is \(most), but the store has \(slots.count) vectors, deleted ones included; hnswlib could not load the "
                    + "file")
        }
    }

    /// Whether no batch has changed the store since it was imported, and it is in itself consistent.
    private static func isUnchanged(
        _ origin: HnswlibOrigin?, _ view: GraphView, _ nodes: [(slot: UInt32, level: Int)]
    ) -> Bool {
        guard let origin, view.sequence == 0 else { return false }
        guard view.count > 0 else { return origin.maximumLevel == -1 && origin.entryPoint == .max }
        let highest = nodes.reduce(0) { max($0, $1.level) }
        let entryLevel = nodes.first { $0.slot == origin.entryPoint }?.level ?? 0
        return origin.entryPoint < UInt32(view.count) && origin.maximumLevel == Int32(highest) && entryLevel == highest
            && origin.capacity >= UInt64(view.count)
    }

    func run(to path: FilePath) throws(StoreError) -> VectorStore.ExportReport {
        var report = VectorStore.ExportReport(count: counts.live, deletedCount: counts.marked)
        do throws(HnswlibFileError) {
            let writer = try HnswlibWriter(path, header: header, calls: calls)
            let elements = try writeElements(writer)
            let upper = try writeUpper(writer)
            if let origin, scalar == contents.encoding.scalar {
                guard elements == origin.elementChecksum else { throw damaged }
                report.isOriginal =
                    !origin.isChromas && header.capacity == origin.capacity && upper == origin.upperChecksum
            }
            report.bytesWritten = try writer.finish()
        } catch {
            throw StoreError(error)
        }
        return report
    }

    /// What was never changed and is not what it was.
    private var damaged: HnswlibFileError {
        HnswlibFileError(
            store ?? "memory",
            "it was not changed since it was imported, but its vectors or links are not those of the file: it is damaged; "
                + "`cairn verify` says where")
    }

    // MARK: The header

    private var header: HnswlibHeader {
        let superblock = contents.superblock, connectivity = superblock.connectivity
        let (entry, level) = entryPoint
        let capacity = max(superblock.origin?.capacity ?? 0, UInt64(slots.count))
        return HnswlibHeader(
            capacity: options.maximumElements.map { UInt64($0) } ?? capacity, count: slots.count,
            vectorBytes: vectorBytes, maximumLevel: level, entryPoint: entry, connectivity: connectivity,
            multiplierBits: superblock.origin?.multiplier ?? (1 / log(Double(connectivity))).bitPattern,
            constructionWidth: superblock.origin?.constructionWidth
                ?? UInt64(max(superblock.constructionWidth, connectivity)))
    }

    private var vectorBytes: Int { contents.encoding.dimensions * VectorEncoding.size(of: scalar) }

    private var entryPoint: (UInt32, level: Int) {
        if let origin { return (origin.entryPoint, Int(origin.maximumLevel)) }
        return slots.entryPoint.map { ($0.slot, $0.level) } ?? (.max, -1)
    }

    // MARK: The elements

    /// Slots that are looked at before their memory is given back: so few that a small memory holds them and those that
    /// are read meanwhile.
    private static let slotsAtOnce = 2048

    /// Writes them and returns their checksum.
    private func writeElements(_ writer: HnswlibWriter) throws(HnswlibFileError) -> UInt32 {
        let header = header, size = header.elementBytes
        let atOnce = max(1, (1 << 20) / size)
        let (elements, words) = try claimingMemory(
            for: store ?? "memory", (Memory<UInt8>(atOnce * size), Memory<UInt32>(1 + 2 * header.connectivity)))
        let memory = contents.memory
        let ahead = ReadAhead(count: view.count, step: Self.slotsAtOnce, distance: 4 * Self.slotsAtOnce) {
            memory.expect($0)
        }
        let cancellation = CancellationCheck()
        var row = 0, released = 0, checksum: UInt32 = 0
        func flush() throws(HnswlibFileError) {
            let bytes = unsafe UnsafeRawBufferPointer(start: elements.buffer.base, count: row * size)
            checksum = unsafe Checksum.crc32c(bytes, seed: checksum)
            try unsafe writer.appendElements(bytes)
            row = 0
        }
        for slot in 0..<view.count {
            if slot % Self.slotsAtOnce == 0 {
                ahead.advance(to: slot)
                memory.release(released..<slot)
                released = slot
                if cancellation.isCancelled {
                    throw HnswlibFileError(store ?? "memory", "the export was cancelled", errno: .canceled)
                }
                options.progress?(slot, view.count)
            }
            if slots.number(UInt32(slot)) == nil { continue }
            unsafe fill(UnsafeMutableRawPointer(elements.buffer.base) + row * size, UInt32(slot), words.buffer)
            row += 1
            if row == atOnce { try flush() }
        }
        try flush()
        memory.release(released..<view.count)
        options.progress?(view.count, view.count)
        return checksum
    }

    private func fill(_ element: UnsafeMutableRawPointer, _ slot: UInt32, _ words: UncheckedBuffer<UInt32>) {
        let records = contents.graph.slots
        slots.copyList(slot, level: 0, to: words)
        if origin == nil {
            // The deletion mark, whatever an imported file said.
            let isMarked = records.state(slot) == .marked
            words[0] = words[0] & ~0x1_0000 | (isMarked ? 0x1_0000 : 0)
        }
        unsafe element.copyMemory(from: words.base, byteCount: 4 * words.count)
        let vector = unsafe element + 4 * words.count
        unsafe copyVector(of: slot, to: vector)
        unsafe (vector + vectorBytes).storeBytes(of: records.label(slot).littleEndian, as: UInt64.self)
    }

    private func copyVector(of slot: UInt32, to target: UnsafeMutableRawPointer) {
        let encoding = contents.encoding, row = unsafe UnsafeRawPointer(contents.columns.vector(slot))
        guard scalar != encoding.scalar else {
            return unsafe target.copyMemory(from: row, byteCount: vectorBytes)
        }
        var vector = unsafe encoding.decode(row: row, norm: 1)
        if encoding.isCosine && encoding.scalar != .float16 {
            // Whole numbers are stored as they were given; hnswlib wants vectors for cosine normalised.
            let factor = unsafe 1 / (contents.columns.norms![Int(slot)] + 1e-30)
            for index in vector.indices { vector[index] *= factor }
        }
        unsafe vector.withUnsafeBytes { unsafe target.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    }

    // MARK: The lists above level 0

    /// Writes them and returns their checksum.
    private func writeUpper(_ writer: HnswlibWriter) throws(HnswlibFileError) -> UInt32 {
        let length = contents.graph.upper.listLength
        let words = try claimingMemory(for: store ?? "memory", Memory<UInt32>(length * Geometry.maximumLevel))
        var checksum: UInt32 = 0
        for (slot, level) in slots.nodes {
            for list in 0..<level {
                slots.copyList(
                    slot, level: list + 1,
                    to: unsafe UncheckedBuffer(words.buffer.base + list * length, count: length))
            }
            let record = unsafe UnsafeBufferPointer(start: words.buffer.base, count: level * length)
            checksum = unsafe Checksum.crc32c(UnsafeRawBufferPointer(record), seed: checksum)
            try unsafe writer.appendUpperNode(slots.number(slot) ?? slot, level: level, words: record)
        }
        return checksum
    }
}

extension StoreContents {
    /// The type of a component in an export that does not set it: what was imported is exported as it was.
    var defaultExportScalar: VectorStore.Scalar { superblock.origin == nil ? .float32 : encoding.scalar }
}
