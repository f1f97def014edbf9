import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Random changes, checkpoints, closings and crashes, compared with a dictionary after each.
@Suite struct ModelTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let metric: VectorStore.Metric
        let scalar: VectorStore.Scalar
        let connectivity: Int
        let seed: UInt64

        var testDescription: String { "\(metric) \(scalar.rawValue) M \(connectivity) seed \(seed)" }

        var configuration: VectorStore.Configuration {
            .init(
                dimensions: 3 + connectivity % 3, metric: metric, scalar: scalar, m: connectivity,
                efConstruction: 20, seed: seed)
        }
    }

    static let cases: [Case] = {
        var cases: [Case] = []
        for metric in [VectorStore.Metric.l2, .innerProduct, .cosine] {
            for scalar in VectorStore.Scalar.allCases {
                for connectivity in [2, 4, 16] {
                    cases.append(
                        Case(metric: metric, scalar: scalar, connectivity: connectivity, seed: UInt64(cases.count)))
                }
            }
        }
        return cases
    }()

    @Test(arguments: cases)
    func `a store on disk is what the model is`(_ given: Case) throws {
        let directory = try TemporaryDirectory()
        var run = try ModelRun(given.configuration, directory: directory)
        try run.perform(25)
        #expect(run.changeCount > 8)
    }

    @Test(arguments: [cases[1], cases[16], cases[30]])
    func `a store in memory is what the model is`(_ given: Case) throws {
        var run = try ModelRun(given.configuration, directory: nil)
        try run.perform(40)
        #expect(run.changeCount == 40)
    }

    /// A segment has 256 slots at first.
    @Test(arguments: [cases[7], cases[26]])
    func `a store that grows over segments is what the model is`(_ given: Case) throws {
        let directory = try TemporaryDirectory()
        var run = try ModelRun(given.configuration, directory: directory, batchLimit: 40)
        try run.add(250)
        try run.perform(4)
        try run.add(300)
        try run.perform(6)
        #expect(run.largestCount > 512)
    }

    /// The same calls give the same slots, vectors and links, whatever the number of threads.
    @Test(arguments: [cases[0], cases[19], cases[35]])
    func `threads change nothing`(_ given: Case) throws {
        var contents: [[UInt64?]] = []
        for threads in [1, 2] {
            let directory = try TemporaryDirectory()
            var run = try ModelRun(given.configuration, directory: directory, threads: threads, batchLimit: 80)
            run.recordsContents = true
            try run.perform(15)
            contents.append(run.contents)
        }
        #expect(contents[0] == contents[1])
        #expect(contents[0].count == 15)
    }
}

/// A store, a model, and a generator of what is done to both.
struct ModelRun {
    private let configuration: VectorStore.Configuration
    private let directory: TemporaryDirectory?
    private let options: VectorStore.OpenOptions
    private let batchLimit: Int
    private var random: SeededGenerator
    private var store: VectorStore
    private var model: StoreModel
    private var path = FilePath("memory")
    private var copies = 0
    /// Vectors, of which some come more than once.
    private let pool: [[Float]]
    private let queries: [[Float]]
    private(set) var changeCount = 0
    private(set) var largestCount = 0
    var recordsContents = false
    /// The checksum of level 0 after each step.
    private(set) var contents: [UInt64?] = []

    /// `directory`: nil for a store in memory.
    init(
        _ configuration: VectorStore.Configuration, directory: TemporaryDirectory?, threads: Int? = nil,
        batchLimit: Int = 12
    ) throws {
        self.configuration = configuration
        self.directory = directory
        self.batchLimit = batchLimit
        let seed = configuration.seed
        random = SeededGenerator(seed: seed &+ 12345)
        pool = vectors(60, dimensions: configuration.dimensions, scalar: configuration.scalar, seed: seed &+ 5)
            .rows(configuration.dimensions)
        queries = [pool[0], pool[59]]
        var options = VectorStore.OpenOptions(access: .readWrite)
        options.threads = threads ?? 1 + Int(seed % 2)
        options.logBytes = [3000, 1 << 20, 12_000][Int(seed % 3)]
        options.overlayBytes = [64 << 20, 64 << 20, 64 << 20, 2000][Int(seed / 3 % 4)]
        options.durability = [.none, .full, .interval(.milliseconds(20))][Int(seed / 5 % 3)]
        self.options = options
        model = StoreModel(configuration)
        if let directory {
            path = directory.appending("store")
            store = try VectorStore.create(
                at: path, configuration: configuration, options: options, calls: .withoutSyncs)
        } else {
            store = try VectorStore(inMemory: configuration)
        }
    }

    private mutating func below(_ limit: Int) -> Int { Int(random.next() >> 33) % limit }

    mutating func perform(_ steps: Int) throws {
        for step in 0..<steps {
            let name = try self.step()
            let differences = try model.differences(from: store, queries: queries)
            try #require(differences.isEmpty, "after step \(step), \(name): \(differences.prefix(5))")
            if recordsContents { contents.append(try store.verify(depth: .graph).contentChecksum) }
            largestCount = max(largestCount, model.entries.count)
        }
    }

    /// Adds vectors under labels of their own.
    mutating func add(_ count: Int) throws {
        let first = Label(1000 + model.entries.count)
        let rows = vectors(
            count, dimensions: configuration.dimensions, scalar: configuration.scalar, seed: random.next())
        let changes = rows.rows(configuration.dimensions).enumerated().map {
            Change.add(first + Label($0), $1, replacingMarked: false)
        }
        try store.write(VectorStore.WriteBatch(changes))
        try #require(model.apply(changes) == nil)
    }

    private mutating func step() throws -> String {
        guard directory != nil else { return try change() }
        switch below(14) {
        case 0:
            try store.checkpoint()
            return "checkpoint"
        case 1:
            try store.close()
            store = try VectorStore.quick(at: path, options: options)
            return "reopen"
        case 2:
            // What a crash leaves, read by a reader and then taken over by a writer.
            try copy()
            let before = try snapshot(path)
            let reader = try VectorStore.quick(at: path)
            let differences = try model.differences(from: reader, queries: queries)
            try reader.close()
            try #require(differences.isEmpty, "a reader after a crash: \(differences.prefix(5))")
            try #require(try snapshot(path) == before, "a reader wrote")
            store = try VectorStore.quick(at: path, options: options)
            return "crash, reader, reopen"
        case 3:
            try copy()
            store = try VectorStore.quick(at: path, options: options)
            return "crash, reopen"
        case 4:
            try store.synchronize()
            return "synchronize"
        default:
            return try change()
        }
    }

    private mutating func copy() throws {
        guard let directory else { return }
        copies += 1
        let next = directory.appending("copy-\(copies)")
        try copyStore(from: path, to: next)
        path = next
    }

    // MARK: Changes

    private mutating func change() throws -> String {
        let kind = below(9), count = 1 + below(below(3) == 0 ? batchLimit : 4)
        var planned = model, changes: [Change] = []
        let marked = model.entries.filter(\.value.isMarked).keys
            .sorted { (store.slot(of: $0) ?? .max) < (store.slot(of: $1) ?? .max) }
        for _ in 0..<count {
            // One that does not fit, now and then: then nothing of all may happen.
            let change = self.change(kind < 7 ? kind : below(7), fits: below(40) != 0, planned)
            guard let change else { continue }
            changes.append(change)
            _ = planned.apply(changes.suffix(1), replaceable: [])
        }
        changeCount += 1
        let expected = model.apply(changes, replaceable: marked)
        var thrown: StoreError?
        do {
            try make(changes, kind)
        } catch let error as StoreError {
            thrown = error
        }
        try #require(thrown?.code == expected, "\(changes): \(thrown.map { "\($0)" } ?? "no error")")
        return "\(changes)"
    }

    /// By the method of the kind, or as a batch.
    private mutating func make(_ changes: [Change], _ kind: Int) throws {
        let labels = changes.map(\.label)
        let elements = changes.flatMap { change -> [Float] in
            switch change {
            case .add(_, let vector, _), .update(_, let vector), .upsert(_, let vector): vector
            case .mark, .unmark, .erase: []
            }
        }
        switch kind {
        case 0: try store.add(elements, labels: labels, replacingDeleted: false)
        case 1: try store.add(elements, labels: labels, replacingDeleted: true)
        case 2: try store.update(elements, labels: labels)
        case 3: try store.upsert(elements, labels: labels)
        case 4: try store.markDeleted(labels)
        case 5: try store.unmarkDeleted(labels)
        case 6: try store.erase(labels)
        default: try store.write(VectorStore.WriteBatch(changes))
        }
    }

    /// A change of a kind; nil if there is nothing that it could be made to.
    private mutating func change(_ kind: Int, fits: Bool, _ model: StoreModel) -> Change? {
        let known = model.entries.keys.sorted()
        let live = known.filter { model.entries[$0]?.isMarked == false }
        let marked = known.filter { model.entries[$0]?.isMarked == true }
        var unknown = Label(below(160)) * 3
        while model.entries[unknown] != nil { unknown += 1 }
        let vector =
            below(2) == 0
            ? pool[below(60)]
            : vectors(1, dimensions: configuration.dimensions, scalar: configuration.scalar, seed: random.next())
        func any(_ labels: [Label], _ number: Int) -> Label? { labels.isEmpty ? nil : labels[number % labels.count] }
        let number = below(1 << 20)
        switch kind {
        case 0, 1:
            return (fits ? unknown : any(known, number)).map { .add($0, vector, replacingMarked: kind == 1) }
        case 2: return (fits ? any(known, number) : unknown).map { .update($0, vector) }
        case 3: return .upsert(number % 2 == 0 ? unknown : any(known, number) ?? unknown, vector)
        case 4: return (fits ? any(live, number) : any(marked, number) ?? unknown).map { .mark($0) }
        case 5: return (fits ? any(marked, number) : any(live, number) ?? unknown).map { .unmark($0) }
        default: return (fits ? any(known, number) : unknown).map { .erase($0) }
        }
    }
}
