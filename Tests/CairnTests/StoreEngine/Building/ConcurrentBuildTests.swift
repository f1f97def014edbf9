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

/// What a build does about another one of the same name: a dead one's remains are removed, a living one's are not touched.
@Suite struct ConcurrentBuildTests {
    @Test func `what a killed process left is replaced`() async throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store"), name = path.string
        await #expect(processExitsWith: .signal(SIGKILL)) { [name = name as String] in
            try VectorStore.build(
                at: FilePath(name), configuration: .init(dimensions: 2), vectors: [1, 2, 3, 4],
                options: .init(progress: { (_, _) in kill(getpid(), SIGKILL) }))
        }
        #expect(names(in: directory.path) == ["store.building"])
        #expect(names(in: directory.appending("store.building")).contains("level0"))
        try await VectorStore.build(at: path, configuration: .init(dimensions: 2), vectors: [1, 2])
        #expect(names(in: directory.path) == ["store"])
        #expect(try VectorStore.open(at: path).count == 1)
    }

    @Test func `what a living process builds is left alone`() throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        try VectorStore.build(
            at: path, configuration: .init(dimensions: 2), vectors: [1, 2, 3, 4],
            options: .init(progress: { (_, _) in
                let error = storeError {
                    try VectorStore.build(at: path, configuration: .init(dimensions: 2), vectors: [5, 6])
                }
                #expect(error?.code == .locked)
                #expect(names(in: directory.appending("store.building")).contains("level0"))
            }))
        #expect(names(in: directory.path) == ["store"])
        #expect(try VectorStore.open(at: path).count == 2)
    }

    @Test func `another process's build is left alone`() async throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store"), name = path.string
        let draft = try StoreDraft(for: path, calls: .system)
        await #expect(processExitsWith: .success) { [name = name as String] in
            do throws(StoreError) {
                try VectorStore.build(at: FilePath(name), configuration: .init(dimensions: 2), vectors: [1, 2])
                exit(1)
            } catch {
                exit(error.code == .locked ? EXIT_SUCCESS : 2)
            }
        }
        #expect(names(in: directory.appending("store.building")) == ["lock", "unfinished"])
        draft.discard()
        #expect(names(in: directory.path) == [])
    }

    /// Both find no directory; one makes it, and the other one's attempt fails because it exists.
    @Test func `a build that loses the race for the directory does not remove it`() throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let winner = Winner(path)
        var calls = SystemCalls.system
        calls.makeDirectory = { (directory, name, mode) throws(Errno) in
            winner.start()
            try SystemCalls.system.makeDirectory(directory, name, mode)
        }
        let error = storeError {
            let draft = try StoreDraft(for: path, calls: calls)
            draft.discard()
        }
        #expect(error?.code == .locked)
        #expect(names(in: directory.appending("store.building")) == ["lock", "unfinished"])
        winner.end()
        #expect(names(in: directory.path) == [])
    }

    /// The one that comes second removes what the dead process left and begins its own, just when the first one, having
    /// seen the remains too, is about to remove them.
    @Test func `a build that loses the race for the remains does not remove the winner's`() throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let remains = directory.appending("store.building")
        try SystemCalls.system.makeDirectory(SystemCalls.workingDirectory, remains, 0o777)
        try writeBytes([1], to: remains.appending("level0"))
        try writeBytes([], to: remains.appending("lock"))
        let winner = Winner(path)
        var calls = SystemCalls.system
        calls.lock = { (descriptor, operation) throws(Errno) in
            winner.start()
            try SystemCalls.system.lock(descriptor, operation)
        }
        let error = storeError {
            let draft = try StoreDraft(for: path, calls: calls)
            draft.discard()
        }
        #expect(error?.code == .locked)
        #expect(names(in: remains) == ["lock", "unfinished"])
        winner.end()
        #expect(names(in: directory.path) == [])
    }

    /// Between opening the lock file and locking it, another builder came and went: the file that is locked is nobody's.
    @Test func `a lock on a file that was removed meanwhile does not count`() throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let other = Winner(path)
        var calls = SystemCalls.system
        calls.lock = { (descriptor, operation) throws(Errno) in
            other.comeAndGo()
            try SystemCalls.system.lock(descriptor, operation)
        }
        let draft = try StoreDraft(for: path, calls: calls)
        #expect(names(in: directory.appending("store.building")) == ["lock", "unfinished"])
        #expect(storeError { _ = try StoreDraft(for: path, calls: .system) }?.code == .locked)
        draft.discard()
        #expect(names(in: directory.path) == [])
    }

    /// Another builder, started in the middle of a system call of the first.
    private final class Winner: @unchecked Sendable {
        private let path: FilePath
        private var draft: StoreDraft?
        private var hasGone = false

        init(_ path: FilePath) { self.path = path }

        func start() {
            if draft == nil { draft = try? StoreDraft(for: path, calls: .system) }
        }

        /// Removes the directory from under the other one, once.
        func comeAndGo() {
            guard !hasGone else { return }
            hasGone = true
            removeTree(path.removingLastComponent().appending("store.building"))
        }

        func end() {
            draft?.discard()
            draft = nil
        }
    }
}
