package import SystemPackage

/// Where the rows of a build come from: read in order, a range at a time.
@safe
package struct RowSource {
    package let count: Int
    /// The file they are in, for messages.
    let path: FilePath?
    let read: (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(StoreError) -> Void

    /// `read` fills a buffer that has room for just the rows it is asked for.
    package init(
        count: Int, path: FilePath?,
        read: @escaping (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(StoreError) -> Void
    ) {
        self.count = count
        self.path = path
        unsafe self.read = read
    }
}
