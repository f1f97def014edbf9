import FileFormat
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import WriteAheadLog

@Suite struct FaultTests {
    static let callNames = ["open", "pread", "pwrite", "allocate", "status", "synchronize", "rename", "unlink"]

    @Test(arguments: callNames)
    func `a log that could not be made leaves nothing behind`(call: String) throws {
        for recycles in [false, true] {
            for number in 1... {
                let fixture = try LogFixture()
                if recycles { try fixture.write(1...3, to: fixture.writer(1)) }
                let faults = LogFaults(call: call, number: number, error: .noSpace)
                do throws(StorageError) {
                    _ = try fixture.writer(2, recycling: recycles ? 1 : nil, calls: faults.calls)
                } catch {
                    #expect(error.errno == .noSpace && faults.hasFired)
                    let left = names(in: fixture.directory)
                    // Of a log that was to be used again perhaps that, but nothing under the new name.
                    #expect(recycles ? left.allSatisfy { $0 == LogDirectory.name(of: 1).string } : left.isEmpty)
                    // Durable only when it is reported: what stands there is at most a log of nothing.
                    #expect(try fixture.read(2)?.lines ?? [] == [])
                    continue
                }
                #expect(!faults.hasFired)
                break
            }
        }
    }

    @Test(arguments: callNames)
    func `a failed append or sync is an error, and the log holds what was acknowledged`(call: String) throws {
        for number in 1... {
            let fixture = try LogFixture()
            let faults = LogFaults(call: call, number: number, error: .ioError)
            guard let writer = try? fixture.writer(calls: faults.calls) else { continue }
            var acknowledged = 0
            do throws(StorageError) {
                for batch in 1...3 {
                    // Each takes more room than there is.
                    try writer.reserve(1 << 20)
                    try writer.append(
                        LogFixture.batch(batch), commit: LogFixture.commit(batch, durable: writer.durableFrame))
                    try writer.synchronize()
                    acknowledged = batch
                }
            } catch {
                #expect(error.errno == .ioError && faults.hasFired)
                #expect(writer.hasFailed == (call != "allocate"))
            }
            let found = try #require(try fixture.read()).survey.batchCount
            #expect(found == acknowledged || call == "synchronize" && found == acknowledged + 1)
            if writer.hasFailed {
                let calls = faults.names.count
                #expect(throws: StorageError.self) { try writer.synchronize() }
                #expect(throws: StorageError.self) { try writer.reserve(1) }
                #expect(throws: StorageError.self) {
                    try writer.append(LogFixture.batch(1), commit: LogFixture.commit(1, durable: 0))
                }
                #expect(faults.names.count == calls)
            }
            if !faults.hasFired { break }
        }
    }

    @Test func `no space for a batch changes nothing, and it can be tried again`() throws {
        let fixture = try LogFixture()
        let faults = LogFaults(call: "allocate", number: 2, error: .noSpace)
        let writer = try fixture.writer(capacity: 512, calls: faults.calls)
        let batch = LogFixture.batch(1), commit = LogFixture.commit(1, durable: 0)
        let error = #expect(throws: StorageError.self) { try writer.append(batch, commit: commit) }
        #expect(error?.errno == .noSpace && writer.lastFrame == 0 && !writer.hasFailed)
        #expect(try writer.append(batch, commit: commit) == 2)
        #expect(try fixture.read()?.lines == LogFixture.lines(1))
    }

    @Test func `a batch is one write`() throws {
        let fixture = try LogFixture()
        let faults = LogFaults(call: "none", number: 1)
        let writer = try fixture.writer(calls: faults.calls)
        // The directory, and the file: what it is, and how long.
        let opening = ["open", "status", "open", "status", "status"]
        #expect(faults.names == opening + ["allocate", "pwrite", "synchronize", "synchronize"])
        try fixture.write(1...1, to: writer)
        #expect(faults.names.dropFirst(9) == ["pwrite"])
    }

    @Test func `a recycled log is renamed after its header is durable`() throws {
        let fixture = try LogFixture()
        try fixture.write(1...1, to: fixture.writer())
        let faults = LogFaults(call: "none", number: 1)
        _ = try fixture.writer(2, recycling: 1, calls: faults.calls)
        #expect(faults.names.suffix(5) == ["allocate", "pwrite", "synchronize", "rename", "synchronize"])
    }

    @Test(arguments: ["open", "pread", "status"])
    func `a log that can't be read is an error`(call: String) throws {
        let fixture = try LogFixture()
        try fixture.write(1...3, to: fixture.writer())
        for number in 1... {
            let faults = LogFaults(call: call, number: number)
            do {
                #expect(try fixture.read(calls: faults.calls)?.survey.batchCount == 3)
                #expect(!faults.hasFired)
                break
            } catch let error as StoreFileError {
                #expect(faults.hasFired)
                guard case .storage(let error) = error else {
                    Issue.record("\(error)")
                    return
                }
                #expect(error.errno == .ioError)
            }
        }
    }
}
