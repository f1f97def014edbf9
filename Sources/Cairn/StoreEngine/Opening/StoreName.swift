import SystemPackage

/// The names in a store's directory.
enum StoreName {
    static let levelZero: FilePath.Component = "level0", upper: FilePath.Component = "upper"
    static let labels: FilePath.Component = "labels", codes: FilePath.Component = "codes"
    static let log: FilePath.Component = "log", journal: FilePath.Component = "journal"
    static let lock: FilePath.Component = "lock"

    // Files that are written next to those that they are to replace.
    /// A `level0` of a store that is built in a directory that was there already, until all of it is on the disk.
    static let newLevelZero: FilePath.Component = "level0.new"
    /// Until a header knows of it.
    static let newUpper: FilePath.Component = "upper.new"
    static let newLabels: FilePath.Component = "labels.new"
    static let newJournal: FilePath.Component = "journal.new"
    /// Until they are whole.
    static let newCodes: FilePath.Component = "codes.new"

    /// Only in the directory of a build, until that is a store.
    static let unfinished: FilePath.Component = "unfinished"
    /// What a build makes. The lock goes last: as long as it is there, nobody else takes the directory.
    static let built = [levelZero, newLevelZero, upper, labels, codes, newCodes, unfinished, lock]
    /// What a file system has in its first directory.
    static let lostAndFound: FilePath.Component = "lost+found"
}
