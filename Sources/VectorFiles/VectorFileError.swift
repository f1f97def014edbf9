import Allocation
import MappedStorage
package import SystemPackage

/// What can be wrong with a vector file: always a path, and a message that says what to do.
package struct VectorFileError: Error, Sendable {
    /// The file it is about.
    package let path: FilePath
    /// What is wrong and what to do; a clause without the path, such as "there is no such file: check the path".
    package let message: String
    /// The system's error number, where a system call failed.
    package let errno: Int32?
    /// Whether it is one of the vectors that is wrong, and not the file.
    package var isOfVector = false
    /// Whether the file is of a kind that this module does not read.
    package var isOfUnknownKind = false

    package init(_ path: FilePath, _ message: String, errno: Int32? = nil) {
        self.path = path
        self.message = message
        self.errno = errno
    }

    /// For a failed system call: `doing` completes "could not …", and the system's own words follow.
    init(_ path: FilePath, doing: String, errno: Int32) {
        let reason = Errno(rawValue: errno)
        self.init(path, "could not \(doing): \(reason.advice ?? "\(reason)")", errno: errno)
    }
}

extension VectorFileError: CustomStringConvertible {
    package var description: String { "\(path): \(message)" }
}

/// Throws unless there is memory for `bytes` bytes more.
func expectMemory(_ bytes: Int, for path: FilePath) throws(VectorFileError) {
    try writing { () throws(StorageError) in
        try claiming(path, ProcessMemory.expect(bytes))
    }
}

/// Bytes from a file as they may be shown in a message: printable ASCII, the rest escaped, cut off when long.
func shown(_ bytes: some Collection<UInt8>) -> String {
    var text = ""
    for byte in bytes.prefix(40) {
        if (0x20..<0x7F).contains(byte) {
            text.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
            text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return bytes.count > 40 ? text + "…" : text
}
