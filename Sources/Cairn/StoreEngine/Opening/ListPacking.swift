import FileFormat
import HNSW
import MappedStorage
import Synchronization
import Threading

/// Brings the link lists of level 0 into memory of this process, on a thread of its own, while searches and changes go on.
/// Until a list is there it is read from the file.
final class ListPacking: Sendable {
    private final class Progress: Sendable {
        let isStopped = Atomic<Bool>(false)
        let isDone = Atomic<Bool>(false)
    }

    private let progress = Progress()
    private let thread: Thread?

    /// Lists that are packed at a time.
    private static let step = 2048

    init(_ contents: StoreContents) {
        let graph = contents.graph, memory = contents.memory, count = graph.count, progress = progress
        thread = Thread {
            defer { progress.isDone.store(true, ordering: .releasing) }
            let columns: [Geometry.Column] = [.links, .linkHeads]
            for first in stride(from: 0, to: count, by: Self.step) {
                guard !progress.isStopped.load(ordering: .relaxed) else { return }
                let slots = first..<min(first + Self.step, count)
                memory.expect(slots.upperBound..<min(slots.upperBound + Self.step, count), of: columns)
                graph.packLists(slots)
                // The vectors need the room.
                memory.release(slots, of: columns)
            }
        }
    }

    /// Whether all lists are there, or none will be any more.
    var isDone: Bool { thread == nil || progress.isDone.load(ordering: .acquiring) }

    /// Ends it, once.
    func stop() {
        progress.isStopped.store(true, ordering: .relaxed)
        thread?.join()
    }
}
