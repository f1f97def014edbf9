import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A build that fails at any system call leaves nothing behind, and a later one succeeds.
@Suite struct BuildFaultTests {
    private static let configuration = VectorStore.Configuration(dimensions: 4, m: 4, efConstruction: 20)
    /// Three segments, so that growing fails too.
    private static let elements = seededVectors(count: 600, dimensions: 4, seed: 3)

    @Test(arguments: SystemCall.allCases, [Errno.noSpace, .ioError])
    func `every call may fail`(call: SystemCall, error: Errno) throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        var number = 1
        while true {
            let fault = Fault(call, number: number, error)
            var thrown: StoreError?
            do throws(StoreError) {
                try Self.build(at: path, calls: fault.calls)
            } catch {
                thrown = error
            }
            if let thrown {
                #expect(fault.hasFired)
                #expect(thrown.code == (error == .noSpace ? .full : .io), "\(call) \(number): \(thrown)")
                #expect(thrown.systemError == error)
                #expect(names(in: directory.path) == [], "\(call) \(number)")
            } else {
                // What failed was not needed (closing, the process id in the lock file): the store is whole.
                let store = try VectorStore.open(at: path)
                #expect(try store.count == 600)
                #expect(try store.search(Array(Self.elements[400..<404]), k: 1)[0].label == 100)
                try store.close()
                #expect(names(in: directory.path) == ["store"])
                removeTree(path)
                if !fault.hasFired { break }
            }
            number += 1
            try #require(number < 200)
        }
        try VectorStore.build(at: path, configuration: Self.configuration, vectors: Self.elements)
        #expect(try VectorStore.open(at: path).count == 600)
    }

    @Test func `a failing source of rows leaves nothing`() throws {
        let directory = try TemporaryDirectory()
        let source = unsafe VectorStore.RowSource(count: 600, file: nil) { (_, _) throws(StoreError) in
            throw StoreError(.io, "no more rows")
        }
        let error = storeError {
            try VectorStore.build(
                at: directory.appending("store"), configuration: Self.configuration, source, labels: nil,
                options: .init(),
                calls: .system)
        }
        #expect(error?.message == "no more rows")
        #expect(names(in: directory.path) == [])
    }

    #if canImport(Glibc)
    @Test(.enabled(if: geteuid() == 0, "mounting needs root"))
    func `a disk that is really full`() throws {
        let directory = try TemporaryDirectory(), disk = directory.appending("disk"), path = disk.appending("store")
        #expect(try run(["mkdir", disk.string]).status == 0)
        let mounted = try run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk.string])
        try #require(mounted.status == 0, "\(mounted.errors)")
        defer { _ = try? run(["umount", disk.string]) }
        let error = storeError {
            try VectorStore.build(at: path, configuration: .init(dimensions: 256), vectors: Self.large)
        }
        #expect(error?.code == .full)
        #expect(error?.systemError == .noSpace)
        #expect(names(in: disk) == [])
        try VectorStore.build(
            at: path, configuration: .init(dimensions: 256), vectors: Array(Self.large[..<(256 * 100)]))
        #expect(try VectorStore.open(at: path).search(Array(Self.large[..<256]), k: 1)[0].label == 0)
    }
    #endif

    /// 1.2 MB.
    private static let large = seededVectors(count: 1200, dimensions: 256, seed: 4)

    static func build(at path: FilePath, rows: Int = 600, calls: SystemCalls) throws(StoreError) {
        let source = unsafe VectorStore.RowSource(count: rows, file: nil) { (range, buffer) throws(StoreError) in
            for index in 0..<range.count * 4 { unsafe buffer[index] = elements[range.lowerBound * 4 + index] }
        }
        try VectorStore.build(
            at: path, configuration: configuration, source, labels: nil, options: .init(threads: 1), calls: calls)
    }
}
