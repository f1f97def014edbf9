import SystemPackage
import Testing
import VectorFiles

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct WriterTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test func `files are those numpy writes, byte for byte`() throws {
        let path = directory.path.appending("a.npy")
        try NpyWriter.write([1, .max, 3, 4, 5, 6] as [UInt64], columns: 2, to: path)
        #expect(try contents(path) == contents(fixture("written-uint64")))
        try NpyWriter.write([-1, .max] as [Int32], to: path)
        #expect(try contents(path) == contents(fixture("written-int32")))
        try NpyWriter.write([0.5, -1.25, 3, 65504, 5.9604645e-08, -0.0] as [Float], columns: 3, to: path)
        #expect(try contents(path) == contents(fixture("float32-v1")))
        try NpyWriter.write([] as [Float], columns: 3, to: path)
        #expect(try contents(path) == contents(fixture("no-rows")))
        #expect(directory.names == ["a.npy"])
    }

    @Test func `a stream has its name when it is finished`() throws {
        let path = try directory.file("a.npy", [1, 2, 3])
        var stream = try NpyStream<Float>(path, columns: 2)
        try stream.append([1, 2, 3])
        #expect(try contents(path) == [1, 2, 3])
        #expect(directory.names.count == 2)
        try stream.append([4])
        try stream.finish()
        let file = try VectorFile(path)
        #expect(try file.shape == [2, 2] && file.floats() == [1, 2, 3, 4])
        #expect(directory.names == ["a.npy"])
    }

    @Test func `an unfinished stream leaves nothing`() throws {
        let path = try directory.file("a.npy", [1, 2, 3])
        do {
            var stream = try NpyStream<Int32>(path)
            try stream.append([1])
            #expect(directory.names.count == 2)
        }
        #expect(directory.names == ["a.npy"])
        #expect(try contents(path) == [1, 2, 3])
    }

    @Test func `what is not a regular file is not replaced`() throws {
        let link = directory.path.appending("link")
        let made = unsafe link.withPlatformString { unsafe symlink("nowhere", $0) }
        try #require(made == 0)
        for path in [directory.path, link, "/dev/null"] {
            #expect(message { try NpyWriter.write([1] as [Float], to: path) }.contains("not a regular file"))
        }
        #expect(directory.names == ["link"])
    }

    @Test func `errors of the system come with their number`() throws {
        let missing = directory.path.appending("no such directory").appending("a.npy")
        let error = #expect(throws: VectorFileError.self) { try NpyWriter.write([1] as [Float], to: missing) }
        #expect(error?.errno == ENOENT && error?.path == missing)
    }

    @Test func `a full disk gives an error and leaves nothing`() async throws {
        await #expect(processExitsWith: .success) {
            // Above the limit a write fails with EFBIG, as it does with ENOSPC on a full disk.
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 100_000, rlim_max: 100_000)
            #if canImport(Glibc)
            let limited = unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            #else
            let limited = unsafe setrlimit(RLIMIT_FSIZE, &limit)
            #endif
            let directory = try TemporaryDirectory()
            try directory.file("a.npy", [1])
            let path = directory.path.appending("a.npy")
            let values = [Float](repeating: 1, count: 50_000)
            let error = #expect(throws: VectorFileError.self) { try NpyWriter.write(values, to: path) }
            #expect(limited == 0 && error?.errno == EFBIG)
            #expect(try directory.names == ["a.npy"] && contents(path) == [1])
        }
    }
}
