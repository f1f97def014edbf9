import HNSW
import Synchronization
import Threading

/// The slots that a filter came to mean in the store it was last used with, kept until the store changes.
final class SlotCache: Sendable {
    private struct Entry {
        weak var graph: Graph?
        let set: SlotSet
    }

    private let entry = Guarded<Entry?>(nil)
    /// Labels that were tested one by one since there was a set.
    private let tests = Atomic<Int>(0)

    /// The slots, if they are known for what `view` sees.
    func set(for view: GraphView, of graph: Graph) -> SlotSet? {
        entry.withLock { entry in
            guard let entry, entry.graph === graph, entry.set.isValid(for: view) else { return nil }
            return entry.set
        }
    }

    func keep(_ set: SlotSet, of graph: Graph) {
        entry.withLock { $0 = Entry(graph: graph, set: set) }
    }

    /// Counts tests of single labels.
    func add(tests count: Int) { tests.wrappingAdd(count, ordering: .relaxed) }

    /// Whether the tests of single labels have cost about as much by now as one of all `count` slots, in their order.
    /// Says yes to one thread, and then begins to count from 0 again.
    func takesAll(of count: Int) -> Bool {
        let made = tests.load(ordering: .relaxed)
        guard made > count / 8 else { return false }
        return tests.compareExchange(expected: made, desired: 0, ordering: .relaxed).exchanged
    }
}
