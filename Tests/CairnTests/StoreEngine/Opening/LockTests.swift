import SystemPackage
import TestSupport
import Testing

@testable import Cairn

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

@Suite struct LockTests {
    @Test func `one writer, or any number of readers`() throws {
        let fixture = try StoreFixture(10)
        let writer = try fixture.open(.readWrite)
        let second = storeError { _ = try fixture.open(.readWrite) }
        #expect(second?.code == .locked && second?.path == fixture.path)
        #expect(second?.message.contains("process \(getpid())") == true)
        let reader = storeError { _ = try fixture.open(.readOnly) }
        #expect(reader?.code == .locked && reader?.message.contains("process \(getpid())") == true)
        try writer.close()
        let readers = try (0..<3).map { _ in try fixture.open(.readOnly) }
        #expect(storeError { _ = try fixture.open(.readWrite) }?.code == .locked)
        for reader in readers { try reader.close() }
        try fixture.open(.readWrite).close()
    }

    @Test func `a store that is let go of lets go of its lock`() throws {
        let fixture = try StoreFixture(10)
        for _ in 0..<3 { _ = try fixture.open(.readWrite).count }
    }

    @Test(arguments: [true, false], [true, false])
    func `processes exclude each other as handles do`(holderWrites: Bool, comerWrites: Bool) async throws {
        let fixture = try StoreFixture(10), name = fixture.path.string
        let holder = try fixture.open(holderWrites ? .readWrite : .readOnly)
        let expected: Int32 = !holderWrites && !comerWrites ? 3 : 4
        await #expect(processExitsWith: .exitCode(expected)) {
            [name = name as String, comerWrites = comerWrites as Bool] in
            exit(Self.outcomeOfOpening(name, writes: comerWrites))
        }
        try holder.close()
    }

    /// 3: opened; 4: locked; 5: anything else. Its own function, so that the store is gone when the process ends: the leak
    /// check would change the exit code.
    private static func outcomeOfOpening(_ name: String, writes: Bool) -> Int32 {
        do throws(StoreError) {
            let store = try VectorStore.open(
                at: FilePath(name), options: .init(access: writes ? .readWrite : .readOnly))
            return try store.count == 10 ? 3 : 5
        } catch {
            return error.code == .locked ? 4 : 5
        }
    }

    @Test func `a dead writer's lock is free`() async throws {
        let fixture = try StoreFixture(10), name = fixture.path.string
        await #expect(processExitsWith: .signal(SIGKILL)) { [name = name as String] in
            let store = try VectorStore.open(at: FilePath(name), options: .init(access: .readWrite))
            try store.setEF(77)
            kill(getpid(), SIGKILL)
        }
        #expect(try fixture.open(.readWrite).configuration.ef == 77)
    }

    @Test(arguments: [VectorStore.OpenOptions.Access.readOnly, .readWrite])
    func `a missing lock file is made anew`(access: VectorStore.OpenOptions.Access) throws {
        let fixture = try StoreFixture(10)
        removeTree(fixture.path.appending("lock"))
        let store = try fixture.open(access)
        #expect(try store.count == 10)
        #expect(storeError { _ = try fixture.open(.readWrite) }?.code == .locked)
        if access == .readOnly { #expect(try fixture.open(.readOnly).count == 10) }
    }

    @Test func `what is not a store is told apart`() throws {
        let directory = try TemporaryDirectory()
        #expect(storeError { _ = try VectorStore.open(at: directory.appending("none")) }?.code == .notFound)
        #expect(storeError { _ = try VectorStore.open(at: directory.path) }?.code == .notAStore)
        try writeBytes([1, 2, 3], to: directory.appending("file"))
        #expect(storeError { _ = try VectorStore.open(at: directory.appending("file")) }?.code == .notAStore)
        try writeBytes([UInt8](repeating: 7, count: 100_000), to: directory.appending("level0"))
        #expect(storeError { _ = try VectorStore.open(at: directory.path) }?.code == .notAStore)
        removeTree(directory.appending("level0"))
        #expect(try run(["mkdir", directory.appending("level0").string]).status == 0)
        #expect(storeError { _ = try VectorStore.open(at: directory.path) }?.code == .notAStore)
    }
}
