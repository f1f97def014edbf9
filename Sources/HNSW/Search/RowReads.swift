/// Reads rows of vectors from the disk, for one search at a time: many together, and while the search goes on.
package protocol RowReads: AnyObject, Sendable {
    /// Begins to read the rows of slots that will most likely be asked for.
    func expect(_ slots: UncheckedBuffer<UInt32>, _ count: Int)
    /// Puts the rows of slots at `rows`, one after the other at the column's stride. False: they have to be read through
    /// the column.
    func read(_ slots: UncheckedBuffer<UInt32>, _ count: Int, to rows: UnsafeMutableRawPointer) -> Bool
    /// The search is over: whoever lent it gets it back.
    func finish()
}
