import CrashStates
import MappedStorage
import SystemPackage
import TestSupport
import Testing

struct FaultySystemTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func write(_ calls: SystemCalls, _ name: String = "a") throws {
        let file = try File(directory.appending(name), .openOrCreate, calls: calls)
        try file.write([1, 2, 3, 4], at: 0)
        try file.synchronize()
    }

    @Test func `without a fault calls are counted and pass`() throws {
        let system = FaultySystem()
        try write(system.calls)
        // The file is closed too.
        #expect(system.count == 5)
        for call in [Fault.Call.open, .status, .pwrite, .synchronize, .close] { #expect(system.count(of: call) == 1) }
        #expect(!system.hasFired)
    }

    @Test func `the n-th call of all fails, once`() throws {
        for (number, action) in [(1, "open"), (2, "status"), (3, "pwrite"), (4, "synchronize")] {
            let system = FaultySystem(Fault(number: number, .error(.noSpace)))
            let error = #expect(throws: StorageError.self) { try write(system.calls) }
            #expect(error?.errno == .noSpace, "\(action)")
            #expect(system.firedCount == 1)
            try write(system.calls)
        }
    }

    @Test func `a sticky fault of one kind fails from then on`() throws {
        let system = FaultySystem(Fault([.synchronize], number: 2, .error(.ioError), isSticky: true))
        try write(system.calls)
        for _ in 0..<3 { #expect(throws: StorageError.self) { try write(system.calls) } }
        #expect(system.firedCount == 3)
        #expect(system.count(of: .pwrite) == 4)
    }

    @Test func `a fault that is armed later counts from then on, and can be taken back`() throws {
        let system = FaultySystem()
        try write(system.calls)
        system.arm(Fault([.pwrite], number: 2, .error(.ioError), isSticky: true))
        try write(system.calls)
        #expect(throws: StorageError.self) { try write(system.calls) }
        #expect(system.firstFired == .pwrite)
        system.arm(nil)
        #expect(!system.hasFired)
        try write(system.calls)
    }

    @Test func `a full disk fails an opening only where a file may come of it`() throws {
        try write(.system)
        let system = FaultySystem(Fault(Fault.callsForSpace, number: 1, .error(.noSpace), isSticky: true))
        _ = try File(directory.appending("a"), .read, calls: system.calls)
        #expect(!system.hasFired)
        #expect(throws: StorageError.self) { try File(directory.appending("b"), .create, calls: system.calls) }
    }

    @Test func `a call that fails has done nothing`() throws {
        let calls = FaultySystem(
            Fault([.open, .makeDirectory, .rename, .unlink], number: 2, .error(.ioError), isSticky: true)
        ).calls
        try write(calls)
        #expect(throws: Errno.ioError) { try calls.unlink(SystemCalls.workingDirectory, directory.appending("a")) }
        #expect(throws: Errno.ioError) {
            try calls.rename(SystemCalls.workingDirectory, directory.appending("a"), directory.appending("b"))
        }
        #expect(throws: Errno.ioError) {
            try calls.makeDirectory(SystemCalls.workingDirectory, directory.appending("d"), 0o777)
        }
        #expect(throws: StorageError.self) { try write(calls, "c") }
        #expect(names(in: directory.path) == ["a"])
    }

    @Test func `a short transfer moves half`() throws {
        let system = FaultySystem(Fault([.pread, .pwrite], number: 1, .short, isSticky: true))
        try write(system.calls)
        // 4 bytes: 2, then 1, then the last, which can't be halved.
        #expect(system.count(of: .pwrite) == 3)
        #expect(system.firedCount == 2)
        #expect(try readBytes(directory.appending("a")) == [1, 2, 3, 4])
    }

    @Test func `a loop over all calls ends when the fault no longer fires`() throws {
        var number = 1
        while true {
            let system = FaultySystem(Fault(number: number, .error(.interrupted)))
            try? write(system.calls)
            if !system.hasFired { break }
            number += 1
        }
        #expect(number == 6)
    }
}
