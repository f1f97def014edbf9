/// The number of a state of the files, which counts the headers written to `level0` from 1 on, grows by one with each,
/// and is stored in the header, in the journal that leads to it, and in derived files as that of their graph.
package struct Generation: StoredNumber {
    package let rawValue: UInt64

    @inlinable
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Which of the two header slots has the header of this generation.
    package var headerSlot: Int { Int(rawValue % 2) }
}
