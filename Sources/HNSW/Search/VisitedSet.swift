package import Allocation

/// The slots that a search has seen: one bit each, and a list of the words that were touched, so that clearing costs
/// what the search cost and not the size of the store. Where the list would be longer than the words are many, all are
/// cleared.
@safe
package final class VisitedSet {
    private let words = Memory<UInt64>()
    private let touched = Memory<UInt32>()
    private(set) var touchedCount = 0
    /// Words were touched that are not in the list.
    private var hasForgotten = false

    package init() {}

    package var byteCount: Int { words.byteCount + touched.byteCount }

    /// Makes room for slots below `count`. `reserved`: the most that `view` will be asked to reserve at a time.
    package func prepare(slots count: Int, reserved: Int) throws(OutOfMemory) {
        let wordCount = (count + 63) / 64 + 1
        try words.grow(to: wordCount)
        try touched.grow(to: max(4096, wordCount) + reserved)
    }

    /// The set as a value for the hot loop, with room for `slots` further slots in the list.
    @inline(__always)
    func view(reserving slots: Int) -> View {
        if touchedCount &+ slots > touched.buffer.count { forgetTouched(reserving: slots) }
        return View(words: words.buffer, touched: touched.buffer, count: touchedCount)
    }

    @inline(never)
    private func forgetTouched(reserving slots: Int) {
        precondition(slots <= touched.buffer.count, "no room was made for these slots")
        hasForgotten = true
        touchedCount = 0
    }

    /// Takes back a view that has been used.
    @inline(__always)
    func update(_ view: View) { touchedCount = view.count }

    /// Forgets every slot.
    func clear() {
        let words = words.buffer, touched = touched.buffer
        if hasForgotten {
            words.clear()
            hasForgotten = false
            touchedCount = 0
            return
        }
        var index = 0
        while index < touchedCount {
            words[Int(touched[index])] = 0
            index &+= 1
        }
        touchedCount = 0
    }

    @safe
    struct View {
        let words: UncheckedBuffer<UInt64>
        let touched: UncheckedBuffer<UInt32>
        var count: Int

        /// Adds `slot`; 1 if it was new, else 0. No branch: the answer is random to the CPU.
        @inline(__always)
        mutating func insert(_ slot: UInt32) -> Int {
            let word = Int(slot >> 6)
            let old = words[word]
            words[word] = old | (1 &<< UInt64(slot & 63))
            let isNew = Int(truncatingIfNeeded: ~(old &>> UInt64(slot & 63)) & 1)
            touched[count] = UInt32(truncatingIfNeeded: word)
            count &+= isNew
            return isNew
        }

        /// Adds `slot` if `isWanted` is 1, not if it is 0; 1 if it was added, else 0. No branch, for the same reason.
        @inline(__always)
        mutating func insert(_ slot: UInt32, if isWanted: Int) -> Int {
            let word = Int(slot >> 6), bit = UInt64(slot & 63)
            let old = words[word]
            words[word] = old | (UInt64(truncatingIfNeeded: isWanted) &<< bit)
            let isNew = Int(truncatingIfNeeded: ~(old &>> bit)) & isWanted
            touched[count] = UInt32(truncatingIfNeeded: word)
            count &+= isNew
            return isNew
        }

        /// 1 if the slot is not in, else 0.
        @inline(__always)
        func lacks(_ slot: UInt32) -> Int {
            Int(truncatingIfNeeded: ~(words[Int(slot >> 6)] &>> UInt64(slot & 63)) & 1)
        }
    }
}
