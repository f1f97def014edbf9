import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// The file `upper`: a derived header, then slot and level (two u32) of each node above level 0, then their link lists;
/// then a block for each checkpoint since. It is read in one go.
struct UpperFile: Sendable {
    private(set) var entry: Directory.Entry
    /// The graph generation it belongs to.
    private(set) var generation: Generation
    /// Where its last valid block ends, and where the first one begins.
    private(set) var end: Int
    private let baseEnd: Int
    /// Nodes that it has.
    private(set) var nodeCount: Int

    /// Whether the blocks are long enough for the file to be better written from scratch.
    var isFragmented: Bool { (end - baseEnd) * 4 > baseEnd + (64 << 10) }

    /// Writes the upper layers to a new file at `entry` and makes them durable.
    static func write(
        _ upper: UpperLayers, to entry: Directory.Entry, layout: Identifier, generation: Generation
    ) throws(StorageError) -> UpperFile {
        let file = try File(entry, .create)
        let nodeBytes = upper.nodeCount * 8, listBytes = upper.listCount * upper.listLength * 4
        let end = DerivedFile.size + nodeBytes + listBytes
        // Some words at a time, and their bytes, twice.
        try claiming(entry.path, ProcessMemory.expect(4 * min(end, 2 << 20)))
        try file.allocate(from: 0, to: end)
        var checksum: UInt32 = 0, offset = DerivedFile.size
        func append(_ words: [UInt32]) throws(StorageError) {
            let bytes = Self.bytes(words)
            checksum = unsafe bytes.withUnsafeBytes { unsafe Checksum.crc32c($0, seed: checksum) }
            try file.write(bytes, at: offset)
            offset += bytes.count
        }
        var words: [UInt32] = []
        for index in 0..<2 * upper.nodeCount {
            words.append(upper.nodes.buffer[index])
            if words.count >= 1 << 18 {
                try append(words)
                words.removeAll(keepingCapacity: true)
            }
        }
        for number in 0..<upper.listCount {
            let list = upper.list(number: number)
            for index in 0..<upper.listLength { words.append(list[index]) }
            if words.count >= 1 << 18 {
                try append(words)
                words.removeAll(keepingCapacity: true)
            }
        }
        try append(words)
        let header = DerivedFile(
            kind: .upper, layout: layout, generation: generation, count: upper.nodeCount, extent: upper.listCount,
            bodyChecksum: checksum)
        try file.write(header.encoded(), at: 0)
        try file.synchronize()
        return UpperFile(entry: entry, generation: generation, end: end, baseEnd: end, nodeCount: upper.nodeCount)
    }

    /// Writes the upper layers as they are to a new file next to the one of the store in `directory`, which stays until
    /// a header knows of the new one and `takeName` is called: opening looks for both. nil: a directory with something
    /// in it has the name.
    static func writeBeside(
        _ directory: Directory, _ upper: UpperLayers, layout: Identifier, generation: Generation
    ) throws(StorageError) -> UpperFile? {
        let entry = directory[StoreName.newUpper]
        guard entry.makeWay() else { return nil }
        try? entry.unlink()
        do throws(StorageError) {
            return try write(upper, to: entry, layout: layout, generation: generation)
        } catch {
            try? entry.unlink()
            throw error
        }
    }

    /// Gives a file that was written next to the old one its name. Where that fails it is found under the other.
    mutating func takeName() {
        guard entry.name == StoreName.newUpper else { return }
        let target = entry.directory[StoreName.upper]
        do throws(StorageError) {
            _ = target.makeWay()
            try entry.rename(to: StoreName.upper, "replace the file")
            entry = target
        } catch {}
    }

    /// The file of the store in `directory`, under either name; nil if none belongs to the state that `header`
    /// describes. Throws only for want of memory or of open files.
    static func find(
        in directory: Directory, header: HeaderSlot, connectivity: Int, capacity: Int
    ) throws(StorageError) -> (file: UpperFile, upper: UpperLayers)? {
        for name in [StoreName.upper, StoreName.newUpper] {
            let found = try read(directory[name], header: header, connectivity: connectivity, capacity: capacity)
            if let found { return found }
        }
        return nil
    }

    /// Appends to the open file what changed since it was last written: the nodes that it does not have and the lists
    /// `changed`, by their numbers. Durable when it returns. What comes after the last valid block is of no use to
    /// anybody.
    mutating func append(
        _ upper: UpperLayers, changed: [UInt32], generation: Generation, to file: File
    ) throws(StorageError) {
        // The words, and their bytes, twice.
        let nodeWords = 2 * (upper.nodeCount - nodeCount), count = nodeWords + changed.count * (1 + upper.listLength)
        try claiming(entry.path, ProcessMemory.expect(growing: 2 * count, stride: 4))
        var words: [UInt32] = []
        for index in 2 * nodeCount..<2 * upper.nodeCount { words.append(upper.nodes.buffer[index]) }
        for number in changed {
            words.append(number)
            let list = upper.list(number: Int(number))
            for index in 0..<upper.listLength { words.append(list[index]) }
        }
        let body = Self.bytes(words)
        let head = UpperAppendix(
            generation: generation, previous: self.generation, nodeCount: upper.nodeCount - nodeCount,
            listCount: changed.count, bodyChecksum: Checksum.crc32c(body, prefix: body.count))
        try file.write(head.encoded() + body, at: end)
        try file.synchronize()
        end += UpperAppendix.size + body.count
        nodeCount = upper.nodeCount
        self.generation = generation
    }

    /// Reads the file back, checking every byte and every id; nil if it does not belong to the store or is damaged.
    private static func read(
        _ entry: Directory.Entry, header level0: HeaderSlot, connectivity: Int, capacity: Int
    ) throws(StorageError) -> (file: UpperFile, upper: UpperLayers)? {
        let listLength = connectivity + 1
        let found = try unlessShort { () throws(StorageError) in
            let file = try File(entry, .read)
            return (file, try file.size(), try file.read(count: DerivedFile.size, at: 0))
        }
        guard let (file, size, start) = found,
            let header = DerivedFile(decoding: start, kind: .upper),
            header.layout == level0.layout, header.generation <= level0.graphGeneration,
            header.count <= level0.slotCount, header.extent <= header.count * Geometry.maximumLevel,
            size >= DerivedFile.size + header.count * 8 + header.extent * listLength * 4
        else { return nil }
        let bodyLength = header.count * 8 + header.extent * listLength * 4
        // The words, and what blocks add to them.
        try claiming(entry.path, ProcessMemory.expect(growing: size, stride: 1))
        var checksum: UInt32 = 0
        guard var words = try read(file, at: DerivedFile.size, count: bodyLength, &checksum),
            checksum == header.bodyChecksum
        else { return nil }
        var nodes = Array(words[..<(2 * header.count)])
        words.removeFirst(2 * header.count)
        let end = DerivedFile.size + bodyLength
        var result = UpperFile(
            entry: entry, generation: header.generation, end: end, baseEnd: end, nodeCount: header.count)
        while result.generation < level0.graphGeneration {
            guard try result.readBlock(of: file, size: size, level0, &nodes, &words, listLength) else { return nil }
        }
        guard result.generation == level0.graphGeneration else { return nil }
        let upper = try Self.upper(
            nodes, words, entry.path, connectivity: connectivity, capacity: capacity, header: level0)
        return upper.map { (result, $0) }
    }

    /// Reads the block after what was read so far. False if none that is valid and belongs to the store is there.
    private mutating func readBlock(
        of file: File, size: Int, _ level0: HeaderSlot, _ nodes: inout [UInt32], _ lists: inout [UInt32],
        _ listLength: Int
    ) throws(StorageError) -> Bool {
        let bytes = try unlessShort { () throws(StorageError) in
            try file.read(count: UpperAppendix.size, at: end)
        }
        guard let bytes, let block = UpperAppendix(decoding: bytes), block.previous == generation,
            block.generation > generation, nodeCount + block.nodeCount <= level0.slotCount
        else { return false }
        let length = block.bodyLength(connectivity: listLength - 1), start = end + UpperAppendix.size
        var checksum: UInt32 = 0
        guard start + length <= size,
            let body = try Self.read(file, at: start, count: length, &checksum), checksum == block.bodyChecksum,
            Self.apply(block, body, &nodes, &lists, listLength)
        else { return false }
        generation = block.generation
        end = start + length
        nodeCount += block.nodeCount
        return true
    }

    /// Adds a block's nodes, with empty lists, and puts its lists in their places. False if something does not fit.
    private static func apply(
        _ block: UpperAppendix, _ body: [UInt32], _ nodes: inout [UInt32], _ lists: inout [UInt32], _ listLength: Int
    ) -> Bool {
        var added = 0
        for node in 0..<block.nodeCount {
            guard (1...UInt32(Geometry.maximumLevel)).contains(body[2 * node + 1]) else { return false }
            added += Int(body[2 * node + 1])
        }
        // Each list of a new node is among those that changed; a file cannot ask for more memory than it has bytes.
        guard added <= block.listCount else { return false }
        nodes.append(contentsOf: body[..<(2 * block.nodeCount)])
        lists.append(contentsOf: repeatElement(0, count: added * listLength))
        var place = 2 * block.nodeCount
        for _ in 0..<block.listCount {
            let start = Int(body[place]) * listLength
            guard start + listLength <= lists.count else { return false }
            lists.replaceSubrange(start..<start + listLength, with: body[place + 1..<place + 1 + listLength])
            place += 1 + listLength
        }
        return true
    }

    private static func upper(
        _ nodes: [UInt32], _ lists: [UInt32], _ path: FilePath, connectivity: Int, capacity: Int, header: HeaderSlot
    ) throws(StorageError) -> UpperLayers? {
        try claiming(path) { () throws(OutOfMemory) in
            let nodeMemory = try memory(nodes), listMemory = try memory(lists)
            defer { withExtendedLifetime((nodeMemory, listMemory)) {} }
            return try UpperLayers(
                connectivity: connectivity, slots: capacity, nodes: nodeMemory.buffer, nodeCount: nodes.count / 2,
                lists: listMemory.buffer, listCount: lists.count / (connectivity + 1), slotCount: header.slotCount,
                entryPoint: header.entryPoint, maximumLevel: header.maximumLevel)
        }
    }

    private static func memory(_ words: [UInt32]) throws(OutOfMemory) -> Memory<UInt32> {
        let memory = try Memory<UInt32>(words.count)
        unsafe words.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { unsafe memory.buffer.base.update(from: start, count: source.count) }
        }
        return memory
    }

    /// `count` bytes as numbers, and their checksum; nil when they cannot be read.
    private static func read(
        _ file: File, at offset: Int, count: Int, _ checksum: inout UInt32
    ) throws(StorageError) -> [UInt32]? {
        var words = [UInt32](repeating: 0, count: count / 4)
        let result = unsafe words.withUnsafeMutableBytes { bytes -> UInt32? in
            guard let done = try? unsafe file.read(into: bytes, at: offset), done == count else { return nil }
            return unsafe Checksum.crc32c(UnsafeRawBufferPointer(bytes))
        }
        guard let result else { return nil }
        checksum = result
        #if _endian(big)
        for index in words.indices { words[index] = UInt32(littleEndian: words[index]) }
        #endif
        return words
    }

    private static func bytes(_ words: [UInt32]) -> [UInt8] {
        unsafe words.map { $0.littleEndian }.withUnsafeBytes { unsafe Array($0) }
    }
}
