import Cairn
import SystemPackage
import TestSupport

/// All that a writer can do with a store. What is acknowledged must be there when the store is opened again.
struct WriterUse {
    private let sample: Sample
    private let root: FilePath
    private let note: (String) -> Void
    private let seed: UInt64
    /// Labels that no sample has.
    private static let firstNewLabel: Label = 1 << 40

    init(_ sample: Sample, _ root: FilePath, _ seed: UInt64, _ note: @escaping (String) -> Void) {
        (self.sample, self.root, self.seed, self.note) = (sample, root, seed, note)
    }

    func run(_ path: FilePath) throws {
        var random = SeededGenerator(seed: seed)
        let damage: VectorStore.OpenOptions.LogDamage = random.below(4) == 0 ? .discardRest : .fail
        let options = VectorStore.OpenOptions(
            logBytes: random.one(of: [2_000, 20_000, 64 << 20]), logDamage: damage, threads: 2)
        note("open for writing")
        guard
            let store = try attempt({ () throws(StoreError) in
                try VectorStore.openForWriting(at: path, options: options)
            })
        else { return }
        var acknowledged: [Label] = [], untouched = try Untouched(store)
        for number in 0..<(5 + random.below(5)) {
            try change(store, number, &random, &acknowledged, &untouched.touched)
            if random.below(3) == 0 {
                note("search after change \(number)")
                _ = try attempt { () throws(StoreError) in
                    try store.search(sample.queries[0], k: 5, options: .init(ef: 20))
                }
            }
        }
        note("verify after changes")
        _ = try attempt { () throws(StoreError) in try store.verify() }
        try Searches(store, sample, seed: random.next(), note).run()
        let isKilled = random.below(3) == 0
        if isKilled {
            let copy = root.appending("killed")
            defer { removeTree(copy) }
            try StoreFiles(path).write(to: copy)
            try openAgain(copy, acknowledged, untouched, isKilled: true)
        }
        note("close after changes")
        _ = try attempt { () throws(StoreError) in try store.close() }
        try openAgain(path, acknowledged, untouched, isKilled: false)
    }

    private func change(
        _ store: VectorStore, _ number: Int, _ random: inout SeededGenerator, _ acknowledged: inout [Label],
        _ touched: inout Set<Label>
    ) throws {
        let labels = try attempt { () throws(StoreError) in try store.allLabels() } ?? []
        let marked = try attempt { () throws(StoreError) in try store.deletedLabels() } ?? []
        // A store whose labels are not what they were has labels that come twice.
        func choose(_ labels: [Label], _ count: Int) -> [Label] {
            let chosen = Set(labels.shuffled(using: &random).prefix(count))
            touched.formUnion(chosen)
            return chosen.sorted()
        }
        let seed = random.next(), kind = random.below(15)
        let first = Self.firstNewLabel + Label(1000 * number)
        func add(_ count: Int, replacing: Bool) throws {
            let new = (first..<first + Label(count)).map { $0 }
            if replacing { touched.formUnion(marked) }
            let done: Void? = try attempt { () throws(StoreError) in
                try store.add(
                    sample.rows.vectors(count, seed: seed), labels: new, replacingDeleted: replacing, threads: 2)
            }
            if done != nil { acknowledged += new }
        }
        note("change \(number), of kind \(kind)")
        switch kind {
        case 0, 1: try add(1 + random.below(20), replacing: false)
        case 2: try add(1 + random.below(5), replacing: true)
        case 3, 4:
            let chosen = choose(labels, 45)
            try make { () throws(StoreError) in
                try store.upsert(sample.rows.vectors(chosen.count, seed: seed), labels: chosen)
            }
        case 5:
            let chosen = choose(labels, 5)
            try make { () throws(StoreError) in
                try store.update(sample.rows.vectors(chosen.count, seed: seed), labels: chosen)
            }
        case 6, 7:
            let chosen = choose(labels, random.below(4) == 0 ? 100 : 1 + random.below(12))
            try make { () throws(StoreError) in try store.erase(chosen) }
            acknowledged.removeAll { chosen.contains($0) }
        case 8:
            let chosen = choose(labels, 6)
            try make { () throws(StoreError) in try store.markDeleted(chosen) }
            acknowledged.removeAll { chosen.contains($0) }
        case 9: try make { () throws(StoreError) in try store.unmarkDeleted(choose(marked, 3)) }
        case 10:
            var batch = VectorStore.WriteBatch()
            let chosen = choose(labels, 8)
            for (label, vector) in zip(chosen, sample.rows.each(8, seed: seed)) { batch.upsert(vector, label: label) }
            if let erased = choose(labels, 1).first {
                batch.erase(erased)
                acknowledged.removeAll { $0 == erased }
            }
            try make { () throws(StoreError) in try store.write(batch) }
        case 11:
            let codes = random.one(of: VectorStore.Quantization.allCases)
            try make { () throws(StoreError) in try store.setQuantization(codes) }
        case 12: try make { () throws(StoreError) in try store.setEF(1 + random.below(100)) }
        case 13: try make { () throws(StoreError) in try store.checkpoint() }
        default:
            let index = root.appending("index.bin")
            defer { removeTree(index) }
            try make { () throws(StoreError) in
                try store.synchronize()
                try store.exportHnswlib(to: index)
            }
        }
    }

    private func make(_ body: () throws(StoreError) -> Void) throws { _ = try attempt(body) }

    /// A store that acknowledged changes must have them.
    private func openAgain(
        _ path: FilePath, _ acknowledged: [Label], _ untouched: Untouched, isKilled: Bool
    ) throws {
        note("open again")
        var missing: Label?, difference: (any Error)?, isSound = false
        do throws(StoreError) {
            let store = try VectorStore.open(at: path, options: .init(threads: 1))
            for label in acknowledged where try !store.contains(label) { missing = label }
            do { try untouched.check(store) } catch { difference = error }
            // Damage that was made to look sound may have left vectors of another length.
            if try store.configuration.dimensions == sample.queries[0].count {
                _ = try store.search(sample.queries[0], k: 5, options: .init(ef: 20))
            }
            isSound = try store.verify().isSound
            try store.close()
        } catch {
            throw Violation("a store that a writer had open does not open again: \(error)")
        }
        if let missing { throw Violation("label \(missing), which was acknowledged, is not there") }
        // A writer that is killed leaves a damaged file of labels as it was. A reader may not find a label by it, until the next
        // writer makes it again. Then `verify` tells of it.
        let isTold = isKilled && !isSound && (difference as? Violation)?.isOfAbsence == true
        if let difference, !isTold { throw difference }
        note("write again")
        _ = try attempt { () throws(StoreError) in
            let store = try VectorStore.openForWriting(at: path, options: .init(threads: 1))
            try store.add(sample.rows.vectors(1, seed: 5), labels: [Self.firstNewLabel - 1])
            try store.close()
        }
    }
}
