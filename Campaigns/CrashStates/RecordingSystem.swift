import HNSW
package import MappedStorage
package import SystemPackage
import Threading

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Passes every call on and notes in a trace what it changed below one directory. One change at a time: while a write,
/// a sync or a change of names runs, others wait, so the trace is the order in which things happened. All changes there
/// must be made through its calls; what came into being otherwise is a failed precondition. Writes through a shared
/// mapping are found by comparing the file with the trace at its next sync.
package final class RecordingSystem: Sendable {
    package let root: FilePath
    package let trace: Trace
    private let next: SystemCalls
    private let recorder: Guarded<Recorder>

    /// `root`: an absolute path without symbolic links, of a directory that holds exactly the trace's base. `next`:
    /// where the calls go. A fault belongs there, below the recorder, so that the trace knows of a sync that failed.
    package init(root: FilePath, trace: Trace = Trace(), over next: SystemCalls = .system) {
        precondition(root.isAbsolute, "the recorded directory needs an absolute path")
        precondition(trace.count == 0, "a trace is recorded once")
        self.root = root.lexicallyNormalized()
        self.trace = trace
        self.next = next
        recorder = Guarded(Recorder(tree: NameTree(trace.base), root: root.lexicallyNormalized(), trace: trace))
    }

    /// The calls to give to the workload.
    package var calls: SystemCalls {
        let next = next, recorder = recorder
        // Reads, sizes and locks stay as they are: they change nothing, and a lock may wait for another thread.
        var calls = next
        calls.open = { (directory, path, flags, mode) throws(Errno) in
            try recorder.attempt { (recorder) throws(Errno) in
                try recorder.open(directory, path, flags) { () throws(Errno) in
                    try next.open(directory, path, flags, mode)
                }
            }
        }
        calls.close = { (descriptor) throws(Errno) in
            try recorder.attempt { (recorder) throws(Errno) in
                recorder.close(descriptor)
                try next.close(descriptor)
            }
        }
        unsafe calls.pwrite = { (descriptor, buffer, offset) throws(Errno) in
            try recorder.attempt { (recorder) throws(Errno) in
                let count = try unsafe next.pwrite(descriptor, buffer, offset)
                unsafe recorder.write(descriptor, UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset)
                return count
            }
        }
        calls.allocate = { (descriptor, offset, end) throws(Errno) in
            try recorder.attempt { (recorder) throws(Errno) in
                try next.allocate(descriptor, offset, end)
                recorder.allocate(descriptor, to: end)
            }
        }
        calls.synchronize = { (descriptor) throws(Errno) in
            try recorder.attempt { (recorder) throws(Errno) in
                try recorder.synchronize(descriptor) { () throws(Errno) in try next.synchronize(descriptor) }
            }
        }
        calls.rename = { (directory, from, to) throws(Errno) in
            try recorder.attempt { (recorder) throws(Errno) in
                try next.rename(directory, from, to)
                recorder.rename(directory, from, to)
            }
        }
        calls.unlink = { (directory, path) throws(Errno) in
            try recorder.attempt { (recorder) throws(Errno) in
                try next.unlink(directory, path)
                recorder.remove(directory, path)
            }
        }
        calls.makeDirectory = { (directory, path, mode) throws(Errno) in
            try recorder.attempt { (recorder) throws(Errno) in
                try next.makeDirectory(directory, path, mode)
                recorder.makeDirectory(directory, path)
            }
        }
        calls.removeDirectory = { (directory, path) throws(Errno) in
            try recorder.attempt { (recorder) throws(Errno) in
                try next.removeDirectory(directory, path)
                recorder.remove(directory, path)
            }
        }
        unsafe calls.map = { (address, length, protection, flags, descriptor, offset) throws(Errno) in
            if protection & PROT_WRITE != 0, flags & MAP_SHARED != 0, descriptor >= 0 {
                recorder.withLock { $0.watchMemory(descriptor) }
            }
            return try unsafe next.map(address, length, protection, flags, descriptor, offset)
        }
        return calls
    }

    /// Records what has been written through memory so far. A sync does so too, for its file; this is for the end.
    package func recordMappedWrites() { recorder.withLock { $0.recordMappedWrites() } }
}

extension Guarded where Value == Recorder {
    fileprivate func attempt<Result>(
        _ body: (inout Recorder) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        let result = withLock { recorder in
            Swift.Result { () throws(Errno) in try body(&recorder) }
        }
        return try result.get()
    }
}
