extension VectorStore {
    /// Registers a custom distance under a name.
    ///
    /// Register it before you make or open a store with the metric ``VectorStore/Metric/custom(name:)``. A registration
    /// under the same name replaces the earlier one for stores that are opened later.
    ///
    /// The function gets two vectors as they are stored: in the store's ``VectorStore/Scalar``, little-endian. The
    /// bytes are valid only during the call. A smaller result means nearer. A result that is not a number counts as
    /// infinitely far.
    ///
    /// The function is called often, and from any thread. It should be quick. It must not block, and it must return the
    /// same result each time for the same vectors.
    ///
    /// - Parameters:
    ///   - name: The name of the distance, which stores keep.
    ///   - distance: A function that returns the distance between two vectors.
    public static func registerDistance(
        _ name: String,
        _ distance: @escaping @Sendable (_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Float
    ) {
        unsafe CustomDistances.set(name, distance)
    }
}
