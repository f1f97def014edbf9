import Cairn
import SystemPackage
import TestSupport
import Testing

/// The stores that the first release wrote (Tests/Fixtures), and the independent reader of the format.
@Suite struct GoldenStoreTests {
    static let fixtures = projectDirectory.appending("Tests").appending("Fixtures").appending("v1")
    static let stores = ["small", "tiny-u8"]

    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func expected(_ name: String) throws -> ReadStore {
        try ReadStore(decoding: readBytes(Self.fixtures.appending(name + ".expected.json")))
    }

    /// A copy of a golden store, without the files in `missing`.
    private func copy(_ name: String, without missing: [String] = []) throws -> FilePath {
        let path = directory.appending(name + missing.joined() + ".cairn")
        try copyFiles(from: Self.fixtures.appending(name + ".cairn"), to: path)
        for file in missing { removeTree(path.appending(file)) }
        return path
    }

    @Test(arguments: stores)
    func theReaderStillReadsThem(name: String) throws {
        let (status, store, _) = try ReadStore.reading(Self.fixtures.appending(name + ".cairn"))
        #expect(status == 0)
        #expect(try store == expected(name))
    }

    /// Derived files may be missing: then the store says the same from `level0` alone.
    @Test(arguments: stores, [[], ["upper"], ["labels"], ["upper", "labels", "lock"]])
    func theLibraryStillReadsThem(name: String, missing: [String]) throws {
        let expected = try expected(name)
        let store = try VectorStore.open(at: copy(name, without: missing))
        try compare(store, expected)
        #expect(try store.contains(5000) == false)
        #expect(try store.vector(for: UInt64.max - 1) == nil)
        let queries = seededVectors(count: 20, dimensions: expected.superblock.dimensions, seed: 5)
        for start in stride(from: 0, to: queries.count, by: expected.superblock.dimensions) {
            let given = queries[start..<(start + expected.superblock.dimensions)]
            let query = expected.superblock.scalar == 2 ? given.map { ($0 * 127 + 128).rounded() } : Array(given)
            let nearest = expected.nearest(to: query, count: 5)
            for options in [VectorStore.SearchOptions(isExact: true), VectorStore.SearchOptions(ef: 60)] {
                let found = try store.search(query, k: 5, options: options)
                #expect(found.map(\.label) == nearest.map(\.label))
                for (neighbor, nearest) in zip(found, nearest) {
                    #expect(abs(Double(neighbor.distance) - nearest.distance) <= 1e-5 * max(1, nearest.distance))
                }
            }
        }
    }

    @Test func theyHoldWhatWasPutIn() throws {
        let small = seededVectors(count: 60, dimensions: 8, seed: 100)
        let store = try VectorStore.open(at: copy("small"))
        #expect(try store.allLabels() == (0..<59).map { 1000 + 7 * $0 } + [UInt64.max])
        #expect(try store.configuration == .init(dimensions: 8, metric: .cosine, m: 4))
        for (row, label) in try store.allLabels().enumerated() {
            let vector = try #require(try store.vector(for: label))
            for (component, given) in zip(vector, small[(row * 8)...]) { #expect(abs(component - given) < 1e-6) }
        }
        // To the last bit: the norm and what is stored follow FORMAT.md's formula in single precision.
        for (row, slot) in try expected("small").slots.enumerated() {
            let given = small[(row * 8)..<(row * 8 + 8)]
            let norm = given.reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(slot.norm == norm)
            #expect(slot.stored == given.map { $0 * (1 / (norm + 1e-30)) })
        }
        let tiny = seededWholeNumbers(count: 25, dimensions: 5, seed: 100, in: 0...255)
        let integers = try VectorStore.open(at: copy("tiny-u8"))
        #expect(try integers.configuration == .init(dimensions: 5, scalar: .uint8, m: 5))
        #expect(try (0..<25).flatMap { try integers.vector(for: $0) ?? [] } == tiny)
    }

    /// The graphs have the levels the test data is there for.
    @Test func theirLevelsAreTheGenerators() throws {
        for (name, maximum) in [("small", 3), ("tiny-u8", 1)] {
            let expected = try expected(name)
            #expect(expected.header.maximum_level == maximum)
            let drawn = drawnLevels(seed: 100, m: expected.superblock.m, count: expected.slots.count)
            #expect(expected.slots.map(\.level) == drawn.levels)
            #expect(expected.header.level_state == drawn.state)
        }
    }

    @Test func aNewHeaderLeavesTheRestAlone() throws {
        let path = try copy("small")
        try VectorStore.openForWriting(at: path).setEF(77)
        let (status, store, _) = try ReadStore.reading(path)
        var changed = try expected("small")
        // The header that was found is written again, and then the new one, each to both slots.
        changed.header.generation = 5
        changed.header.ef = 77
        #expect(status == 0)
        #expect(store == changed)
    }

    /// File and offset of a byte that a checksum covers (of vectors and norms, those in use), and what the reader says when it is another one.
    @Test(arguments: [
        ("level0", 4096 + 60, "header slot 1 is damaged"), ("level0", 8192 + 20, "superblock is damaged"),
        ("level0", 12288 + 20, "superblock is damaged"), ("level0", 16384 + 100, "the page at 16384 is damaged"),
        ("level0", 49152 + 9, "the page at 49152 is damaged"), ("level0", 65536 + 200, "the page at 65536 is damaged"),
        ("level0", 98304 + 2000, "the seal at 102392 is wrong"), ("level0", 102_393, "the seal at 102392 is wrong"),
        ("upper", 32, "upper is missing"), ("upper", 700, "upper is missing"), ("labels", 40, "labels is missing"),
        ("labels", 5000, "labels is missing"), ("labels", 8200, "labels page 0 is damaged"),
    ])
    func theReaderFindsDamage(file: String, offset: Int, problem: String) throws {
        let path = try copy("small")
        var bytes = try readBytes(path.appending(file))
        bytes[offset] ^= 0x04
        try writeBytes(bytes, to: path.appending(file))
        let (status, problems) = try ReadStore.problems(path)
        #expect(status == 2)
        #expect(problems.contains { $0.contains(problem) }, "\(problems)")
    }
}

/// Stores that are built now, read by the independent reader.
@Suite struct IndependentReaderTests {
    struct Kind: Sendable, CustomTestStringConvertible {
        let metric: VectorStore.Metric, scalar: VectorStore.Scalar
        var testDescription: String { "\(scalar.rawValue) \(metric)" }

        func vectors(count: Int, dimensions: Int) -> [Float] {
            switch scalar {
            case .uint8: seededWholeNumbers(count: count, dimensions: dimensions, seed: 9, in: 0...255)
            case .int8: seededWholeNumbers(count: count, dimensions: dimensions, seed: 9, in: -128...127)
            case .float32, .float16: seededVectors(count: count, dimensions: dimensions, seed: 9)
            }
        }
    }

    @Test(
        arguments: [
            Kind(metric: .l2, scalar: .float32), Kind(metric: .cosine, scalar: .float16),
            Kind(metric: .cosine, scalar: .uint8), Kind(metric: .innerProduct, scalar: .int8),
        ], [0, 1, 10, 1500])
    func readerAndLibraryAgree(kind: Kind, count: Int) throws {
        let directory = try TemporaryDirectory()
        let path = directory.appending("store")
        let configuration = VectorStore.Configuration(
            dimensions: 20, metric: kind.metric, scalar: kind.scalar, m: 6, efConstruction: 30, seed: 42)
        try VectorStore.build(
            at: path, configuration: configuration, vectors: kind.vectors(count: count, dimensions: 20),
            labels: (0..<count).map { VectorStore.Label($0) &* 0x1_0000_0001_2345 })
        let (status, store, problems) = try ReadStore.reading(path)
        #expect(status == 0, "\(problems)")
        #expect(store.header.slot_count == count)
        #expect(store.slots.count == count)
        #expect(store.superblock.seed == 42)
        try compare(VectorStore.open(at: path), store)

        let drawn = drawnLevels(seed: 42, m: 6, count: count)
        #expect(store.slots.map(\.level) == drawn.levels)
        #expect(store.header.level_state == drawn.state)
        #expect(store.upper.map(\.slot) == store.slots.indices.filter { store.slots[$0].level > 0 })
        #expect(store.upper.map(\.level) == store.slots.map(\.level).filter { $0 > 0 })
        if count > 0 { #expect(store.slots[store.header.entry_point].level == store.header.maximum_level) }
        if count > 1 { #expect(store.slots.allSatisfy { !$0.links.isEmpty && $0.links.count <= 12 }) }
    }
}

/// What `store` says must be what the reader found.
private func compare(_ store: VectorStore, _ read: ReadStore) throws {
    let configuration = try store.configuration, live = read.slots.filter { $0.state == 1 }
    #expect(configuration.dimensions == read.superblock.dimensions)
    #expect(configuration.m == read.superblock.m)
    #expect(configuration.efConstruction == read.superblock.ef_construction)
    #expect(configuration.seed == read.superblock.seed)
    #expect(configuration.ef == read.header.ef)
    #expect([VectorStore.Metric.l2, .innerProduct, .cosine][read.superblock.metric] == configuration.metric)
    #expect([VectorStore.Scalar.float32, .float16, .uint8, .int8][read.superblock.scalar] == configuration.scalar)
    #expect(try store.count == live.count)
    #expect(try store.allLabels() == live.map(\.label))
    #expect(Set(read.labels.keys) == Set(live.map(\.label)))
    #expect(read.labels.allSatisfy { read.slots[$0.value].label == $0.key })
    let info = try store.info
    #expect(info.maximumLevel == read.header.maximum_level)
    #expect(info.identifier.filter { $0 != "-" } == read.superblock.store)
    #expect(info.formatVersion == read.superblock.version)
    for slot in live { #expect(try store.vector(for: slot.label) == slot.vector) }
}

/// The levels of the first `count` slots and the state after them, by FORMAT.md and nothing else.
private func drawnLevels(seed: Int, m: Int, count: Int) -> (levels: [Int], state: Int) {
    var state = seed
    let levels = (0..<count).map { _ in
        state = 16807 * state % 2_147_483_647
        let low = Double(state - 1)
        state = 16807 * state % 2_147_483_647
        let uniform = (low + Double(state - 1) * 2_147_483_646) / (2_147_483_646 * 2_147_483_646)
        // The level is the number of times that u can be multiplied by M and stay at most 1.
        var level = 0, rest = uniform * Double(m)
        while rest <= 1 && level < 63 {
            level += 1
            rest *= Double(m)
        }
        return level
    }
    return (levels, state)
}
