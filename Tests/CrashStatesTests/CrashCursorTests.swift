import CrashStates
import MappedStorage
import SystemPackage
import TestSupport
import Testing

/// What may be on the disk after a crash, and what may not, one rule at a time.
struct CrashCursorTests {
    private let directory: TemporaryDirectory
    private let recording: RecordingSystem

    init() throws {
        directory = try TemporaryDirectory()
        recording = RecordingSystem(root: directory.path)
    }

    private func path(_ name: String) -> FilePath { directory.path.appending(name) }

    /// Many states after all that was recorded.
    private func states(_ count: Int = 400, _ mode: CrashMode? = nil, damage: Bool? = nil) -> [DiskState] {
        var cursor = CrashCursor(recording.trace)
        cursor.advance(to: cursor.end)
        var generator = CrashGenerator(seed: 7)
        return (0..<count).map { _ in
            guard let mode else { return cursor.state(using: &generator) }
            return cursor.state(mode, damage: damage ?? false, using: &generator)
        }
    }

    /// A file with durable bytes and a durable name.
    private func durableFile(_ name: String, _ bytes: [UInt8]) throws -> File {
        let file = try File(path(name), .create, calls: recording.calls)
        try file.write(bytes, at: 0)
        try file.synchronize()
        try Directory(directory.path, calls: recording.calls).synchronize()
        return file
    }

    @Test func `synced bytes under a synced name are certain`() throws {
        _ = try durableFile("a", [1, 2, 3])
        for state in states() {
            #expect(state.files.map(\.path) == ["a"])
            #expect(state.file(at: "a")?.bytes == [1, 2, 3])
        }
    }

    @Test func `a synced file whose directory is not synced may have no name`() throws {
        let file = try File(path("a"), .create, calls: recording.calls)
        try file.write([1, 2, 3], at: 0)
        try file.synchronize()
        let found = states().map { $0.file(at: "a")?.bytes }
        #expect(Set(found) == [nil, [1, 2, 3]])
    }

    @Test func `each sector of an unsynced write is old or new by itself, and no sector is torn`() throws {
        let file = try durableFile("a", [UInt8](repeating: 1, count: 4 * 512))
        // From the middle of the first sector to the middle of the last.
        try file.write([UInt8](repeating: 2, count: 3 * 512), at: 256)
        var patterns: Set<[Bool]> = []
        for state in states(2000, .random(keep: 0.5)) {
            let bytes = try #require(state.file(at: "a")?.bytes)
            let written = [256..<512, 512..<1024, 1024..<1536, 1536..<1792]
            #expect(bytes[..<256].allSatisfy { $0 == 1 } && bytes[1792...].allSatisfy { $0 == 1 })
            patterns.insert(
                written.map { range in
                    #expect(Set(bytes[range]).count == 1)
                    return bytes[range.lowerBound] == 2
                })
        }
        #expect(patterns.count == 16)
    }

    @Test func `only sectors that a write covers hold zeros or garbage`() throws {
        let file = try durableFile("a", [UInt8](repeating: 1, count: 4 * 512))
        try file.write([UInt8](repeating: 2, count: 3 * 512), at: 256)
        var zeros = 0, garbage = 0
        for state in states(2000, .random(keep: 0.5), damage: true) {
            let bytes = try #require(state.file(at: "a")?.bytes)
            #expect(bytes[..<256].allSatisfy { $0 == 1 } && bytes[1792...].allSatisfy { $0 == 1 })
            #expect(Set(bytes[256..<512]).count == 1 && Set(bytes[1536..<1792]).count == 1)
            for range in [512..<1024, 1024..<1536] {
                let values = Set(bytes[range])
                if values == [0] { zeros += 1 }
                if values.count > 100 { garbage += 1 }
                #expect(values == [0] || values == [1] || values == [2] || values.count > 100)
            }
        }
        #expect(zeros > 20 && garbage > 20)
    }

    @Test func `of two writes to a sector any may be kept, and the later is on top`() throws {
        let file = try durableFile("a", [1, 1, 1, 1])
        try file.write([2, 2, 2], at: 0)
        try file.write([3, 3], at: 0)
        let found = Set(states(400, .random(keep: 0.5)).map { $0.file(at: "a")?.bytes })
        #expect(found == [[1, 1, 1, 1], [2, 2, 2, 1], [3, 3, 1, 1], [3, 3, 2, 1]])
    }

    @Test func `growth may be lost with its data, or kept without`() throws {
        let file = try durableFile("a", [1])
        try file.write([UInt8](repeating: 2, count: 1024), at: 512)
        try file.allocate(from: 1536, to: 4096)
        let images = states(2000).compactMap { $0.file(at: "a") }
        let sizes = Set(images.map(\.size))
        #expect(sizes.isSuperset(of: [1, 512, 1024, 1536, 4096]))
        #expect(sizes.allSatisfy { 1...4096 ~= $0 })
        #expect(images.contains { $0.size == 4096 && $0.bytes.dropFirst().allSatisfy { $0 == 0 } })
        #expect(images.contains { $0.size == 1024 && $0.bytes[512..<1024].allSatisfy { $0 == 2 } })
        #expect(images.allSatisfy { $0.bytes[0] == 1 })
    }

    @Test func `a rename is seen at both names or at none, and data may be lost under it`() throws {
        _ = try durableFile("a", [1])
        let file = try File(path("b"), .create, calls: recording.calls)
        try file.write([2], at: 0)
        try recording.calls.rename(SystemCalls.workingDirectory, path("b"), path("a"))
        let found = Set(states().map { state in state.files.map { "\($0.path)\($0.image.bytes)" } })
        #expect(found.isSuperset(of: [["a[1]"], ["a[2]"], ["a[]"], ["a[1]", "b[]"]]))
        #expect(
            found.isSubset(of: [
                ["a[1]"], ["a[2]"], ["a[]"], ["a[0]"], ["a[1]", "b[]"], ["a[1]", "b[2]"], ["a[1]", "b[0]"],
            ]))
    }

    @Test func `changes of one name keep their order`() throws {
        _ = try durableFile("a", [1])
        try recording.calls.unlink(SystemCalls.workingDirectory, path("a"))
        let file = try File(path("a"), .create, calls: recording.calls)
        try file.write([2], at: 0)
        try file.synchronize()
        let found = Set(states().map { $0.file(at: "a")?.bytes })
        #expect(found == [[1], nil, [2]])
    }

    @Test func `a sync of one directory says nothing of another`() throws {
        try recording.calls.makeDirectory(SystemCalls.workingDirectory, path("d"), 0o777)
        let file = try File(path("d").appending("a"), .create, calls: recording.calls)
        try Directory(path("d"), calls: recording.calls).synchronize()
        try file.synchronize()
        #expect(Set(states().map { $0.files.map(\.path) + $0.directories }) == [[], ["d/a", "d"]])
        try Directory(directory.path, calls: recording.calls).synchronize()
        #expect(Set(states().map { $0.files.map(\.path) + $0.directories }) == [["d/a", "d"]])
    }

    @Test func `a rename between directories is durable when both are synced, and atomic before`() throws {
        let calls = recording.calls
        try calls.makeDirectory(SystemCalls.workingDirectory, path("d"), 0o777)
        _ = try durableFile("a", [1])
        try calls.rename(SystemCalls.workingDirectory, path("a"), path("d").appending("a"))
        try Directory(path("d"), calls: calls).synchronize()
        #expect(Set(states().map { $0.files.map(\.path) }) == [["a"], ["d/a"]])
        try Directory(directory.path, calls: calls).synchronize()
        #expect(Set(states().map { $0.files.map(\.path) }) == [["d/a"]])
    }

    @Test func `a removed directory may still be there`() throws {
        let calls = recording.calls
        try calls.makeDirectory(SystemCalls.workingDirectory, path("d"), 0o777)
        try Directory(directory.path, calls: calls).synchronize()
        try calls.removeDirectory(SystemCalls.workingDirectory, path("d"))
        #expect(Set(states().map(\.directories)) == [["d"], []])
    }

    @Test func `modes that are exact`() throws {
        let file = try durableFile("a", [1])
        try file.write([2], at: 0)
        try file.write([3], at: 700)
        #expect(Set(states(50, .unsyncedLost).map { $0.file(at: "a")?.bytes }) == [[1]])
        let all = try DiskState(reading: directory.path)
        #expect(Set(states(50, .processKill).map(\.digest)) == [all.digest])
    }

    @Test func `one lost and one kept`() throws {
        for name in ["a", "b", "c"] { _ = try durableFile(name, [0]) }
        for name in ["a", "b", "c"] { try File(path(name), .readWrite, calls: recording.calls).write([1], at: 0) }
        let sums = { (mode: CrashMode) in
            Set(states(300, mode).map { $0.files.map { $0.image.bytes[0] } })
        }
        #expect(sums(.oneLost) == [[0, 1, 1], [1, 0, 1], [1, 1, 0]])
        #expect(sums(.oneKept) == [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    }

    @Test func `a position is before what comes later, and knows the last mark`() throws {
        let file = try durableFile("a", [1])
        recording.trace.mark(5)
        try file.write([2], at: 0)
        recording.trace.mark(6)
        var cursor = CrashCursor(recording.trace)
        #expect(cursor.lastMark == nil && cursor.uncertainCount == 0)
        cursor.advance(to: cursor.end - 2)
        #expect(cursor.lastMark == 5 && cursor.uncertainCount == 0)
        var generator = CrashGenerator(seed: 1)
        #expect(cursor.state(.processKill, using: &generator).file(at: "a")?.bytes == [1])
        cursor.advance(to: cursor.end)
        #expect(cursor.lastMark == 6 && cursor.uncertainCount == 1)
        #expect(cursor.state(.processKill, using: &generator).file(at: "a")?.bytes == [2])
    }

    @Test func `what a failed sync was to name stays uncertain, and what is named after it does not`() throws {
        let file = try durableFile("a", [1])
        for name in ["b", "c"] { _ = try File(path(name), .create, calls: recording.calls) }
        let disk = FaultySystem(Fault([.synchronize], number: 1, .error(.ioError)))
        let recording = RecordingSystem(
            root: directory.path, trace: Trace(base: try DiskState(reading: directory.path)), over: disk.calls)
        try recording.calls.rename(SystemCalls.workingDirectory, path("b"), path("d"))
        #expect(throws: StorageError.self) { try Directory(directory.path, calls: recording.calls).synchronize() }
        try recording.calls.rename(SystemCalls.workingDirectory, path("c"), path("d"))
        try Directory(directory.path, calls: recording.calls).synchronize()
        var cursor = CrashCursor(recording.trace), generator = CrashGenerator(seed: 7)
        cursor.advance(to: cursor.end)
        let names = (0..<400).map { _ in cursor.state(using: &generator).files.map(\.path) }
        #expect(Set(names) == [["a", "d"], ["a", "b", "d"]])
        withExtendedLifetime(file) {}
    }

    @Test func `what a failed sync was to write stays uncertain after one that succeeds`() throws {
        let fault = FaultySystem(Fault([.synchronize], number: 3, .error(.ioError)))
        let directory = try TemporaryDirectory()
        let recording = RecordingSystem(root: directory.path, over: fault.calls)
        let file = try File(directory.appending("a"), .create, calls: recording.calls)
        try file.write([1, 1], at: 0)
        try file.synchronize()
        try Directory(directory.path, calls: recording.calls).synchronize()
        try file.write([2, 2], at: 0)
        #expect(throws: StorageError.self) { try file.synchronize() }
        try file.write([3], at: 0)
        try file.synchronize()
        var cursor = CrashCursor(recording.trace)
        cursor.advance(to: cursor.end)
        var generator = CrashGenerator(seed: 1)
        let found = Set((0..<200).map { _ in cursor.state(using: &generator).file(at: "a")?.bytes })
        #expect(found == [[3, 1], [3, 2]])
    }
}
