import SystemPackage
import TestSupport
import Testing
import Threading

@testable import Cairn

/// What takes spans does what takes arrays does.
@Suite struct SpanTests {
    @Test func `spans and arrays give the same store and the same answers`() throws {
        let vectors = seededVectors(count: 400, dimensions: 6, seed: 1)
        let other = seededVectors(count: 400, dimensions: 6, seed: 2)
        let labels = (0..<400).map { Label($0) }
        let stores = try (0..<2).map { _ in try VectorStore(inMemory: .init(dimensions: 6, m: 6, efConstruction: 30)) }
        try stores[0].add(vectors, labels: labels)
        try stores[1].add(vectors.span, labels: labels)
        for store in stores { try store.markDeleted([1, 2, 3]) }
        try stores[0].add(Array(other[0..<18]), labels: [500, 501, 502], replacingDeleted: true)
        try stores[1].add(other.span.extracting(0..<18), labels: [500, 501, 502], replacingDeleted: true)
        try stores[0].update(Array(other[60..<120]), labels: Array(10..<20))
        try stores[1].update(other.span.extracting(60..<120), labels: Array(10..<20))
        try stores[0].upsert(Array(other[600..<1200]), labels: Array(350..<450))
        try stores[1].upsert(other.span.extracting(600..<1200), labels: Array(350..<450))
        #expect(try stores[0].verify().contentChecksum == stores[1].verify().contentChecksum)

        let store = stores[0], queries = Array(other[..<120])
        #expect(try store.search(batch: queries, k: 5) == store.search(batch: queries.span, k: 5))
        #expect(try store.search(batch: queries, within: 1) == store.search(batch: queries.span, within: 1))
        #expect(
            try store.searchDocuments(batch: queries, k: 3, by: .shift(2))
                == store.searchDocuments(batch: queries.span, k: 3, by: .shift(2)))
        let query = Array(queries[..<6])
        #expect(try store.distances(from: query, to: labels) == store.distances(from: query.span, to: labels))
        #expect(throws: StoreError.self) { try store.search(batch: query.span.extracting(0..<5), k: 1) }
        #expect(throws: StoreError.self) { try store.upsert(query.span, labels: [1, 2]) }
    }

    @Test func `a source of rows is built as an array is`() throws {
        let directory = try TemporaryDirectory(), vectors = seededVectors(count: 500, dimensions: 4, seed: 3)
        let rows = VectorStore.RowSource(count: 500) { (range, components) throws(StoreError) in
            #expect(components.count == range.count * 4)
            for index in components.indices { components[index] = vectors[range.lowerBound * 4 + index] }
        }
        let paths = ["array", "rows"].map { directory.appending($0) }
        try VectorStore.build(at: paths[0], configuration: .init(dimensions: 4), vectors: vectors)
        try VectorStore.build(at: paths[1], configuration: .init(dimensions: 4), rows: rows)
        let checksums = try paths.map { try VectorStore.open(at: $0).verify().contentChecksum }
        #expect(checksums[0] == checksums[1])
        let failing = VectorStore.RowSource(count: 5) { (_, _) throws(StoreError) in
            throw StoreError(.io, "the tape is torn", remedy: "take another")
        }
        let error = #expect(throws: StoreError.self) {
            try VectorStore.build(at: directory.appending("torn"), configuration: .init(dimensions: 4), rows: failing)
        }
        #expect(error?.message == "the tape is torn; take another")
        #expect(names(in: directory.path).sorted() == ["array", "rows"])
    }

    @Test func `a check says what a build would throw, and makes nothing`() throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        func rows(_ vectors: [Float]) -> VectorStore.RowSource {
            VectorStore.RowSource(count: vectors.count / 2, path: "tape") { (range, components) throws(StoreError) in
                for index in components.indices { components[index] = vectors[range.lowerBound * 2 + index] }
            }
        }
        func error(_ body: () throws(StoreError) -> Void) -> StoreError? {
            do {
                try body()
                return nil
            } catch {
                return error
            }
        }
        func errors(
            _ vectors: [Float], _ configuration: VectorStore.Configuration = .init(dimensions: 2),
            labels: [Label]? = nil, options: VectorStore.BuildOptions = .init()
        ) -> (checked: StoreError?, built: StoreError?) {
            let checked = error { () throws(StoreError) in
                try VectorStore.checkBuild(
                    configuration: configuration, rows: rows(vectors), labels: labels, options: options)
            }
            #expect(names(in: directory.path) == [])
            let built = error { () throws(StoreError) in
                try VectorStore.build(
                    at: path, configuration: configuration, rows: rows(vectors), labels: labels, options: options)
            }
            removeTree(path)
            return (checked, built)
        }
        let invalid = errors([1, 2, 3, .nan], labels: [8, 9])
        #expect(invalid.checked == invalid.built && invalid.checked?.code == .invalidVector)
        #expect(invalid.checked?.path == "tape" && invalid.checked?.row == 1)
        let twice = errors([1, 2, 3, 4], labels: [8, 8])
        #expect(twice.checked == twice.built && twice.checked?.code == .duplicateLabel)
        for wrong in [
            errors([1, 2], .init(dimensions: 0)), errors([1, 2], labels: []),
            errors([1, 2], options: .init(memoryBudget: 1)),
        ] { #expect(wrong.checked == wrong.built && wrong.checked?.code == .invalidArgument) }
        let found = Guarded<[VectorStore.InvalidVector]>([]), read = Guarded(0)
        let sound = errors(
            [1, 2, 3, .nan, .infinity, 0], labels: [7, 8, 9],
            options: .init(progress: { done, _ in read.withLock { $0 = done } }) { vector in
                found.withLock { $0.append(vector) }
            })
        #expect(sound.checked == nil && sound.built == nil && read.withLock { $0 } == 1)
        #expect(found.withLock { $0.map(\.row) } == [1, 2, 1, 2])
    }

    @Test func `an error is numbered as the caller counts`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 2))
        let error = try #require(
            #expect(throws: StoreError.self) { try store.add([1, 2, 3, .nan], labels: [5, 6]) })
        #expect(error.row == 1 && error.label == 6 && error.message.contains("row 1 (label 6)"))
        let numbered = error.numbered(4001)
        #expect(numbered.row == 4001 && numbered.message.contains("row 4001 (label 6)"))
        #expect(numbered.numbered(1) == error)
        let query = try #require(
            #expect(throws: StoreError.self) { try store.search(batch: [1, 2, 3, .infinity], k: 1) })
        #expect(query.numbered(70).message.hasPrefix("query 70 "))
        #expect(query.problem.hasSuffix("component 1") && query.remedy == "every component must be a finite number")
        let twice = try #require(
            storeError {
                try VectorStore.build(
                    at: "/nonexistent/store", configuration: .init(dimensions: 1), vectors: [1, 2, 3],
                    labels: [7, 8, 7])
            })
        #expect(twice.numbered(1002).message.contains("in rows 0 and 1002"))
        // What others write is left as it is.
        #expect(StoreError(.io, "row \u{1} of the tape").numbered(4).message == "row ? of the tape")
    }

    @Test func `a source that leaves vectors out, or has less than none`() throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let lazy = VectorStore.RowSource(count: 100) { (range, components) throws(StoreError) in
            for index in components.indices where index < 90 { components[index] = 1 }
        }
        let error = storeError { try VectorStore.build(at: path, configuration: .init(dimensions: 1), rows: lazy) }
        #expect(error?.code == .invalidVector && error?.row == 90)
        let none = VectorStore.RowSource(count: -5) { (_, _) throws(StoreError) in }
        #expect(
            storeError { try VectorStore.build(at: path, configuration: .init(dimensions: 1), rows: none) }?.code
                == .invalidArgument)
        #expect(names(in: directory.path) == [])
    }
}
