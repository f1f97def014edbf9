/// The process may not have the memory, the addresses or the thread that it asked for.
package struct OutOfMemory: Error, Sendable, Hashable {
    /// How much it asked for; 0 for a thread.
    package let bytes: Int

    package init(bytes: Int) {
        self.bytes = bytes
    }
}
