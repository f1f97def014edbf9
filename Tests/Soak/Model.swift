import Cairn
import HNSW
import Synchronization
import SystemPackage

/// What the store should hold. Each writing thread has labels of its own; a label's vector follows from the label and a version.
final class Model: Sendable {
    static let dimensions = 16

    /// A label's state, in one number that anybody may read: version × 4 + what it is.
    private enum Kind: UInt64 { case absent, live, marked, changing }

    private let writers: Int
    private let labels: Int
    private let states: [Cell]

    private final class Cell: Sendable { let value = Atomic<UInt64>(0) }

    init(writers: Int, labels: Int) {
        (self.writers, self.labels) = (writers, labels)
        states = (0..<writers * labels).map { _ in Cell() }
    }

    private func vector(_ label: Int, _ version: UInt64) -> [Float] {
        var generator = SplitMix(seed: UInt64(label) << 32 | version)
        return (0..<Self.dimensions).map { _ in Float(Int(generator.next() % 2001)) / 100 }
    }

    private func kind(_ state: UInt64) -> Kind { Kind(rawValue: state & 3)! }

    /// One random batch of one thread; its labels count as changing until it is acknowledged.
    func change(_ store: VectorStore, writer: Int, _ generator: inout SplitMix) throws {
        let count = [1, 1, 5, 40][Int(generator.next() % 4)]
        let chosen = Set((0..<count).map { _ in writer * labels + Int(generator.next() % UInt64(labels)) }).sorted()
        var batch = WriteBatch(), after: [(label: Int, state: UInt64)] = []
        for label in chosen {
            let state = states[label].value.load(ordering: .relaxed), version = state / 4 + 1
            // The version changes with the vector.
            var isNew = true
            let next: Kind
            switch (kind(state), generator.next() % 8) {
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
                batch.mark(Label(label))
                (next, isNew) = (.marked, false)
            case (.marked, 0...1):
                batch.unmark(Label(label))
                (next, isNew) = (.live, false)
            case (.live, 4), (.marked, 3):
                batch.erase(Label(label))
                next = .absent
            default: continue
            }
            after.append((label, (isNew ? version : state / 4) * 4 + next.rawValue))
        }
        for (label, state) in after {
            states[label].value.store(state / 4 * 4 + Kind.changing.rawValue, ordering: .sequentiallyConsistent)
        }
        try store.write(batch)
        for (label, state) in after { states[label].value.store(state, ordering: .sequentiallyConsistent) }
    }

    /// One search; throws when something is found that was gone all the while. Returns whether a vector that stood still was
    /// found, and whether one was sought.
    func search(_ store: VectorStore, _ generator: inout SplitMix) throws -> (found: Int, sought: Int) {
        let target = Int(generator.next() % UInt64(states.count))
        let before = states.map { $0.value.load(ordering: .sequentiallyConsistent) }
        let query = vector(target, before[target] / 4)
        let results = try store.search(
            query, count: 10,
            options: generator.next() % 8 == 0 ? .init(isExact: true) : .init(width: 100))
        let after = states.map { $0.value.load(ordering: .sequentiallyConsistent) }
        var last = -Float.infinity, seen: Set<Label> = []
        for result in results {
            let label = Int(result.label)
            guard label < states.count, seen.insert(result.label).inserted, result.distance >= last else {
                throw Wrong("label \(label) at \(result.distance) after \(last), of \(results)")
            }
            last = result.distance
            guard before[label] == after[label] else { continue }
            switch kind(before[label]) {
            case .absent, .marked: throw Wrong("label \(label) was found and has been gone")
            case .live:
                let own = vector(label, before[label] / 4)
                let distance = zip(own, query).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                guard abs(distance - result.distance) <= 1e-3 * max(1, distance) else {
                    throw Wrong("label \(label) is \(distance) away and was found at \(result.distance)")
                }
            case .changing: break
            }
        }
        guard before[target] == after[target], kind(before[target]) == .live else { return (0, 0) }
        return (seen.contains(Label(target)) ? 1 : 0, 1)
    }

    /// Asks for facts and vectors.
    func look(at store: VectorStore, _ generator: inout SplitMix) throws {
        let info = try store.info
        guard info.count >= 0, info.count + info.deleted <= states.count else { throw Wrong("\(info)") }
        for _ in 0..<20 {
            let label = Int(generator.next() % UInt64(states.count))
            let before = states[label].value.load(ordering: .sequentiallyConsistent)
            let found = try store.vector(for: Label(label))
            guard states[label].value.load(ordering: .sequentiallyConsistent) == before else { continue }
            switch kind(before) {
            case .absent where found != nil, .live where found != vector(label, before / 4):
                throw Wrong("the vector of label \(label) is not what it should be")
            default: break
            }
        }
    }

    /// Compares the store at `path`, which nobody has open, with what it should hold.
    func compare(with path: FilePath) throws {
        let store = try VectorStore.open(at: path)
        defer { try? store.close() }
        var live = 0
        for (label, cell) in states.enumerated() {
            let state = cell.value.load(ordering: .relaxed), isLive = kind(state) == .live
            if isLive { live += 1 }
            guard try store.contains(Label(label)) == isLive,
                try !isLive || store.vector(for: Label(label)) == vector(label, state / 4)
            else { throw Wrong("label \(label) is not what it should be after opening") }
        }
        guard try store.count == live else { throw Wrong("\(try store.count) vectors instead of \(live)") }
    }
}
