import MappedStorage
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// What searching threads see of the changes that writing threads make.
@Suite struct VisibilityTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    enum Place: CaseIterable { case memory, diskAtOnce, diskWhenSynced }

    private func store(_ place: Place, _ configuration: VectorStore.Configuration) throws -> VectorStore {
        if place == .memory { return try VectorStore(inMemory: configuration) }
        let options = VectorStore.OpenOptions(
            access: .readWrite, durability: place == .diskAtOnce ? .none : .full, logBytes: 20_000, threads: 1)
        return try VectorStore.create(
            at: directory.appending("store"), configuration: configuration, options: options, calls: .withoutSyncs)
    }

    /// Runs `change` again and again on one thread and `look` on two others, until all changes are made. `look` returns
    /// what is wrong.
    private func beside(
        _ rounds: Int, _ change: @escaping @Sendable (Int) throws -> Void,
        look: @escaping @Sendable (Int) throws -> String?
    ) {
        let isDone = Atomic<Bool>(false), looks = Atomic<Int>(0), problems = Problems()
        withThreads(3) { thread in
            do {
                if thread == 0 {
                    defer { isDone.store(true, ordering: .releasing) }
                    for round in 0..<rounds { try change(round) }
                    return
                }
                // On a machine that is busy with other things the changes may be over before anybody looked.
                while !isDone.load(ordering: .acquiring) || looks.load(ordering: .relaxed) < 10 {
                    let number = looks.add(1, ordering: .relaxed).newValue
                    if let problem = try look(number) {
                        return problems.add(problem)
                    }
                }
            } catch {
                problems.add("\(error)")
            }
        }
        #expect(problems.all == [])
    }

    /// Labels 2n and 2n + 1 have the same vector at any time, and each batch gives one pair, or all, another one.
    @Test(arguments: Place.allCases, [1, 12])
    func `a batch is seen as a whole`(_ place: Place, pairsInBatch: Int) throws {
        let pairs = 12
        let store = try store(place, .init(dimensions: 2, scalar: .uint8, m: 3, efConstruction: 10))
        @Sendable func change(_ round: Int) throws {
            var batch = VectorStore.WriteBatch()
            for pair in 0..<pairs where pairsInBatch == pairs || round % pairs == pair || round == 0 {
                for label in [2 * pair, 2 * pair + 1] {
                    batch.upsert([Float(pair * 20), Float(round % 250)], label: Label(label))
                }
            }
            try store.write(batch)
        }
        try change(0)
        beside(200) {
            try change($0)
        } look: { number in
            let found = try store.search([0, 0], k: 3 * pairs, options: .init(ef: 40, isExact: number % 2 == 0))
            guard found.count == 2 * pairs else { return "\(found.count) vectors" }
            let distances = Dictionary(found.map { ($0.label, $0.distance) }) { first, _ in first }
            guard distances.count == 2 * pairs else { return "a label twice: \(found)" }
            for pair in 0..<Label(pairs) where distances[2 * pair] != distances[2 * pair + 1] {
                return "half of a batch: \(found)"
            }
            guard try store.count == 2 * pairs else { return "another count" }
            return nil
        }
        #expect(try store.verify().problems == [])
    }

    /// The same for the other kinds of search: labels 2n and 2n + 1 are document n, and a third of the vectors is marked and
    /// brought back meanwhile.
    @Test(arguments: Place.allCases)
    func `a radius and documents are of one batch`(_ place: Place) throws {
        let pairs = 40
        let store = try store(place, .init(dimensions: 2, scalar: .uint8, m: 3, efConstruction: 10))
        @Sendable func change(_ round: Int) throws {
            var batch = VectorStore.WriteBatch()
            for pair in 0..<pairs where round % 3 == pair % 3 || round == 0 {
                for label in [2 * pair, 2 * pair + 1] {
                    batch.upsert([Float(pair * 6), Float(round % 250)], label: Label(label))
                }
            }
            try store.write(batch)
            if round % 3 == 1 {
                try store.erase([1, 2, 3].map { Label(2 * pairs + $0) }.filter { (try? store.contains($0)) == true })
            }
            if round % 3 == 2 {
                try store.add([200, 0, 201, 0, 202, 0], labels: [1, 2, 3].map { Label(2 * pairs + $0) })
            }
        }
        try change(0)
        let within = Float(6 * 10 * 6 * 10),
            grouping = VectorStore.DocumentGrouping.array((0..<UInt64(2 * pairs)).map { $0 / 2 })
        beside(150) {
            try change($0)
        } look: { number in
            let isExact = number % 2 == 0
            let options = VectorStore.RadiusOptions(limit: 2 * pairs + 3, ef: 5, isExact: isExact)
            let all = try store.search([0, 0], within: number % 3 == 0 ? .infinity : within, options: options)
            let distances = Dictionary(all.neighbors.map { ($0.label, $0.distance) }) { first, _ in first }
            guard distances.count == all.neighbors.count else { return "a label twice: \(all)" }
            guard !all.isTruncated else { return "more than there are" }
            for pair in 0..<Label(pairs) {
                guard let one = distances[2 * pair], let other = distances[2 * pair + 1] else { continue }
                guard one == other else { return "half of a batch: \(all)" }
            }
            if isExact, number % 3 == 0, distances.keys.count(where: { $0 < 2 * pairs }) != 2 * pairs {
                return "only \(distances.count) of them"
            }
            let found = try store.searchDocuments(
                [0, 0], k: pairs, by: grouping,
                options: .init(ef: 5, neighborsPerDocument: 1 + number % 3, isExact: number % 4 < 2))
            guard Set(found.map(\.document)) == Set(0..<UInt64(pairs)) else { return "documents \(found)" }
            for document in found {
                guard document.neighbors.count == min(2, 1 + number % 3) else { return "neighbours of \(document)" }
                guard Set(document.neighbors.map(\.distance)).count == 1 else { return "half of \(document)" }
            }
            let few = try store.searchDocuments(
                [120, 0], k: 3, by: grouping, options: .init(ef: 4, neighborsPerDocument: 2))
            guard few.count == 3,
                few.allSatisfy({ $0.neighbors.count == 2 && $0.neighbors[0].distance == $0.best.distance })
            else { return "few: \(few)" }
            for document in few where document.neighbors[0].distance != document.neighbors[1].distance {
                return "half of \(document)"
            }
            return nil
        }
        #expect(try store.verify().problems == [])
    }

    /// A label that is given another vector has the old one or the new one at any time.
    @Test(arguments: Place.allCases)
    func `an updated label is never gone`(_ place: Place) throws {
        let count = 150
        let store = try store(place, .init(dimensions: 2, scalar: .uint8, m: 3, efConstruction: 10))
        let labels = (0..<count).map { Label($0) }, begun = Atomic<Int>(0), made = Atomic<Int>(0)
        @Sendable func change(_ round: Int) throws {
            begun.store(round, ordering: .releasing)
            try store.upsert(labels.flatMap { [Float($0), Float(round)] }, labels: labels, threads: 1)
            made.store(round, ordering: .releasing)
        }
        try change(0)
        beside(30) {
            try change($0)
        } look: { number in
            let label = Label(number % count), earliest = made.load(ordering: .acquiring)
            guard try store.contains(label) else { return "contains says that \(label) is gone" }
            guard let vector = try store.vector(for: label) else { return "\(label) has no vector" }
            let latest = begun.load(ordering: .acquiring)
            guard vector[0] == Float(label), (earliest...latest).contains(Int(vector[1])) else {
                return "\(label) has \(vector), between rounds \(earliest) and \(latest)"
            }
            guard try store.distances(from: vector, to: [label])[0] != nil else { return "\(label) is nowhere" }
            return nil
        }
    }

    /// The labels that are there are a stretch of numbers that moves on.
    @Test(arguments: Place.allCases)
    func `what was there before a search is found, what was deleted before is not`(_ place: Place) throws {
        let store = try store(place, .init(dimensions: 2, m: 4, efConstruction: 16))
        let addedBefore = Atomic<Int>(60), addedAfter = Atomic<Int>(60)
        let deletedBefore = Atomic<Int>(0), deletedAfter = Atomic<Int>(0)
        @Sendable func vector(_ label: Int) -> [Float] { [Float(label % 17), Float(label % 23)] }
        try store.add((0..<60).flatMap { vector($0) }, labels: (0..<60).map { Label($0) })
        beside(60) { round in
            let first = 60 + round * 7, gone = round * 7
            addedBefore.store(first + 7, ordering: .releasing)
            try store.add((first..<first + 7).flatMap { vector($0) }, labels: (first..<first + 7).map { Label($0) })
            addedAfter.store(first + 7, ordering: .releasing)
            deletedBefore.store(gone + 7, ordering: .releasing)
            let labels = (gone..<gone + 7).map { Label($0) }
            if round % 3 == 0 { try store.markDeleted(labels) } else { try store.erase(labels) }
            deletedAfter.store(gone + 7, ordering: .releasing)
        } look: { number in
            let deleted = deletedAfter.load(ordering: .acquiring), added = addedAfter.load(ordering: .acquiring)
            let options = VectorStore.SearchOptions(ef: number % 2 == 0 ? 8 : 100, isExact: number % 3 == 0)
            let found = try store.search([8, 8], k: number % 2 == 0 ? 5 : 100, options: options).map {
                Int($0.label)
            }
            let deleting = deletedBefore.load(ordering: .acquiring), adding = addedBefore.load(ordering: .acquiring)
            if let old = found.first(where: { $0 < deleted }) { return "\(old) was deleted before" }
            if let new = found.first(where: { $0 >= adding }) { return "\(new) is not yet there" }
            if Set(found).count != found.count { return "a label twice: \(found)" }
            if number % 2 == 0 { return found.count == 5 ? nil : "only \(found.count)" }
            let missing = Set(deleting..<max(added, deleting)).subtracting(found)
            return missing.isEmpty ? nil : "\(missing) are missing"
        }
        #expect(try store.verify().problems == [])
    }

    @Test(arguments: Place.allCases)
    func `threads that write beside each other all get their changes made`(_ place: Place) throws {
        let configuration = VectorStore.Configuration(dimensions: 3, m: 4, efConstruction: 16)
        let store = try store(place, configuration), threads = 4, rounds = 15, problems = Problems()
        withThreads(threads) { thread in
            do {
                for round in 0..<rounds {
                    let first = Label(thread * 1000 + round * 4)
                    let rows = vectors(4, dimensions: 3, scalar: .float32, seed: UInt64(first)).rows(3)
                    try store.add(rows.flatMap { $0 }, labels: (0..<4).map { first + $0 }, threads: 1)
                    try store.update(rows[1], labels: [first])
                    try store.markDeleted([first + 1])
                    try store.erase([first + 2])
                    if round == 7 { try store.checkpoint() }
                    if round == 9 { try store.synchronize() }
                    if try store.contains(first + 2) || store.vector(for: first) != rows[1] {
                        problems.add("a thread does not see its own changes")
                    }
                }
            } catch {
                problems.add("\(error)")
            }
        }
        #expect(problems.all == [])
        var model = StoreModel(configuration)
        for thread in 0..<threads {
            for round in 0..<rounds {
                let first = Label(thread * 1000 + round * 4)
                let rows = vectors(4, dimensions: 3, scalar: .float32, seed: UInt64(first)).rows(3)
                _ = model.apply((0..<4).map { .add(first + Label($0), rows[$0], replacingMarked: false) })
                _ = model.apply([.update(first, rows[1]), .mark(first + 1), .erase(first + 2)])
            }
        }
        var differences = try model.differences(from: store, queries: [[0, 0, 0]])
        #expect(differences == [])
        guard place != .memory else { return }
        // A crash, and a clean end.
        let copy = directory.appending("copy")
        try copyStore(from: directory.appending("store"), to: copy)
        differences = try model.differences(from: VectorStore.quick(at: copy), queries: [[0, 0, 0]])
        #expect(differences == [])
        try store.close()
        let again = try VectorStore.quick(at: directory.appending("store"))
        differences = try model.differences(from: again, queries: [[0, 0, 0]])
        #expect(differences == [])
    }

    @Test func `closing beside writing threads loses nothing that was acknowledged`() throws {
        let store = try store(.diskWhenSynced, .init(dimensions: 1, m: 4, efConstruction: 16))
        let counts = [Counter(), Counter()], problems = Problems()
        withThreads(3) { thread in
            if thread == 0 {
                _ = poll { (try? store.count) ?? 0 > 20 }
                do { try store.close() } catch { problems.add("\(error)") }
                return
            }
            for number in 0..<100_000 {
                do throws(StoreError) {
                    try store.add([Float(number)], labels: [Label(thread * 1_000_000 + number)], threads: 1)
                    counts[thread - 1].value.store(number + 1, ordering: .releasing)
                } catch {
                    if error.code != .closed { problems.add("\(error)") }
                    return
                }
            }
        }
        #expect(problems.all == [])
        let again = try VectorStore.quick(at: directory.appending("store"))
        let labels = Set(try again.allLabels())
        #expect(labels.count > 20)
        for thread in 1...2 {
            let kept = labels.count { $0 / 1_000_000 == Label(thread) }
            // The last one may have been made although it was not acknowledged any more.
            let acknowledged = counts[thread - 1].value.load(ordering: .acquiring)
            #expect((acknowledged...acknowledged + 1).contains(kept))
        }
        #expect(try again.verify().problems == [])
    }
}

private final class Counter: Sendable {
    let value = Atomic<Int>(0)
}
