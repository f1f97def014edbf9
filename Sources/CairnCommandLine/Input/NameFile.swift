import Cairn
import MappedStorage
import SystemPackage

/// A text file with one name a line: the first names label 0, the next label 1, and so on.
struct NameFile {
    private let bytes: [UInt8]
    /// Where each line begins, and where one after the last would.
    private let starts: [Int]

    init(_ path: FilePath) throws {
        bytes = try Self.content(of: path)
        try expectMemory(3 * 8 * bytes.count { $0 == UInt8(ascii: "\n") })
        var starts = [0]
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") { starts.append(index + 1) }
        if starts.last != bytes.count { starts.append(bytes.count + 1) }
        self.starts = starts
    }

    /// Nil for a label past the last line.
    subscript(label: Label) -> String? {
        guard label < Label(starts.count - 1) else { return nil }
        let line = bytes[starts[Int(label)]..<starts[Int(label) + 1] - 1]
        return String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }

    private static func content(of path: FilePath) throws -> [UInt8] {
        do {
            let file = try FileDescriptor.open(path, .readOnly)
            defer { try? file.close() }
            var content: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = try unsafe chunk.withUnsafeMutableBytes { try unsafe file.read(into: $0) }
                if count == 0 { return content }
                if content.count + count > content.capacity { try expectMemory(3 * (content.count + count)) }
                content += chunk[..<count]
            }
        } catch let error as Errno {
            let code = error == .noSuchFileOrDirectory ? "notFound" : error.advice == nil ? "io" : "full"
            throw Failure(code: code, "could not read the names: \(error.advice ?? "\(error)")", path: path)
        }
    }
}
