import FileFormat
import HNSW

extension VectorStore {
    /// Throws what a build of these rows would find wrong with them, without making anything. Reads all rows, a few MiB at a time.
    package static func checkBuild(
        _ configuration: Configuration, _ source: RowSource, labels: [Label]?,
        progress: (_ done: Int, _ total: Int) -> Void
    ) throws(StoreError) {
        try configuration.validate()
        try check(source, labels)
        let encoding = VectorEncoding(
            dimensions: configuration.dimensions, scalar: configuration.scalar, metric: configuration.metric,
            rowBytes: configuration.superblock.geometry.stride(of: .vectors))
        let chunk = max(1, min(8192, (4 << 20) / (4 * configuration.dimensions)))
        let elements = Memory<Float>(chunk * configuration.dimensions)
        for first in stride(from: 0, to: source.count, by: chunk) {
            let range = first..<min(first + chunk, source.count)
            let buffer = unsafe UnsafeMutableBufferPointer(
                start: elements.buffer.base, count: range.count * configuration.dimensions)
            try unsafe source.read(range, buffer)
            let rows = try unsafe VectorRows(
                UnsafeBufferPointer(buffer), rows: range.count, encoding: encoding, path: source.path)
            for (index, row) in range.enumerated() {
                try rows.check(index, label: labels?[row] ?? Label(row), offset: first, path: source.path)
            }
            progress(range.upperBound, source.count)
        }
    }
}
