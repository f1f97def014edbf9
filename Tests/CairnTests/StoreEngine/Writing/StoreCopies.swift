import HNSW
import MappedStorage
import SystemPackage
import TestSupport
import Threading

@testable import Cairn

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Copies the files of a store, its log among them, to a new directory: what a process that is killed at this moment
/// leaves. No batch may be being written.
func copyStore(from source: FilePath, to destination: FilePath) throws {
    guard unsafe destination.withPlatformString({ unsafe mkdir($0, 0o777) }) == 0 else { throw Errno(rawValue: errno) }
    for (name, bytes) in try snapshot(source) {
        let path = destination.appending(name)
        if name.contains("/") {
            _ = unsafe path.removingLastComponent().withPlatformString { unsafe mkdir($0, 0o777) }
        }
        if let bytes {
            try writeBytes(bytes, to: path)
        } else {
            _ = unsafe path.withPlatformString { unsafe mkdir($0, 0o777) }
        }
    }
}

/// Every name below a directory with its bytes; nil for a directory.
func snapshot(_ directory: FilePath) throws -> [String: [UInt8]?] {
    var found: [String: [UInt8]?] = [:]
    for name in names(in: directory) {
        let path = directory.appending(name)
        if isDirectory(path) {
            found[name] = .some(nil)
            for (inner, bytes) in try snapshot(path) { found[name + "/" + inner] = bytes }
        } else {
            found[name] = try readBytes(path)
        }
    }
    return found
}

private func isDirectory(_ path: FilePath) -> Bool {
    var status = stat()
    return unsafe path.withPlatformString { unsafe lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
}

extension SystemCalls {
    /// The system's, but nothing waits for the disk: what these tests look at is what the next opening reads.
    static let withoutSyncs: SystemCalls = {
        var calls = system
        calls.synchronize = { (_) throws(Errno) in }
        return calls
    }()
}

extension VectorStore {
    /// Opens without ever waiting for the disk.
    static func quick(at path: FilePath, options: OpenOptions = .init(threads: 1)) throws(StoreError) -> VectorStore {
        try open(at: path, options: options, calls: .withoutSyncs)
    }
}

/// A store in a directory of its own that is changed, and what it should hold.
struct WrittenStore {
    let directory: TemporaryDirectory
    let path: FilePath
    let configuration: VectorStore.Configuration

    init(
        dimensions: Int = 4, metric: VectorStore.Metric = .l2, scalar: VectorStore.Scalar = .float32,
        connectivity: Int = 4, seed: UInt64 = 100
    ) throws {
        directory = try TemporaryDirectory()
        path = directory.appending("store")
        configuration = VectorStore.Configuration(
            dimensions: dimensions, metric: metric, scalar: scalar, m: connectivity, efConstruction: 20,
            seed: seed)
    }

    /// `count` vectors that the store can hold; others for another seed.
    func rows(_ count: Int, seed: UInt64 = 1) -> [[Float]] {
        vectors(count, dimensions: configuration.dimensions, scalar: configuration.scalar, seed: seed)
            .rows(configuration.dimensions)
    }

    func create(
        _ options: VectorStore.OpenOptions = .init(access: .readWrite, threads: 1)
    ) throws(StoreError) -> VectorStore {
        try VectorStore.create(at: path, configuration: configuration, options: options, calls: .withoutSyncs)
    }

    func open(_ access: VectorStore.OpenOptions.Access = .readWrite) throws(StoreError) -> VectorStore {
        try VectorStore.quick(at: path, options: .init(access: access, threads: 1))
    }

    /// The files as they are now, under another name.
    func copy(_ name: String) throws -> FilePath {
        let copy = directory.appending(name)
        try copyStore(from: path, to: copy)
        return copy
    }

    /// The log files, the newest last.
    static func logs(_ path: FilePath) -> [FilePath] {
        names(in: path.appending("log")).map { path.appending("log").appending($0) }
    }
}

/// What threads found wrong, for the test that waits for them: an issue that another thread records belongs to no test.
final class Problems: Sendable {
    private let found = Guarded<[String]>([])

    func add(_ problem: String) { found.withLock { $0.append(problem) } }

    var all: [String] { found.withLock { $0 } }
}
