import CrashStates
import MappedStorage
import SystemPackage
import TestSupport
import Testing

struct DiskStateTests {
    private static func state(_ files: [String: [UInt8]], directories: [String] = []) -> DiskState {
        let sorted = files.sorted { $0.key < $1.key }
        return DiskState(
            directories: directories, files: sorted.map { DiskState.File(path: $0.key, image: FileImage($0.value)) })
    }

    @Test func `an image is its bytes`() {
        var generator = CrashGenerator(seed: 3)
        var bytes: [UInt8] = []
        var image = FileImage()
        for _ in 0..<500 {
            let copy = image, before = bytes
            let offset = generator.below(20_000)
            let part = (0..<generator.below(6000) + 1).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            if bytes.count < offset + part.count {
                bytes += [UInt8](repeating: 0, count: offset + part.count - bytes.count)
            }
            bytes.replaceSubrange(offset..<offset + part.count, with: part)
            image.grow(to: offset + part.count)
            image.write(part, at: offset)
            #expect(image.size == bytes.count && image.bytes == bytes)
            #expect(copy.bytes == before)
            #expect(image.digest == FileImage(bytes).digest)
        }
    }

    @Test func `the digest tells names, sizes, places and bytes apart, and not how they came about`() {
        let page = [UInt8](repeating: 5, count: 4096), zeros = [UInt8](repeating: 0, count: 4096)
        let states = [
            Self.state([:]), Self.state(["a": []]), Self.state(["b": []]), Self.state([:], directories: ["a"]),
            Self.state(["a": [0]]), Self.state(["a": [0, 0]]), Self.state(["a": [1]]), Self.state(["a": zeros]),
            Self.state(["a": page + zeros]), Self.state(["a": zeros + page]), Self.state(["a": page + page]),
            Self.state(["a": page, "b": zeros]), Self.state(["a": zeros, "b": page]),
            Self.state(["a/b": page], directories: ["a"]),
        ]
        #expect(Set(states.map(\.digest)).count == states.count)
        var sparse = FileImage()
        sparse.grow(to: 4096)
        #expect(sparse.digest == FileImage(zeros).digest)
    }

    @Test func `each bit of a file counts`() {
        var bytes = [UInt8](repeating: 0, count: 600)
        var digests: Set<UInt64> = [FileImage(bytes).digest]
        for bit in 0..<bytes.count * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8)
            digests.insert(FileImage(bytes).digest)
            bytes[bit / 8] = 0
        }
        #expect(digests.count == 1 + bytes.count * 8)
    }

    @Test func `a state that is written is read back, whatever was there before`() throws {
        let temporary = try TemporaryDirectory()
        let disk = try StateDirectory(temporary.appending("disk"))
        var generator = CrashGenerator(seed: 1)
        for round in 0..<20 {
            var large = [UInt8](repeating: 0, count: 100_000 + round)
            for _ in 0..<round { large[generator.below(large.count)] = 1 }
            let files = ["a": [1, 2, 3], "d/b": large, "d/e/c": [], "f\(round)": [UInt8](repeating: 1, count: 4096)]
            let state = Self.state(files, directories: ["d", "d/e"])
            try disk.write(state)
            let read = try DiskState(reading: disk.path)
            #expect(read.digest == state.digest)
            #expect(read.file(at: "d/b")?.bytes == large)
            #expect(read.files.map(\.path) == state.files.map(\.path) && read.directories == state.directories)
        }
        try disk.remove()
        #expect(Directory.kind(of: disk.path) == .missing)
    }

    @Test func `pages of zeros are written over what a file held`() throws {
        let temporary = try TemporaryDirectory()
        let disk = try StateDirectory(temporary.appending("disk"))
        for (size, place) in [(50_000, 20_000), (70_001, 69_000), (30_000, 0), (70_001, 5000)] {
            try disk.write(Self.state(["a": [UInt8](repeating: 7, count: 40_000)]))
            var image = FileImage()
            image.grow(to: size)
            image.write([1, 2, 3], at: place)
            let state = DiskState(directories: [], files: [DiskState.File(path: "a", image: image)])
            try disk.write(state)
            #expect(try readBytes(disk.path.appending("a")) == image.bytes)
            #expect(image.bytes.count { $0 != 0 } == 3)
        }
    }

    @Test func `a fresh write leaves the old files to those who have them open`() throws {
        let temporary = try TemporaryDirectory()
        let disk = try StateDirectory(temporary.appending("disk"))
        try disk.write(Self.state(["a": [1, 2, 3], "d/b": [4]], directories: ["d"]))
        let file = try File(disk.path.appending("a"), .read)
        try disk.write(Self.state(["a": [9]]), fresh: true)
        #expect(try file.read(count: 10, at: 0) == [1, 2, 3])
        #expect(names(in: disk.path) == ["a"])
        #expect(try readBytes(disk.path.appending("a")) == [9])
    }

    @Test func `names that change between file and directory`() throws {
        let temporary = try TemporaryDirectory()
        let disk = try StateDirectory(temporary.appending("disk"))
        let states = [
            Self.state(["a": [1], "b/c": [2]], directories: ["b"]),
            Self.state(["b": [3], "a/d": [4]], directories: ["a"]),
        ]
        for state in states + states {
            try disk.write(state)
            #expect(try DiskState(reading: disk.path).digest == state.digest)
        }
    }

    @Test func `more pages in a row than one call takes`() throws {
        let temporary = try TemporaryDirectory()
        let disk = try StateDirectory(temporary.appending("disk"))
        let state = Self.state(["a": [UInt8](repeating: 3, count: 2500 * 4096 + 17)])
        try disk.write(state)
        #expect(try DiskState(reading: disk.path).digest == state.digest)
    }

    @Test func `a state can be the base of the next trace`() throws {
        let temporary = try TemporaryDirectory()
        let disk = try StateDirectory(temporary.appending("disk"))
        let base = Self.state(["a": [1], "d/b": [2], "d/c": [3]], directories: ["d", "empty"])
        try disk.write(base)
        let recording = RecordingSystem(root: disk.path, trace: Trace(base: base))
        try File(disk.path.appending("d").appending("b"), .readWrite, calls: recording.calls).write([9], at: 0)
        try recording.calls.rename(
            SystemCalls.workingDirectory, disk.path.appending("d").appending("c"), disk.path.appending("a"))
        var cursor = CrashCursor(recording.trace)
        var generator = CrashGenerator(seed: 1)
        #expect(cursor.state(using: &generator).digest == base.digest)
        cursor.advance(to: cursor.end)
        #expect(cursor.state(.unsyncedLost, using: &generator).digest == base.digest)
        #expect(cursor.state(.processKill, using: &generator).digest == (try DiskState(reading: disk.path)).digest)
    }
}
