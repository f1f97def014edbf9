import MappedStorage
import SystemPackage

/// A run of bytes of a file, with the length it had when the file was opened.
struct FilePart: Sendable {
    let file: File
    /// Where it begins in the file.
    let start: Int
    let count: Int

    /// Where it ends in the file.
    var end: Int { start + count }

    /// Fills `buffer` from `offset` of the part on, which must have so many bytes. Throws if the file has become too
    /// short since it was opened.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(HnswlibFileError) {
        precondition(offset >= 0 && offset + buffer.count <= count)
        let done: Int
        do {
            done = try unsafe file.read(into: buffer, at: start + offset)
        } catch {
            throw HnswlibFileError(error)
        }
        guard done == buffer.count else {
            throw error(
                "was cut off at byte offset \(start + offset + done) since it was opened: do not change it while it is read",
                at: offset + done)
        }
    }

    /// An error about the place `offset` of the part.
    func error(_ message: String, at offset: Int) -> HnswlibFileError {
        HnswlibFileError(file.path, message, offset: start + offset)
    }
}

/// Opens a file for reading and finds its size.
func openFile(_ path: FilePath, calls: SystemCalls) throws(HnswlibFileError) -> (file: File, size: Int) {
    do {
        let file = try File(path, .read, calls: calls)
        return (file, try file.size())
    } catch {
        throw HnswlibFileError(error)
    }
}

extension File {
    /// Exactly `count` bytes from the beginning on, or nil when there are fewer.
    func head(_ count: Int) throws(HnswlibFileError) -> [UInt8]? {
        do {
            let bytes = try read(count: count, at: 0)
            return bytes.count == count ? bytes : nil
        } catch {
            throw HnswlibFileError(error)
        }
    }
}
