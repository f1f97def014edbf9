import Foundation

/// hnswlib, loaded from the library that Benchmarks/hnswlib/shim.cpp is compiled into.
final class Hnswlib {
    private let handle: UnsafeMutableRawPointer
    private let searchFunction:
        @convention(c) (
            UnsafeMutableRawPointer, UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<UInt64>,
            UnsafeMutablePointer<Float>
        ) -> Int

    private typealias FilteredSearch =
        @convention(c) (
            UnsafeMutableRawPointer, UnsafePointer<Float>, Int, Int, UnsafePointer<UInt64>,
            UnsafeMutablePointer<UInt64>,
            UnsafeMutablePointer<Float>
        ) -> Int
    private let filteredFunction: FilteredSearch

    nonisolated(unsafe) private static let library: UnsafeMutableRawPointer = {
        let path = ProcessInfo.processInfo.environment["HNSWLIB_SHIM"] ?? ".build/hnswlib/libshim.so"
        guard let library = dlopen(path, RTLD_NOW) else {
            fatalError("could not load \(path): \(String(cString: dlerror())); run it through make bench-hnswlib")
        }
        return library
    }()

    private static func function<T>(_ name: String, as type: T.Type) -> T {
        unsafeBitCast(dlsym(library, name), to: type)
    }

    private init(_ handle: UnsafeMutableRawPointer) {
        self.handle = handle
        typealias Search =
            @convention(c) (
                UnsafeMutableRawPointer, UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<UInt64>,
                UnsafeMutablePointer<Float>
            ) -> Int
        searchFunction = Self.function("bench_search", as: Search.self)
        filteredFunction = Self.function("bench_search_filtered", as: FilteredSearch.self)
    }

    deinit {
        typealias Free = @convention(c) (UnsafeMutableRawPointer) -> Void
        Self.function("bench_free", as: Free.self)(handle)
    }

    /// An empty index.
    static func make(dimensions: Int, cosine: Bool, capacity: Int, m: Int, efConstruction: Int) -> Hnswlib {
        typealias Create = @convention(c) (Int, Int32, Int, Int, Int) -> UnsafeMutableRawPointer
        return Hnswlib(
            function("bench_create", as: Create.self)(dimensions, cosine ? 1 : 0, capacity, m, efConstruction))
    }

    static func load(_ path: String, dimensions: Int, cosine: Bool) -> Hnswlib {
        typealias Load = @convention(c) (UnsafePointer<CChar>, Int, Int32) -> UnsafeMutableRawPointer
        return Hnswlib(path.withCString { function("bench_load", as: Load.self)($0, dimensions, cosine ? 1 : 0) })
    }

    func add(_ rows: ArraySlice<Float>, count: Int, firstLabel: Int = 0, threads: Int) {
        typealias Add = @convention(c) (UnsafeMutableRawPointer, UnsafePointer<Float>, Int, Int, Int) -> Void
        rows.withUnsafeBufferPointer {
            Self.function("bench_add", as: Add.self)(handle, $0.baseAddress!, count, firstLabel, threads)
        }
    }

    func save(_ path: String) {
        typealias Save = @convention(c) (UnsafeMutableRawPointer, UnsafePointer<CChar>) -> Void
        path.withCString { Self.function("bench_save", as: Save.self)(handle, $0) }
    }

    /// The distances of the results, ascending.
    @inline(__always)
    func search(_ query: UnsafePointer<Float>, k: Int, ef: Int, labels: inout [UInt64], distances: inout [Float]) -> Int
    {
        searchFunction(handle, query, k, ef, &labels, &distances)
    }

    /// The same among the labels whose bit is set in `words`.
    @inline(__always)
    func search(
        _ query: UnsafePointer<Float>, k: Int, ef: Int, bitmap words: UnsafePointer<UInt64>, labels: inout [UInt64],
        distances: inout [Float]
    ) -> Int {
        filteredFunction(handle, query, k, ef, words, &labels, &distances)
    }
}
