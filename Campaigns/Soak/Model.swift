import Cairn
import Foundation
import HNSW
import Synchronization
import SystemPackage
import TestSupport

typealias Label = VectorStore.Label

/// What the store should hold. Each writing thread has labels of its own; a label's vector follows from the label and a version.
final class Model: Sendable {
    static let dimensions = 16

    private enum Kind: UInt64 { case absent, live, marked, changing }

    /// A label's state, in one number that anybody may read. No two states of a label are equal, so that one who finds the same
    /// state twice knows that nothing has happened in between.
    private struct State: Equatable {
        let word: UInt64

        var kind: Kind { Kind(rawValue: word & 3)! }
        /// Of the vector; changes with it.
        var version: UInt64 { (word & 0xFFFF_FFFF) >> 2 }
        private var changes: UInt64 { word >> 32 }

        init(word: UInt64) { self.word = word }

        private init(_ kind: Kind, version: UInt64, changes: UInt64) {
            word = changes << 32 | version << 2 | kind.rawValue
        }

        var changing: State { State(.changing, version: version, changes: changes) }

        func changed(to kind: Kind, isNew: Bool) -> State {
            State(kind, version: isNew ? version + 1 : version, changes: changes + 1)
        }
    }

    private let writers: Int
    private let labels: Int
    private let states: [Cell]

    private final class Cell: Sendable {
        private let word = Atomic<UInt64>(0)

        var state: State { State(word: word.load(ordering: .sequentiallyConsistent)) }

        func set(_ state: State) { word.store(state.word, ordering: .sequentiallyConsistent) }
    }

    init(writers: Int, labels: Int) {
        (self.writers, self.labels) = (writers, labels)
        states = (0..<writers * labels).map { _ in Cell() }
    }

    private func vector(_ label: Int, _ version: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: UInt64(label) << 32 | version)
        return (0..<Self.dimensions).map { _ in Float(Int(generator.next() % 2001)) / 100 }
    }

    /// One random batch of one thread; its labels count as changing until it is acknowledged.
    func change(_ store: VectorStore, writer: Int, _ generator: inout SeededGenerator) throws {
        let count = [1, 1, 5, 40][Int(generator.next() % 4)]
        let chosen = Set((0..<count).map { _ in writer * labels + Int(generator.next() % UInt64(labels)) }).sorted()
        var batch = VectorStore.WriteBatch(), after: [(label: Int, state: State)] = []
        for label in chosen {
            let state = states[label].state, version = state.version + 1
            // The version changes with the vector.
            var isNew = true
            let next: Kind
            switch (state.kind, generator.next() % 8) {
            case (.absent, 0..<6):
                batch.add(vector(label, version), label: Label(label))
                next = .live
            case (.live, 0...1):
                batch.update(vector(label, version), label: Label(label))
                next = .live
            case (.live, 2), (.marked, 2):
                batch.upsert(vector(label, version), label: Label(label))
                next = .live
            case (.live, 3):
                batch.markDeleted(Label(label))
                (next, isNew) = (.marked, false)
            case (.marked, 0...1):
                batch.unmarkDeleted(Label(label))
                (next, isNew) = (.live, false)
            case (.live, 4), (.marked, 3):
                batch.erase(Label(label))
                next = .absent
            default: continue
            }
            after.append((label, state.changed(to: next, isNew: isNew)))
        }
        for (label, state) in after { states[label].set(state.changing) }
        try store.write(batch)
        for (label, state) in after { states[label].set(state) }
    }

    /// One search; throws when something is found that was gone all the while. Returns whether a vector that stood still was
    /// found, and whether one was sought.
    func search(_ store: VectorStore, _ generator: inout SeededGenerator) throws -> (found: Int, sought: Int) {
        let target = Int(generator.next() % UInt64(states.count))
        let before = states.map(\.state)
        let query = vector(target, before[target].version)
        let results = try store.search(
            query, k: 10,
            options: generator.next() % 8 == 0 ? .init(isExact: true) : .init(ef: 100))
        let after = states.map(\.state)
        var last = -Float.infinity, seen: Set<Label> = []
        for result in results {
            let label = Int(result.label)
            guard label < states.count, seen.insert(result.label).inserted, result.distance >= last else {
                throw Wrong("label \(label) at \(result.distance) after \(last), of \(results)")
            }
            last = result.distance
            guard before[label] == after[label] else { continue }
            switch before[label].kind {
            case .absent, .marked: throw Wrong("label \(label) was found and has been gone")
            case .live:
                let own = vector(label, before[label].version)
                let distance = zip(own, query).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                guard abs(distance - result.distance) <= 1e-3 * max(1, distance) else {
                    throw Wrong("label \(label) is \(distance) away and was found at \(result.distance)")
                }
            case .changing: break
            }
        }
        guard before[target] == after[target], before[target].kind == .live else { return (0, 0) }
        return (seen.contains(Label(target)) ? 1 : 0, 1)
    }

    /// Asks for facts and vectors.
    func look(at store: VectorStore, _ generator: inout SeededGenerator) throws {
        let info = try store.info
        guard info.count >= 0, info.count + info.deletedCount <= states.count else { throw Wrong("\(info)") }
        for _ in 0..<20 {
            let label = Int(generator.next() % UInt64(states.count))
            let before = states[label].state
            let found = try store.vector(for: Label(label))
            guard states[label].state == before else { continue }
            switch before.kind {
            case .absent where found != nil, .live where found != vector(label, before.version):
                throw Wrong("the vector of label \(label) is not what it should be")
            default: break
            }
        }
    }

    /// Reads all rows, a few at a time: what stood still meanwhile comes once if it is live, and else not at all.
    func readRows(of store: VectorStore) throws {
        let before = states.map(\.state), dimensions = Self.dimensions
        var found: [Int: [[Float]]] = [:], portion = try store.portion(from: 0, count: 64)
        while !portion.labels.isEmpty {
            for (row, label) in portion.labels.enumerated() {
                let vector = portion.vectors[row * dimensions..<(row + 1) * dimensions]
                found[Int(label), default: []].append(Array(vector))
            }
            portion = try store.portion(from: portion.end, count: 64)
        }
        let after = states.map(\.state)
        for label in states.indices where before[label] == after[label] {
            let rows = found.removeValue(forKey: label) ?? []
            switch before[label].kind {
            case .absent where !rows.isEmpty, .marked where !rows.isEmpty,
                .live where rows != [vector(label, before[label].version)]:
                throw Wrong("label \(label), which is \(before[label].kind), was read as \(rows)")
            default: break
            }
        }
        guard found.keys.allSatisfy({ $0 < states.count }) else { throw Wrong("labels that never were: \(found.keys)") }
    }

    /// Exports the store, with what is changed meanwhile or without it, and imports that again, in `directory`.
    func export(_ store: VectorStore, in directory: FilePath) throws {
        let file = directory.appending("exported.bin"), path = directory.appending("imported")
        let before = states.map(\.state)
        let export = try store.exportHnswlib(to: file)
        let after = states.map(\.state)
        let report = try VectorStore.importHnswlib(from: file, to: path, options: .init(metric: .l2))
        guard report.count == export.count, report.deletedCount == export.deletedCount, report.repeatedLabels == 0
        else {
            throw Wrong("\(report) was imported of what was exported as \(export)")
        }
        let copy = try VectorStore.open(at: path)
        let verified = try copy.verify(), live = try copy.allLabels(), marked = try Set(copy.deletedLabels())
        guard verified.isSound, verified.unreachableCount == 0, live.count == export.count,
            marked.count == export.deletedCount
        else {
            throw Wrong("an export with \(live.count) live of \(export.count) labels: \(verified)")
        }
        for (label, state) in before.enumerated() where after[label] == state && state.kind != .changing {
            let vector = try copy.vector(for: Label(label))
            guard vector == (state.kind == .live ? self.vector(label, state.version) : nil),
                marked.contains(Label(label)) == (state.kind == .marked)
            else {
                throw Wrong("label \(label), which is \(state.kind), was exported as \(String(describing: vector))")
            }
        }
        try copy.close()
        try FileManager.default.removeItem(atPath: path.string)
    }

    /// Compares the store at `path`, which nobody has open, with what it should hold.
    func compare(with path: FilePath) throws {
        let store = try VectorStore.open(at: path)
        defer { try? store.close() }
        var live = 0
        for (label, cell) in states.enumerated() {
            let state = cell.state, isLive = state.kind == .live
            if isLive { live += 1 }
            guard try store.contains(Label(label)) == isLive,
                try !isLive || store.vector(for: Label(label)) == vector(label, state.version)
            else { throw Wrong("label \(label) is not what it should be after opening") }
        }
        guard try store.count == live else { throw Wrong("\(try store.count) vectors instead of \(live)") }
    }
}
