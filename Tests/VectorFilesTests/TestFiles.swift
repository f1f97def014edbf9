import SystemPackage
import Testing
import VectorFiles

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A directory of its own for one test, removed with what is in it.
final class TemporaryDirectory {
    let path: FilePath

    init() throws {
        var template = Array("/tmp/vector-files-XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { unsafe mkdtemp($0.baseAddress!) != nil }
        try #require(made)
        path = FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    deinit {
        for name in names { _ = unsafe path.appending(name).withPlatformString { unsafe unlink($0) } }
        _ = unsafe path.withPlatformString { unsafe rmdir($0) }
    }

    /// What is in it, in order.
    var names: [String] {
        guard let directory = unsafe path.withPlatformString({ unsafe opendir($0) }) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            // In place: an entry ends with its name, a copy of all 256 bytes would read beyond it.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Writes a file, over an older one of that name.
    @discardableResult
    func file(_ name: String, _ bytes: [UInt8]) throws -> FilePath {
        let file = path.appending(name)
        let descriptor = try FileDescriptor.open(
            file, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
        return file
    }
}

/// The bytes of a whole file.
func contents(_ path: FilePath) throws -> [UInt8] {
    let descriptor = try FileDescriptor.open(path, .readOnly)
    return try descriptor.closeAfter {
        let size = Int(try descriptor.seek(offset: 0, from: .end))
        return try unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = try unsafe descriptor.read(fromAbsoluteOffset: 0, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }
}

/// The folder of files that numpy wrote; see make_fixtures.py there.
let fixtures = FilePath(#filePath).removingLastComponent().appending("Fixtures")

/// An array that numpy wrote.
func fixture(_ name: String) -> FilePath { fixtures.appending(name + ".npy") }

/// Little-endian bytes of a number.
func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
    (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}

func bytes(_ number: Float) -> [UInt8] { bytes(number.bitPattern) }

/// An .npy file with any dictionary, right or wrong.
func npy(_ dictionary: String, version: UInt8 = 1, data: [UInt8] = []) -> [UInt8] {
    let length = dictionary.utf8.count
    let head: [UInt8] = [0x93] + "NUMPY".utf8 + [version, 0]
    return head + (version == 1 ? bytes(UInt16(length)) : bytes(UInt32(length))) + dictionary.utf8 + data
}

extension VectorFile {
    /// All rows as floats.
    func floats() throws(VectorFileError) -> [Float] { try floats(0..<rows) }

    func floats(_ range: Range<Int>) throws(VectorFileError) -> [Float] {
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: range.count * dimensions)
        defer { unsafe buffer.deallocate() }
        unsafe buffer.initialize(repeating: .nan)
        try unsafe readFloats(rows: range, into: buffer)
        return unsafe Array(buffer)
    }
}

/// What opening a file, or a call on it, says is wrong with it; records an issue if nothing is.
func message(
    _ location: SourceLocation = #_sourceLocation, _ call: () throws -> Void
) -> String {
    let error = #expect(throws: VectorFileError.self, sourceLocation: location) { try call() }
    return error?.message ?? "nothing"
}
