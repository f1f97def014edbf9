import Cairn
import HnswlibFile
import SystemPackage
import VectorFiles

extension VectorStore.RowSource {
    /// The rows of a file of vectors. `allowsOverflow`: see `VectorFile.readFloats`.
    init(_ file: VectorFile, allowsOverflow: Bool) {
        self.init(count: file.rows, path: file.path) { (rows, components) throws(StoreError) in
            do throws(VectorFileError) {
                try unsafe components.withUnsafeMutableBufferPointer { (vectors) throws(VectorFileError) in
                    try unsafe file.readFloats(rows: rows, into: vectors, allowsOverflow: allowsOverflow)
                }
            } catch {
                throw StoreError(error)
            }
        }
    }

    /// Those rows of a BFIndex; all of them where `kept` is nil.
    init(_ rows: BruteForceRows, kept: [Int]?) {
        unsafe self.init(index: rows.file.path, count: kept?.count ?? rows.length) {
            (range, vectors) throws(HnswlibFileError) in
            guard let kept else { return try unsafe rows.read(range, vectors: vectors, labels: nil) }
            var next = range.lowerBound
            while next < range.upperBound {
                let first = kept[next], place = (next - range.lowerBound) * rows.dimensions
                var end = next + 1
                while end < range.upperBound && kept[end] - first == end - next { end += 1 }
                let part = unsafe UnsafeMutableBufferPointer(rebasing: vectors[place...])
                try unsafe rows.read(first..<first + (end - next), vectors: part, labels: nil)
                next = end
            }
        }
    }

    /// The vectors of a collection of Chroma's; `path`: its database.
    init(_ rows: ChromaRows, path: FilePath) {
        unsafe self.init(index: path, count: rows.length) { (range, vectors) throws(HnswlibFileError) in
            try unsafe rows.read(range, vectors: vectors)
        }
    }

    private init(
        index path: FilePath, count: Int,
        read: @escaping (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(HnswlibFileError) -> Void
    ) {
        self.init(count: count, path: path) { (rows, components) throws(StoreError) in
            do throws(HnswlibFileError) {
                try unsafe components.withUnsafeMutableBufferPointer { (vectors) throws(HnswlibFileError) in
                    try unsafe read(rows, vectors)
                }
            } catch {
                throw StoreError(error)
            }
        }
    }
}
