import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// The file `upper`: a derived header, then slot and level (two u32) of each node above level 0, then their link lists. It is
/// read in one go into the memory it is used from.
enum UpperFile {
    /// Writes the upper layers to `path` and makes them durable.
    static func write(
        _ upper: UpperLayers, to path: FilePath, layout: Identifier, generation: UInt64, calls: SystemCalls
    ) throws(StorageError) {
        let file = try File(path, .create, calls: calls)
        let nodes = unsafe bytes(upper.nodes.buffer, count: 2 * upper.nodeCount)
        let lists = unsafe bytes(upper.lists.buffer, count: upper.listCount * upper.listLength)
        let checksum = unsafe Checksum.crc32c(lists, seed: Checksum.crc32c(nodes))
        let header = DerivedFile(
            kind: .upper, layout: layout, generation: generation, count: upper.nodeCount, extent: upper.listCount,
            bodyChecksum: checksum)
        try file.allocate(from: 0, to: DerivedFile.size + nodes.count + lists.count)
        try file.write(header.encoded(), at: 0)
        try unsafe file.write(nodes, at: DerivedFile.size)
        try unsafe file.write(lists, at: DerivedFile.size + nodes.count)
        try file.synchronize()
    }

    /// Reads the file back, checking every byte and every id; nil if it does not belong to the store or is damaged.
    static func read(
        _ path: FilePath, header level0: HeaderSlot, connectivity: Int, calls: SystemCalls
    ) -> UpperLayers? {
        guard let file = try? File(path, .read, calls: calls), let size = try? file.size(),
            let start = try? file.read(count: DerivedFile.size, at: 0),
            let header = DerivedFile(decoding: start, kind: .upper),
            header.layout == level0.layout, header.generation == level0.graphGeneration,
            header.count <= level0.slotCount, header.extent <= header.count * max(level0.maximumLevel, 1),
            size == DerivedFile.size + header.count * 8 + header.extent * (connectivity + 1) * 4
        else { return nil }
        let nodes = Memory<UInt32>(2 * header.count), lists = Memory<UInt32>(header.extent * (connectivity + 1))
        let nodeBytes = unsafe bytes(nodes.buffer, count: 2 * header.count)
        let listBytes = unsafe bytes(lists.buffer, count: header.extent * (connectivity + 1))
        guard
            let first = try? unsafe file.read(
                into: UnsafeMutableRawBufferPointer(mutating: nodeBytes), at: DerivedFile.size),
            let second = try? unsafe file.read(
                into: UnsafeMutableRawBufferPointer(mutating: listBytes), at: DerivedFile.size + nodeBytes.count),
            first == nodeBytes.count, second == listBytes.count,
            unsafe Checksum.crc32c(listBytes, seed: Checksum.crc32c(nodeBytes)) == header.bodyChecksum
        else { return nil }
        return UpperLayers(
            connectivity: connectivity, nodes: nodes, nodeCount: header.count, lists: lists, listCount: header.extent,
            slotCount: level0.slotCount, entryPoint: level0.entryPoint, maximumLevel: level0.maximumLevel)
    }

    private static func bytes(_ buffer: UncheckedBuffer<UInt32>, count: Int) -> UnsafeRawBufferPointer {
        precondition(count <= buffer.count)
        return unsafe UnsafeRawBufferPointer(start: buffer.base, count: count * 4)
    }
}
