import SystemPackage
import TestSupport
import Testing

@testable import Allocation

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct ProcessMemoryTests {
    @Test func `memory is aligned, or zeros`() throws {
        for alignment in [1, 16, 64, 4096] {
            let pointer = try unsafe ProcessMemory.allocate(1000, alignment: alignment)
            let address = Int(bitPattern: pointer)
            #expect(address % max(alignment, 16) == 0)
            unsafe pointer.initializeMemory(as: UInt8.self, repeating: 1, count: 1000)
            unsafe ProcessMemory.release(pointer)
        }
        for bytes in [0, 1, 100_000, 3 << 20] {
            let pointer = try unsafe ProcessMemory.zeroed(bytes)
            let isZero = unsafe UnsafeRawBufferPointer(start: pointer, count: bytes).allSatisfy { $0 == 0 }
            #expect(isZero)
            unsafe ProcessMemory.release(pointer)
        }
    }

    @Test(arguments: [-1, Int.min, Int.max, Int.max - 4096, 1 << 60, 1 << 47])
    func `what nobody can have is refused`(bytes: Int) {
        let error = #expect(throws: OutOfMemory.self) { _ = try unsafe ProcessMemory.allocate(bytes) }
        #expect(error?.bytes == bytes)
        #expect(throws: OutOfMemory.self) { _ = try unsafe ProcessMemory.zeroed(bytes) }
        if bytes > 0 {
            #expect(throws: OutOfMemory.self) { try ProcessMemory.expect(bytes) }
            #expect(throws: OutOfMemory.self) { try ProcessMemory.expectAddresses(bytes) }
            #expect(throws: OutOfMemory.self) { _ = try AddressRange(bytes) }
            #expect(!AddressRange.isAvailable(bytes))
        }
    }

    @Test func `more elements than can be counted are refused`() throws {
        #expect(throws: OutOfMemory.self) { try ProcessMemory.expect(growing: 1 << 60, stride: 16) }
        #expect(throws: OutOfMemory.self) { try ProcessMemory.expect(growing: 1 << 44, stride: 8) }
        try ProcessMemory.expect(growing: 1 << 10, stride: 8)
        try ProcessMemory.expect(1 << 20)
    }

    @Test func `each request can be refused`() throws {
        var failures = 0
        let requests = refusingEachRequest { _ in
            do throws(OutOfMemory) {
                unsafe ProcessMemory.release(try ProcessMemory.allocate(10))
                unsafe ProcessMemory.release(try ProcessMemory.zeroed(10))
                try ProcessMemory.expect(1 << 20)
                try ProcessMemory.expectAddresses(8 << 20)
                try AddressRange(1 << 20).commit(0..<4096)
            } catch {
                failures += 1
            }
        }
        #expect(requests == 6, "\(failures)")
    }

    @Test func `addresses get memory part by part`() async throws {
        let range = try AddressRange(1 << 20)
        try range.commit(0..<8192)
        try range.commit(8192..<16_384)
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: range.start, count: 16_384)
        let isZero = unsafe bytes.allSatisfy { $0 == 0 }
        #expect(isZero)
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 7)
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            let range = try AddressRange(1 << 20)
            try range.commit(0..<4096)
            unsafe range.start.storeBytes(of: 1, toByteOffset: 4096, as: UInt8.self)
        }
    }

    #if canImport(Glibc)
    /// The last of the addresses is not for the library.
    @Test func `something is left where addresses are few`() async {
        await #expect(processExitsWith: .success) {
            try limitAddresses(toFurther: 64 << 20)
            var taken: [AddressRange] = []
            while ProcessMemory.canMap(ProcessMemory.headroom + 1 << 20) { taken.append(try AddressRange(1 << 20)) }
            precondition(taken.count > 20, "\(taken.count)")
            precondition(ProcessMemory.canMap(2 << 20))
            precondition((try? ProcessMemory.expect(1 << 20)) == nil)
            let range = try AddressRange(1 << 20)
            precondition((try? range.commit(0..<1 << 20)) == nil)
            // Small pieces are to be had for a while.
            for _ in 0..<10 { _ = try unsafe ProcessMemory.allocate(1000) }
        }
    }
    #endif
}

@Suite struct MemoryControlGroupTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func write(_ files: [String: String]) throws {
        for (name, text) in files { try writeBytes(Array(text.utf8), to: directory.appending(name)) }
    }

    @Test func `version 2`() throws {
        let group = MemoryControlGroup(directory.path.string, isVersion2: true)
        #expect(group.limit == nil && group.available == nil)
        try write(["memory.max": "max\n", "memory.current": "5000\n", "memory.stat": "file 100\n"])
        #expect(group.limit == nil && group.available == nil)
        try write([
            "memory.max": "100000\n", "memory.current": "60000\n",
            "memory.stat":
                "anon 20000\nfile 30000\nkernel 5000\nshmem 10000\nfile_mapped 7\nslab_reclaimable 500\nslab 900\n",
        ])
        #expect(group.limit == 100_000 && group.available == 60_500)
        try write(["memory.current": "190000\n"])
        #expect(group.available == 0)
    }

    @Test func `version 1`() throws {
        let group = MemoryControlGroup(directory.path.string, isVersion2: false)
        try write(["memory.limit_in_bytes": "9223372036854771712\n", "memory.usage_in_bytes": "5000\n"])
        #expect(group.limit == nil && group.available == nil)
        try write([
            "memory.limit_in_bytes": "100000\n", "memory.usage_in_bytes": "60000\n",
            "memory.stat": "cache 1\nrss 2\ntotal_cache 30000\ntotal_shmem 10000\ntotal_rss 20000\n",
        ])
        #expect(group.limit == 100_000 && group.available == 60_000)
    }
}
