package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// An open directory. Names are looked up in it by its descriptor, so they lead into this directory wherever it is
/// moved, whatever gets its path meanwhile, and wherever the process goes. Closed with the last reference.
package final class Directory: Sendable {
    /// Where it was opened, for messages.
    package let path: FilePath
    package let calls: SystemCalls
    package let descriptor: Int32
    /// As it was when it was opened.
    package let status: FileStatus
    /// What files that are made in it are like; nil: as the process makes them.
    let model: FileModel?

    /// Opens the directory at `path`; follows links. `model`: the file in it that new ones are to be like, in owner and
    /// mode; while there is none, they get the directory's owner. nil: new files are as the process makes them.
    package init(
        _ path: FilePath, like model: FilePath.Component? = nil, calls: SystemCalls = .system
    ) throws(StorageError) {
        (self.path, self.calls) = (path, calls)
        let (descriptor, status) = try Self.open(path, calls) { () throws(Errno) in
            try calls.open(SystemCalls.workingDirectory, path, O_RDONLY | O_DIRECTORY, 0)
        }
        (self.descriptor, self.status) = (descriptor, status)
        self.model = model.map { FileModel($0, descriptor, status.attributes, calls) }
    }

    /// Opens a directory in another one; a link is an error. New files in it are like those in the other one.
    package init(_ entry: Entry) throws(StorageError) {
        let parent = entry.directory, calls = parent.calls
        (path, self.calls, model) = (entry.path, calls, parent.model)
        (descriptor, status) = try Self.open(entry.path, calls) { () throws(Errno) in
            try calls.open(parent.descriptor, entry.file, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
        }
    }

    private static func open(
        _ path: FilePath, _ calls: SystemCalls, _ body: () throws(Errno) -> Int32
    ) throws(StorageError) -> (Int32, FileStatus) {
        do throws(Errno) {
            let descriptor = try body()
            do throws(Errno) {
                return (descriptor, try calls.status(descriptor, nil))
            } catch {
                try? calls.close(descriptor)
                throw error
            }
        } catch {
            throw StorageError(path, "open the directory", error)
        }
    }

    deinit { try? calls.close(descriptor) }

    /// A name in it, whatever has it.
    package subscript(name: FilePath.Component) -> Entry { Entry(directory: self, name: name) }

    /// The names in the directory.
    package func names() throws(StorageError) -> [FilePath.Component] {
        do throws(Errno) {
            // A descriptor of its own: reading moves its position.
            let descriptor = try calls.open(self.descriptor, ".", O_RDONLY | O_DIRECTORY, 0)
            defer { try? calls.close(descriptor) }
            return try calls.list(descriptor)
        } catch {
            throw StorageError(path, "list the directory", error)
        }
    }

    /// The names in the directory survive a power cut once this returns, where the file system can promise that: some
    /// do not sync directories at all and say that the call makes no sense.
    package func synchronize() throws(StorageError) {
        do throws(Errno) {
            try calls.synchronize(descriptor)
        } catch {
            if [.invalidArgument, .notSupported, .notSupportedOnSocket].contains(error) { return }
            throw StorageError(path, "write the directory to the disk", error)
        }
    }

    /// Throws if root is not to make and remove files in it: it could be one that another user has moved into a store.
    package func checkAllowsWriting() throws(StorageError) {
        guard model?.allowsWriting(status) ?? true else { throw FileModel.refusal(path) }
    }

    /// Whether it was removed while it was open.
    package var isRemoved: Bool { (try? calls.status(descriptor, nil))?.links == 0 }
}
