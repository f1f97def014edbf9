import Allocation
import FileFormat
import HNSW
import MappedStorage
import Threading
import WriteAheadLog

/// A batch that is in the log and that searches do not see yet.
struct CommittedBatch {
    let changes: GraphChanges
    let labels: [(label: Label, old: UInt32?, new: UInt32?)]
    let counts: StoreCounts
    let hasDeadSlots: Bool
    /// The number of its commit's frame; 0 without a log.
    let frame: FrameNumber
}

/// Batches between the log and the searches: each is published when it is as durable as was asked for, in their order.
/// Of the threads that wait one syncs the log, for all that is in it by then, while the others, and the next batch,
/// go on.
@safe
final class CommitQueue: @unchecked Sendable {
    // Sendable because every variable is touched only inside `monitor.locked`, and all else is immutable after init.

    private let monitor = Monitor()
    private let graph: Graph
    private let labels: LabelTable
    private let counts: PublishedCounts
    private var waiting: [CommittedBatch] = []
    private var published: FrameNumber
    private var isSyncing = false
    private var failure: StorageError?
    private var retired: [(levelZero: [UInt32], upper: [UInt32])] = []

    init(graph: Graph, labels: LabelTable, counts: PublishedCounts, lastFrame: FrameNumber) {
        self.graph = graph
        self.labels = labels
        self.counts = counts
        published = lastFrame
    }

    /// Makes room for what publishing a batch notes, of `count` labels among others, or throws.
    func prepare(_ changes: GraphChanges, labels count: Int) throws(OutOfMemory) {
        let result = monitor.locked { Result { () throws(OutOfMemory) in try graph.expectRoom(toPublish: changes) } }
        try result.get()
        try labels.prepare(count)
    }

    /// Adds a batch behind the others; `isDurable`: it need not wait for the log, so it is published at once.
    func append(_ batch: CommittedBatch, isDurable: Bool) {
        monitor.locked {
            waiting.append(batch)
            if isDurable { publish(upTo: batch.frame) }
        }
    }

    /// Returns when frame `frame` is durable and its batch published.
    func waitUntilPublished(_ frame: FrameNumber, _ log: LogWriter) throws(StorageError) {
        let result: Result<Void, StorageError> = monitor.locked {
            while published < frame {
                if let failure { return .failure(failure) }
                if isSyncing {
                    monitor.wait()
                } else {
                    sync(log)
                }
            }
            return .success(())
        }
        try result.get()
    }

    /// Syncs the log with the mutex open, and publishes what is then durable.
    private func sync(_ log: LogWriter) {
        isSyncing = true
        let result = monitor.unlocked { Result { () throws(StorageError) in try log.synchronize() } }
        isSyncing = false
        switch result {
        // What failed meanwhile has been undone.
        case .success(let frame): if failure == nil { publish(upTo: frame) }
        case .failure(let error): failure = error
        }
        monitor.wakeAll()
    }

    private func publish(upTo frame: FrameNumber) {
        var done = 0
        while done < waiting.count && waiting[done].frame <= frame {
            let batch = waiting[done]
            labels.commit(batch.labels) {
                retired.append(graph.publish(batch.changes, hasDeadSlots: batch.hasDeadSlots))
                // Who reads a position finds the batch that it came with.
                counts.store(batch.counts)
            }
            published = max(published, batch.frame)
            done += 1
        }
        waiting.removeFirst(done)
    }

    /// The last frame whose batch is published.
    var publishedFrame: FrameNumber { monitor.locked { published } }

    /// Whether every batch is published.
    var isEmpty: Bool { monitor.locked { waiting.isEmpty } }

    /// What published batches replaced, for the thread that writes to retire.
    func takeRetired() -> [(levelZero: [UInt32], upper: [UInt32])] {
        monitor.locked {
            defer { retired.removeAll() }
            return retired
        }
    }

    /// Nothing more becomes durable; who waits is told.
    func fail(_ error: StorageError) {
        monitor.locked {
            if failure == nil { failure = error }
            waiting.removeAll()
            monitor.wakeAll()
        }
    }
}
