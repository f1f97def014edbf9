import HnswlibFile
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A file whose header promises what was not given, or less than that, never gets its name.
@Suite struct WriterTests {
    enum Mistake: Int, CaseIterable {
        case none, tooManyElements, tooFewElements, elementsAfterLists, slotsDescend, slotBeyondTheLast, levelTooHigh
        case highestLevelMissing, entryPointTooLow, listsOfAnotherLength
    }

    @Test(arguments: Mistake.allCases) func `what the header promises is what must be given`(mistake: Mistake)
        async throws
    {
        let directory = try TemporaryDirectory()
        let path = directory.appending("index.bin")
        if mistake == .none {
            try Self.write(path, mistake)
            #expect(try Contents(path).isSound)
            return
        }
        let isPrecondition = mistake == .elementsAfterLists || mistake == .listsOfAnotherLength
        if isPrecondition {
            await #expect(processExitsWith: .failure) {
                [name = path.string as String, number = mistake.rawValue as Int] in
                try? Self.write(FilePath(name), Mistake(rawValue: number)!)
                exit(0)
            }
            #expect(!names(in: directory.path).contains("index.bin"))
        } else {
            let error = #expect(throws: HnswlibFileError.self) { try Self.write(path, mistake) }
            #expect(error?.path == path && error?.message.contains("changed") == true)
            #expect(names(in: directory.path).isEmpty)
        }
    }

    /// Three elements, the second of level 2 and the entry point, the third of level 1.
    private static func write(_ path: FilePath, _ mistake: Mistake) throws(HnswlibFileError) {
        let header = HnswlibHeader(
            capacity: 3, count: 3, vectorBytes: 4, maximumLevel: mistake == .highestLevelMissing ? 3 : 2,
            entryPoint: mistake == .entryPointTooLow ? 2 : 1, connectivity: 2, multiplierBits: 0, constructionWidth: 10)
        let writer = try HnswlibWriter(path, header: header)
        var count = 3 * header.elementBytes
        if mistake == .tooManyElements { count += 1 }
        if mistake == .tooFewElements { count -= 1 }
        try append(count, to: writer)
        let slots: [UInt32] = mistake == .slotsDescend ? [2, 1] : mistake == .slotBeyondTheLast ? [1, 3] : [1, 2]
        for slot in slots {
            let level = mistake == .levelTooHigh ? 3 : slot == 1 ? 2 : 1
            let words = [UInt32](repeating: 0, count: level * (mistake == .listsOfAnotherLength ? 4 : 3))
            let result = unsafe words.withUnsafeBufferPointer { words in
                Result { () throws(HnswlibFileError) in
                    try unsafe writer.appendUpperNode(slot, level: level, words: words)
                }
            }
            try result.get()
        }
        if mistake == .elementsAfterLists { try append(1, to: writer) }
        try writer.finish()
    }

    private static func append(_ count: Int, to writer: HnswlibWriter) throws(HnswlibFileError) {
        let bytes = [UInt8](repeating: 0, count: count)
        let result = unsafe bytes.withUnsafeBytes { bytes in
            Result { () throws(HnswlibFileError) in try unsafe writer.appendElements(bytes) }
        }
        try result.get()
    }
}
