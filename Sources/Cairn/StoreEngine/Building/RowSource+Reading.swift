import Allocation
import FileFormat
import HNSW

extension VectorStore {
    /// Reads all rows of `source`, a few MiB at a time, and calls `body` with each portion and the number of its first
    /// row.
    static func forEachPortion(
        of source: VectorStore.RowSource, _ configuration: Configuration,
        _ body: (_ rows: VectorRows, _ range: Range<Int>) throws(StoreError) -> Void
    ) throws(StoreError) {
        let encoding = VectorEncoding(
            dimensions: configuration.dimensions, scalar: configuration.scalar, metric: configuration.metric,
            rowBytes: configuration.superblock.geometry.stride(of: .vectors))
        let chunk = max(1, min(8192, (4 << 20) / (4 * configuration.dimensions)))
        let elements = try takingMemory(for: source.path, Memory<Float>(chunk * configuration.dimensions))
        let cancellation = CancellationCheck()
        for first in stride(from: 0, to: source.count, by: chunk) {
            try cancellation.check()
            let range = first..<min(first + chunk, source.count)
            let buffer = unsafe UnsafeMutableBufferPointer(
                start: elements.buffer.base, count: range.count * configuration.dimensions)
            try unsafe source.read(range, buffer)
            try unsafe body(
                VectorRows(
                    UnsafeBufferPointer(buffer), rows: range.count, encoding: encoding, path: source.path), range)
        }
    }
}

extension VectorStore.RowSource {
    /// The rows that a store of this configuration can hold, under the labels that they have among all of them; `tell`
    /// is called with each of the others. Reads all rows.
    func leavingOutInvalid(
        _ configuration: VectorStore.Configuration, labels: [Label]?, _ tell: (VectorStore.InvalidVector) -> Void
    ) throws(StoreError) -> (source: VectorStore.RowSource, labels: [Label]?) {
        var invalid: [Int] = []
        try VectorStore.forEachPortion(of: self, configuration) { (rows, range) throws(StoreError) in
            for (index, row) in range.enumerated() {
                guard let problem = rows.problem(index) else { continue }
                try takingMemory(for: path, invalid.expectRoom())
                invalid.append(row)
                tell(VectorStore.InvalidVector(row: row, problem: problem.text))
            }
        }
        guard !invalid.isEmpty else { return (self, labels) }
        try takingMemory(for: path, ProcessMemory.expect(growing: count, stride: 8))
        var next = invalid.makeIterator(), left = next.next()
        let kept = (0..<count).filter { row in
            guard row == left else { return true }
            left = next.next()
            return false
        }
        return (leavingOut(invalid), kept.map { labels?[$0] ?? Label($0) })
    }

    /// All rows but some, which ascend.
    private func leavingOut(_ rows: [Int]) -> VectorStore.RowSource {
        let all = unsafe read
        return unsafe VectorStore.RowSource(count: count - rows.count, file: path) {
            (range, buffer) throws(StoreError) in
            guard !range.isEmpty else { return }
            let dimensions = buffer.count / range.count
            // How many are left out before the first of the range: as many as have that many rows, or fewer, before
            // them.
            var low = 0, high = rows.count
            while low < high {
                let middle = (low + high) / 2
                if rows[middle] - middle <= range.lowerBound { low = middle + 1 } else { high = middle }
            }
            var skipped = low, done = 0
            while done < range.count {
                let first = range.lowerBound + done + skipped
                let end = skipped < rows.count ? rows[skipped] : .max
                let run = min(range.count - done, end - first)
                let part = unsafe UnsafeMutableBufferPointer(
                    rebasing: buffer[done * dimensions..<(done + run) * dimensions])
                if run > 0 { try unsafe all(first..<first + run, part) }
                done += run
                skipped += 1
            }
        }
    }
}
