package import SystemPackage

/// A kind of file that is often at hand when vectors are wanted and that is not read here: recognised, so that its user
/// learns what it is and how to make an .npy array of it, instead of that it is damaged.
package enum ForeignFile: Sendable, CaseIterable {
    case hdf5, parquet, arrow, numpyArchive, torch, zip, gzip, xz, bzip2, zstandard
    case faiss, faissBinary, usearch, voyager, annoy, hnswlib32
    case safetensors, pickle, sqlite, json, csv, text

    /// What is at `path`; nil where that is none of these, or cannot be read.
    package static func recognise(_ path: FilePath) -> ForeignFile? {
        do throws(VectorFileError) {
            return try recognise(InputFile(path))
        } catch {
            return nil
        }
    }

    static func recognise(_ file: borrowing InputFile) throws(VectorFileError) -> ForeignFile? {
        let head = Head(try file.bytes(at: 0, count: min(512, file.size)), fileSize: file.size)
        if let kind = head.kindByMagic { return kind }
        if let end = head.usearchEnd, try file.bytes(at: end, count: 7) == Array("usearch".utf8) { return .usearch }
        return kind(ofExtension: file.path.extension?.lowercased()) ?? head.kindOfText
    }

    /// Of files that begin like no other.
    private static func kind(ofExtension name: String?) -> ForeignFile? {
        switch name {
        case "ann", "annoy": .annoy
        case "npz": .numpyArchive
        case "pkl", "pickle": .pickle
        case "csv", "tsv": .csv
        case "json", "jsonl": .json
        default: nil
        }
    }

    /// Whether people can read it.
    package var isText: Bool { self == .json || self == .csv || self == .text }

    /// What a message calls it.
    package var name: String {
        switch self {
        case .hdf5: "an HDF5 file"
        case .parquet: "a Parquet file"
        case .arrow: "an Arrow (Feather) file"
        case .numpyArchive: "an archive of numpy's (.npz)"
        case .torch: "a file of PyTorch's"
        case .zip: "a ZIP archive"
        case .gzip: "compressed with gzip"
        case .xz: "compressed with xz"
        case .bzip2: "compressed with bzip2"
        case .zstandard: "compressed with zstd"
        case .faiss: "an index of faiss"
        case .faissBinary: "an index of faiss of binary vectors"
        case .usearch: "an index of usearch"
        case .voyager: "an index of voyager"
        case .annoy: "an index of annoy"
        case .hnswlib32: "an index that a 32-bit build of hnswlib saved"
        case .safetensors: "a safetensors file"
        case .pickle: "a pickle of Python's"
        case .sqlite: "an SQLite database"
        case .json: "JSON"
        case .csv: "a table of text (CSV)"
        case .text: "text"
        }
    }

    /// What it is and what to do about it; a clause without the path.
    package func message(for path: FilePath) -> String { "it is \(name): \(advice(for: path))" }

    private func advice(for path: FilePath) -> String {
        let file = path.lastComponent?.string ?? ""
        // As a string of Python's and a word of a shell's. What came through a pipe has no name.
        let isPlain =
            !path.starts(with: "/dev") && !file.isEmpty
            && file.utf8.allSatisfy { (0x20..<0x7F).contains($0) && !"'\"\\$`".utf8.contains($0) }
        let name = isPlain ? "'\(file)'" : "FILE"
        guard let code = python(name) else {
            switch self {
            case .gzip: return "unpack it first: gunzip \(name)"
            case .xz: return "unpack it first: xz -d \(name)"
            case .bzip2: return "unpack it first: bunzip2 \(name)"
            case .zstandard: return "unpack it first: zstd -d \(name)"
            case .zip: return "unpack it first: unzip \(name)"
            case .faissBinary: return "a store holds numbers and no bits"
            default:
                return
                    "a store, vectors or an index are wanted; of Chroma's data, name the folder that holds chroma.sqlite3"
            }
        }
        return "make an .npy array of it with Python: \(code)"
    }

    /// Lines of Python that make `vectors.npy` of it, and `labels.npy` where it has labels; nil where that is no help.
    private func python(_ file: String) -> String? {
        func saved(_ modules: String, _ array: String) -> String {
            "import \(modules), numpy as np; np.save('vectors.npy', \(array))"
        }
        return switch self {
        case .hdf5: saved("h5py", "np.asarray(h5py.File(\(file))['train'], 'f4')")
        case .parquet:
            saved("pyarrow.parquet as pq", "np.stack(pq.read_table(\(file))['embedding'].to_numpy()).astype('f4')")
        case .arrow:
            saved("pyarrow.feather as pf", "np.stack(pf.read_table(\(file))['embedding'].to_numpy()).astype('f4')")
        case .numpyArchive:
            "import numpy as np; a = np.load(\(file)); print(a.files); np.save('vectors.npy', a[a.files[0]])"
        case .torch: saved("torch", "np.asarray(torch.load(\(file), map_location='cpu'), 'f4')")
        case .faiss:
            "import faiss, numpy as np; i = faiss.read_index(\(file)); np.save('vectors.npy', i.reconstruct_n(0, i.ntotal)) "
                + "(of an IVF, call i.make_direct_map() before; of an IDMap, labels are faiss.vector_to_array(i.id_map), the "
                + "vectors faiss.downcast_index(i.index)'s)"
        case .usearch:
            "from usearch.index import Index; import numpy as np; i = Index.restore(\(file)); k = np.array(i.keys); "
                + "np.save('labels.npy', k); np.save('vectors.npy', i.get(k, np.float32))"
        case .voyager:
            "import voyager, numpy as np; i = voyager.Index.load(\(file)); k = list(i.ids); "
                + "np.save('labels.npy', np.array(k)); np.save('vectors.npy', i.get_vectors(k))"
        case .annoy:
            "from annoy import AnnoyIndex; import numpy as np; i = AnnoyIndex(DIMENSIONS, METRIC); i.load(\(file)); "
                + "np.save('vectors.npy', np.array([i.get_item_vector(n) for n in range(i.get_n_items())], 'f4'))"
        case .hnswlib32:
            "import hnswlib, numpy as np; i = hnswlib.Index(METRIC, DIMENSIONS); i.load_index(\(file)); k = i.get_ids_list(); "
                + "np.save('labels.npy', np.array(k)); np.save('vectors.npy', i.get_items(k)) (with a 32-bit Python, which alone "
                + "loads it)"
        case .safetensors:
            "from safetensors.numpy import load_file; import numpy as np; a = load_file(\(file)); print(list(a)); "
                + "np.save('vectors.npy', a[list(a)[0]])"
        case .pickle: saved("pickle", "np.asarray(pickle.load(open(\(file), 'rb')), 'f4')")
        case .json: saved("json", "np.asarray(json.load(open(\(file))), 'f4')")
        case .csv: "import numpy as np; np.save('vectors.npy', np.loadtxt(\(file), 'f4', delimiter=',', ndmin=2))"
        case .text: "import numpy as np; np.save('vectors.npy', np.loadtxt(\(file), 'f4', ndmin=2))"
        case .zip, .gzip, .xz, .bzip2, .zstandard, .faissBinary, .sqlite: nil
        }
    }
}

/// The first bytes of a file.
private struct Head {
    let bytes: [UInt8]
    let fileSize: Int

    init(_ bytes: [UInt8], fileSize: Int) {
        self.bytes = bytes
        self.fileSize = fileSize
    }

    private func begins(_ magic: [UInt8]) -> Bool { bytes.starts(with: magic) }
    private func begins(_ magic: String) -> Bool { bytes.starts(with: magic.utf8) }

    /// A little-endian number; 0 behind the end.
    private func number(at offset: Int, bytes count: Int) -> UInt64 {
        guard offset + count <= bytes.count else { return 0 }
        return bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    var kindByMagic: ForeignFile? {
        if begins([0x89] + Array("HDF\r\n".utf8) + [0x1A, 0x0A]) { return .hdf5 }
        if begins("PAR1") { return .parquet }
        if begins("ARROW1\0\0") { return .arrow }
        if begins("PK\u{3}\u{4}") { return kindOfArchive }
        if begins([0x1F, 0x8B]) { return .gzip }
        if begins([0xFD] + Array("7zXZ\0".utf8)) { return .xz }
        if begins("BZh"), bytes.count > 3, (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(bytes[3]) { return .bzip2 }
        if begins([0x28, 0xB5, 0x2F, 0xFD]) { return .zstandard }
        if begins("SQLite format 3\0") { return .sqlite }
        if begins("VOYA") { return .voyager }
        if begins("usearch") { return .usearch }
        // Two numbers that every index of faiss has behind its kind, dimensions and size.
        if begins("I") && number(at: 16, bytes: 8) == 1 << 20 && number(at: 24, bytes: 8) == 1 << 20 { return .faiss }
        if begins("IB") && number(at: 8, bytes: 4) > 0
            && number(at: 4, bytes: 4) == 8 * number(at: 8, bytes: 4)
        {
            return .faissBinary
        }
        if bytes.count > 2, bytes[0] == 0x80, bytes[1] >= 4, bytes[1] <= 5, bytes[2] == 0x95 { return .pickle }
        if bytes.count > 9, bytes[8] == UInt8(ascii: "{"), bytes[9] == UInt8(ascii: "\""),
            number(at: 0, bytes: 8) < UInt64(fileSize)
        {
            return .safetensors
        }
        return isHnswlib32 ? .hnswlib32 : nil
    }

    /// Told by the name of the first file in it.
    private var kindOfArchive: ForeignFile {
        let name = bytes.dropFirst(30).prefix(Int(number(at: 26, bytes: 2)))
        if name.reversed().starts(with: ".npy".utf8.reversed()) { return .numpyArchive }
        if name.reversed().starts(with: "/data.pkl".utf8.reversed()) { return .torch }
        return .zip
    }

    /// hnswlib's header with sizes of four bytes, whose fields agree with each other.
    private var isHnswlib32: Bool {
        func field(_ place: Int) -> UInt64 { number(at: 4 * place, bytes: 4) }
        let connectivity = field(10)
        return bytes.count >= 56 && field(0) == 0 && connectivity > 1 && field(8) == connectivity
            && field(9) == 2 * connectivity && field(5) == 4 + 8 * connectivity && field(4) > field(5)
            && field(3) == field(4) + 4
    }

    /// Where usearch's own header is: after its vectors, which come first with their number and bytes.
    var usearchEnd: Int? {
        let (length, overflow) = Int(number(at: 0, bytes: 4))
            .multipliedReportingOverflow(by: Int(number(at: 4, bytes: 4)))
        return !overflow && length > 0 && length < fileSize - 15 ? 8 + length : nil
    }

    /// What text it is; nil where it is none.
    var kindOfText: ForeignFile? {
        var line = bytes
        if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        // Letters beyond ASCII may be there, where it is long enough for numbers to have bytes that no text has.
        let highest: UInt8 = line.count < 64 ? 0x7E : 0xFF
        guard line.count > 1,
            line.allSatisfy({ (0x20...highest).contains($0) && $0 != 0x7F || [0x09, 0x0A, 0x0D].contains($0) })
        else { return nil }
        guard let first = line.first(where: { $0 > 0x20 }) else { return nil }
        if first == UInt8(ascii: "[") || first == UInt8(ascii: "{") { return .json }
        return line.contains(UInt8(ascii: ",")) || line.contains(UInt8(ascii: ";")) ? .csv : .text
    }
}
