import MappedStorage
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What a recording knows: which inode each open descriptor and each name stands for, as of now.
struct Recorder {
    private var tree: NameTree
    private let root: FilePath
    private let trace: Trace
    private var inodes: [Int32: Inode] = [:]
    /// Files that are mapped writable, as far as their bytes are in the trace.
    private var watched: [Inode: FileImage] = [:]

    init(tree: NameTree, root: FilePath, trace: Trace) {
        self.tree = tree
        self.root = root
        self.trace = trace
    }

    // MARK: Names

    mutating func open(
        _ directory: Int32, _ path: FilePath, _ flags: Int32, _ body: () throws(Errno) -> Int32
    ) throws(Errno) -> Int32 {
        let descriptor = try body()
        precondition(inodes[descriptor] == nil, "a descriptor was closed without being recorded")
        switch place(directory, path) {
        case .elsewhere: break
        case .directory(let inode): inodes[descriptor] = inode
        case .entry(let entry):
            precondition(flags & O_TRUNC == 0, "\(path): truncation is not recorded")
            inodes[descriptor] = inode(of: entry, flags, path)
        }
        return descriptor
    }

    private mutating func inode(of entry: Entry, _ flags: Int32, _ path: FilePath) -> Inode {
        if let inode = tree[entry] { return inode }
        precondition(flags & O_CREAT != 0, "\(path) came into being without being recorded")
        let inode = tree.addInode(isDirectory: false)
        tree[entry] = inode
        trace.append(.createFile(inode, entry))
        return inode
    }

    mutating func close(_ descriptor: Int32) {
        guard let inode = inodes.removeValue(forKey: descriptor) else { return }
        // A map outlives its descriptor, but it can't be read through it then.
        if watched[inode] != nil && !inodes.values.contains(inode) {
            recordMappedWrites(inode, descriptor)
            watched[inode] = nil
        }
    }

    mutating func makeDirectory(_ directory: Int32, _ path: FilePath) {
        guard case .entry(let entry) = place(directory, path) else { return }
        let inode = tree.addInode(isDirectory: true)
        tree[entry] = inode
        trace.append(.makeDirectory(inode, entry))
    }

    mutating func rename(_ directory: Int32, _ from: FilePath, _ to: FilePath) {
        let places = (place(directory, from), place(directory, to))
        if case (.elsewhere, .elsewhere) = places { return }
        guard case (.entry(let source), .entry(let target)) = places, let inode = tree[source] else {
            preconditionFailure("\(from) to \(to): a rename from or to what is not recorded")
        }
        let replaced = tree[target]
        // Two names of one file: rename does nothing.
        guard replaced != inode else { return }
        tree[source] = nil
        tree[target] = inode
        trace.append(.rename(inode, from: source, to: target, replacing: replaced))
    }

    /// A file or a directory lost its name.
    mutating func remove(_ directory: Int32, _ path: FilePath) {
        guard case .entry(let entry) = place(directory, path) else { return }
        guard let inode = tree[entry] else {
            preconditionFailure("\(path) came into being without being recorded")
        }
        tree[entry] = nil
        trace.append(tree.isDirectory(inode) ? .removeDirectory(inode, entry) : .unlink(inode, entry))
    }

    /// Where a path leads.
    private enum Place {
        case elsewhere
        case directory(Inode)
        case entry(Entry)
    }

    private func place(_ directory: Int32, _ path: FilePath) -> Place {
        if path.isRelative && directory != SystemCalls.workingDirectory {
            guard let inode = inodes[directory] else { return .elsewhere }
            if path == "." { return .directory(inode) }
            precondition(path.components.count == 1, "\(path): more than a name in an open directory")
            return .entry(Entry(directory: inode, name: path.string))
        }
        guard let names = names(of: path) else { return .elsewhere }
        if names.isEmpty { return .directory(.root) }
        guard let entry = tree.entry(names) else { preconditionFailure("\(path): its directory was not recorded") }
        return .entry(entry)
    }

    /// The names that lead from the root to `path`; nil when that is elsewhere.
    private func names(of path: FilePath) -> [String]? {
        var path = path
        if path.isRelative {
            guard let current = unsafe getcwd(nil, 0) else { preconditionFailure("there is no current directory") }
            defer { unsafe free(current) }
            path = unsafe FilePath(String(cString: current)).pushing(path)
        }
        path.lexicallyNormalize()
        guard path.removePrefix(root) else { return nil }
        return path.components.map(\.string)
    }

    // MARK: Bytes

    mutating func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) {
        guard let inode = inodes[descriptor], bytes.count > 0 else { return }
        let bytes = unsafe [UInt8](bytes)
        trace.append(.write(inode, offset: offset, bytes: bytes))
        watched[inode]?.grow(to: offset + bytes.count)
        watched[inode]?.write(bytes, at: offset)
    }

    mutating func allocate(_ descriptor: Int32, to end: Int) {
        guard let inode = inodes[descriptor] else { return }
        trace.append(.allocate(inode, end: end))
        watched[inode]?.grow(to: end)
    }

    mutating func synchronize(_ descriptor: Int32, _ body: () throws(Errno) -> Void) throws(Errno) {
        guard let inode = inodes[descriptor] else { return try body() }
        recordMappedWrites(inode, descriptor)
        do {
            try body()
            trace.append(.synchronize(inode))
        } catch {
            trace.append(.synchronizeFailed(inode))
            throw error
        }
    }

    // MARK: Memory

    /// The file is going to be written through memory, where nobody sees it: its bytes are compared at each sync.
    mutating func watchMemory(_ descriptor: Int32) {
        guard let inode = inodes[descriptor], watched[inode] == nil else { return }
        watched[inode] = FileImage(Self.bytes(of: descriptor))
    }

    mutating func recordMappedWrites() {
        for (descriptor, inode) in inodes.sorted(by: { $0.key < $1.key }) { recordMappedWrites(inode, descriptor) }
    }

    /// Records a write for each run of sectors that are not as the trace has them.
    private mutating func recordMappedWrites(_ inode: Inode, _ descriptor: Int32) {
        guard let known = watched[inode] else { return }
        let before = known.bytes, now = Self.bytes(of: descriptor)
        precondition(before.count == now.count, "a file changed its size without being recorded")
        let differs = stride(from: 0, to: now.count, by: Sector.size).map { start in
            let end = min(start + Sector.size, now.count)
            return now[start..<end] != before[start..<end]
        }
        var sector = 0
        while sector < differs.count {
            let first = sector
            while sector < differs.count && differs[sector] { sector += 1 }
            if first < sector {
                let range = first * Sector.size..<min(sector * Sector.size, now.count)
                trace.append(.write(inode, offset: range.lowerBound, bytes: Array(now[range])))
                watched[inode]?.write(now, range, at: 0)
            }
            sector += 1
        }
    }

    private static func bytes(of descriptor: Int32) -> [UInt8] {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { preconditionFailure("fstat: \(errno)") }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, 0) }
        precondition(count == bytes.count, "the file could not be read")
        return bytes
    }
}
