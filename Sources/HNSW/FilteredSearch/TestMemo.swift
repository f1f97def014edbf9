import Allocation

/// What a test said about the slots that it was made for: two bits each, and a list of the words that were touched, as
/// `VisitedSet` has.
@safe
package final class TestMemo {
    private let words = Memory<UInt64>()
    private let touched = Memory<UInt32>()
    private var touchedCount = 0
    /// Words were touched that are not in the list.
    private var hasForgotten = false

    package var byteCount: Int { words.byteCount + touched.byteCount }

    /// Makes room for slots below `count`.
    func prepare(slots count: Int) throws(OutOfMemory) {
        let wordCount = (count + 31) / 32
        try words.grow(to: wordCount)
        try touched.grow(to: max(1024, wordCount / 2))
    }

    /// nil for a slot that was not tested.
    @inline(__always)
    func result(_ slot: UInt32) -> Bool? {
        let bits = words.buffer[Int(slot >> 5)] &>> UInt64((slot & 31) &<< 1)
        return bits & 1 == 0 ? nil : bits & 2 != 0
    }

    /// Keeps the result of a slot that was not tested before.
    @inline(__always)
    func insert(_ slot: UInt32, _ result: Bool) {
        let word = Int(slot >> 5), old = words.buffer[word]
        words.buffer[word] = old | (result ? 3 : 1) &<< UInt64((slot & 31) &<< 1)
        guard old == 0 else { return }
        if touchedCount == touched.buffer.count { (touchedCount, hasForgotten) = (0, true) }
        touched.buffer[touchedCount] = UInt32(truncatingIfNeeded: word)
        touchedCount &+= 1
    }

    /// Forgets every result.
    func clear() {
        if hasForgotten {
            words.buffer.clear()
        } else {
            for index in 0..<touchedCount { words.buffer[Int(touched.buffer[index])] = 0 }
        }
        (touchedCount, hasForgotten) = (0, false)
    }
}
