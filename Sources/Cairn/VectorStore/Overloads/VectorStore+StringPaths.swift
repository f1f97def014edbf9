import SystemPackage

/// The methods that take a `FilePath`, with a `String` instead: a literal is both, a variable is not. They are hidden
/// in the documentation, which would have every page twice.
@_documentation(visibility: internal)
extension VectorStore {
    /// Opens a store for reading.
    ///
    /// Any number of handles may read a store at a time, as long as none has it open for writing. Opening reads headers
    /// and the upper layers. Vectors and links are mapped, and are read when a search needs them.
    ///
    /// If the derived file `upper` is missing or damaged, it is made again when the store is opened. If `labels` is, it
    /// is made again in memory when a label is first looked up. Opening for writing also writes `upper` to its file.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - options: The memory and threads to use, and what to do about a damaged log.
    /// - Returns: The store, open for reading.
    /// - Throws: ``StoreError``: `notFound`, `notAStore`, `corrupt` or `incompatible` if there is no sound store of a
    ///   known version; `locked` if another handle has it open for writing; `missingDistance` if its metric is a custom
    ///   one that is not registered; `full` or `io` if the system or the disk fails.
    /// - Complexity: O(upper layers), about 5 bytes for each vector, and the changes that a crash left in the log: at
    ///   most about a second for each 64 MiB.
    public static func open(at path: String, options: OpenOptions = .init()) throws(StoreError) -> VectorStore {
        try open(at: FilePath(path), options: options)
    }

    /// Opens a store for searches and changes.
    ///
    /// No other handle may have the store open until this one is closed, not even for reading.
    ///
    /// If the derived file `upper` is missing or damaged, it is made again when the store is opened, and written to its
    /// file. If `labels` is, it is made again in memory when a label is first looked up, and the next checkpoint writes
    /// it.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - options: The durability of changes, the limits of log and memory, the threads to use, and what to do about a
    ///     damaged log.
    /// - Returns: The store, open for writing.
    /// - Throws: ``StoreError``: `locked` if another handle has it open for reading or writing; `notFound`,
    ///   `notAStore`, `corrupt` or `incompatible` if there is no sound store of a known version; `missingDistance` if
    ///   its metric is a custom one that is not registered; `full` or `io` if the system or the disk fails.
    /// - Complexity: O(upper layers), about 5 bytes for each vector, and the changes that a crash left in the log: at
    ///   most about a second for each 64 MiB.
    public static func openForWriting(
        at path: String, options: OpenOptions = .init()
    ) throws(StoreError) -> VectorStore {
        try openForWriting(at: FilePath(path), options: options)
    }

    /// Returns whether a new store can be made at a path: nothing is there, or an empty directory.
    ///
    /// Use it before long work whose results go to a new store. What is at the path may change by the time a store is
    /// made there. Whether you may write there, whether there is room on the disk and whether another build is running
    /// is not looked at. A directory with nothing but the files of a build counts as empty, because the next build
    /// removes them if that one has ended. A directory that you may not read does not count as empty.
    ///
    /// - Parameter path: The directory of the store to be made.
    /// - Returns: True if ``create(at:configuration:options:)``, a build, a copy or an import would find room for its
    ///   name. False also if the parent directory is missing.
    public static func canCreate(at path: String) -> Bool { canCreate(at: FilePath(path)) }

    /// Opens a store for writing, or creates an empty one if there is none.
    ///
    /// A store that exists must have the dimensions, the metric and the scalar of `configuration`. Its other settings
    /// stay as they are. If two processes create the store at once, one of them creates it. The other one opens that
    /// store, or gets `locked`.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - configuration: The settings of the store if it is created.
    ///   - options: The durability of changes, the limits of log and memory, the threads to use, and what to do about a
    ///     damaged log.
    /// - Returns: The store, open for writing.
    /// - Throws: ``StoreError``: `dimensionMismatch` if the store has other dimensions; `invalidArgument` if it has
    ///   another metric or scalar, or a setting is out of range; and the errors of ``openForWriting(at:options:)`` and
    ///   ``create(at:configuration:options:)``.
    public static func openOrCreate(
        at path: String, configuration: Configuration, options: OpenOptions = .init()
    ) throws(StoreError) -> VectorStore {
        try openOrCreate(at: FilePath(path), configuration: configuration, options: options)
    }

    /// Creates an empty store and opens it for writing.
    ///
    /// The empty store is durable when this returns. If creating succeeds and opening throws, the empty store exists.
    ///
    /// - Parameters:
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - configuration: The settings of the store.
    ///   - options: The durability of changes, the limits of log and memory, and the threads to use.
    /// - Returns: The store, open for writing.
    /// - Throws: ``StoreError``: `alreadyExists` if there is something at `path`; `notFound` if the parent directory is
    ///   missing; `invalidArgument` if a setting is out of range; `locked` if another process makes this store; `full`
    ///   or `io` if the system or the disk fails; and the errors of ``openForWriting(at:options:)``.
    public static func create(
        at path: String, configuration: Configuration, options: OpenOptions = .init()
    ) throws(StoreError) -> VectorStore {
        try create(at: FilePath(path), configuration: configuration, options: options)
    }

    /// Builds a new store from vectors in an array.
    ///
    /// The store appears at once and as a whole. It is made in a directory next to it, `path` + ".building", and
    /// renamed when it is complete. If the build throws, or the process dies, there is nothing at `path`. The next
    /// build removes what a dead process left in the directory.
    ///
    /// If `path` is an empty directory, such as a mounted volume, the store is made in it. The file `level0` gets its
    /// name last; until then the directory is not a store.
    ///
    /// A build writes no log. It takes about as much memory as the store is large. Most of that memory is pages of the
    /// file, which the kernel can write out.
    ///
    /// The store is durable when this returns. You may call this from any thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - configuration: The settings of the store.
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors, each once; nil for 0, 1, 2, …
    ///   - options: The threads and memory to use, and functions to call.
    /// - Throws: ``StoreError``: `alreadyExists` if there is something at `path`, before anything is done; `notFound`
    ///   if the parent directory is missing; `locked` if another process builds this store; `dimensionMismatch`,
    ///   `invalidVector` or `duplicateLabel` if the input cannot be stored; `invalidArgument` if a setting or the
    ///   number of labels is wrong, or the memory budget is too small; `missingDistance` if the metric is a custom one
    ///   that is not registered; `full` or `io` if the system or the disk fails.
    /// - Complexity: O(n log n) for n vectors: for each, about one search with efConstruction as its ef.
    public static func build(
        at path: String, configuration: Configuration, vectors: [Float], labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) throws(StoreError) {
        try build(at: FilePath(path), configuration: configuration, vectors: vectors, labels: labels, options: options)
    }

    /// Builds a new store from the vectors in a file (.npy, .fvecs, .bvecs, .fbin, .u8bin or .i8bin).
    ///
    /// The file is read as a stream. Double precision is rounded to single precision. A pipe is first read to its end
    /// into a temporary file, in `$TMPDIR` or /tmp.
    ///
    /// The store is made as by ``build(at:configuration:vectors:labels:options:)``: it appears at once and as a whole,
    /// and is durable when this returns. You may call this from any thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - configuration: The settings of the store. Its dimensions must be those of the file, or 0 to take those of
    ///     the file.
    ///   - file: The file of vectors.
    ///   - labels: The labels of the vectors, each once; nil for 0, 1, 2, …
    ///   - options: The threads and memory to use, and functions to call.
    /// - Throws: ``StoreError``: `dimensionMismatch` if the file's vectors have other dimensions; `invalidArgument` if
    ///   the file is not one of vectors or cannot be read; and the errors of
    ///   ``build(at:configuration:vectors:labels:options:)``.
    /// - Complexity: O(n log n) for n vectors: for each, about one search with efConstruction as its ef.
    public static func build(
        at path: String, configuration: Configuration, from file: String, labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) throws(StoreError) {
        try build(
            at: FilePath(path), configuration: configuration, from: FilePath(file), labels: labels, options: options)
    }

    /// Checks a store, which is opened for reading, and returns its problems.
    ///
    /// Damage is reported, not thrown. A store that cannot be opened at all throws.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - depth: The depth of the check.
    ///   - options: The memory and threads to use, and what to do about a damaged log.
    ///   - progress: A function that is called from time to time with the number of steps done and the total.
    /// - Returns: The problems and warnings.
    /// - Throws: ``StoreError``: the errors of ``open(at:options:)``; `full` or `io` if the system fails.
    /// - Complexity: As ``VerifyReport/Depth`` says.
    public static func verify(
        at path: String, depth: VerifyReport.Depth = .graph, options: OpenOptions = .init(),
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) -> VerifyReport {
        try verify(at: FilePath(path), depth: depth, options: options, progress: progress)
    }

    /// Repairs a store: links vectors that searches miss, and makes missing or damaged derived files again.
    ///
    /// An index of hnswlib may have vectors that cannot be reached, and an import keeps its graph. Each such vector
    /// gets a new slot with new links, as by an update with the same vector. Its bytes, its label and its deletion mark
    /// stay.
    ///
    /// Then a search looks for each vector, with the store's own ef. Vectors that it misses are linked again, too.
    ///
    /// The changes are batches in the log. After a crash the store is sound, and another repair goes on. If the store
    /// has damage that a repair does not mend, nothing is changed.
    ///
    /// - Parameters:
    ///   - path: The directory of the store. No other handle may have it open.
    ///   - options: The durability of changes, and the limits of log and memory.
    ///   - threads: The number of threads that search and link; nil for one for each processor that the process may
    ///     use.
    ///   - progress: A function that is called on the calling thread with the number of vectors searched for so far and
    ///     the total. The count may begin again.
    /// - Returns: The numbers and labels of the vectors that were linked, and the files that were made.
    /// - Throws: ``StoreError``: `corrupt` if the store has other damage; and the errors of
    ///   ``openForWriting(at:options:)`` and ``write(_:threads:)``.
    /// - Complexity: A search for each vector, and an insertion for each vector that was missed.
    public static func repair(
        at path: String, options: OpenOptions = .init(), threads: Int? = nil,
        progress: ((_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) -> RepairReport {
        try repair(at: FilePath(path), options: options, threads: threads, progress: progress)
    }

    /// Copies a store to a new one, without the slots of erased and replaced vectors.
    ///
    /// The copy has the same vectors, labels, deletion marks and graph. An import that was not changed keeps the slots
    /// of repeated labels. If the store has quantization, the copy makes its own.
    ///
    /// With a `metric`, the copy has another distance. Its vectors are as they were given. The graph stays as it is,
    /// although it was made for the other metric. Measure with `cairn recall` how well it serves.
    ///
    /// The copy appears at once and as a whole, as with ``build(at:configuration:vectors:labels:options:)``. It is
    /// durable when this returns. The store is open for reading meanwhile.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - copy: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - metric: The distance of the new store; nil to keep that of the store.
    ///   - progress: A function that is called from time to time with the number of vectors written so far and the
    ///     total.
    /// - Throws: ``StoreError``: `alreadyExists` if there is something at `copy`; `invalidVector` if the metric cannot
    ///   place a vector; `full` or `io` if the system or the disk fails; and the errors of ``open(at:options:)``.
    /// - Complexity: O(store). It takes about 25 bytes of memory for each vector, in addition to the upper layers.
    public static func copy(
        from path: String, to copy: String, metric: Metric? = nil,
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) {
        try self.copy(from: FilePath(path), to: FilePath(copy), metric: metric, progress: progress)
    }

    /// Imports an index of hnswlib or Chroma as a new store, and keeps its graph.
    ///
    /// The index is a file that hnswlib saved, a file of Chroma's variant of hnswlib, or the folder of one of Chroma's
    /// indexes. The folder has the state of Chroma's last sync. Later changes are only in `chroma.sqlite3`, which
    /// `cairn convert` reads too. A folder without vectors is an error.
    ///
    /// The order, link lists, levels and deletion marks stay as they are. No vector is inserted again. As long as the
    /// store is not changed, ``exportHnswlib(to:options:)`` gives back the same bytes. If several vectors have one
    /// label, searches find the last one that is not deleted. Vectors of Chroma's cosine indexes get their lengths
    /// back. In cosine indexes of hnswlib the lengths are lost.
    ///
    /// The whole file is checked before anything is written. The error says what is wrong with it, and at which byte.
    /// The store then appears at once and as a whole, as with ``build(at:configuration:vectors:labels:options:)``. It
    /// is durable when this returns.
    ///
    /// - Parameters:
    ///   - file: The index: a file, or a folder of Chroma's.
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - options: The settings that the file does not contain, and a function for progress.
    /// - Returns: Counts of the vectors, and warnings.
    /// - Throws: ``StoreError``: `alreadyExists` if there is something at `path`; `notFound` if there is no such file;
    ///   `corrupt` if the file is damaged or not an hnswlib index; `dimensionMismatch` if its vectors do not have the
    ///   given dimensions and scalar; `invalidArgument` if an option is out of range or the folder has no vectors;
    ///   `full` or `io` if the system or the disk fails.
    /// - Complexity: O(file). It takes about 20 bytes of memory for each vector, in addition to the upper layers.
    @discardableResult
    public static func importHnswlib(
        from file: String, to path: String, options: ImportOptions
    ) throws(StoreError) -> ImportReport {
        try importHnswlib(from: FilePath(file), to: FilePath(path), options: options)
    }

    /// Exports the store with its graph as an index file that hnswlib loads.
    ///
    /// Vectors that are marked deleted are exported and stay deleted. Slots of erased and replaced vectors are left
    /// out, as well as the links to them.
    ///
    /// If the store was imported and not changed since, the file is the original, byte for byte. It differs if the
    /// options ask for something else, or if the upper layers had to be made again. For an imported index of Chroma, it
    /// is hnswlib's form of that index.
    ///
    /// A file that exists is replaced once the new one is complete on the disk. Searches go on meanwhile. Changes wait.
    ///
    /// - Parameters:
    ///   - file: The index file to write.
    ///   - options: The type of components, the room for vectors, and a function for progress.
    /// - Returns: The number of vectors and bytes, and whether the file is the imported one.
    /// - Throws: ``StoreError``: `invalidArgument` if the store cannot be exported with these options; `full` or `io`
    ///   if the system or the disk fails; `corrupt` if the store is damaged; `closed` after ``close()``; `forked` in a
    ///   child of the process that opened the store for writing.
    /// - Complexity: O(store). It takes 4 bytes of memory for each vector.
    @discardableResult
    public func exportHnswlib(
        to file: String, options: ExportOptions = .init()
    ) throws(StoreError) -> ExportReport {
        try exportHnswlib(to: FilePath(file), options: options)
    }
}
