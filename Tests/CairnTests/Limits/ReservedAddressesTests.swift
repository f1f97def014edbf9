import FileFormat
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

#if canImport(Glibc)
import Glibc
#endif

/// A writer's addresses to grow into.
@Suite struct ReservedAddressesTests {
    @Test func `they are for many times what there is, and no more than a store may have`() {
        #expect(StoreOpening.reservedSlots(for: 1) == 67_108_864)
        #expect(StoreOpening.reservedSlots(for: 10_000_000) == 640_000_000)
        #expect(StoreOpening.reservedSlots(for: 100_000_000) == 2_147_483_647)
        #expect(StoreOpening.reservedSlots(for: 2_147_483_647) == 2_147_483_647)
    }

    #if canImport(Glibc)
    /// The kernel gives a process 65,530 maps and 128 TiB of addresses, unless it is told otherwise.
    @Test func `thousands of small stores, and hundreds of large ones, fit into a process`() async {
        await #expect(processExitsWith: .success) {
            func words(_ path: FilePath) throws -> [Substring] {
                String(decoding: try readBytes(path), as: UTF8.self).split(separator: " ")
            }
            func maps() throws -> Int { try readBytes("/proc/self/maps").count { $0 == UInt8(ascii: "\n") } }
            func addresses() throws -> Int {
                (Int(try words("/proc/self/statm")[0]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
            }
            let directory = try TemporaryDirectory()
            for (dimensions, most) in [(16, 2001), (1536, 192)] {
                var stores: [VectorStore] = [], mapsBefore = 0, addressesBefore = 0
                // The first one brings along what all share.
                for number in 0..<6 {
                    if number == 1 { (mapsBefore, addressesBefore) = (try maps(), try addresses()) }
                    let store = try VectorStore.create(
                        at: directory.appending("\(dimensions)-\(number)"),
                        configuration: .init(dimensions: dimensions),
                        options: .init(access: .readWrite, durability: .none))
                    try store.add([Float](repeating: 1, count: dimensions), labels: [1], threads: 1)
                    stores.append(store)
                }
                #expect(try (maps() - mapsBefore) / 5 * most < 60_000)
                #expect(try (addresses() - addressesBefore) / 5 * most < 100 << 40)
            }
        }
    }
    #endif

    /// Its last segment has room for 4,096 vectors; what is kept beside the columns was for those that were there, and some more.
    @Test func `a store that was opened again is filled to the end of its last segment`() throws {
        let written = try WrittenStore(dimensions: 4), rows = written.rows(5000).flatMap { $0 }
        try VectorStore.build(
            at: written.path, configuration: written.configuration, vectors: Array(rows.prefix(4 * 3000)),
            options: .init(threads: 1))
        let store = try written.open()
        try store.add(Array(rows.suffix(4 * 2000)), labels: (3000..<5000).map { Label($0) })
        #expect(try store.verify().problems == [])
        #expect(try store.count == 5000)
        try store.close()
    }

    /// What a store of these slots' addresses says when they are used up.
    private static func grow(_ slots: Int, to count: Int? = nil) throws -> StoreError? {
        let superblock = VectorStore.Configuration(dimensions: 8).superblock
        let memory = try ColumnMemory(geometry: superblock.geometry, slots: slots, minimum: 1, path: "memory")
        let contents = try StoreContents(
            superblock: superblock, memory: memory, segments: [], writesInPlace: false)
        return storeError {
            try contents.grow(to: count ?? memory.reservedSlots + 1, path: "a store") {
                (segment) throws(StorageError) in
                try memory.allocate(segment, path: "a store")
            }
        }
    }

    @Test func `a store that has used them up says what to do`() throws {
        let error = try Self.grow(1000)
        #expect(error?.code == .full && error?.path == "a store")
        #expect(error?.message.contains("close it and open it again") == true)
        #expect(error?.message.contains("1024 vectors") == true)
        let most = try Self.grow(1000, to: 2_147_483_648)
        #expect(most?.code == .full && most?.message.contains("2147483647") == true)
    }

    #if canImport(Glibc)
    @Test func `a process that may have few addresses has few of a store`() async {
        await #expect(processExitsWith: .success) {
            try limitAddresses(toFurther: 100 << 20)
            let error = try ReservedAddressesTests.grow(1 << 26)
            #expect(
                error?.code == .full && error?.message.contains("ulimit -v") == true, "\(String(describing: error))")
        }
    }
    #endif
}
