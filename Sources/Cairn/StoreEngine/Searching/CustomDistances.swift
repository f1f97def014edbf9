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
