import Cairn
import SystemPackage
import TestSupport

/// All that a reader can do with a store.
struct ReaderUse {
    private let sample: Sample
    private let root: FilePath
    private let isMended: Bool
    private let seed: UInt64
    private let note: (String) -> Void

    init(_ sample: Sample, _ root: FilePath, isMended: Bool, _ seed: UInt64, _ note: @escaping (String) -> Void) {
        (self.sample, self.root, self.isMended, self.seed, self.note) = (sample, root, isMended, seed, note)
    }

    func run(_ path: FilePath) throws -> Outcome {
        var random = SeededGenerator(seed: seed)
        var isSound: Bool?
        note("verify")
        if let report = try attempt({ () throws(StoreError) in try VectorStore.verify(at: path) }) {
            isSound = report.isSound
        }
        let options = VectorStore.OpenOptions(logDamage: random.below(4) == 0 ? .discardRest : .fail, threads: 2)
        note("open for reading")
        guard let store = try attempt({ () throws(StoreError) in try VectorStore.open(at: path, options: options) })
        else { return .refused }
        try Searches(store, sample, seed: random.next(), note).run()
        try readAll(store)
        if isSound == true && !isMended { try checkContents(store) }
        try copyAll(store, path, &random)
        note("close")
        try store.close()
        switch (isSound, isMended) {
        case (true?, false): return .sound
        case (true?, true): return .believed
        default: return .found
        }
    }

    private func readAll(_ store: VectorStore) throws {
        note("info and labels")
        _ = try attempt { () throws(StoreError) in
            _ = (try store.info, try store.count, try store.configuration, try store.portion(from: 0, count: 1))
            _ = try store.deletedLabels()
        }
        let labels = try attempt { () throws(StoreError) in try store.allLabels() } ?? []
        for label in labels.prefix(400) + [0, 9, .max] {
            _ = try attempt { () throws(StoreError) in (try store.vector(for: label), try store.contains(label)) }
        }
        note("read rows")
        _ = try attempt { () throws(StoreError) in
            var portion = try store.portion(from: 0, count: 64)
            while !portion.labels.isEmpty { portion = try store.portion(from: portion.end, count: 64) }
        }
        note("verify, open")
        for depth in VectorStore.VerifyReport.Depth.allCases {
            do throws(StoreError) {
                let report = try store.verify(depth: depth)
                for label in report.damagedLabels { _ = try store.vector(for: label) }
            } catch {
                throw Violation("verify of an open store to the depth \(depth) fails: \(error)")
            }
        }
    }

    /// A store that `verify` calls sound has what it had, or as a crash may leave it: without the last batches of its log.
    private func checkContents(_ store: VectorStore) throws {
        note("compare")
        let found = try Contents(store, sample.queries)
        guard sample.contents.contains(found) else {
            throw Violation("verify calls it sound, but \(found.difference(from: sample.contents.last!) ?? "")")
        }
        // Upper layers that were made again are others, and as good.
        let recall = try Sample.recall(store, sample.queries)
        guard recall >= sample.recall - 0.2 else {
            throw Violation("verify calls it sound, but its recall is \(recall) and was \(sample.recall)")
        }
    }

    private func copyAll(_ store: VectorStore, _ path: FilePath, _ random: inout SeededGenerator) throws {
        let index = root.appending("index.bin"), copy = root.appending("copy")
        defer {
            removeTree(index)
            removeTree(copy)
        }
        note("export")
        let isExported = try attempt { () throws(StoreError) in try store.exportHnswlib(to: index) } != nil
        if isExported {
            note("import what was exported")
            removeTree(copy)
            let metric = try store.configuration.metric, scalar = try store.defaultExportScalar
            _ = try attempt { () throws(StoreError) in
                try VectorStore.importHnswlib(
                    from: index, to: copy, options: .init(metric: metric, scalar: scalar))
            }
            try look(at: copy)
        }
        removeTree(copy)
        let metrics: [VectorStore.Metric?] = [nil, nil, .l2, .innerProduct, .cosine], metric = random.one(of: metrics)
        note("copy")
        if try attempt({ () throws(StoreError) in try VectorStore.copy(from: path, to: copy, metric: metric) }) != nil {
            try look(at: copy)
        }
    }

    /// A store that was made from a damaged one.
    private func look(at path: FilePath) throws {
        note("verify a copy")
        _ = try attempt { () throws(StoreError) in
            _ = try VectorStore.verify(at: path)
            let store = try VectorStore.open(at: path, options: .init(threads: 1))
            _ = try store.search(sample.queries[0], k: 5, options: .init(ef: 20))
            _ = try store.allLabels()
            try store.close()
        }
    }
}

/// What `body` gives; nil where it throws an error that says what happened.
func attempt<Result>(_ body: () throws(StoreError) -> Result) throws -> Result? {
    do throws(StoreError) {
        return try body()
    } catch {
        guard !error.message.isEmpty else { throw Violation("an error without a message: \(error.code)") }
        return nil
    }
}
