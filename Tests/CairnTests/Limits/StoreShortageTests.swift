import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Memory and addresses that cannot be had: each request of the library fails once, and then all from one on. What comes of it
/// is an answer or `full`, and nothing is lost. `make faults` does it at length.
@Suite struct StoreShortageTests {
    private let directory: TemporaryDirectory
    private let path: FilePath
    private let rows = vectors(90, dimensions: 5, scalar: .float32, seed: 3).rows(5)

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("store")
        let configuration = VectorStore.Configuration(
            dimensions: 5, m: 4, efConstruction: 20, quantization: .scalar8)
        try VectorStore.build(
            at: path, configuration: configuration, vectors: Array(rows[..<60].joined()),
            options: .init(threads: 1).coded(from: 30))
        // Something in the log.
        let store = try open(.readWrite)
        try store.add(Array(rows[60..<70].joined()), labels: Array(60..<70))
        try store.synchronize()
        try copyStore(from: path, to: directory.appending("pending"))
        try store.close()
    }

    private func open(
        _ access: VectorStore.OpenOptions.Access, _ path: FilePath? = nil
    ) throws(StoreError) -> VectorStore {
        try VectorStore.open(
            at: path ?? self.path,
            options: .init(access: access, durability: .none, threads: 1).coded(from: 30))
    }

    /// Whether `body` did all of it; an issue if it failed for another reason than the shortage.
    private func succeeds(_ body: () throws(StoreError) -> Void) -> Bool {
        do throws(StoreError) {
            try body()
            return true
        } catch {
            unrefused {
                #expect(error.code == .full && error.systemError == .noMemory, "\(error)")
            }
            return false
        }
    }

    @Test(arguments: [false, true])
    func `opening, searching and checking`(isSticky: Bool) throws {
        for path in [path, directory.appending("pending")] {
            let wanted = try answers(open(.readOnly, path))
            var failures = 0
            let requests = refusingEachRequest(isSticky: isSticky) { _ in
                let isWhole = succeeds { () throws(StoreError) in
                    let store = try open(.readOnly, path)
                    let found = try answers(store), report = try store.verify()
                    unrefused {
                        #expect(found == wanted)
                        #expect(report.isSound, "\(report.problems)")
                    }
                }
                if !isWhole { failures += 1 }
            }
            #expect(failures > requests / 2)
        }
    }

    private func answers(_ store: VectorStore) throws(StoreError) -> [[Label]] {
        func labels(_ found: [VectorStore.Neighbor]) -> [Label] { found.map(\.label) }
        let query = rows[71]
        var answers = [
            labels(try store.search(query, k: 5, options: .init(ef: 10))),
            labels(try store.search(query, k: 5, options: .init(ef: 10, filter: .including(0..<20)))),
            labels(try store.search(query, k: 5, options: .init(ef: 10, filter: .matching { $0 % 2 == 0 }))),
            labels(try store.search(query, within: 2).neighbors),
            labels(try store.searchDocuments(query, k: 3, by: .shift(2)).map(\.best)),
            try store.contains(62) ? [62] : [], try store.allLabels(),
        ]
        answers += try store.search(batch: rows[71] + rows[72] + rows[73], k: 4, threads: 1).map(labels)
        return answers
    }

    @Test(arguments: [false, true])
    func `changes are made as a whole or not at all`(isSticky: Bool) throws {
        let work = directory.appending("work")
        var failures = 0
        let requests = try refusingEachRequest(isSticky: isSticky) { number in
            let before = try unrefused { () throws -> [Label] in
                removeTree(work)
                try copyStore(from: path, to: work)
                return try open(.readOnly, work).allLabels().sorted()
            }
            var acknowledged = Set(before)
            let isWhole = succeeds { () throws(StoreError) in
                let store = try open(.readWrite, work)
                try store.add(Array(rows[70..<90].joined()), labels: Array(70..<90))
                acknowledged.formUnion(70..<90)
                try store.erase([3, 4, 65])
                acknowledged.subtract([3, 4, 65])
                try store.upsert(rows[3] + rows[4], labels: [5, 200])
                acknowledged.insert(200)
                try store.checkpoint()
                try store.close()
            }
            if !isWhole { failures += 1 }
            try unrefused {
                let store = try open(.readWrite, work)
                #expect(try Set(store.allLabels()) == acknowledged, "request \(number)")
                #expect(try store.verify().problems == [], "request \(number)")
            }
        }
        #expect(failures > requests / 3)
    }

    @Test func `a store in memory stays as it was`() throws {
        let configuration = VectorStore.Configuration(dimensions: 5, m: 4, efConstruction: 20)
        var failures = 0
        let requests = try refusingEachRequest { _ throws in
            var made: VectorStore?
            let isMade = succeeds { () throws(StoreError) in made = try VectorStore(inMemory: configuration) }
            guard let store = made else {
                failures += isMade ? 0 : 1
                return
            }
            var count = 0
            for start in [0, 30] {
                let isAdded = succeeds { () throws(StoreError) in
                    try store.add(
                        Array(rows[start..<start + 30].joined()), labels: (start..<start + 30).map { Label($0) },
                        threads: 1)
                }
                count += isAdded ? 30 : 0
                failures += isAdded ? 0 : 1
            }
            try unrefused { () throws in
                #expect(try store.count == count && store.allLabels().count == count)
                #expect(try store.verify().problems == [])
            }
        }
        #expect(requests > 10 && failures > requests / 2)
    }

    @Test func `a build leaves nothing behind`() throws {
        let configuration = VectorStore.Configuration(
            dimensions: 5, m: 4, efConstruction: 20, quantization: .scalar8)
        let built = directory.appending("built"), elements = Array(rows.joined())
        var failures = 0
        let requests = refusingEachRequest { _ in
            let isBuilt = succeeds { () throws(StoreError) in
                try VectorStore.build(
                    at: built, configuration: configuration, vectors: elements,
                    options: .init(threads: 1).coded(from: 30))
            }
            unrefused {
                let found = names(in: directory.path).filter { $0.hasPrefix("built") }
                #expect(found == (isBuilt ? ["built"] : []))
                removeTree(built)
            }
            failures += isBuilt ? 0 : 1
        }
        #expect(requests > 20 && failures > requests / 2)
    }
}
