import FileFormat
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

#if canImport(Glibc)
import Glibc
#endif

@Suite struct HandleTests {
    /// A setting whose sync failed was not acknowledged. But who opens the store may find it, and then it stays.
    @Test func `what is found in a header that may not be on the disk is brought there`() throws {
        let store = try CodedStore(.none), fault = LateFault(.synchronize, .ioError, of: "level0")
        try store.build(20)
        let opened = try VectorStore.open(
            at: store.path, options: .init(access: .readWrite, threads: 1), calls: fault.calls)
        try opened.setEF(60)
        fault.arm(1)
        #expect(throws: StoreError.self) { try opened.setEF(70) }
        #expect(fault.hasFired)
        try? opened.close()
        func widths() throws -> [Int] {
            let bytes = try readBytes(store.path.appending("level0"))
            let superblock = try LevelZeroFile.open(Directory(store.path)["level0"], writable: false).superblock
            return try [0, 4096].map { (offset) throws in
                try HeaderSlot(decoding: Array(bytes[offset..<offset + HeaderSlot.size]), superblock: superblock)
                    .searchWidth
            }
        }
        #expect(try widths().sorted() == [60, 70])
        let again = try VectorStore.openForWriting(at: store.path)
        #expect(try again.configuration.ef == 70)
        // Both are, one after the other and each with its sync, before anything else is done.
        #expect(try widths() == [70, 70])
        try again.close()
        // From then on there is nothing to do.
        let before = try readBytes(store.path.appending("level0"))
        try VectorStore.openForWriting(at: store.path).close()
        #expect(try readBytes(store.path.appending("level0")) == before)
    }

    @Test func `ef is kept in both headers, and nothing else changes`() throws {
        let fixture = try StoreFixture(20)
        let level0 = fixture.path.appending("level0")
        var before = try readBytes(level0)
        for width in [7, 1, 1_000_000, 50] {
            let store = try fixture.open(.readWrite)
            try store.setEF(width)
            #expect(try store.configuration.ef == width)
            try store.close()
            let after = try readBytes(level0)
            for slot in [0, 4096] { #expect(after[slot..<slot + 512] != before[slot..<slot + 512]) }
            #expect(after[512..<4096] == before[512..<4096] && after[4608...] == before[4608...])
            before = after
            #expect(try fixture.open().configuration.ef == width)
            #expect(try fixture.open().search(fixture.rows[4], k: 1)[0].label == 4)
        }
    }

    @Test func `ef can be changed many times in one handle`() throws {
        let fixture = try StoreFixture(20), store = try fixture.open(.readWrite)
        for width in 1...9 { try store.setEF(width) }
        try store.close()
        #expect(try fixture.open().configuration.ef == 9)
    }

    @Test(arguments: [0, -1, 1_000_001, Int.max])
    func `an ef out of range is refused and the old one kept`(width: Int) throws {
        let fixture = try StoreFixture(20), store = try fixture.open(.readWrite)
        #expect(storeError { try store.setEF(width) }?.code == .invalidArgument)
        #expect(try store.configuration.ef == 50)
    }

    @Test func `a handle for reading refuses to change ef`() throws {
        let fixture = try StoreFixture(20), store = try fixture.open(.readOnly)
        let before = try readBytes(fixture.path.appending("level0"))
        #expect(storeError { try store.setEF(9) }?.code == .readOnly)
        #expect(try store.configuration.ef == 50)
        #expect(try readBytes(fixture.path.appending("level0")) == before)
    }

    @Test func `ef in memory`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 1, ef: 9))
        #expect(try store.configuration.ef == 9)
        try store.setEF(10)
        #expect(try store.configuration.ef == 10)
    }

    @Test(arguments: [SystemCall.pwrite, .synchronize], [Errno.noSpace, .ioError])
    func `a change of ef that fails leaves the old one, and nothing more is written until the store is opened again`(
        call: SystemCall, error: Errno
    ) throws {
        let fixture = try StoreFixture(20)
        // The lock file's process id is the first write.
        let fault = Fault(call, number: call == .pwrite ? 2 : 1, error)
        let store = try VectorStore.open(at: fixture.path, options: .init(access: .readWrite), calls: fault.calls)
        #expect(storeError { try store.setEF(9) }?.systemError == error)
        #expect(try store.configuration.ef == 50)
        #expect(try store.search(fixture.rows[4], k: 1)[0].label == 4)
        let refusal = storeError { try store.setEF(10) }
        #expect(refusal?.code == .failed && refusal?.systemError == error)
        #expect(refusal?.message.contains("could not") == true, "names what failed: \(refusal?.message ?? "")")
        #expect(storeError { try store.add(fixture.rows[0], labels: [77]) }?.code == .failed)
        #expect(try store.configuration.ef == 50)
        try store.close()
        let again = try fixture.open(.readWrite)
        try again.setEF(10)
        try again.close()
        #expect(try fixture.open().configuration.ef == 10)
    }

    @Test func `a closed store says so, and may be closed again`() throws {
        let fixture = try StoreFixture(20)
        let memory = try VectorStore(inMemory: .init(dimensions: 8))
        try memory.add(fixture.rows[0], labels: [0])
        for store in [try fixture.open(.readWrite), memory] {
            _ = try store.search(fixture.rows[0], k: 1)
            try store.close()
            try store.close()
            let uses: [() throws -> Void] = [
                { _ = try store.count }, { _ = try store.info }, { _ = try store.configuration },
                { _ = try store.allLabels() }, { _ = try store.contains(0) }, { _ = try store.vector(for: 0) },
                { _ = try store.search(fixture.rows[0], k: 1) },
                {
                    let query = fixture.rows[0]
                    _ = try store.search(query.span, k: 1)
                },
                { _ = try store.search(batch: fixture.rows[0], k: 1) },
                { _ = try store.distances(from: fixture.rows[0], to: [0]) }, { try store.setEF(5) },
            ]
            for (index, use) in uses.enumerated() {
                #expect(storeError("use \(index)") { try use() }?.code == .closed)
            }
        }
        #expect(storeError { try memory.add(fixture.rows[0], labels: [5]) }?.code == .closed)
    }

    #if canImport(Glibc)
    /// A process that is being started has copies of all descriptors until it runs its program. They must not keep a closed
    /// store locked.
    @Test func `a copied descriptor does not keep a closed store locked`() throws {
        let fixture = try StoreFixture(20), store = try fixture.open(.readWrite)
        let copies = try lockDescriptors(of: fixture.path).map { try $0.duplicate() }
        try #require(copies.count == 1)
        try store.close()
        #expect(try fixture.open(.readWrite).count == 20)
        for copy in copies { try copy.close() }
    }

    @Test func `a copied descriptor does not keep a finished build locked`() throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let copies = Copies()
        try VectorStore.build(
            at: path, configuration: .init(dimensions: 1), vectors: [1],
            options: .init(progress: { (_, _) in
                copies.descriptors = (try? lockDescriptors(of: directory.appending("store.building"))) ?? []
                copies.descriptors = copies.descriptors.compactMap { try? $0.duplicate() }
            }))
        #expect(copies.descriptors.count == 1)
        #expect(try VectorStore.open(at: path, options: .init(access: .readWrite)).count == 1)
        for copy in copies.descriptors { try copy.close() }
    }
    #endif
}

#if canImport(Glibc)
private final class Copies: @unchecked Sendable {
    var descriptors: [FileDescriptor] = []
}

/// This process's descriptors of the lock file in `directory`.
private func lockDescriptors(of directory: FilePath) throws -> [FileDescriptor] {
    names(in: "/proc/self/fd").compactMap { name in
        var target = [UInt8](repeating: 0, count: 4096)
        let length = unsafe target.withUnsafeMutableBytes { buffer in
            unsafe readlink("/proc/self/fd/\(name)", buffer.baseAddress!.assumingMemoryBound(to: CChar.self), 4096)
        }
        guard length > 0, String(decoding: target[..<length], as: UTF8.self) == directory.appending("lock").string,
            let number = Int32(name)
        else { return nil }
        return FileDescriptor(rawValue: number)
    }
}
#endif
