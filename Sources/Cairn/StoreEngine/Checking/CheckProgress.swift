import FileFormat

/// Tells now and then how far a check of a store is. It goes through the pages of the file once, and through the slots
/// several times; a page or a slot is a step. One thread.
final class CheckProgress {
    private let depth: VectorStore.VerifyReport.Depth
    private let report: ((_ done: Int, _ total: Int) -> Void)?
    private var total = 1
    private var done = 0
    private var reported = 0
    private let cancellation = CancellationCheck()
    /// Whether the check is to end.
    private(set) var isCancelled = false
    private static let interval = 8192

    init(_ depth: VectorStore.VerifyReport.Depth, _ report: ((_ done: Int, _ total: Int) -> Void)?) {
        self.depth = depth
        self.report = report
    }

    /// Before the first step.
    func begin(_ segments: [Geometry.Segment], slots: Int) {
        let pages = (segments.last?.end ?? 0) / Geometry.pageSize
        switch depth {
        case .header: total = 1
        case .checksums: total = max(pages, 1)
        case .graph: total = max(pages + Self.passes * slots, 1)
        case .searches: total = max(pages + (Self.passes + Self.stepsOfSearch) * slots, 1)
        }
    }

    /// Over slots and lists, over what links lead to, over labels.
    private static let passes = 3
    /// A search takes about as long as so many slots.
    static let stepsOfSearch = 64

    /// So many steps more. False if the check is to end.
    @discardableResult
    func advance(_ steps: Int = 1) -> Bool {
        done += steps
        guard done - reported >= Self.interval else { return !isCancelled }
        reported = done
        report?(min(done, total), total)
        isCancelled = cancellation.isCancelled
        return !isCancelled
    }

    /// Throws if the check is to end.
    func check() throws(StoreError) {
        if isCancelled { throw .cancelled }
        try cancellation.check()
    }

    func finish() { report?(total, total) }
}
