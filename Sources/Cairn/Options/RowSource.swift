public import SystemPackage

extension VectorStore {
    /// Vectors that are not in one array, for a build.
    ///
    /// Use it for vectors that you compute, or that are in a file of your own format. A build reads them a portion at a
    /// time, in order. It may read some or all of them several times: a sample for quantization first, and all of them
    /// once before the build if invalid vectors are left out.
    @safe
    public struct RowSource {
        /// The number of vectors.
        public let count: Int
        /// The file that the vectors are in, which errors about them name; nil if there is none.
        public let path: FilePath?
        let read: (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(StoreError) -> Void

        /// Creates a source of vectors.
        ///
        /// - Parameters:
        ///   - count: The number of vectors.
        ///   - path: The file that the vectors are in, which errors about them name; nil if there is none.
        ///   - read: A function that writes the components of some vectors, one after the other, into a span that has
        ///     room for just them. It is called on the thread that builds. To stop, it throws a ``StoreError``.
        public init(
            count: Int, path: FilePath? = nil,
            read: @escaping (_ rows: Range<Int>, _ components: inout MutableSpan<Float>) throws(StoreError) -> Void
        ) {
            unsafe self.init(count: count, file: path) { (rows, buffer) throws(StoreError) in
                // What the function leaves out is no vector.
                unsafe buffer.update(repeating: .nan)
                var span = unsafe buffer.mutableSpan
                try read(rows, &span)
            }
        }

        /// `read` fills a buffer that has room for just the rows it is asked for.
        init(
            count: Int, file path: FilePath?,
            read: @escaping (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(StoreError) -> Void
        ) {
            self.count = count
            self.path = path
            unsafe self.read = read
        }
    }
}
