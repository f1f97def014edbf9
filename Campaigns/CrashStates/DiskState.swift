/// What a disk holds below one directory: names and bytes, nothing in flight.
package struct DiskState: Sendable {
    package struct File: Sendable {
        /// Relative, with "/" between names.
        package let path: String
        package let image: FileImage

        package init(path: String, image: FileImage) {
            self.path = path
            self.image = image
        }
    }

    /// Relative paths, parents before what is in them. The directory at the root is not among them.
    package let directories: [String]
    package let files: [File]

    /// An empty directory.
    package init() { self.init(directories: [], files: []) }

    package init(directories: [String], files: [File]) {
        self.directories = directories
        self.files = files
    }

    /// The file at `path`, if there is one.
    package func file(at path: String) -> FileImage? { files.first { $0.path == path }?.image }

    /// The bytes of all files.
    package var byteCount: Int { files.reduce(0) { $0 + $1.image.size } }

    /// A hash of all names and bytes. Two states with one digest are taken to be the same; it is the same in every
    /// process and does not depend on how the state came about.
    package var digest: UInt64 {
        var sum: UInt64 = 0
        for path in directories { sum &+= mixed(hash(of: path) &+ 1) }
        for file in files { sum &+= mixed(hash(of: file.path) ^ file.image.digest) }
        return mixed(sum)
    }
}

/// FNV-1a, mixed: what the standard library's hasher gives changes from run to run.
private func hash(of path: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return mixed(hash)
}
