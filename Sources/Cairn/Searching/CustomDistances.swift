import HNSW
import Threading

/// The distances this program has registered, by name.
enum CustomDistances {
    private struct Registry: Sendable {
        var functions: [String: Entry] = [:]
    }
    @safe
    private struct Entry: Sendable {
        let function: CustomDistance
    }
    private static let registry = Guarded(Registry())

    static func set(_ name: String, _ function: @escaping CustomDistance) {
        let entry = unsafe Entry(function: function)
        registry.withLock { $0.functions[name] = entry }
    }

    static func function(_ name: String) -> CustomDistance? {
        unsafe registry.withLock { $0.functions[name] }?.function
    }
}

extension VectorStore {
    /// Makes `distance` known under `name` to stores made or opened from now on whose metric is ``Metric/custom(name:)``.
    ///
    /// `distance` gets two vectors as they are stored, in the store's scalar (``Scalar``) and little-endian. Smaller must mean
    /// nearer; a result that is not a number counts as infinitely far. It is called from any thread, often: it should be
    /// quick, must not block and must always give the same result for the same vectors. The bytes are valid only during the
    /// call.
    public static func registerDistance(
        _ name: String,
        _ distance: @escaping @Sendable (_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Float
    ) {
        unsafe CustomDistances.set(name, distance)
    }
}
