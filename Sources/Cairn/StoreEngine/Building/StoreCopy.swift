import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// One copy of a store, which nobody changes meanwhile.
struct StoreCopy {
    private let contents: StoreContents
    private let slots: DenseSlots
    private let configuration: VectorStore.Configuration
    private let encoding: VectorEncoding
    private let image: StoreImage
    /// The slots that go along, in order.
    private let sources: [UInt32]

    init(
        _ session: ReadSession, _ metric: VectorStore.Metric?, codes: VectorStore.Quantization
    ) throws(StoreError) {
        contents = session.contents
        let view = session.view, counts = session.counts.load(), searchWidth = session.defaultWidth
        let path = session.path
        // Until its first batch an import has the slots of repeated labels in its graph, which would fall apart without
        // them.
        let keepsAll = view.sequence == 0
        // What goes along: the slots, their labels.
        try takingMemory(for: path, ProcessMemory.expect(growing: view.count, stride: 8))
        let slots = try DenseSlots(contents.graph, view, counts, keepsAll: keepsAll, path: path)
        self.slots = slots
        var configuration = VectorStore.Configuration(contents.superblock, ef: searchWidth)
        configuration.metric = metric ?? configuration.metric
        // A distance that only a function knows has none.
        configuration.quantization = (try? codes.check(configuration)) == nil ? .none : codes
        self.configuration = configuration
        var superblock = configuration.superblock
        let isCosine = contents.encoding.isCosine
        if view.sequence == 0 && isCosine == (configuration.metric == .cosine) {
            // Still what came from hnswlib, if it did.
            superblock.origin = contents.superblock.origin
        }
        encoding = VectorEncoding(
            dimensions: configuration.dimensions, scalar: configuration.scalar, metric: configuration.metric,
            rowBytes: superblock.geometry.stride(of: .vectors))
        sources = (0..<UInt32(view.count)).filter { slots.number($0) != nil }
        let (labels, free) = try Self.labels(of: sources, contents.graph.slots, path)
        let upper = try takingMemory(for: path) { () throws(OutOfMemory) in
            try Self.upperLayers(of: slots, connectivity: superblock.connectivity)
        }
        var kept = counts
        kept.free = free.count
        var entry = slots.entryPoint
        if keepsAll {
            // The highest node may be one whose label came again.
            let level = slots.nodes.first { $0.slot == view.entryPoint }?.level ?? 0
            entry = counts.live + counts.marked > 0 ? (view.entryPoint, level) : nil
        }
        image = StoreImage(
            superblock: superblock, searchWidth: searchWidth, codes: configuration.quantization,
            levelState: contents.graph.levels.state, counts: kept,
            freeSlots: free, entryPoint: entry?.slot, maximumLevel: entry?.level ?? -1, upper: upper, labels: labels)
    }

    /// Where the labels of the copy lead, and which of its slots have none. `sources`: what goes to each slot.
    private static func labels(
        of sources: [UInt32], _ records: SlotRecords, _ path: FilePath?
    ) throws(StoreError) -> (labels: SlotsByLabel, free: [UInt32]) {
        let labels = try takingMemory(for: path, SlotsByLabel(sources.map { records.label($0) }))
        var free: [UInt32] = []
        for slot in 0..<UInt32(sources.count) {
            guard records.state(sources[Int(slot)]).hasLabel else {
                free.append(slot)
                continue
            }
            guard labels.add(slot) else {
                throw .repeatedLabel(records.label(sources[Int(slot)]), path)
            }
        }
        return (labels, free)
    }

    /// The lists above level 0, by the numbers that the slots get.
    private static func upperLayers(of slots: DenseSlots, connectivity: Int) throws(OutOfMemory) -> UpperLayers {
        let upper = try UpperLayers(
            connectivity: connectivity, slots: max(1, slots.count), nodes: slots.nodes.count)
        for (slot, level) in slots.nodes {
            let first = try upper.add(slots.number(slot) ?? slot, level: level)
            for list in 0..<level { slots.copyList(slot, level: list + 1, to: upper.list(number: first + list)) }
        }
        return upper
    }

    func run(
        from path: FilePath, to copy: FilePath, progress: (@Sendable (Int, Int) -> Void)?, calls: SystemCalls
    ) throws(StoreError) {
        if encoding.isCosine != contents.encoding.isCosine { try check(path) }
        let draft = try StoreDraft(for: copy, calls: calls)
        do {
            let (words, scratch) = try takingMemory(
                for: copy, (Memory<UInt32>(1 + 2 * configuration.m), Memory<Float>(configuration.dimensions))
            )
            let geometry = image.superblock.geometry, cancellation = CancellationCheck()
            try draft.write(image) {
                image.superblock.origin
            } rows: { (range, stream) throws(StoreError) in
                try cancellation.check()
                try translating { () throws(StorageError) in
                    try stream.append(range.count) { rows in
                        for row in 0..<range.count {
                            write(
                                sources[range.lowerBound + row], row, into: rows, geometry, words.buffer,
                                scratch.buffer)
                        }
                    }
                }
                release(range)
                progress?(range.upperBound, sources.count)
            }
            try draft.makeCodes(configuration.quantization, image.upper)
            try draft.publish()
        } catch {
            draft.discard()
            throw error
        }
    }

    /// Gives memory back once in a while.
    private func release(_ range: Range<Int>) {
        let step = 2048
        guard range.lowerBound / step != range.upperBound / step else { return }
        let source = Int(sources[range.upperBound - 1]) / step * step
        contents.memory.expect(source + step..<source + 2 * step)
        contents.memory.release(max(0, source - 2 * step)..<source)
    }

    /// Throws if a vector cannot be placed by the new metric, or kept for it.
    private func check(_ path: FilePath) throws(StoreError) {
        let cancellation = CancellationCheck()
        for slot in sources where contents.graph.slots.state(slot).hasLabel {
            if slot % 4096 == 0 { try cancellation.check() }
            let vector = contents.vector(slot)
            guard let problem = unsafe vector.withUnsafeBufferPointer({ unsafe encoding.problem($0) }) else { continue }
            throw StoreError(
                .invalidVector, "the vector with label \(contents.graph.slots.label(slot)) \(problem.problem)",
                remedy: problem.remedy, path: path)
        }
    }

    private func write(
        _ slot: UInt32, _ row: Int, into rows: LevelZeroStream.Rows, _ geometry: Geometry,
        _ words: UncheckedBuffer<UInt32>, _ scratch: UncheckedBuffer<Float>
    ) {
        func place(_ column: Geometry.Column) -> UnsafeMutableRawPointer {
            unsafe rows.row(column)! + row * geometry.stride(of: column)
        }
        slots.copyList(slot, level: 0, to: words)
        unsafe place(.linkHeads).storeBytes(of: words[0], as: UInt32.self)
        unsafe place(.links).copyMemory(from: words.base + 1, byteCount: 4 * (words.count - 1))
        let entry = contents.graph.slots.entry(slot), table = unsafe place(.slotTable)
        unsafe table.storeBytes(of: entry.label.littleEndian, as: UInt64.self)
        unsafe table.storeBytes(of: UInt8(entry.level), toByteOffset: SlotEntry.levelOffset, as: UInt8.self)
        unsafe table.storeBytes(of: entry.state.rawValue, toByteOffset: SlotEntry.stateOffset, as: UInt8.self)
        let source = unsafe UnsafeRawPointer(contents.columns.vector(slot))
        if encoding.isCosine == contents.encoding.isCosine {
            unsafe place(.vectors).copyMemory(from: source, byteCount: geometry.stride(of: .vectors))
            if let norms = unsafe contents.columns.norms {
                unsafe place(.norms).storeBytes(of: norms[Int(slot)], as: Float.self)
            }
        } else {
            let norm = unsafe contents.vector(slot).withUnsafeBufferPointer {
                unsafe encoding.encode($0, row: place(.vectors), scratch: scratch)
            }
            if encoding.isCosine { unsafe place(.norms).storeBytes(of: norm, as: Float.self) }
        }
    }
}
