import CrashStates
import MappedStorage
import SystemPackage
import TestSupport
import Testing

/// Whether crash states find what is wrong with a program, and nothing in one that is right.
struct ToyLogTests {
    /// What a campaign over one trace came to.
    private struct Outcome {
        var states = 0
        var doubleStates = 0
        var violations: [String] = []
        var digests: Set<UInt64> = []
    }

    private static func record(_ directory: FilePath, _ defect: ToyLog.Defect?, records: Int) throws -> Trace {
        let recording = RecordingSystem(root: directory)
        var log = try ToyLog(creating: directory, calls: recording.calls, defect: defect)
        recording.trace.mark(0)
        for _ in 0..<records {
            try log.append()
            recording.trace.mark(log.count)
        }
        return recording.trace
    }

    /// What is wrong with a log of which `acknowledged` records were promised; nil when nothing is. `calls` are
    /// recovery's.
    private static func violation(
        _ directory: FilePath, acknowledged: Int?, calls: SystemCalls = .system, _ defect: ToyLog.Defect?
    ) -> String? {
        do {
            var log = try ToyLog(recovering: directory, calls: calls, defect: defect)
            if log.count < acknowledged ?? 0 { return "\(log.count) of \(acknowledged ?? 0) records" }
            let count = log.count
            try log.append()
            let again = try ToyLog(recovering: directory, calls: calls, defect: defect)
            return again.count == count + 1 ? nil : "the log can't be continued"
        } catch {
            return acknowledged == nil ? nil : "\(error)"
        }
    }

    private static func campaign(
        _ defect: ToyLog.Defect?, records: Int, perPosition: Int, seed: UInt64
    ) throws -> Outcome {
        let temporary = try TemporaryDirectory()
        let workload = temporary.appending("workload")
        _ = try StateDirectory(workload)
        let disk = try StateDirectory(temporary.appending("disk"))
        let secondDisk = try StateDirectory(temporary.appending("second"))
        let trace = try record(workload, defect, records: records)
        var generator = CrashGenerator(seed: seed)
        var outcome = Outcome()
        var cursor = CrashCursor(trace)
        for position in 0...cursor.end {
            cursor.advance(to: position)
            for number in 0..<perPosition {
                let state = cursor.state(using: &generator)
                outcome.states += 1
                outcome.digests.insert(state.digest)
                try disk.write(state)
                let isDouble = number % 10 == 0
                let recording = RecordingSystem(root: disk.path, trace: Trace(base: state))
                let calls = isDouble ? recording.calls : .system
                if let reason = violation(disk.path, acknowledged: cursor.lastMark, calls: calls, defect) {
                    outcome.violations.append("at \(position): \(reason)")
                }
                guard isDouble else { continue }
                var inner = CrashCursor(recording.trace)
                for position in 0...inner.end {
                    inner.advance(to: position)
                    try secondDisk.write(inner.state(using: &generator))
                    outcome.doubleStates += 1
                    if let reason = violation(secondDisk.path, acknowledged: cursor.lastMark, defect) {
                        outcome.violations.append("in the recovery of \(cursor.position), at \(position): \(reason)")
                    }
                }
            }
        }
        return outcome
    }

    @Test func `a log that syncs what it promises has no violation, twice crashed or once`() throws {
        let outcome = try Self.campaign(nil, records: 40, perPosition: 20, seed: 1)
        #expect(outcome.violations.isEmpty, "\(outcome.violations.prefix(3))")
        #expect(outcome.states > 2500)
        #expect(outcome.doubleStates > 1000)
        #expect(outcome.digests.count > 200)
    }

    @Test(arguments: ToyLog.Defect.allCases)
    func `each defect of the log is found`(_ defect: ToyLog.Defect) throws {
        let outcome = try Self.campaign(defect, records: 12, perPosition: 20, seed: 2)
        #expect(!outcome.violations.isEmpty)
    }

    @Test func `a seed names its states`() throws {
        let first = try Self.campaign(nil, records: 5, perPosition: 5, seed: 3)
        let second = try Self.campaign(nil, records: 5, perPosition: 5, seed: 3)
        let other = try Self.campaign(nil, records: 5, perPosition: 5, seed: 4)
        #expect(first.digests == second.digests)
        #expect(first.digests != other.digests)
    }

    @Test(arguments: [Errno.ioError, .noSpace, .interrupted])
    func `whatever call fails, once or for good, no acknowledged record is lost`(_ error: Errno) throws {
        for isSticky in [false, true] {
            var number = 1
            while true {
                let temporary = try TemporaryDirectory(), outside = try TemporaryDirectory()
                let fault = FaultySystem(Fault(number: number, .error(error), isSticky: isSticky))
                let recording = RecordingSystem(root: temporary.path, over: fault.calls)
                var acknowledged: Int?
                do {
                    var log = try ToyLog(creating: temporary.path, calls: recording.calls)
                    acknowledged = 0
                    recording.trace.mark(0)
                    for _ in 0..<10 {
                        try log.append()
                        acknowledged = log.count
                        recording.trace.mark(log.count)
                    }
                } catch {}
                #expect(Self.violation(temporary.path, acknowledged: acknowledged, nil) == nil)
                // The crash comes after the error: what failed to reach the disk may be there or not.
                let disk = try StateDirectory(outside.appending("disk"))
                var generator = CrashGenerator(seed: UInt64(number))
                var cursor = CrashCursor(recording.trace)
                cursor.advance(to: cursor.end)
                for _ in 0..<10 {
                    try disk.write(cursor.state(using: &generator))
                    #expect(Self.violation(disk.path, acknowledged: cursor.lastMark, nil) == nil)
                }
                if !fault.hasFired { break }
                number += 1
            }
            #expect(number > 30)
        }
    }

    @Test func `short reads and writes change nothing`() throws {
        for call in [Fault.Call.pwrite, .pread] {
            let temporary = try TemporaryDirectory()
            let fault = FaultySystem(Fault([call], number: 1, .short, isSticky: true))
            let trace = try Self.record(temporary.path, nil, records: 3)
            var log = try ToyLog(recovering: temporary.path, calls: fault.calls)
            #expect(log.count == 3)
            try log.append()
            #expect(try ToyLog(recovering: temporary.path, calls: fault.calls).count == 4)
            #expect(fault.firedCount > 3)
            #expect(trace.count > 0)
        }
    }
}
