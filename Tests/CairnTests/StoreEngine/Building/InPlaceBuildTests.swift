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

/// A store that is made in an empty directory that is there already, such as a volume that is mounted.
@Suite struct InPlaceBuildTests {
    private let directory: TemporaryDirectory
    private let path: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("volume")
        try makeDirectory(path)
    }

    private func makeDirectory(_ path: FilePath) throws {
        try SystemCalls.system.makeDirectory(SystemCalls.workingDirectory, path, 0o777)
    }

    private func build(_ progress: (@Sendable (Int, Int) -> Void)? = nil) throws(StoreError) {
        try VectorStore.build(
            at: path, configuration: .init(dimensions: 2), vectors: [1, 2, 3, 4], options: .init(progress: progress))
    }

    private func number(_ path: FilePath) throws -> FileStatus {
        try SystemCalls.system.status(SystemCalls.workingDirectory, path)
    }

    @Test func `the directory becomes the store, and stays the one it is`() throws {
        try writeBytes([], to: path.appending("x"))
        removeTree(path.appending("x"))
        let before = try number(path)
        try build()
        #expect(try number(path).isSameFile(as: before) && number(path).attributes == before.attributes)
        #expect(names(in: directory.path) == ["volume"])
        #expect(names(in: path) == ["labels", "level0", "lock", "upper"])
        let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
        try store.add([5, 6], labels: [7])
        try store.close()
        #expect(try VectorStore.open(at: path).count == 3)
        #expect(storeError { try build() }?.code == .alreadyExists)
    }

    @Test func `whether a store can be created is known before`() throws {
        let string: String = path.string
        #expect(VectorStore.canCreate(at: path) && VectorStore.canCreate(at: string))
        #expect(VectorStore.canCreate(at: directory.appending("new")))
        #expect(!VectorStore.canCreate(at: "") && !VectorStore.canCreate(at: directory.appending("new/store")))
        try writeBytes([], to: path.appending("x"))
        #expect(!VectorStore.canCreate(at: path) && !VectorStore.canCreate(at: path.appending("x")))
        removeTree(path.appending("x"))
        try SystemCalls.system.makeDirectory(SystemCalls.workingDirectory, path.appending("lost+found"), 0o700)
        #expect(VectorStore.canCreate(at: path))
        try build()
        #expect(!VectorStore.canCreate(at: path))
    }

    @Test func `create, copy and imports take it too`() throws {
        let store = try VectorStore.create(at: path, configuration: .init(dimensions: 2))
        try store.add([5, 6], labels: [7])
        try store.close()
        let copy = directory.appending("copy")
        try makeDirectory(copy)
        try makeDirectory(copy.appending("lost+found"))
        try VectorStore.copy(from: path, to: copy)
        #expect(try VectorStore.open(at: copy).vector(for: 7) == [5, 6])
        #expect(names(in: copy).contains("lost+found"))
        for name in names(in: path) { removeTree(path.appending(name)) }
        try VectorStore.openOrCreate(at: path, configuration: .init(dimensions: 2)).close()
        #expect(try VectorStore.openOrCreate(at: path, configuration: .init(dimensions: 2)).count == 0)
    }

    @Test(arguments: ["thesis.txt", "labels", "level0.new", "lock", ".hidden"])
    func `a directory with something in it is left alone`(name: String) throws {
        try writeBytes([1, 2, 3], to: path.appending(name))
        #expect(storeError { try build() }?.code == .alreadyExists)
        #expect(names(in: path) == [name])
        #expect(try readBytes(path.appending(name)) == [1, 2, 3])
        // A file that a build leaves is no reason to take others.
        try writeBytes([], to: path.appending("unfinished"))
        try writeBytes([], to: path.appending("mine"))
        #expect(storeError { try build() }?.code == .alreadyExists)
        #expect(names(in: path).count == 3)
    }

    @Test func `a link to a directory is left alone`() throws {
        let link = directory.appending("link")
        #expect(unsafe symlink(path.string, link.string) == 0)
        #expect(
            storeError { try VectorStore.build(at: link, configuration: .init(dimensions: 1), vectors: [1]) }?.code
                == .alreadyExists)
        #expect(names(in: path) == [])
    }

    @Test func `what a killed build left is replaced, and until it is finished there is no store`() async throws {
        let name = path.string
        await #expect(processExitsWith: .signal(SIGKILL)) { [name = name as String] in
            try VectorStore.build(
                at: FilePath(name), configuration: .init(dimensions: 2), vectors: [1, 2, 3, 4],
                options: .init(progress: { (_, _) in kill(getpid(), SIGKILL) }))
        }
        #expect(names(in: path) == ["level0.new", "lock", "unfinished"])
        #expect(storeError { _ = try VectorStore.open(at: path) }?.code == .notAStore)
        try build()
        #expect(names(in: path) == ["labels", "level0", "lock", "upper"])
    }

    @Test func `what a living process builds there is left alone`() throws {
        try build { [path] (_, _) in
            let error = storeError {
                try VectorStore.build(at: path, configuration: .init(dimensions: 2), vectors: [5, 6])
            }
            #expect(error?.code == .locked && error?.path == path)
            #expect(storeError { _ = try VectorStore.open(at: path) }?.code == .notAStore)
        }
        #expect(try VectorStore.open(at: path).count == 2)
    }

    /// `level0` gets its name when all else is on the disk: every state that a crash leaves is no store or the whole one.
    @Test(arguments: SystemCall.allCases)
    func `every call may fail, and then the directory is as it was`(call: SystemCall) throws {
        let error = Errno.ioError
        var number = 1
        while true {
            let fault = Fault(call, number: number, error)
            var thrown: StoreError?
            do throws(StoreError) {
                try BuildFaultTests.build(at: path, rows: 20, calls: fault.calls)
            } catch {
                thrown = error
            }
            #expect(names(in: directory.path) == ["volume"])
            if let thrown {
                #expect(fault.hasFired && thrown.systemError == error, "\(call) \(number): \(thrown)")
                #expect(names(in: path) == [], "\(call) \(number)")
            } else {
                #expect(try VectorStore.open(at: path).count == 20)
                for name in names(in: path) { removeTree(path.appending(name)) }
                if !fault.hasFired { break }
            }
            number += 1
            try #require(number < 200)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "giving files away needs root"))
    func `in a directory that everybody may write to, another user's is not taken`() throws {
        #expect(unsafe chown(path.string, 54_321, 54_321) == 0)
        #expect(unsafe chmod(directory.path.string, 0o1777) == 0)
        #expect(storeError { try build() }?.systemError == .notPermitted)
        #expect(names(in: path) == [])
        // Elsewhere it is a service's volume, and the store is the service's.
        #expect(unsafe chmod(directory.path.string, 0o755) == 0)
        try build()
        for name in names(in: path) { #expect(try number(path.appending(name)).attributes.owner == 54_321) }
    }

    @Test(.enabled(if: geteuid() == 0, "giving files away needs root"))
    func `what another user left beside a store is not taken`() throws {
        let draft = directory.appending("store.building")
        try makeDirectory(draft)
        try writeBytes([], to: draft.appending("lock"))
        #expect(unsafe chown(draft.string, 54_321, 54_321) == 0)
        let error = storeError {
            try VectorStore.build(at: directory.appending("store"), configuration: .init(dimensions: 1), vectors: [1])
        }
        #expect(error?.code == .alreadyExists && error?.path == draft)
        #expect(names(in: draft) == ["lock"])
    }

    #if canImport(Glibc)
    @Test(.enabled(if: geteuid() == 0, "mounting needs root"))
    func `a volume that is mounted`() throws {
        let mounted = try run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", path.string])
        try #require(mounted.status == 0, "\(mounted.errors)")
        defer { _ = try? run(["umount", path.string]) }
        try build()
        let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
        try store.add([5, 6], labels: [7])
        try store.close()
        #expect(try VectorStore.open(at: path).count == 3)
        #expect(names(in: directory.path) == ["volume"])
    }
    #endif
}
