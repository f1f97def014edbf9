// Asked before a collection of Swift's grows: it takes memory without asking, and ends the process where there is none.

extension Array {
    /// Throws unless there is memory for `more` elements more.
    package func expectRoom(for more: Int = 1) throws(OutOfMemory) {
        guard count + more > capacity else { return }
        try ProcessMemory.expect(growing: count + more, stride: MemoryLayout<Element>.stride)
    }
}

extension Set {
    /// Throws unless there is memory for `more` elements more.
    package func expectRoom(for more: Int = 1) throws(OutOfMemory) {
        guard count + more > capacity else { return }
        // A third of the places stay free.
        try ProcessMemory.expect(growing: count + more, stride: 2 * MemoryLayout<Element>.stride)
    }
}

extension Dictionary {
    /// Throws unless there is memory for `more` keys more.
    package func expectRoom(for more: Int = 1) throws(OutOfMemory) {
        guard count + more > capacity else { return }
        try ProcessMemory.expect(
            growing: count + more, stride: 2 * (MemoryLayout<Key>.stride + MemoryLayout<Value>.stride))
    }
}
