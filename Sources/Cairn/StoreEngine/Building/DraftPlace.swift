import FileFormat
import MappedStorage
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Where a new store can be made, and how a build gets that for itself.
struct DraftPlace {
    private let path: FilePath
    private let calls: SystemCalls

    init(_ path: FilePath, _ calls: SystemCalls) {
        self.path = path
        self.calls = calls
    }

    /// A directory that a build has for itself.
    struct Taken {
        let directory: Directory
        /// Its own name; nil for one that stays.
        let entry: Directory.Entry?
        let lock: StoreLock?

        /// Has it removed when the program is interrupted.
        func watch() { UnfinishedFiles.insert(directory, at: entry, names: StoreName.built) }

        /// Removes what an earlier build left.
        func removeFiles() {
            for name in StoreName.built where name != StoreName.lock && name != StoreName.unfinished {
                try? directory[name].unlink()
            }
        }

        /// Removes all traces. The lock file goes last: as long as it is there, nobody else takes the directory.
        func remove() {
            for name in StoreName.built { try? directory[name].unlink() }
            try? entry?.removeDirectory()
        }
    }

    // MARK: In an empty directory

    /// Whether `directory` holds nothing, or what a build in it left that died.
    static func isVacant(_ directory: Directory) throws(StorageError) -> Bool {
        var names = try Set(directory.names()).subtracting([StoreName.lostAndFound])
        // A build that died at once leaves it, empty.
        if try directory[StoreName.lock].status()?.size == 0 { names.remove(StoreName.lock) }
        guard names.contains(StoreName.unfinished) else { return names.isEmpty }
        return names.isSubset(of: StoreName.built) && !names.contains(StoreName.levelZero)
    }

    /// Takes the directory at `path`, which stays where it is.
    func takeInPlace() throws(StoreError) -> Taken {
        do throws(StorageError) {
            let directory = try Directory(path, like: StoreName.levelZero, calls: calls)
            try checkTrusted(directory)
            let entry = directory[StoreName.lock], isNew = try entry.status() == nil
            guard try Self.isVacant(directory) else { throw StorageError(path, "", .directoryNotEmpty) }
            do throws(StorageError) {
                let lock = try StoreLock(entry, .exclusive)
                // Somebody may have been faster.
                guard try Self.isVacant(directory) else { throw StorageError(path, "", .directoryNotEmpty) }
                return Taken(directory: directory, entry: nil, lock: lock)
            } catch {
                if isNew && error.errno != .wouldBlock && error.errno != .directoryNotEmpty { try? entry.unlink() }
                throw error
            }
        } catch {
            switch error.errno {
            case .wouldBlock: throw isBeingBuilt(path)
            case .directoryNotEmpty: throw Self.isTaken(path)
            default: throw StoreError(error)
            }
        }
    }

    /// What a build throws where something has the store's name already.
    static func isTaken(_ path: FilePath) -> StoreError {
        StoreError(
            .alreadyExists, "something is here already",
            remedy: "remove it or choose another name", path: path)
    }

    /// Throws for a directory that a stranger may have put here to get the store: in one where everybody may make
    /// names, like /tmp.
    private func checkTrusted(_ directory: Directory) throws(StorageError) {
        let owner = directory.status.attributes.owner
        guard owner != geteuid() else { return }
        let parent: FileAttributes
        do throws(Errno) {
            parent = try calls.status(directory.descriptor, "..").attributes
        } catch {
            throw StorageError(path, "look at the directory that this is in", error)
        }
        let isEverybodys = parent.mode & 0o1000 != 0 && parent.mode & 0o022 != 0
        guard !isEverybodys || owner == parent.owner else {
            throw StorageError(
                path, "make a store in another user's directory here; choose another name", .notPermitted)
        }
    }

    // MARK: Next to it

    /// Makes the directory `path` + ".building", or takes that of a dead process of this user.
    func takeBeside() throws(StoreError) -> Taken {
        guard let name = path.lastComponent, name.kind == .regular,
            let draft = path.appending(suffix: ".building").lastComponent
        else {
            throw StoreError(
                .invalidArgument, "this is no name for a store",
                remedy: "give it one", path: path)
        }
        let parent: Directory
        do throws(StorageError) {
            parent = try Directory(path.parent, calls: calls)
        } catch {
            guard error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory else { throw StoreError(error) }
            throw StoreError(.notFound, "the directory to make the store in does not exist", path: path.parent)
        }
        do throws(StorageError) {
            // Each further attempt means that another builder has just left.
            for _ in 0..<100 {
                if let taken = try take(parent[draft]) { return taken }
            }
        } catch {
            switch error.errno {
            case .wouldBlock: break
            case .fileExists:
                throw StoreError(
                    .alreadyExists,
                    "building \(path) needs this name, and what is here is not an unfinished build of yours",
                    remedy: "move it away",
                    path: parent[draft].path)
            default: throw StoreError(error)
            }
        }
        throw isBeingBuilt(parent[draft].path)
    }

    private func isBeingBuilt(_ path: FilePath) -> StoreError {
        StoreError(.locked, "another process is building this store", path: path)
    }

    /// Makes or takes the directory at `entry`; nil if it vanished meanwhile. Throws `fileExists` for what no build of
    /// this user left.
    private func take(_ entry: Directory.Entry) throws(StorageError) -> Taken? {
        let foreign = StorageError(entry.path, "", .fileExists)
        let isNew: Bool
        let directory: Directory
        do throws(StorageError) {
            (directory, isNew) = (try entry.makeDirectory(), true)
        } catch {
            guard error.errno == .fileExists else { throw error }
            do throws(StorageError) {
                (directory, isNew) = (try Directory(entry), false)
            } catch {
                switch error.errno {
                case .noSuchFileOrDirectory: return nil
                case .notDirectory, .tooManySymbolicLinkLevels, .permissionDenied: throw foreign
                default: throw error
                }
            }
            guard try isOurs(directory) else { throw foreign }
        }
        do throws(StorageError) {
            let lock = try StoreLock(directory[StoreName.lock], .exclusive)
            guard try entry.leads(to: directory.descriptor) else { return nil }
            if !isNew, try isFinished(directory) { throw foreign }
            return Taken(directory: directory, entry: entry, lock: lock)
        } catch {
            if error.errno == .noSuchFileOrDirectory { return nil }
            if isNew && error.errno != .wouldBlock {
                Taken(directory: directory, entry: entry, lock: nil).remove()
            }
            throw error
        }
    }

    /// Whether this user made the directory, and it holds a build's files and no others.
    private func isOurs(_ directory: Directory) throws(StorageError) -> Bool {
        do throws(StorageError) {
            guard directory.status.attributes.owner == geteuid() else { return false }
            return try directory.names().allSatisfy(StoreName.built.contains)
        } catch {
            // It has just vanished.
            if error.errno == .noSuchFileOrDirectory { return true }
            throw error
        }
    }

    /// Whether the directory is a store, and not what a dead build left.
    private func isFinished(_ directory: Directory) throws(StorageError) -> Bool {
        guard try directory[StoreName.unfinished].status() == nil else { return false }
        do throws(StoreFileError) {
            _ = try LevelZeroFile.open(directory[StoreName.levelZero], writable: false)
            return true
        } catch {
            if case .storage(let error) = error, error.isShortage { throw error }
            return false
        }
    }
}
