import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Slots of erased and replaced vectors are used again, those of marked ones are not, and no search ever sees a label
/// with another's vector.
@Suite struct SpaceReuseTests {
    private let written: WrittenStore

    init() throws { written = try WrittenStore(dimensions: 3) }

    /// Slots in use, marked or free.
    private func slots(_ store: VectorStore) throws -> Int {
        let info = try store.info
        return info.count + info.deletedCount + info.freeSlotCount
    }

    private func fill(_ store: VectorStore, _ count: Int) throws -> [[Float]] {
        let rows = written.rows(count)
        try store.add(rows.flatMap { $0 }, labels: (0..<count).map { Label($0) }, threads: 1)
        return rows
    }

    /// Old links still lead to slots that get new rows; what those rows' lists are meanwhile must not depend on who is faster.
    @Test func `slots that are used again give the same graph on any number of threads`() throws {
        let count = 2000, part = 600, rounds = 6
        let elements = seededVectors(count: count + rounds * part, dimensions: 8, seed: 11)
        var contents: Set<UInt64?> = []
        for threads in [1, 2, 4, 4] {
            let store = try VectorStore(inMemory: .init(dimensions: 8, m: 4, efConstruction: 40))
            try store.add(Array(elements[..<(8 * count)]), labels: (0..<count).map { Label($0) }, threads: threads)
            for round in 0..<rounds {
                let first = count + round * part
                try store.erase(
                    (round * part / 3..<round * part / 3 + part).compactMap { row in
                        try store.contains(Label(row)) ? Label(row) : nil
                    })
                try store.add(
                    Array(elements[8 * first..<8 * (first + part)]), labels: (first..<first + part).map { Label($0) },
                    threads: threads)
            }
            let report = try store.verify()
            #expect(report.problems == [])
            contents.insert(report.contentChecksum)
        }
        #expect(contents.count == 1 && !contents.contains(nil))
    }

    enum Churn: CaseIterable { case update, upsert, eraseAndAdd, replaceMarked }

    @Test(arguments: Churn.allCases)
    func `a store under churn stops growing`(_ churn: Churn) throws {
        let count = 600, part = 40
        let store = try written.create()
        _ = try fill(store, count)
        try store.checkpoint()
        var next = Label(count), random = SeededGenerator(seed: 3), sizes: [Int] = []
        for round in 0..<20 {
            let labels = Set((0..<part * 2).map { _ in random.next() }).prefix(part)
                .reduce(into: Set<Label>()) { $0.insert(Label($1 % UInt64(count))) }
            let live = Set(try store.allLabels()), chosen = labels.filter(live.contains).sorted()
            let fresh = written.rows(chosen.count, seed: UInt64(round) + 100).flatMap { $0 }
            let new = (0..<chosen.count).map { next + Label($0) }
            next += Label(chosen.count)
            switch churn {
            case .update: try store.update(fresh, labels: chosen)
            case .upsert: try store.upsert(fresh, labels: chosen)
            case .eraseAndAdd:
                try store.erase(chosen)
                try store.add(fresh, labels: new)
            case .replaceMarked:
                try store.markDeleted(chosen)
                try store.add(fresh, labels: new, replacingDeleted: true)
            }
            #expect(try store.count == count)
            try store.checkpoint()
            sizes.append(try readBytes(written.path.appending("level0")).count)
        }
        let used = try slots(store)
        #expect(Double(used) <= 1.1 * Double(count), "\(used) slots")
        #expect(sizes[0] == sizes[19])
        #expect(try store.verify().problems == [])
        try store.close()
        // Found again when the store is opened, too.
        let again = try written.open()
        try again.add(written.rows(20, seed: 7).flatMap { $0 }, labels: (0..<20).map { next + $0 })
        #expect(try slots(again) <= used + 4)
    }

    @Test func `freed slots wait for a checkpoint`() throws {
        let store = try written.create()
        _ = try fill(store, 100)
        let more = written.rows(30, seed: 9)
        try store.erase((0..<10).map { Label($0) })
        #expect(try store.info.freeSlotCount == 10)
        try store.add(more[..<10].flatMap { $0 }, labels: (200..<210).map { Label($0) })
        // The log's earlier states need the vectors that stood there.
        #expect(try slots(store) == 110)
        try store.checkpoint()
        try store.update(more[10..<20].flatMap { $0 }, labels: (10..<20).map { Label($0) })
        try store.checkpoint()
        let before = try slots(store)
        try store.update(more[20..<30].flatMap { $0 }, labels: (10..<20).map { Label($0) })
        #expect(try slots(store) == before, "an update finds a slot of its level")
        #expect(try store.verify().problems == [])
    }

    @Test func `marked slots are kept until they are replaced`() throws {
        let store = try written.create(), rows = try fill(store, 60)
        let marked = (10..<30).map { Label($0) }
        try store.markDeleted(marked)
        try store.checkpoint()
        try store.add(written.rows(40, seed: 9).flatMap { $0 }, labels: (100..<140).map { Label($0) })
        #expect(try slots(store) == 100)
        #expect(try store.info.deletedCount == 20)
        for label in marked { #expect(try store.vector(for: label) == nil) }
        try store.unmarkDeleted(Array(marked[..<15]))
        for label in marked[..<15] { #expect(try store.vector(for: label) == rows[Int(label)]) }
        let more = written.rows(8, seed: 11).flatMap { $0 }
        try store.add(more, labels: (200..<208).map { Label($0) }, replacingDeleted: true)
        // Five could be replaced, the other three are simply new.
        #expect(try store.info.deletedCount == 0)
        #expect(try store.count == 60 - 5 + 40 + 8)
        for label in marked[15...] { #expect(storeError { try store.unmarkDeleted([label]) }?.code == .unknownLabel) }
        #expect(try store.verify().problems == [])
    }

    @Test func `a mark can be undone after a checkpoint, a crash and a reopening`() throws {
        var store = try written.create()
        let rows = try fill(store, 50)
        func expect(_ marked: [Label]) throws {
            #expect(try store.info.deletedCount == marked.count)
            let found = try store.search(rows[7], k: 50, options: .init(isExact: true)).map(\.label)
            #expect(Set(found) == Set((0..<50).map { Label($0) }).subtracting(marked))
            #expect(try store.verify().problems == [])
        }
        try store.markDeleted([7, 8, 9, 10])
        try store.checkpoint()
        try store.unmarkDeleted([8])
        try expect([7, 9, 10])
        store = try VectorStore.quick(
            at: written.copy("crashed"), options: .init(access: .readWrite, threads: 1))
        try expect([7, 9, 10])
        try store.unmarkDeleted([7])
        try store.close()
        store = try VectorStore.quick(
            at: written.directory.appending("crashed"), options: .init(access: .readWrite, threads: 1))
        try expect([9, 10])
        try store.unmarkDeleted([9, 10])
        try expect([])
        #expect(try store.search(rows[7], k: 1)[0] == VectorStore.Neighbor(label: 7, distance: 0))
    }

    /// A search is held while what it looks at is erased, and new vectors come: it finds what there was when it began.
    @Test(.timeLimit(.minutes(1)), arguments: [true, false])
    func `a search that takes long sees no slot used again`(isOnDisk: Bool) throws {
        let store = isOnDisk ? try written.create() : try VectorStore(inMemory: written.configuration)
        let rows = try fill(store, 40), hasBegun = Atomic<Bool>(false), hasEnded = Atomic<Bool>(false)
        let found = Results(), problems = Problems()
        withThreads(2) { thread in
            if thread == 0 {
                let filter = VectorStore.LabelFilter.matching { _ in
                    hasBegun.store(true, ordering: .releasing)
                    _ = poll { hasEnded.load(ordering: .acquiring) }
                    return true
                }
                found.neighbors =
                    (try? store.search(rows[3], k: 40, options: .init(filter: filter, isExact: true))) ?? []
            } else {
                defer { hasEnded.store(true, ordering: .releasing) }
                _ = poll { hasBegun.load(ordering: .acquiring) }
                do {
                    for first in stride(from: 0, to: 40, by: 10) {
                        try store.erase((first..<first + 10).map { Label($0) })
                        try store.checkpoint()
                        let far = [Float](repeating: 1000, count: 30)
                        try store.add(far, labels: (0..<10).map { Label(1000 + first + $0) })
                        try store.checkpoint()
                    }
                } catch {
                    problems.add("\(error)")
                }
            }
        }
        #expect(problems.all == [])
        #expect(found.neighbors.count == 40)
        for neighbor in found.neighbors {
            let own = neighbor.label < 40 ? distance(.l2, rows[3], rows[Int(neighbor.label)]) : .nan
            #expect(abs(Double(neighbor.distance) - own) < 1e-5, "label \(neighbor.label) at \(neighbor.distance)")
        }
        #expect(Set(try store.allLabels()) == Set((1000..<1040).map { Label($0) }))
        #expect(try store.verify().problems == [])
        // Now that it has ended, they are used again.
        let before = try slots(store)
        try store.checkpoint()
        try store.add([Float](repeating: 5, count: 30), labels: (0..<10).map { Label($0) })
        #expect(try slots(store) < before + 10)
    }

    /// Labels and vectors belong together whatever is going on: each vector is a function of its label.
    @Test(arguments: [true, false])
    func `no search sees a label with another's vector`(isOnDisk: Bool) throws {
        let configuration = VectorStore.Configuration(
            dimensions: 4, scalar: .uint8, m: 4, efConstruction: 12)
        let store =
            isOnDisk
            ? try VectorStore.create(
                at: written.path, configuration: configuration,
                options: .init(access: .readWrite, logBytes: 6000, threads: 1), calls: .withoutSyncs)
            : try VectorStore(inMemory: configuration)
        let problems = Problems(), isDone = Atomic<Bool>(false)
        let first = Atomic<Int>(0), second = Atomic<Int>(0)
        /// Until both threads that search have ended one that began before: while one lasts, no slot that was freed since is used.
        @Sendable func waitForSearches() {
            let before = (first.load(ordering: .relaxed), second.load(ordering: .relaxed))
            while first.load(ordering: .relaxed) < before.0 + 2 || second.load(ordering: .relaxed) < before.1 + 2 {
                usleep(100)
            }
        }
        try store.add((0..<120).flatMap { Self.vector(Label($0)) }, labels: (0..<120).map { Label($0) })
        withThreads(3) { thread in
            if thread == 0 {
                defer { isDone.store(true, ordering: .releasing) }
                for oldest in stride(from: 0, to: 800, by: 20) {
                    let new = (oldest + 120..<oldest + 140).map { Label($0) }
                    do {
                        try store.erase((oldest..<oldest + 20).map { Label($0) })
                        try store.add(new.flatMap(Self.vector), labels: new)
                    } catch {
                        problems.add("\(error)")
                    }
                    waitForSearches()
                }
                return
            }
            var number: Label = Label(thread)
            while !isDone.load(ordering: .acquiring) {
                let query = Self.vector(number)
                let options = VectorStore.SearchOptions(ef: 12, isExact: number % 2 == 0)
                let found = (try? store.search(query, k: 8, options: options)) ?? []
                let isRight = found.allSatisfy {
                    Double($0.distance) == distance(.l2, query, Self.vector($0.label))
                }
                if !isRight || found.count != 8 { problems.add("\(query): \(found)") }
                if thread == 1 { first.add(1, ordering: .relaxed) } else { second.add(1, ordering: .relaxed) }
                number += 2
            }
        }
        #expect(problems.all == [])
        #expect(Set(try store.allLabels()) == Set((800..<920).map { Label($0) }))
        #expect(try slots(store) < 600, "slots are used again")
        #expect(try store.verify().problems == [])
    }

    private static func vector(_ label: Label) -> [Float] {
        (0..<4).map { Float((label &* 2_654_435_761 >> (8 * $0)) & 0xff) }
    }
}

/// What a thread found, for the one that waits for it.
private final class Results: @unchecked Sendable {
    var neighbors: [VectorStore.Neighbor] = []
}
