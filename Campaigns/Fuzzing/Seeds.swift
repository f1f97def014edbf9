import FileFormat
import MappedStorage
import SystemPackage
import WriteAheadLog

/// Inputs to begin with: files that the library wrote, each behind the byte that says how it is used.
enum Seeds {
    /// Writes the seeds of a target into a directory. `scratch`: an empty directory.
    static func write(_ target: String, to directory: FilePath, scratch: FilePath) throws {
        let seeds: [[UInt8]]
        switch target {
        case "log":
            let log = try log(in: scratch), payload = Array(log[(LogFileHeader.size + LogFrame.headerSize)...])
            let commit = LogCommit(
                batch: 3, durableFrame: 2, entryPoint: 1, maximumLevel: 0, searchWidth: 50, slotCount: 9, liveCount: 8,
                markedCount: 1, freeCount: 0, levelState: 77)
            // As it is with any salt, put right, and its parts. A log that begins in its middle.
            seeds = [
                [2 | 1 << 3] + log, [3] + log, [3 | 3 << 3] + log, [3 | 2 << 3] + log, [0] + payload,
                [1] + commit.encoded(),
            ]
        case "header":
            let both = FuzzStore.superblock.encoded() + header.encoded()
            var large = FuzzStore.superblock
            (large.dimensions, large.connectivity, large.scalar) = (65_536, 10_000, .float32)
            let custom = Superblock(
                dimensions: 100, metric: .custom, scalar: .float32, connectivity: 16, constructionWidth: 200, seed: 5,
                distanceName: "hamming")
            seeds = [
                [0] + both, [7] + both, [7] + large.encoded() + header.encoded(),
                [7] + custom.encoded() + header.encoded(),
            ]
        case "codes": seeds = try CodesTarget(scratch: scratch).seeds
        case "hnswlib": seeds = HnswlibSeeds.all
        case "import": seeds = HnswlibSeeds.imports
        default:
            let journal = try journal(in: scratch)
            seeds = [[0] + journal, [1] + journal, [3] + journal, [3] + journal + journal]
        }
        for (number, seed) in seeds.enumerated() {
            let file = try File(directory.appending("seed-\(number)"), .openOrCreate)
            try file.write(seed, at: 0)
        }
    }

    private static var header: HeaderSlot {
        HeaderSlot(
            generation: 5, layout: FuzzStore.superblock.layout, graphGeneration: 4, slotCount: 100, segmentCount: 1,
            entryPoint: 3, maximumLevel: 2, searchWidth: 50, liveCount: 97, markedCount: 1, freeCount: 2,
            levelState: 99,
            logSequence: FuzzStore.sequence, logSalt: FuzzStore.salt, lastFrame: 12, lastBatch: 6)
    }

    private static func log(in scratch: FilePath) throws -> [UInt8] {
        let log = try LogWriter.create(
            LogFileHeader(
                store: FuzzStore.superblock.store, layout: FuzzStore.superblock.layout, sequence: FuzzStore.sequence,
                firstFrame: 1, salt: .random()),
            in: Directory(scratch), capacity: 4096)
        let batch = LogBatch(), vector: [UInt8] = [9, 8, 7]
        var slots = 0
        for number in 1...4 {
            batch.removeAll()
            for _ in 0..<number {
                unsafe vector.withUnsafeBytes { bytes in
                    unsafe batch.addRow(
                        slot: UInt32(slots), label: UInt64(slots) * 5, level: slots % 2, norm: 1, bytes: bytes)
                }
                slots += 1
            }
            for slot in 0..<slots where slot % 2 == number % 2 {
                unsafe [UInt32(slots - 1), 0].withUnsafeBufferPointer { ids in
                    unsafe batch.addList(slot: UInt32(slot), level: 0, kept: slot % 3, added: ids)
                }
            }
            if number > 2 { batch.addState(slot: UInt32(number), .erased) }
            let free = max(0, number - 2)
            let commit = LogCommit(
                batch: BatchNumber(rawValue: UInt64(number)), durableFrame: log.durableFrame, entryPoint: 0,
                maximumLevel: 1, searchWidth: 50, slotCount: slots, liveCount: slots - free, markedCount: 0,
                freeCount: free, levelState: 5)
            try log.append(batch, commit: commit)
            try log.synchronize()
        }
        return try File(log.entry, .read).read(count: log.byteCount + 40, at: 0)
    }

    private static func journal(in scratch: FilePath) throws -> [UInt8] {
        let entry = try Directory(scratch)["journal"]
        let journal = try JournalWriter(entry)
        for (offset, length) in [(Geometry.prologue, 12), (Geometry.prologue + 4096, 300), (0, 64)] {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
            let result = unsafe bytes.withUnsafeBytes { bytes in
                Result { () throws(StorageError) in
                    try unsafe journal.append(to: offset == 0 ? .labels : .levelZero, at: offset, bytes)
                }
            }
            try result.get()
        }
        try journal.finish(header)
        let file = try File(entry, .read)
        return try file.read(count: file.size(), at: 0)
    }
}
