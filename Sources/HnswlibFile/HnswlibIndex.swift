package import MappedStorage
package import SystemPackage

/// An hnswlib index open for reading: elements of level 0 by slot, lengths where there are some, the lists above level
/// 0 in order. Reads keep no position and map nothing, so threads may share it, and memory does not grow with the file.
/// Opening checks the header and what the sizes of the files say; `validate` checks the rest.
package final class HnswlibIndex: Sendable {
    /// Who wrote it, and so which files there are.
    package enum Layout: Sendable, Hashable {
        /// hnswlib's `save_index`: header, elements, link lists.
        case hnswlib
        /// `save_index` of Chroma's hnswlib: the vectors' lengths, a float each, are between elements and link lists.
        case chromaFile
        /// The folder of a persistent index of Chroma: each of these in a file of its own.
        case chromaFolder
    }

    /// The file or the folder.
    package let path: FilePath
    package let header: HnswlibHeader
    package let layout: Layout
    /// The bytes that reading all of it reads.
    package let fileBytes: Int
    let elements: FilePart
    let lengths: FilePart?
    let lists: UpperRecords

    /// Opens a file of hnswlib or Chroma, or Chroma's folder. Throws when it is neither, or has become too short for
    /// what its header promises.
    package convenience init(_ path: FilePath, calls: SystemCalls = .system) throws(HnswlibFileError) {
        if Directory.kind(of: path) == .directory {
            try self.init(folder: path, calls: calls)
        } else {
            try self.init(file: path, calls: calls)
        }
    }

    /// Opens one file. Which layout it has shows in its size, whose remainder by the length of a list tells how many
    /// words there are for each element; where that fits both, what the link area holds decides.
    package init(file path: FilePath, calls: SystemCalls) throws(HnswlibFileError) {
        let (file, size) = try openFile(path, calls: calls)
        guard let head = try file.head(HnswlibHeader.size) else {
            throw HnswlibFileError(
                path, "it has \(size) bytes, an hnswlib index has 96 and more: it was cut off, or is no such file",
                offset: size)
        }
        header = try HnswlibHeader(decoding: head, path: path)
        self.path = path
        fileBytes = size
        elements = try Self.elements(of: header, in: file, at: HnswlibHeader.size, size: size)
        let links = Self.links(of: header, in: file, from: elements.end, to: size)
        // Both have room for a size per element.
        let rest = size - elements.end - 4 * header.count
        let isFile = rest >= 0 && rest % header.upperListBytes == 0
        let isChromas =
            rest >= 4 * header.count && (rest - 4 * header.count) % header.upperListBytes == 0 && header.count > 0
        // What hnswlib itself can load is hnswlib's.
        let isAmbiguous = isFile && isChromas
        let isWhole = isAmbiguous ? try links.isWhole() : isFile
        if isChromas && !isWhole {
            layout = .chromaFile
            lengths = FilePart(file: file, start: elements.end, count: 4 * header.count)
            lists = Self.links(of: header, in: file, from: elements.end + 4 * header.count, to: size)
        } else {
            layout = .hnswlib
            lengths = nil
            lists = links
        }
    }

    /// Opens Chroma's folder. Its files may be longer than what the header speaks of: they are written at full capacity
    /// first, and later in place, one after the other.
    package init(folder path: FilePath, calls: SystemCalls) throws(HnswlibFileError) {
        let (headerFile, headerSize) = try openFile(path.appending("header.bin"), calls: calls)
        guard headerSize == ChromaHeader.size, let head = try headerFile.head(ChromaHeader.size) else {
            throw HnswlibFileError(
                headerFile.path, "it has \(headerSize) bytes, not \(ChromaHeader.size): it is damaged",
                offset: min(headerSize, ChromaHeader.size))
        }
        header = try ChromaHeader.decode(head, path: headerFile.path)
        self.path = path
        layout = .chromaFolder
        let (elementFile, elementSize) = try openFile(path.appending("data_level0.bin"), calls: calls)
        elements = try Self.elements(of: header, in: elementFile, at: 0, size: elementSize)
        let (listFile, listSize) = try openFile(path.appending("link_lists.bin"), calls: calls)
        lists = UpperRecords(
            part: FilePart(file: listFile, start: 0, count: listSize), slots: header.count,
            connectivity: header.connectivity, isExact: false)
        lengths = try Self.lengths(of: header, path.appending("length.bin"), calls: calls)
        fileBytes = ChromaHeader.size + elements.count + listSize + (lengths?.count ?? 0)
    }

    private static func elements(
        of header: HnswlibHeader, in file: File, at start: Int, size: Int
    ) throws(HnswlibFileError) -> FilePart {
        // Neither can overflow: counts are below 2^31 and elements below 2^25 bytes.
        let part = FilePart(file: file, start: start, count: header.count * header.elementBytes)
        guard part.end <= size else {
            throw HnswlibFileError(
                file.path,
                "it ends at byte offset \(size), but \(header.count) elements of \(header.elementBytes) bytes reach to "
                    + "\(part.end): it was cut off, or its header is damaged", offset: size)
        }
        return part
    }

    private static func links(of header: HnswlibHeader, in file: File, from start: Int, to end: Int) -> UpperRecords {
        UpperRecords(
            part: FilePart(file: file, start: min(start, end), count: max(0, end - start)), slots: header.count,
            connectivity: header.connectivity, isExact: true)
    }

    /// Folders of Chroma's first versions have no lengths.
    private static func lengths(
        of header: HnswlibHeader, _ path: FilePath, calls: SystemCalls
    ) throws(HnswlibFileError) -> FilePart? {
        do {
            let (file, size) = try openFile(path, calls: calls)
            guard size >= 4 * header.count else { return nil }
            return FilePart(file: file, start: 0, count: 4 * header.count)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return nil
        }
    }
}

/// `header.bin` of a folder of Chroma: a version, 1 so far, before hnswlib's header.
enum ChromaHeader {
    static let size = 4 + HnswlibHeader.size

    static func decode(_ bytes: [UInt8], path: FilePath) throws(HnswlibFileError) -> HnswlibHeader {
        guard bytes[..<4].elementsEqual([1, 0, 0, 0]) else {
            throw HnswlibFileError(
                path, "byte offset 0 of its header: its version is not 1: it is damaged, or of another Chroma",
                offset: 0)
        }
        return try HnswlibHeader(decoding: bytes, at: 4, path: path)
    }
}
