package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension Directory {
    /// A name in an open directory: what a path is elsewhere. Links are not followed.
    package struct Entry: Sendable {
        package let directory: Directory
        package let name: FilePath.Component

        /// For messages.
        package var path: FilePath { directory.path.appending(name) }

        /// As the system's calls take it.
        var file: FilePath { FilePath(root: nil, [name]) }

        private var calls: SystemCalls { directory.calls }

        /// What has the name; nil if nothing has.
        package func status() throws(StorageError) -> FileStatus? {
            do throws(Errno) {
                return try calls.status(directory.descriptor, file)
            } catch {
                if error == .noSuchFileOrDirectory { return nil }
                throw StorageError(path, "look at what has this name", error)
            }
        }

        /// Whether the name leads to the file or directory that `descriptor` is of.
        package func leads(to descriptor: Int32) throws(StorageError) -> Bool {
            guard let status = try status() else { return false }
            do throws(Errno) {
                return status.isSameFile(as: try calls.status(descriptor, nil))
            } catch {
                throw StorageError(path, "look at what has this name", error)
            }
        }

        /// Throws if the name does not lead to what `descriptor` is of any more: somebody has removed that, or put
        /// something else in its place.
        package func checkLeads(to descriptor: Int32) throws(StorageError) {
            guard try !leads(to: descriptor) else { return }
            throw StorageError(
                path, "go on: this was removed or replaced while the store was open; close the store and open it again",
                .staleNFSFileHandle)
        }

        /// Gives it another name in the same directory, in the place of a file that has that one. Not durable before
        /// the directory is synced. `action` completes "could not …".
        package func rename(to name: FilePath.Component, _ action: String) throws(StorageError) {
            let other = directory[name]
            do throws(Errno) {
                try calls.rename(directory.descriptor, file, other.file)
            } catch {
                throw StorageError(other.path, action, error)
            }
        }

        /// Takes the name from a file.
        package func unlink() throws(StorageError) {
            do throws(Errno) {
                try calls.unlink(directory.descriptor, file)
            } catch {
                throw StorageError(path, "remove the file", error)
            }
        }

        /// Removes an empty directory.
        package func removeDirectory() throws(StorageError) {
            do throws(Errno) {
                try calls.removeDirectory(directory.descriptor, file)
            } catch {
                throw StorageError(path, "remove the directory", error)
            }
        }

        /// Whether a file can have the name. An empty directory in its way is removed.
        package func makeWay() -> Bool {
            guard (try? status())??.kind == .directory else { return true }
            return (try? removeDirectory()) != nil
        }

        /// Makes a directory, and opens it; one that exists is an error. What fails leaves none.
        package func makeDirectory() throws(StorageError) -> Directory {
            do throws(Errno) {
                try calls.makeDirectory(directory.descriptor, file, directory.model?.directoryMode ?? 0o777)
            } catch {
                throw StorageError(path, "create the directory", error)
            }
            do throws(StorageError) {
                let made = try Directory(self)
                try directory.model?.apply(to: made.descriptor, made.status, calls, path)
                return made
            } catch {
                try? removeDirectory()
                throw error
            }
        }
    }
}
