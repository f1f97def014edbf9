import Cairn
import SystemPackage
import TestSupport
import Testing

@Suite("Opening or creating, and paths as strings")
struct OpenOrCreateTests {
    private let directory: TemporaryDirectory
    private let path: FilePath
    private let configuration = VectorStore.Configuration(dimensions: 3, metric: .cosine)

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("s.cairn")
    }

    @Test("a store is made where there is none, and opened where there is one")
    func both() throws {
        let made = try VectorStore.openOrCreate(at: path, configuration: configuration)
        try made.add([1, 2, 3], labels: [7])
        try made.close()
        var other = configuration
        other.m = 5
        other.ef = 9
        let opened = try VectorStore.openOrCreate(at: path, configuration: other)
        #expect(
            try opened.count == 1 && opened.configuration.m == 16 && opened.configuration.ef == 50)
        try opened.add([1, 2, 3], labels: [8])
        try opened.close()
    }

    @Test("a store of another configuration is an error, and is not touched")
    func mismatch() throws {
        try VectorStore.openOrCreate(at: path, configuration: configuration).close()
        for (other, code) in [
            (VectorStore.Configuration(dimensions: 4, metric: .cosine), StoreError.Code.dimensionMismatch),
            (.init(dimensions: 3, metric: .l2), .invalidArgument),
            (.init(dimensions: 3, metric: .cosine, scalar: .float16), .invalidArgument),
            (.init(dimensions: 0, metric: .cosine), .invalidArgument),
        ] {
            let error = #expect(throws: StoreError.self) {
                try VectorStore.openOrCreate(at: path, configuration: other)
            }
            #expect(error?.code == code)
        }
        #expect(try VectorStore.open(at: path).configuration == configuration)
    }

    @Test("what is there and no store is an error")
    func others() throws {
        try writeBytes([1], to: path)
        #expect(
            #expect(throws: StoreError.self) { try VectorStore.openOrCreate(at: path, configuration: configuration) }?
                .code
                == .notAStore)
        let missing = directory.appending("no").appending("s.cairn")
        #expect(
            #expect(throws: StoreError.self) {
                try VectorStore.openOrCreate(at: missing, configuration: configuration)
            }?.code
                == .notFound)
        let store = try VectorStore.openOrCreate(at: directory.appending("t.cairn"), configuration: configuration)
        let locked = #expect(throws: StoreError.self) {
            try VectorStore.openOrCreate(at: directory.appending("t.cairn"), configuration: configuration)
        }
        #expect(locked?.code == .locked)
        try store.close()
    }

    @Test("threads that make one store at once make one")
    func race() async throws {
        let path = path, configuration = configuration
        let labels = await withTaskGroup(of: UInt64?.self) { group in
            for label in 0..<5 as Range<UInt64> {
                group.addTask {
                    // Whoever finds it open elsewhere comes back.
                    for _ in 0..<10_000 {
                        do throws(StoreError) {
                            let store = try VectorStore.openOrCreate(at: path, configuration: configuration)
                            try await store.add([1, 2, Float(label)], labels: [label])
                            try store.close()
                            return label
                        } catch {
                            guard error.code == .locked else { return nil }
                            try? await Task.sleep(for: .milliseconds(1))
                        }
                    }
                    return nil
                }
            }
            return await group.reduce(into: Set()) { $0.formUnion($1.map { [$0] } ?? []) }
        }
        #expect(labels == Set(0..<5))
        #expect(try Set(VectorStore.open(at: path).allLabels()) == labels)
    }

    @Test("every path may be a string in a variable")
    func strings() throws {
        func name(_ last: String) -> String { directory.appending(last).string }
        let (built, filed, copied, imported, index) = (name("b"), name("f"), name("c"), name("i"), name("i.bin"))
        try VectorStore.build(at: built, configuration: configuration, vectors: [1, 2, 3, 4, 5, 6])
        try VectorStore.openOrCreate(at: built, configuration: configuration).close()
        try VectorStore.open(at: built).exportHnswlib(to: index)
        try VectorStore.importHnswlib(from: index, to: imported, options: .init(metric: .cosine))
        try VectorStore.copy(from: built, to: copied)
        #expect(try VectorStore.verify(at: copied).isSound && VectorStore.open(at: imported).count == 2)
        let created = name("e"), file = name("v.fbin")
        try VectorStore.create(at: created, configuration: configuration).close()
        try writeBytes([1, 0, 0, 0, 3, 0, 0, 0] + [UInt8](repeating: 0x3F, count: 12), to: FilePath(file))
        try VectorStore.build(at: filed, configuration: configuration, from: file)
        #expect(try VectorStore.open(at: filed).count == 1)
        // A literal is still either.
        #expect(throws: StoreError.self) { try VectorStore.open(at: "/nowhere/at/all") }
    }
}
