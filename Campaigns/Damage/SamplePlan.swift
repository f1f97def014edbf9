import Cairn
import FileFormat
import SystemPackage
import TestSupport

/// How a sample is made.
struct SamplePlan {
    enum History: String {
        /// As a build leaves it.
        case built
        /// Changed in every way, and closed.
        case changed
        /// The same, with batches that only the log has.
        case pending
        /// The same, killed in a checkpoint whose journal is whole.
        case journal
        /// From an index of hnswlib in which some labels come again.
        case imported
        /// The same, with batches that only the log has.
        case importedPending = "imported, pending"
        /// All vectors are erased.
        case emptied
        /// No vector was ever added.
        case empty
    }

    let history: History
    let configuration: VectorStore.Configuration
    var count = Sample.count

    static let all: [SamplePlan] = [
        SamplePlan(history: .built, configuration: plain(6)),
        SamplePlan(history: .changed, configuration: plain(6)),
        SamplePlan(history: .pending, configuration: plain(6)),
        SamplePlan(history: .journal, configuration: plain(7, metric: .cosine)),
        SamplePlan(history: .pending, configuration: plain(9, metric: .innerProduct, scalar: .int8, connectivity: 2)),
        SamplePlan(history: .changed, configuration: plain(5, metric: .cosine, scalar: .float16, connectivity: 3)),
        SamplePlan(history: .pending, configuration: plain(11, metric: .cosine, scalar: .uint8)),
        SamplePlan(history: .built, configuration: plain(20, connectivity: 16, codes: .scalar8)),
        SamplePlan(history: .changed, configuration: plain(24, metric: .cosine, codes: .scalar4)),
        SamplePlan(history: .pending, configuration: plain(16, scalar: .uint8, codes: .scalar4)),
        SamplePlan(history: .journal, configuration: plain(12, metric: .innerProduct, codes: .scalar8)),
        SamplePlan(history: .changed, configuration: plain(4, metric: .custom(name: "campaign"))),
        SamplePlan(history: .imported, configuration: plain(6)),
        SamplePlan(history: .importedPending, configuration: plain(6, metric: .cosine)),
        SamplePlan(history: .emptied, configuration: plain(6), count: 40),
        SamplePlan(history: .empty, configuration: plain(6), count: 0),
        SamplePlan(history: .pending, configuration: plain(3), count: 1),
    ]

    private static func plain(
        _ dimensions: Int, metric: VectorStore.Metric = .l2, scalar: VectorStore.Scalar = .float32,
        connectivity: Int = 4, codes: VectorStore.Quantization = .none
    ) -> VectorStore.Configuration {
        VectorStore.Configuration(
            dimensions: dimensions, metric: metric, scalar: scalar, m: connectivity, efConstruction: 24,
            seed: 7, ef: 20, quantization: codes)
    }

    private var name: String {
        let codes = configuration.quantization == .none ? "" : ", \(configuration.quantization.rawValue)"
        return "\(history.rawValue), \(configuration.metric), \(configuration.scalar.rawValue)\(codes), \(count) rows"
    }

    private var rows: Sample.Rows { Sample.Rows(configuration: configuration) }

    /// Makes it at `path`, which stays.
    func make(at path: FilePath) throws -> Sample {
        try VectorStore.build(
            at: path, configuration: configuration, vectors: rows.vectors(count, seed: 1), options: .init(threads: 1))
        if history == .imported || history == .importedPending { try importAgain(path) }
        guard ![.built, .empty, .imported].contains(history) else { return try closed(path) }
        let store = try VectorStore.openForWriting(at: path, options: .init(threads: 1))
        defer { try? store.close() }
        if history == .emptied {
            try store.erase((0..<Label(count)).map { $0 })
            try store.close()
            return try closed(path)
        }
        if history != .importedPending { try change(store) }
        guard history != .changed else {
            try store.close()
            return try closed(path)
        }
        var contents = [try read(store)]
        for batch in 0..<4 {
            for change in batches(batch) {
                try change(store)
                contents.append(try read(store))
            }
        }
        let before = try StoreFiles(path), recall = try Sample.recall(store, Sample.queries(rows))
        guard history == .journal else { return try Sample(name, path, rows, contents: contents, recall: recall) }
        try store.checkpoint()
        var killed = try StoreFiles(path)
        killed["level0"] = before["level0"]
        let place = path.removingLastComponent().appending("killed")
        try killed.write(to: place)
        defer { removeTree(place) }
        return try Sample(name, place, rows, contents: contents, recall: recall)
    }

    /// One that nobody has open.
    private func closed(_ path: FilePath) throws -> Sample {
        let store = try VectorStore.open(at: path, options: .init(threads: 1))
        defer { try? store.close() }
        return try Sample(
            name, path, rows, contents: [try read(store)], recall: try Sample.recall(store, Sample.queries(rows)))
    }

    private func read(_ store: VectorStore) throws -> Contents { try Contents(store, Sample.queries(rows)) }

    /// Changes of every kind with a checkpoint among them, so that slots are used again.
    private func change(_ store: VectorStore) throws {
        guard count >= 100 else { return try store.checkpoint() }
        try store.erase((20..<50).map { Label($0) })
        try store.markDeleted((60..<75).map { Label($0) })
        try store.checkpoint()
        try store.add(rows.vectors(20, seed: 2), labels: (1000..<1020).map { Label($0) })
        try store.update(rows.vectors(15, seed: 3), labels: (100..<115).map { Label($0) })
        try store.unmarkDeleted([60, 61])
        try store.add(rows.vectors(3, seed: 4), labels: [2000, 2001, 2002], replacingDeleted: true)
        try store.checkpoint()
    }

    /// Two batches that only the log will have.
    private func batches(_ number: Int) -> [(VectorStore) throws -> Void] {
        let first = Label(3000 + 100 * number), seed = UInt64(10 + number)
        func add(_ store: VectorStore) throws {
            try store.add(rows.vectors(6, seed: seed), labels: (first..<first + 6).map { $0 })
        }
        func change(_ store: VectorStore) throws {
            var batch = VectorStore.WriteBatch()
            let labels = try store.allLabels()
            for (index, vector) in rows.each(4, seed: seed + 50).enumerated() {
                batch.upsert(vector, label: labels[7 * index + number])
            }
            batch.erase(labels[200 + number])
            batch.markDeleted(labels[230 + number])
            try store.write(batch)
        }
        return count >= 100 ? [add, change] : [add]
    }

    /// Puts a store in the place of this one that was imported from its index, in which two labels come again.
    private func importAgain(_ path: FilePath) throws {
        let index = path.removingLastComponent().appending("index.bin")
        defer { removeTree(index) }
        let store = try VectorStore.openForWriting(at: path, options: .init(threads: 1))
        try store.markDeleted([5, 6, 7])
        try store.exportHnswlib(to: index)
        try store.close()
        var bytes = try readBytes(index)
        let label = 4 + 8 * configuration.m + 4 * configuration.dimensions, size = label + 8
        for (element, again) in [(9, 200), (10, 201)] {
            bytes.store(UInt64(again), at: 96 + element * size + label)
        }
        try writeBytes(bytes, to: index)
        removeTree(path)
        try VectorStore.importHnswlib(
            from: index, to: path, options: .init(metric: configuration.metric, ef: 20))
    }
}
