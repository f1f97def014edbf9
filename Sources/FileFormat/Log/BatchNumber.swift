/// The number of a batch, which counts the batches of a store from 1 on, grows by one with each, and is stored in the
/// batch's commit and, as that of the last batch that a state includes, in the header.
package struct BatchNumber: StoredNumber {
    package let rawValue: UInt64

    @inlinable
    package init(rawValue: UInt64) { self.rawValue = rawValue }
}
