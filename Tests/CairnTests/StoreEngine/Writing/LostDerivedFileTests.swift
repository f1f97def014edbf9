import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// `upper` and `labels` are lost or damaged while the log, or a journal, has changes that they do not know.
@Suite struct LostDerivedFileTests {
    private let written: WrittenStore
    private let system = WatchedSystem()
    /// Names of what a crash left, and what is in it.
    private var stores: [(name: String, path: FilePath, model: StoreModel)] = []
    private let rows: [[Float]]

    /// M of 2: half of the vectors are in upper layers.
    init() throws {
        written = try WrittenStore(dimensions: 3, connectivity: 2)
        rows = vectors(300, dimensions: 3, scalar: .float32, seed: 4).rows(3)
        var model = StoreModel(written.configuration)
        try VectorStore.build(
            at: written.path, configuration: written.configuration, vectors: rows[..<120].flatMap { $0 },
            options: .init(threads: 1))
        _ = model.apply((0..<120).map { .add(Label($0), rows[$0], replacingMarked: false) })
        let store = try VectorStore.open(
            at: written.path, options: .init(access: .readWrite, threads: 1), calls: system.calls)

        func change(_ first: Int) throws {
            let changes: [[Change]] = [
                (first..<first + 30).map { .add(Label($0 + 1000), rows[$0], replacingMarked: false) },
                (first / 4..<first / 4 + 9).map { .erase(Label($0)) } + [.mark(80), .update(81, rows[first + 31])],
                (first..<first + 5).map { .upsert(Label($0 + 1000), rows[$0 + 33]) } + [.unmark(80)],
            ]
            for changes in changes {
                try store.write(VectorStore.WriteBatch(changes))
                try #require(model.apply(changes) == nil)
            }
        }
        try change(120)
        stores.append(("a log", try written.copy("log"), model))
        try store.checkpoint()
        stores.append(("a checkpoint", try written.copy("checkpoint"), model))
        try change(160)
        stores.append(("a checkpoint and a log", try written.copy("both"), model))
        try store.checkpoint()
        try change(200)
        // A checkpoint whose journal is whole, and that ends there.
        system.fail(.pwrite, "level0", with: .ioError)
        #expect(storeError { try store.checkpoint() }?.systemError == .ioError)
        stores.append(("a journal", try written.copy("journal"), model))
        try? store.close()
    }

    private enum Damage: String, CaseIterable {
        case missing, empty, cut, flipped, flippedLate, foreign, older
    }

    private func damage(_ file: FilePath, _ kind: Damage, older: [UInt8]) throws {
        var bytes = try readBytes(file)
        switch kind {
        case .missing: return removeTree(file)
        case .empty: bytes = []
        case .cut: bytes.removeLast(bytes.count / 3)
        case .flipped: bytes[40] ^= 1
        case .flippedLate: bytes[bytes.count * 2 / 3] ^= 1
        case .foreign:
            let other = try StoreFixture(150, dimensions: 3, connectivity: 2)
            bytes = try readBytes(other.path.appending(file.lastComponent?.string ?? ""))
        case .older: bytes = older
        }
        try writeBytes(bytes, to: file)
    }

    private func expect(_ path: FilePath, _ model: StoreModel, _ comment: String) throws {
        for access in [VectorStore.OpenOptions.Access.readOnly, .readWrite, .readOnly] {
            do {
                let store = try VectorStore.quick(at: path, options: .init(access: access, threads: 1))
                var differences = try model.differences(from: store, queries: [rows[299]])
                // That it is damaged is true. A writer makes `upper` again at once, `labels` with its next checkpoint.
                differences.removeAll {
                    $0.hasPrefix("labels: the file") || access == .readOnly && $0.hasPrefix("upper: the file")
                }
                #expect(differences == [], "\(comment), \(access)")
                try store.close()
            } catch {
                Issue.record("\(comment), \(access): \(error)")
                return
            }
        }
    }

    @Test(arguments: [["upper"], ["labels"], ["upper", "labels"]])
    func `the store has the same contents without them`(names: [String]) throws {
        let original = try Dictionary(
            uniqueKeysWithValues: ["upper", "labels"].map { name in
                (name, try readBytes(stores[0].path.appending(name)))
            })
        for (name, path, model) in stores {
            for kind in Damage.allCases {
                let copy = written.directory.appending("damaged")
                removeTree(copy)
                try copyStore(from: path, to: copy)
                for file in names { try damage(copy.appending(file), kind, older: original[file] ?? []) }
                try expect(copy, model, "\(names) \(kind), \(name)")
            }
        }
    }

    @Test func `a writer makes them again`() throws {
        for (name, path, model) in stores {
            for file in ["upper", "labels"] { removeTree(path.appending(file)) }
            let store = try VectorStore.quick(at: path, options: .init(access: .readWrite, threads: 1))
            try store.markDeleted([85])
            try store.close()
            let again = try VectorStore.quick(at: path)
            var model = model
            _ = model.apply([.mark(85)])
            #expect(try model.differences(from: again, queries: []) == [], "\(name)")
            #expect(names(in: path).contains("upper") && names(in: path).contains("labels"))
        }
    }
}
