import HnswlibFile
import SystemPackage
import TestSupport
import Testing

@Suite struct CopyTests {
    let directory: TemporaryDirectory
    private var source: FilePath { directory.appending("index.bin") }
    private var copy: FilePath { directory.appending("copy.bin") }

    init() throws { directory = try TemporaryDirectory() }

    @Test func `a copy is the file but for its capacity`() throws {
        let sample = SampleIndex.small
        try writeBytes(sample.file(lengths: [1, 2, 3, 4, 5]), to: source)
        let index = try HnswlibIndex(source), survey = try index.validate()
        #expect(try index.copy(to: copy, survey) == sample.file().count)
        #expect(try readBytes(copy) == sample.file())
        var other = sample
        other.fields[8] = 99
        _ = try index.copy(to: copy, capacity: 99, survey)
        #expect(try readBytes(copy) == other.file())
        try writeBytes(SampleIndex().file(), to: source)
        let empty = try HnswlibIndex(source)
        _ = try empty.copy(to: copy, empty.validate())
        #expect(try readBytes(copy) == SampleIndex().file())
    }

    /// What another process makes of the files between the check and the copy.
    enum Change: CaseIterable { case lists, noLists, entryPoint, mark, label, shorter }

    @Test(arguments: Change.allCases) func `a folder that changes after it was checked is not copied`(
        change: Change
    ) throws {
        let sample = SampleIndex.small
        try sample.write(folder: directory.path)
        let index = try HnswlibIndex(directory.path), survey = try index.validate()
        let before = names(in: directory.path)
        var changed = sample
        let upper = try #require(sample.elements.firstIndex { !$0.upper.isEmpty })
        let flat = try #require(sample.elements.firstIndex { $0.upper.isEmpty })
        switch change {
        case .lists: changed.elements[flat].upper = [[]]
        case .noLists: for slot in changed.elements.indices { changed.elements[slot].upper = [] }
        case .entryPoint: changed.elements.swapAt(upper, flat)
        case .mark: changed.elements[flat].flags ^= 1
        case .label: changed.elements[flat].label += 1
        case .shorter: changed.elements.removeLast(2)
        }
        // In place, as Chroma does it.
        try writeBytes(changed.levelZero, to: directory.appending("data_level0.bin"))
        try writeBytes(changed.links, to: directory.appending("link_lists.bin"))
        let error = #expect(throws: HnswlibFileError.self) { try index.copy(to: copy, survey) }
        #expect(error?.message.contains("chang") == true || change == .shorter, "\(String(describing: error))")
        #expect(names(in: directory.path) == before)
    }
}
